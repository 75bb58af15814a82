"""Units as they truly stand on shelves: where hands find them, how their mass rests on plates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.store import Facing, Gondola, Product, Shelf, Store, facing_id
from simulator.world import TrueStore

Array = NDArray[np.float64]
Point3 = tuple[float, float, float]

GAP_M = 0.006  # between neighbouring units
CARELESS_M = 0.008  # how far people and staff place a unit from the middle of its column


@dataclass(slots=True, eq=False)
class Unit:
    """One package; `along_m` is its middle from the shelf's left end, while it stands there.

    `left_share` is what is left of its contents; `concealed` is hidden from antennas and eyes.
    """

    gtin: str
    grams: float
    width_m: float
    along_m: float = 0.0
    left_share: float = 1.0
    concealed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where a facing is, and what stands there: columns of units, each from back to front."""

    id: str
    gondola: Gondola
    shelf: Shelf
    left_m: float
    room_m: float
    pitch_m: float
    rows: int
    height_m: float
    columns: list[list[Unit]]

    @property
    def middle_m(self) -> float:
        """Middle of the facing from the shelf's left end."""
        return self.left_m + self.room_m / 2

    @property
    def column_width_m(self) -> float:
        """Room for one unit beside the next."""
        return self.room_m / len(self.columns)

    def column_m(self, column: int) -> float:
        """Middle of a column from the shelf's left end."""
        return self.left_m + self.room_m * (column + 0.5) / len(self.columns)


class Shelves:
    """All units of a store; the simulated shoppers move them.

    `changes` counts by facing how often a unit came or went.
    """

    def __init__(self, store: Store, true: TrueStore, rng: np.random.Generator) -> None:
        self._rng = rng
        self._true = true
        self._products = {p.gtin: p for p in store.products}
        self.places: dict[str, Place] = {}
        self.changes: dict[str, int] = {}
        self._count: dict[str, int] = {}
        for gondola in store.gondolas:
            for shelf in gondola.shelves:
                for facing in shelf.facings:
                    name = facing_id(shelf.id, facing)
                    product = self._products[true.gtin_at[name]]
                    place = _place(name, gondola, shelf, facing, product)
                    self.places[name], self.changes[name], self._count[name] = place, 0, 0
                    for k in range(true.stock[name]):
                        self._stand(place, k % len(place.columns), self.fresh(product.gtin))

    def fresh(self, gtin: str) -> Unit:
        """A new unit of a product, as it comes from the maker."""
        grams = self._rng.normal(self._true.mean_g[gtin], self._true.unit_sigma_g[gtin])
        return Unit(gtin, max(1.0, float(grams)), self._products[gtin].size_m[0])

    def meant_for(self, facing: str) -> str:
        """GTIN of what truly has its place on a facing."""
        return self._true.gtin_at[facing]

    def units(self) -> dict[str, int]:
        """How many units stand on each facing."""
        return self._count.copy()

    def contents(self) -> dict[str, dict[str, int]]:
        """Whole units by GTIN on each facing."""
        found: dict[str, dict[str, int]] = {}
        for name, place in self.places.items():
            counts: dict[str, int] = {}
            for unit in (u for column in place.columns for u in column if u.left_share == 1.0):
                counts[unit.gtin] = counts.get(unit.gtin, 0) + 1
            found[name] = dict(sorted(counts.items()))
        return found

    def facings_of(self, gtin: str) -> list[str]:
        """Facings on which a unit of the product can be grasped, in the store's order."""
        return [
            name
            for name, place in self.places.items()
            if any(self.holds(name, i, gtin) for i in range(len(place.columns)))
        ]

    def choose(self, facing: str, gtin: str | None) -> int | None:
        """A column to take a unit of `gtin` (None: any) from; None where there is none."""
        count = len(self.places[facing].columns)
        columns = [i for i in range(count) if self.holds(facing, i, gtin)]
        return int(self._rng.choice(columns)) if columns else None

    def holds(self, facing: str, column: int, gtin: str | None) -> bool:
        """Whether a whole unit of `gtin` (None: any) is in front of a column."""
        units = self.places[facing].columns[column]
        if not units or units[-1].left_share < 1.0:
            return False
        return gtin is None or units[-1].gtin == gtin

    def room(self, facing: str) -> int:
        """The emptiest column, where a unit is put back."""
        sizes = [len(column) for column in self.places[facing].columns]
        return sizes.index(min(sizes))

    def point(self, facing: str, column: int, empty: bool = False) -> Point3:
        """Where the palm goes for the front unit of a column, or (`empty`) before that unit."""
        place = self.places[facing]
        count = len(place.columns[column])
        deep = min(place.rows, max(len(units) for units in place.columns))
        row = max(0, deep - count - (1 if empty else 0))
        layer = max(0, count - 1) // place.rows
        into = 0.02 + (row + 0.5) * place.pitch_m
        x, y = place.gondola.to_floor(place.column_m(column), min(into, place.shelf.depth_m - 0.04))
        z = place.shelf.z_m + min(0.55 * place.height_m, 0.14) + layer * place.height_m
        return x, y, z

    def take(self, facing: str, column: int) -> tuple[Unit, Array]:
        """Lift the front unit; returns it and the grams that it takes off each plate."""
        place = self.places[facing]
        unit = place.columns[column].pop()
        self.changes[facing] += 1
        self._count[facing] -= 1
        return unit, -self.load(place, unit)

    def put(self, facing: str, column: int, unit: Unit) -> Array:
        """Stand a unit in front of a column; returns the grams that it brings to each plate."""
        place = self.places[facing]
        self._stand(place, column, unit)
        return self.load(place, unit)

    def load(self, place: Place, unit: Unit) -> Array:
        """Grams of a unit on each plate of its shelf: its mass split by overlap."""
        return spread(place.shelf, unit.along_m, unit.width_m, unit.grams)

    def weights(self) -> dict[str, Array]:
        """Grams on each plate of every shelf."""
        loads: dict[str, Array] = {}
        for place in self.places.values():
            shelf = loads.setdefault(place.shelf.id, np.zeros(place.shelf.plate_count))
            for unit in (u for column in place.columns for u in column):
                shelf += self.load(place, unit)
        return loads

    def _stand(self, place: Place, column: int, unit: Unit) -> None:
        self.changes[place.id] += 1
        self._count[place.id] += 1
        slip = float(np.clip(self._rng.normal(0.0, CARELESS_M), -0.02, 0.02))
        half = unit.width_m / 2
        width = place.shelf.plate_count * place.shelf.plate_width_m
        unit.along_m = min(max(place.column_m(column) + slip, half), width - half)
        if unit.left_share < 1.0:  # what is used up is hidden behind the others
            place.columns[column].insert(0, unit)
        else:
            place.columns[column].append(unit)


def spread(shelf: Shelf, along_m: float, width_m: float, grams: float) -> Array:
    """Grams on each plate of something `width_m` wide whose middle lies at `along_m`."""
    edges = np.arange(shelf.plate_count + 1) * shelf.plate_width_m
    left, right = along_m - width_m / 2, along_m + width_m / 2
    overlap = np.minimum(right, edges[1:]) - np.maximum(left, edges[:-1])
    overlap = np.maximum(overlap, 0.0)
    total = float(overlap.sum())
    share: Array = overlap * (grams / total) if total > 0 else overlap
    return share


def _place(name: str, gondola: Gondola, shelf: Shelf, facing: Facing, product: Product) -> Place:
    width, deep, high = product.size_m
    left = (min(facing.plates) - 1) * shelf.plate_width_m
    room = max(facing.plates) * shelf.plate_width_m - left
    columns = max(1, math.floor(room / (width + GAP_M)))
    rows = max(1, math.floor((shelf.depth_m - 0.01) / (deep + GAP_M)))
    return Place(
        name, gondola, shelf, left, room, deep + GAP_M, rows, high, [[] for _ in range(columns)]
    )
