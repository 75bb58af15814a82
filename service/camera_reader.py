"""A camera as the vision worker sees it: its newest frames, its state, its process kept running."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, replace

import msgspec

from service.camera_process import CameraPlan, ReadingOrders
from service.frame_ring import FrameRing, Head
from service.kept_process import KeptProcess
from vision.backoff import Backoff
from vision.frame import Picture
from vision.source import Counts, SourceStatus, State

HUNG_AFTER_S = 30.0


class CameraReader:
    """Owns one camera's process and its ring; call `poll` often."""

    def __init__(self, plan: CameraPlan) -> None:
        self.plan = plan
        self._ring = FrameRing(plan.max_bytes)
        orders = msgspec.json.encode(ReadingOrders(plan, self._ring.fd))
        self._process = KeptProcess(
            "service.camera_process", orders, Backoff(random.Random()), (self._ring.fd,)
        )
        self._taken = -1
        self._earlier = SourceStatus()  # what the processes before this one counted
        self._status = SourceStatus()
        self._dropped = 0  # frames overtaken before the worker took them

    @property
    def camera(self) -> str:
        """Its name."""
        return self.plan.camera

    @property
    def pid(self) -> int | None:
        """The reading process's id."""
        return self._process.pid

    def poll(self) -> None:
        """Keep the process running, and end one that hangs."""
        if self._process.poll():
            self._earlier = replace(self.status)
            self._earlier.counts.dropped -= self._dropped
            self._status = SourceStatus()
            self._ring.forget()
            self._taken = -1
        self._status = self._ring.status() or self._status
        silent_s = (time.time_ns() - self._status.last_received_ns) / 1e9
        if (
            self._status.state == "up"
            and self._status.last_received_ns
            and min(silent_s, self._process.running_s) > HUNG_AFTER_S + self.plan.stalled_after_s
        ):
            self._process.kill()

    @property
    def status(self) -> SourceStatus:
        """What the source says of itself, with the counts of the processes before it."""
        now, before = asdict(self._status.counts), asdict(self._earlier.counts)
        counts = Counts(**{name: now[name] + before[name] for name in now})
        counts.dropped += self._dropped
        return replace(self._status, counts=counts)

    def health(self, now_ns: int) -> tuple[State, str]:
        """The camera's state and why."""
        if self._process.pid is None:
            return "down", f"its reading process {self._process.ending}"
        return self._status.health(now_ns, self.plan.stalled_after_s)

    def heads(self) -> list[Head]:
        """Frames that have not been taken, oldest first."""
        return [head for head in self._ring.heads() if head.number > self._taken]

    def take(self, head: Head) -> Picture | None:
        """A frame's picture; those before it are gone."""
        if head.number > self._taken + 1 and self._taken >= 0:
            self._dropped += head.number - self._taken - 1
        self._taken = head.number
        return self._ring.take(head)

    def pass_by(self) -> None:
        """Leave out all frames so far, uncounted: nobody wants them."""
        self._taken = max([self._taken, *(head.number for head in self._ring.heads())])

    def newest(self) -> Head | None:
        """The newest frame, taken or not."""
        heads = self._ring.heads()
        return heads[-1] if heads else None

    def look(self, head: Head) -> Picture | None:
        """A frame's picture, without taking it."""
        return self._ring.take(head)

    def leave(self) -> None:
        """Tell the process to end, without waiting for it."""
        self._process.leave()

    def close(self) -> None:
        """End the process."""
        self._process.stop()
        self._ring.close()
