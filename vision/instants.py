"""Which frames of several cameras belong to one instant, and when it is time to look at it.

Cameras run each at its own pace and phase. Instants are `period_ns` apart and follow the phase
that the cameras have; each takes from every camera the untaken frame nearest to it. A camera that
gives nothing is waited for a little while and then left out: it never holds the others up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Generic, Protocol, TypeVar

_FOLLOW = 0.2  # of the cameras' mean phase error is taken over at each instant


class Dated(Protocol):
    """Something that was taken at a moment."""

    @property
    def at_ns(self) -> int: ...


Item = TypeVar("Item", bound=Dated)


@dataclass(frozen=True, slots=True)
class Instant(Generic[Item]):
    """The frames of one moment, by camera; `at_ns` is the middle one's time."""

    at_ns: int
    frames: dict[str, Item]


class Instants:
    """Call `next` often; a worker that is slower than its cameras skips instants (`skipped`).

    A frame belongs to an instant within `tolerance_ns`; `patience_ns` is how long after its time
    an instant waits for cameras that should have given a frame.
    """

    def __init__(
        self, period_ns: int, *, tolerance_ns: int | None = None, patience_ns: int = 250_000_000
    ) -> None:
        self._period_ns = period_ns
        self._tolerance_ns = period_ns * 3 // 5 if tolerance_ns is None else tolerance_ns
        self._patience_ns = patience_ns
        self._target_ns = 0
        self._last_ns = 0
        self.skipped = 0

    def next(
        self, now_ns: int, waiting: Mapping[str, Sequence[Item]], live: Collection[str]
    ) -> Instant[Item] | None:
        """The next instant if it is complete or overdue at `now_ns`.

        `waiting` has each camera's untaken frames, oldest first; `live` names the cameras that
        ought to give some. With none of them alive instants are empty, for time goes on.
        """
        newest = {camera: frames[-1].at_ns for camera, frames in waiting.items() if frames}
        if not self._target_ns:
            if not newest:
                return None
            self._target_ns = min(newest.values())
        elif now_ns < self._target_ns - 10 * self._period_ns:  # the clock was set back
            self._target_ns = now_ns
        overdue_ns = now_ns - self._patience_ns - self._target_ns
        if overdue_ns > self._period_ns:
            behind = overdue_ns // self._period_ns
            self.skipped += behind
            self._target_ns += behind * self._period_ns
        target_ns = self._target_ns
        here_ns = target_ns - self._tolerance_ns
        missing = [c for c in live if newest.get(c, 0) < here_ns]
        if (missing or not live) and now_ns < target_ns + self._patience_ns:
            return None
        chosen = self._nearest(waiting, target_ns)
        phase_ns = 0
        at_ns = target_ns
        if chosen:
            at_ns = round(median(item.at_ns for item in chosen.values()))
            phase_ns = round(_FOLLOW * (at_ns - target_ns))
        self._target_ns += self._period_ns + phase_ns
        self._last_ns = at_ns = max(at_ns, self._last_ns + 1)
        return Instant(at_ns, chosen)

    def _nearest(self, waiting: Mapping[str, Sequence[Item]], target_ns: int) -> dict[str, Item]:
        chosen = {}
        for camera, frames in waiting.items():
            if frames:
                best = min(frames, key=lambda item: abs(item.at_ns - target_ns))
                if abs(best.at_ns - target_ns) <= self._tolerance_ns:
                    chosen[camera] = best
        return chosen
