"""When true hands go into racks and come out, and what they hold then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sensors.store import Gondola
from simulator.figure import Point3

IN_M = -0.05  # of the front of a rack
OUT_M = -0.12
AFTER_NS = 1_500_000_000  # for so long vision looks at what came out
_BESIDE_M = 0.15

Moment = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Held:
    """What one hand held before or after it was in a rack, from `began_ns` to `ended_ns`."""

    moment: Moment
    gtin: str | None
    began_ns: int
    ended_ns: int


class HandWay:
    """One hand's way into racks and out of them, told instant by instant."""

    def __init__(self, gondolas: Sequence[Gondola]) -> None:
        self._gondolas = gondolas
        self._inside = False
        self._out: tuple[int, str | None] | None = None

    def look(self, at_ns: int, palm_m: Point3, holds: str | None) -> list[Held]:
        """Take an instant in; what it completes."""
        found = []
        depth_m = max((_depth(g, palm_m) for g in self._gondolas), default=-9.0)
        entered = not self._inside and depth_m > IN_M
        if self._out is not None and (entered or at_ns - self._out[0] >= AFTER_NS):
            found.append(Held("after", self._out[1], self._out[0], at_ns))
            self._out = None
        if entered:
            self._inside = True
            found.append(Held("before", holds, max(0, at_ns - 1_000_000_000), at_ns))
        elif self._inside and depth_m < OUT_M:
            self._inside = False
            self._out = at_ns, holds
        return found


def _depth(gondola: Gondola, palm_m: Point3) -> float:
    along_m, into_m = gondola.to_local(palm_m[0], palm_m[1])
    before = -_BESIDE_M <= along_m <= gondola.width_m + _BESIDE_M
    inside = before and into_m <= gondola.depth_m and palm_m[2] <= gondola.height_m + 0.3
    return into_m if inside else -9.0
