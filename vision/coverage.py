"""Which cameras see a place on the floor, past racks and picture edges; computed once per site."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensors.sightlines import hidden, pictured
from sensors.store import Store
from vision.site import Site, site_of

Array = NDArray[np.float64]

_CELL_M = 0.1
_CHEST_M = 1.2
_MARGIN_PX = 20.0
_MARGIN_M = 1.0
_EDGE_M = 0.1  # how far a place may be off


class Coverage:
    """A grid over the floor, a metre wider on each side, with one flag per camera and cell."""

    def __init__(self, place: Store | Site) -> None:
        site = site_of(place)
        self._floor = floor = site.floor
        self._gondolas = list(site.gondolas)
        self._origin = np.array([floor.x_min_m, floor.y_min_m]) - _MARGIN_M
        extent = np.array([floor.x_max_m, floor.y_max_m]) + _MARGIN_M - self._origin
        self._shape = np.ceil(extent / _CELL_M).astype(int)
        index = np.stack(np.meshgrid(*(np.arange(n) for n in self._shape), indexing="ij"), axis=-1)
        places = self._origin + (index.reshape(-1, 2) + 0.5) * _CELL_M
        chests = np.column_stack([places, np.full(len(places), _CHEST_M)])
        self._sees: dict[str, NDArray[np.bool_]] = {}
        for camera in site.cameras:
            seen = pictured(camera, chests, _MARGIN_PX)
            seen &= ~hidden(self._gondolas, camera.position_m, chests)
            self._sees[camera.id] = np.reshape(seen, self._shape)

    def holds(self, xy: Array) -> NDArray[np.bool_]:
        """Whether places (N, 2) lie on the floor or within a metre of it."""
        cell = np.floor((xy - self._origin) / _CELL_M)
        inside = (cell >= 0) & (cell < self._shape)
        return np.asarray(inside.all(axis=1))

    def room_for(self, xy: Array) -> bool:
        """Whether a person can stand at the place (2,): on the floor, not in or against a rack."""
        x, y = float(xy[0]), float(xy[1])
        f = self._floor
        inside = (
            f.x_min_m - _EDGE_M < x < f.x_max_m + _EDGE_M
            and f.y_min_m - _EDGE_M < y < f.y_max_m + _EDGE_M
        )
        for gondola in self._gondolas:
            along, into = gondola.to_local(x, y)
            if 0 < along < gondola.width_m and -_EDGE_M < into < gondola.depth_m - _EDGE_M:
                return False
        return inside

    def cameras_seeing(self, xy: Array, cameras: list[str]) -> int:
        """How many of `cameras` see a person's chest at the place (2,)."""
        return int(self.seen(xy[None], cameras).sum())

    def seen(self, xy: Array, cameras: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each of C `cameras` sees the chests of people at places (N, 2): (C, N)."""
        i, j = np.clip(((xy - self._origin) / _CELL_M).astype(int), 0, self._shape - 1).T
        sees = [self._sees[camera][i, j] for camera in cameras]
        return np.array(sees, dtype=np.bool_).reshape(len(cameras), len(xy))
