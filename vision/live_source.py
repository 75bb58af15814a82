"""A `FrameSource` on any stream: connects, connects again with ever longer waits, dates every
picture, thins, fits and counts, and hands on the newest; nothing ever queues up here.

A stream that is read faster than it is decoded would lag; so a picture that is too old when it
could be looked at is counted as late and left out, and only keyframes are decoded until the
stream is caught up.
"""

from __future__ import annotations

import random
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from vision.backoff import Backoff
from vision.frame import Picture
from vision.freeze import FROZEN_AFTER_S, FreezeWatch
from vision.source import Frame, SourceStatus, StreamFacts
from vision.stream import Shot, Stream, StreamError
from vision.wall_clock import StreamClock

LATE_AFTER_S = 1.0
SAME_SHAPE = 0.01  # how far the sides' ratio may be off, and the picture still be scaled
_SETTLED = 0.25  # of the lateness: what counts as caught up
_RATE_MEMORY = 0.9
_OWN_CLOCK_AHEAD_NS, _OWN_CLOCK_BEHIND_NS = 200_000_000, 10_000_000_000


@dataclass(frozen=True, slots=True)
class SourceRules:
    """What is wanted of a camera.

    `size_px` is the size that it is calibrated for (None: any); `fps` the most pictures a second
    that are wanted (None: all). `delay_s` is what the camera needs from exposure to network.
    `own_clock`: the camera's time of day (RTCP) is trusted instead of the arrival. `loop` begins a
    recording again at its end; `start_ns` is when a recording's first picture is taken to be;
    `real_time` False reads a recording as fast as it goes, nothing dropped.
    """

    size_px: tuple[int, int] | None = None
    fps: float | None = None
    delay_s: float = 0.0
    own_clock: bool = False
    loop: bool = False
    start_ns: int | None = None
    real_time: bool = True
    late_after_s: float = LATE_AFTER_S
    frozen_after_s: float = FROZEN_AFTER_S


class LiveSource:
    """One camera or recording; see `vision.source.FrameSource`.

    `stream_of` makes a connection, anew for each try; `clock_ns` is the time of day.
    """

    def __init__(
        self,
        camera: str,
        stream_of: Callable[[], Stream],
        rules: SourceRules | None = None,
        *,
        backoff: Backoff | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._camera = camera
        self._stream_of = stream_of
        self._rules = rules or SourceRules()
        self._backoff = backoff or Backoff(random.Random(zlib.crc32(camera.encode())))
        self._clock_ns = clock_ns
        self._closed = threading.Event()
        self._status = SourceStatus()
        self._freeze = FreezeWatch(self._rules.frozen_after_s)  # a lost camera may come back frozen
        self._behind = False
        self._next_due_ns = 0
        self._round_ns = 0  # when the round of a looping recording began that is being played

    @property
    def camera(self) -> str:
        """The camera's name."""
        return self._camera

    @property
    def status(self) -> SourceStatus:
        """How it fares."""
        return self._status

    def close(self) -> None:
        """Make `frames` end after the read in hand, which has a time limit of its own."""
        self._closed.set()

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, over every loss of the connection."""
        status = self._status
        while not self._closed.is_set():
            stream = self._stream_of()
            reached_ns = 0
            try:
                status.facts = stream.open()
                status.counts.opened += 1
                reached_ns = self._clock_ns()
                yield from self._play(stream)
                if self._closed.is_set():
                    return
                if not self._rules.loop:
                    unfit = f"; it {status.reason}" if status.state == "wrong_size" else ""
                    status.state, status.reason = "down", f"the recording has ended{unfit}"
                    return
            except StreamError as error:
                held_s = (self._clock_ns() - reached_ns) / 1e9 if reached_ns else 0.0
                wait_s = self._backoff.wait_s(held_s)
                status.counts.failed += 1
                status.state = "down"
                status.reason = f"{error}; next try in {wait_s:.1f} s"
                self._closed.wait(wait_s)
            finally:
                stream.close()

    def _play(self, stream: Stream) -> Iterator[Frame]:
        rules, status = self._rules, self._status
        dates = self._dates(stream)
        self._behind, self._next_due_ns = False, 0
        while not self._closed.is_set():
            shot = stream.read()
            if shot is None:
                if stream.recorded:
                    return
                raise StreamError(f"camera {self._camera}: the stream ended")
            if shot.picture is None:
                status.counts.broken += 1
                status.note = f"broken frame: {shot.broken}"
                continue
            at_ns = dates(shot)
            if stream.recorded and rules.real_time:
                ahead_s = (at_ns - self._clock_ns()) / 1e9
                if ahead_s > 0 and self._closed.wait(ahead_s):
                    return
            received_ns = shot.received_ns if not stream.recorded else max(at_ns, shot.received_ns)
            if not rules.real_time:
                received_ns = at_ns
            if not self._wanted(stream, at_ns):
                continue
            rgb = self._fitted(shot)
            if rgb is None:
                continue
            frozen = self._freeze.look(at_ns, rgb)
            self._note_rate(at_ns)
            status.last_at_ns, status.last_received_ns = at_ns, received_ns
            status.state = "frozen" if frozen else "up"
            status.reason = (
                f"the same picture for {rules.frozen_after_s:.0f} s or longer" if frozen else ""
            )
            yield Frame(self._camera, status.counts.frames, at_ns, received_ns, rgb)
            status.counts.frames += 1

    def _dates(self, stream: Stream) -> Callable[[Shot], int]:
        """When each shot was taken, never earlier than the one before."""
        rules = self._rules
        if not stream.recorded:
            clock = StreamClock(round(rules.delay_s * 1e9))

            def live(shot: Shot) -> int:
                if rules.own_clock and shot.wall_ns is not None:
                    age_ns = shot.received_ns - shot.wall_ns
                    if -_OWN_CLOCK_AHEAD_NS < age_ns < _OWN_CLOCK_BEHIND_NS:
                        return shot.wall_ns
                    self._status.note = f"its clock is {-age_ns / 1e9:+.1f} s off and is not used"
                if shot.stamp_ns is None:
                    return shot.received_ns - round(rules.delay_s * 1e9)
                return clock.at_ns(shot.stamp_ns, shot.received_ns)

            return live
        facts = self._status.facts
        step_ns = round(1e9 / (facts.fps if facts and facts.fps > 0 else 10.0))
        first_ns = rules.start_ns if rules.start_ns is not None else self._clock_ns()
        if self._status.last_at_ns >= first_ns:  # a loop goes on where the last one ended
            first_ns = self._status.last_at_ns + step_ns
        length_ns = round(facts.length_s * 1e9) if facts else 0
        if rules.loop and rules.real_time and length_ns > 0:
            # rounds begin a length apart, also after a restart: whole ones that are over are left
            # out, else a recording that is late by one would be late for ever
            if self._round_ns:
                first_ns = self._round_ns + length_ns
            first_ns += max(0, self._clock_ns() - first_ns) // length_ns * length_ns
            self._round_ns = first_ns
        zero_ns: int | None = None
        count = 0

        def recorded(shot: Shot) -> int:
            nonlocal zero_ns, count
            stamp_ns = shot.stamp_ns if shot.stamp_ns is not None else count * step_ns
            if zero_ns is None:
                zero_ns = stamp_ns
            count += 1
            return first_ns + stamp_ns - zero_ns

        return recorded

    def _wanted(self, stream: Stream, at_ns: int) -> bool:
        """Whether a picture is new, not too old, and not one too many; counts it otherwise."""
        rules, counts = self._rules, self._status.counts
        last_ns = self._status.last_at_ns
        if at_ns <= last_ns and (last_ns <= self._clock_ns() or not rules.real_time):
            # a last picture in the future only tells that this machine's clock was set back
            counts.late += 1
            return False
        if rules.real_time:
            late_ns = rules.late_after_s * 1e9
            age_ns = self._clock_ns() - at_ns
            if self._behind and age_ns < _SETTLED * late_ns:
                self._behind = False
                stream.hurry(False)
            if age_ns > late_ns:
                counts.late += 1
                if not self._behind:
                    self._behind = True
                    stream.hurry(True)
                return False
        if rules.fps is not None:
            period_ns = 1e9 / rules.fps
            if at_ns < self._next_due_ns - 0.25 * period_ns:
                counts.thinned += 1
                return False
            in_step = at_ns < self._next_due_ns + period_ns
            self._next_due_ns = (self._next_due_ns if in_step else at_ns) + round(period_ns)
        return True

    def _fitted(self, shot: Shot) -> Picture | None:
        """The picture at the calibrated size; None where its shape is another."""
        status, wanted = self._status, self._rules.size_px
        assert shot.picture is not None
        found = shot.picture.size_px
        facts = status.facts
        if facts is not None and found != (facts.width_px, facts.height_px):
            status.facts = StreamFacts(facts.codec, *found, facts.fps, facts.length_s)
        if wanted is None or found == wanted:
            status.note = ""
            return shot.picture.rgb(found)
        sizes = f"{found[0]}×{found[1]} pixels, calibrated for {wanted[0]}×{wanted[1]}"
        if abs(found[0] * wanted[1] / (found[1] * wanted[0]) - 1.0) > SAME_SHAPE:
            status.counts.refused += 1
            status.state = "wrong_size"
            status.reason = f"sends {sizes}: another shape; set the camera to the calibrated one"
            return None
        status.counts.scaled += 1
        status.note = f"sends {sizes}: scaled"
        return shot.picture.rgb(wanted)

    def _note_rate(self, at_ns: int) -> None:
        status = self._status
        step_s = (at_ns - status.last_at_ns) / 1e9
        if status.last_at_ns and 0 < step_s < 10.0:
            usual_s = 1.0 / status.fps if status.fps else step_s
            status.fps = 1.0 / (_RATE_MEMORY * usual_s + (1.0 - _RATE_MEMORY) * step_s)
