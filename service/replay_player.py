"""Plays a recording to a live page: play, pause, any speed, any moment.

One thread plays: it feeds a pipeline with the entries whose time has come, and the page's state
with what the pipeline says, as a running store does. Another goes through the whole recording
once, keeps the state of both every few seconds, and lists what happened when; from the kept
states any moment is reached by feeding a few seconds of messages.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from service.live import LiveState
from service.replay_index import Index
from service.replay_reel import Reel
from service.replay_showing import Showing

PERIOD_S = 0.03
BATCH_S = 0.1
MOMENT_NS = 100_000_000
FAR_NS = 5_000_000_000  # a kept state so far ahead is nearer than feeding up to it

By = Literal["event", "error", "moment"]


@dataclass(slots=True)
class _Clock:
    """Where a playing recording is: `at_ns` at the monotonic time `since_s`."""

    at_ns: int
    since_s: float


class Player:
    """Steers what the page shows; a context manager that runs its two threads.

    `live` is the state that the page is given; its revision grows through jumps too. Methods may
    be called from any thread, and return when the page's state is that of the moment asked for.
    """

    def __init__(
        self, reel: Reel, *, speed: float | None = 1.0, at_s: float = 0.0, playing: bool = True
    ) -> None:
        self.reel = reel
        self.live = LiveState(reel.store)
        self._entries = list(reel.entries)
        self.index = Index(reel, self._entries)
        self._speed = speed
        self._lock = threading.Lock()
        self._revision = self._marks_revision = 1
        self._end_ns = self._entries[-1].received_ns
        self._times = [entry.received_ns for entry in self._entries]
        self._leaving = threading.Event()
        self._threads = [
            threading.Thread(target=self._play, name="player", daemon=True),
            threading.Thread(target=self._go_through, name="index", daemon=True),
        ]
        self._error: BaseException | None = None
        self._showing = Showing(reel, self._entries, self.live)
        self._clock = _Clock(reel.start_ns, time.monotonic())
        self._playing = False
        self._go(reel.start_ns + round(at_s * 1e9))
        self._playing = playing

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.set()
        for thread in self._threads:
            thread.join(10.0)

    @property
    def error(self) -> BaseException | None:
        """Why it cannot go on, if so."""
        return self._error

    @property
    def at_ns(self) -> int:
        """The moment that is shown, in the recording's own time."""
        return self._clock.at_ns

    @property
    def start_s(self) -> float:
        """The recording's own time at its beginning, seconds."""
        return self.reel.start_ns / 1e9

    @property
    def duration_s(self) -> float:
        """From the first message to the last."""
        return self.reel.seconds(self._end_ns)

    @property
    def revision(self) -> int:
        """A number that grows with every change of `changes`."""
        return self._revision

    def changes(self, since: int) -> dict[str, Any]:
        """Where it is, and what is in it where that changed after revision `since`.

        Takes no lock, so that a page is not kept waiting by a jump.
        """
        state: dict[str, Any] = {
            "revision": self._revision,
            "position_s": self._seconds(self._clock.at_ns),
            "duration_s": self._seconds(self._end_ns),
            "playing": self._playing,
            "speed": self._speed,
        }
        if self._marks_revision <= since:
            return state
        return state | {
            "name": self.reel.name.rsplit("/", 1)[-1],
            "changed": list(self.reel.changes),
            "truth": self.reel.truth is not None,
            "whole": self.index.whole,
            "marks": [
                {"at_s": self._seconds(m.at_ns), "kind": m.kind, "text": m.text}
                for m in self.index.marks
            ],
        }

    def play(self) -> None:
        """Go on from here, at the end from the beginning."""
        with self._lock:
            if self._clock.at_ns >= self._end_ns:
                self._go(self.reel.start_ns)
            self._clock.since_s = time.monotonic()
            self._playing = True
            self._revision += 1

    def pause(self) -> None:
        """Stay where it is."""
        with self._lock:
            self._playing = False
            self._revision += 1

    def set_speed(self, speed: float | None) -> None:
        """How many seconds of the recording pass in one; None for as fast as it goes."""
        with self._lock:
            self._clock.since_s = time.monotonic()
            self._speed = speed
            self._revision += 1

    def seek(self, at_s: float) -> None:
        """Show another moment, and go on from there if it plays."""
        with self._lock:
            self._go(self.reel.start_ns + round(at_s * 1e9))

    def step(self, by: By, back: bool = False) -> None:
        """Pause at the next or the last moment at which something happened, or 0.1 s away.

        After the last error comes the first; otherwise, where there is none, the moment stays.
        """
        with self._lock:
            self._playing = False
            target_ns = self._neighbour(by, back)
            self._go(self._clock.at_ns if target_ns is None else target_ns)

    def _neighbour(self, by: By, back: bool) -> int | None:
        now_ns = self._clock.at_ns
        if by == "moment":
            return now_ns - MOMENT_NS if back else now_ns + MOMENT_NS
        moments = sorted({m.at_ns for m in self.index.marks if by == "event" or m.kind == "error"})
        at = bisect_left(moments, now_ns) - 1 if back else bisect_right(moments, now_ns)
        if by == "error" and moments:
            at %= len(moments)
        return moments[at] if 0 <= at < len(moments) else None

    def _seconds(self, at_ns: int) -> float:
        """Seconds in whole milliseconds, never before the moment itself."""
        return math.ceil((at_ns - self.reel.start_ns) / 1e6) / 1e3

    def _go(self, at_ns: int) -> None:
        """Show a moment; backwards, or far ahead, from a kept state."""
        at_ns = min(max(at_ns, self.reel.start_ns), self._end_ns)
        kept = self.index.before(at_ns)
        far = kept is not None and kept.at_ns > self._clock.at_ns + FAR_NS
        count = bisect_right(self._times, at_ns)
        if far or at_ns < self._clock.at_ns:
            self._showing = Showing.restored(self.reel, self._entries, kept)
            self._showing.forward(count)
            self._showing.move_to(self.live)
        self._showing.forward(count)
        self._clock = _Clock(at_ns, time.monotonic())
        self._revision += 1

    def _play(self) -> None:
        try:
            while not self._leaving.wait(PERIOD_S):
                with self._lock:
                    if self._playing:
                        self._advance()
        except BaseException as error:
            self._error = error

    def _advance(self) -> None:
        """Feed what is due; where it is not fast enough, time waits for it."""
        now_s = time.monotonic()
        clock = self._clock
        due_ns = self._end_ns
        if self._speed is not None:
            due_ns = min(due_ns, clock.at_ns + round((now_s - clock.since_s) * self._speed * 1e9))
        done = self._showing.forward(bisect_right(self._times, due_ns), now_s + BATCH_S)
        reached_ns = due_ns if done else self._times[self._showing.taken - 1]
        self._clock = _Clock(max(reached_ns, clock.at_ns), now_s)
        if self._clock.at_ns >= self._end_ns:
            self._playing = False
        self._revision += 1

    def _go_through(self) -> None:
        try:
            self.index.make(self._leaving, self._fresh_marks)
        except BaseException as error:
            self._error = error

    def _fresh_marks(self) -> None:
        with self._lock:
            self._revision += 1
            self._marks_revision = self._revision
