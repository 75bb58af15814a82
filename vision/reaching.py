"""When a hand goes into a rack and comes out of it again, from how deep it seems to be.

Hands that reach are seen nearer to the body than they are, by a bias that depends on the joints'
weights; how far a hand is in says less than that it went in and came back. A reach is therefore a
peak of the depth that rises above what was before and after it, near enough to the rack's front
(the prominence of a peak, as in topography).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sensors.store import Gondola

NEAR_M = 0.3  # a hand that is seen further from the front is in no rack
RISE_M = 0.1
FORGOTTEN_NS = 1_000_000_000
_BESIDE_M = 0.15
_ABOVE_M = 0.3
_SMOOTH = 0.5  # the share of the newest look


class Reaching:
    """One hand's way into racks and out of them; to be told its depth look by look."""

    def __init__(self) -> None:
        self._depth_m: float | None = None
        self._low_m = self._peak_m = 0.0
        self._seen_ns = 0
        self.inside = False

    def look(self, at_ns: int, depth_m: float) -> Literal["in", "out"] | None:
        """Take the depth (m, negative before the front) at a time in; what it shows happen."""
        if self._depth_m is None or at_ns - self._seen_ns > FORGOTTEN_NS:
            self._depth_m = self._low_m = depth_m
            self.inside = False
        self._seen_ns = at_ns
        self._depth_m += _SMOOTH * (depth_m - self._depth_m)
        if self.inside:
            self._peak_m = max(self._peak_m, self._depth_m)
            if self._peak_m - self._depth_m > RISE_M:
                self.inside, self._low_m = False, self._depth_m
                return "out"
            return None
        self._low_m = min(self._low_m, self._depth_m)
        if self._depth_m > -NEAR_M and self._depth_m - self._low_m > RISE_M:
            self.inside, self._peak_m = True, self._depth_m
            return "in"
        return None


def depth_in_racks(gondolas: Sequence[Gondola], xyz_m: tuple[float, float, float]) -> float | None:
    """How deep a point lies in the rack that it is deepest in, before its front negative; None
    where it is before none."""
    found = []
    for gondola in gondolas:
        along_m, into_m = gondola.to_local(xyz_m[0], xyz_m[1])
        beside = -_BESIDE_M <= along_m <= gondola.width_m + _BESIDE_M
        if beside and into_m <= gondola.depth_m and xyz_m[2] <= gondola.height_m + _ABOVE_M:
            found.append(into_m)
    return max(found, default=None)
