"""The place that people are tracked in: its floor, what stands on it, where people come in, and
the cameras that watch it. A store is one such place; a street corner is another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.store import Floor, Gondola, Store

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """`entries` (E, 2) are the middles of the gates through which people come in, in metres; a
    site without any is open all around."""

    floor: Floor
    gondolas: tuple[Gondola, ...]
    entries: Array
    cameras: tuple[CameraModel, ...]

    @property
    def area_m2(self) -> float:
        """The extent of the floor."""
        f = self.floor
        return (f.x_max_m - f.x_min_m) * (f.y_max_m - f.y_min_m)


def site_of(place: Store | Site) -> Site:
    """The site of a store file; a site is its own."""
    if isinstance(place, Site):
        return place
    entries = [g.centre_m for g in place.gates if g.kind != "exit"]
    return Site(
        floor=place.floor,
        gondolas=tuple(place.gondolas),
        entries=np.array(entries, dtype=np.float64).reshape(-1, 2),
        cameras=tuple(c.model() for c in place.cameras),
    )
