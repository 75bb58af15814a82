"""What RFID antennas read: tags on the shelves that they cover, strays, and what leaves by a gate.

An antenna divides its reads among the tags in its field. Bodies shadow what is behind them and
what they hold, foil hides nearly all. Vectorised over tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sensors.store import Antenna, Store
from sensors.wire import TagReport
from simulator.fading import Fading, heard_share
from simulator.shelves import Place, Shelves, Unit
from simulator.tags import Tags
from simulator.world import TrueStore, stream

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

_BEFORE_M = 1.5  # a shelf antenna hangs that far before the middle of what it covers
_HELD_FIELD_M = 1.4  # what is carried within this of it counts as before its shelves
_BODY_M = 0.25  # half the width of a body


@dataclass(frozen=True, slots=True)
class Bearer:
    """Somebody in the store: where they stand, and what they carry."""

    x_m: float
    y_m: float
    units: Sequence[Unit]


@dataclass(slots=True, eq=False)
class _Field:
    """All tags as they are now, n of them, before a antennas.

    Place (n, 2), bearer (-1: none), and foil; by antenna (a, n) how far away (infinitely where
    nowhere), whether among those that it divides its reads among, and whether a stray.
    """

    at_m: Array
    bearer: NDArray[np.intp]
    hidden: Mask
    away_m: Array
    inside: Mask
    stray: Mask

    @classmethod
    def empty(cls, antennas: int) -> _Field:
        by_antenna = (antennas, 0)
        return cls(
            np.zeros((0, 2)),
            np.zeros(0, dtype=np.intp),
            np.zeros(0, dtype=bool),
            np.zeros(by_antenna),
            np.zeros(by_antenna, dtype=bool),
            np.zeros(by_antenna, dtype=bool),
        )

    def grown(self, count: int) -> _Field:
        """The same, with `count` tags; those that are new are nowhere."""
        more = count - len(self.at_m)
        wide = ((0, 0), (0, more))
        return _Field(
            np.pad(self.at_m, ((0, more), (0, 0)), constant_values=np.inf),
            np.pad(self.bearer, (0, more), constant_values=-1),
            np.pad(self.hidden, (0, more)),
            np.pad(self.away_m, wide, constant_values=np.inf),
            np.pad(self.inside, wide),
            np.pad(self.stray, wide),
        )

    def copy(self) -> _Field:
        return _Field(
            self.at_m.copy(),
            self.bearer.copy(),
            self.hidden.copy(),
            self.away_m.copy(),
            self.inside.copy(),
            self.stray.copy(),
        )


class Rfid:
    """All antennas of a store; ask for interval after interval."""

    def __init__(self, store: Store, true: TrueStore, seed: int, start_ns: int, scene: str) -> None:
        self._faults = true.world.rfid
        self._antennas = store.antennas
        self._start_ns = start_ns
        self._tags = Tags(store, true, seed)
        shelves = [s.id for g in store.gondolas for s in g.shelves]
        self._shelf_index = {shelf: i for i, shelf in enumerate(shelves)}
        self._covers = np.array([[s in a.covers for s in shelves] for a in store.antennas])
        self._at_m = np.array([_place(store, a) for a in store.antennas])
        self._range_m = np.array([[self._hears_m(antenna)] for antenna in store.antennas])
        self._rngs = {
            a.id: stream(true.world.seed, seed, scene, "reads", a.id) for a in store.antennas
        }
        self._fading = {
            a.id: Fading(self._faults, self._rngs[a.id])
            for a in store.antennas
            if a.kind == "shelf"
        }
        self._standing = _Field.empty(len(store.antennas))
        self._on_facing: dict[str, tuple[int, list[int]]] = {}
        self._heard_share = np.zeros(0)

    def reads(
        self, begin_ns: int, end_ns: int, shelves: Shelves, bearers: Sequence[Bearer]
    ) -> dict[str, list[TagReport]]:
        """What each antenna reads in an interval, in order of time; always of the same shelves."""
        if not self._antennas:
            return {}
        begin_s, end_s = ((ns - self._start_ns) / 1e9 for ns in (begin_ns, end_ns))
        field = self._look(shelves, bearers, begin_s)
        heard = field.inside | field.stray | (field.away_m < self._range_m)
        bodies_m = np.array([(b.x_m, b.y_m) for b in bearers]).reshape(-1, 2)
        shadowed = _shadowed(self._at_m, field.at_m, field.bearer, bodies_m, heard)
        losses = self._losses(field, shadowed)
        rates = self._shelf_rates(field, losses)
        found = {}
        for n, antenna in enumerate(self._antennas):
            if antenna.kind == "shelf":
                tags, at_s = self._fading[antenna.id].reads(begin_s, end_s, rates[n])
            else:
                rng = self._rngs[antenna.id]
                tags, at_s = self._gate_reads(n, rng, field, losses[n], begin_s, end_s)
            found[antenna.id] = self._report(antenna, tags, at_s - begin_s, shadowed[n])
        return found

    def _look(self, shelves: Shelves, bearers: Sequence[Bearer], now_s: float) -> _Field:
        """Where all tags are; those that are met for the first time begin to fade."""
        moved = [
            (place, self._tags.on(unit for column in place.columns for unit in column))
            for name, place in shelves.places.items()
            if self._on_facing.get(name, (-1,))[0] != shelves.changes[name]
        ]
        carried = [
            (i, number, unit)
            for i, bearer in enumerate(bearers)
            for number, unit in self._tags.on(bearer.units)
        ]
        self._meet(now_s)
        for place, _ in moved:
            self._put_away(self._on_facing.get(place.id, (-1, []))[1])
        for place, tagged in moved:
            numbers = [number for number, _ in tagged]
            self._stand(place, numbers, [unit for _, unit in tagged])
            self._on_facing[place.id] = shelves.changes[place.id], numbers
        if not carried:
            return self._standing
        who = np.array([i for i, _, _ in carried])
        numbers = [number for _, number, _ in carried]
        field = self._standing.copy()
        field.at_m[numbers] = np.array([(b.x_m, b.y_m) for b in bearers])[who]
        field.bearer[numbers] = who
        field.hidden[numbers] = [unit.concealed for _, _, unit in carried]
        away_m = self._away_m(field.at_m[numbers])
        inside = away_m < _HELD_FIELD_M
        field.away_m[:, numbers] = away_m
        field.inside[:, numbers] = inside
        field.stray[:, numbers] = ~inside & (away_m < self._faults.stray_range_m)
        return field

    def _meet(self, now_s: float) -> None:
        new = self._tags.silent_s[len(self._heard_share) :]
        if len(new):
            for fading in self._fading.values():
                fading.grow(new, now_s)
            self._heard_share = heard_share(self._faults, self._tags.silent_s)
            self._standing = self._standing.grown(len(self._tags))

    def _put_away(self, numbers: list[int]) -> None:
        """Tags that stood on a facing do so no more."""
        field = self._standing
        field.at_m[numbers], field.away_m[:, numbers] = np.inf, np.inf
        field.hidden[numbers] = False
        field.inside[:, numbers], field.stray[:, numbers] = False, False

    def _stand(self, place: Place, numbers: list[int], units: list[Unit]) -> None:
        """Tags stand on a facing now."""
        if not numbers:
            return
        field, deep_m = self._standing, place.shelf.depth_m / 2
        at_m = np.array([place.gondola.to_floor(unit.along_m, deep_m) for unit in units])
        inside = self._covers[:, self._shelf_index[place.shelf.id], None]
        away_m = self._away_m(at_m)
        field.at_m[numbers], field.away_m[:, numbers] = at_m, away_m
        field.hidden[numbers] = [unit.concealed for unit in units]
        field.inside[:, numbers] = inside
        field.stray[:, numbers] = ~inside & (away_m < self._faults.stray_range_m)

    def _away_m(self, at_m: Array) -> Array:
        """How far places (k, 2) are from each antenna, (a, k)."""
        way = at_m - self._at_m[:, None]
        away: Array = np.hypot(way[..., 0], way[..., 1])
        return away

    def _hears_m(self, antenna: Antenna) -> float:
        """Up to where a gate's antenna hears anything; a shelf's hears strays at most."""
        if antenna.kind == "shelf":
            return 0.0
        return max(self._faults.gate_range_m, self._faults.ghost_range_m)

    def _losses(self, field: _Field, shadowed: Mask) -> Array:
        """By what each tag's reads are multiplied, for itself, bodies, hands and foil: (a, n)."""
        faults = self._faults
        losses: Array = (
            self._tags.quality
            * np.where(shadowed, faults.shadow_reads, 1.0)
            * np.where(field.bearer >= 0, faults.held_reads, 1.0)
            * np.where(field.hidden, faults.concealed_reads, 1.0)
        )
        return losses

    def _shelf_rates(self, field: _Field, losses: Array) -> Array:
        """Reads per second of each tag within its spells, by antenna (a, n)."""
        faults = self._faults
        divided = field.inside & (self._tags.quality > 0)
        awake = [float(self._heard_share[some].sum()) for some in divided]
        most = [faults.antenna_reads_per_s / one if one else np.inf for one in awake]
        per_s = np.minimum(most, faults.tag_reads_per_s)
        strays = faults.wrong_zone_share / (1 - faults.wrong_zone_share)
        rates: Array = per_s[:, None] * (field.inside + strays * field.stray) * losses
        return rates

    def _gate_reads(
        self,
        antenna: int,
        rng: np.random.Generator,
        field: _Field,
        losses: Array,
        begin_s: float,
        end_s: float,
    ) -> tuple[NDArray[np.intp], Array]:
        """Reads of what is carried past, which moves too fast to fade, and ghosts from nearby."""
        faults = self._faults
        away_m = field.away_m[antenna]
        passing = np.flatnonzero((field.bearer >= 0) & (away_m < faults.gate_range_m))
        share = faults.antenna_reads_per_s / max(1, len(passing))
        per_s = min(share, faults.gate_reads_per_s) * losses[passing]
        tags = np.repeat(passing, rng.poisson(per_s * (end_s - begin_s)))
        ghosts = rng.poisson(faults.ghosts_per_s * (end_s - begin_s))
        if ghosts:
            near = (away_m < faults.ghost_range_m) & ~field.hidden & (self._tags.quality > 0)
            near[passing] = False
            haunting = np.flatnonzero(near)
            if len(haunting):
                weight = 1 / np.maximum(away_m[haunting], 0.5) ** 2
                tags = np.append(tags, rng.choice(haunting, ghosts, p=weight / weight.sum()))
        return tags, rng.uniform(begin_s, end_s, len(tags))

    def _report(
        self, antenna: Antenna, tags: NDArray[np.intp], after_s: Array, shadowed: Mask
    ) -> list[TagReport]:
        if not len(tags):
            return []
        faults = self._faults
        noise = self._rngs[antenna.id].normal(0.0, faults.rssi_read_sigma_db, len(tags))
        rssi = self._tags.rssi_dbm[tags] - faults.shadow_db * shadowed[tags] + noise
        rssi = np.clip(rssi, *faults.rssi_dbm).round(1)
        order = np.argsort(after_s, kind="stable")
        epcs = self._tags.epcs
        return [
            TagReport(epcs[tag], offset_ns, strength)
            for tag, offset_ns, strength in zip(
                tags[order].tolist(),
                (after_s[order] * 1e9).astype(np.int64).tolist(),
                rssi[order].tolist(),
                strict=True,
            )
        ]


def _place(store: Store, antenna: Antenna) -> Array:
    """Where an antenna hangs, on the floor plan."""
    if antenna.gate is not None:
        return np.array(next(g.centre_m for g in store.gates if g.id == antenna.gate))
    covered = [
        gondola.to_floor(shelf.plate_count * shelf.plate_width_m / 2, -_BEFORE_M)
        for gondola in store.gondolas
        for shelf in gondola.shelves
        if shelf.id in antenna.covers
    ]
    middle: Array = np.mean(covered, axis=0)
    return middle


@numba.njit(cache=True)
def _shadowed(
    antennas_m: Array, tags_m: Array, bearer: NDArray[np.intp], bodies_m: Array, wanted: Mask
) -> Mask:
    """Which tags have somebody else's body between them and each antenna; only of those wanted."""
    shadowed = np.zeros(wanted.shape, dtype=np.bool_)
    for a in range(len(antennas_m)):
        for n in range(len(tags_m)):
            if not wanted[a, n]:
                continue
            way_x, way_y = tags_m[n, 0] - antennas_m[a, 0], tags_m[n, 1] - antennas_m[a, 1]
            length2 = max(way_x * way_x + way_y * way_y, 1e-9)
            for b in range(len(bodies_m)):
                if b == bearer[n]:
                    continue
                body_x, body_y = (
                    bodies_m[b, 0] - antennas_m[a, 0],
                    bodies_m[b, 1] - antennas_m[a, 1],
                )
                along = min(max((way_x * body_x + way_y * body_y) / length2, 0.0), 1.0)
                aside_x, aside_y = body_x - along * way_x, body_y - along * way_y
                if aside_x * aside_x + aside_y * aside_y < _BODY_M * _BODY_M:
                    shadowed[a, n] = True
                    break
    return shadowed
