"""What a store file amounts to: its size, what its cameras see, and what its installer may mend."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.epc import check_digit
from sensors.foreign_devices import LoadCell
from sensors.sightlines import facing_fronts, sees
from sensors.store import Facing, Gondola, Shelf, Store, facing_id
from simulator.catalogue_likeness import Likeness, likeness
from simulator.routes import Doorway, Floorplan, Point2

CELL_M = 0.1
CHEST_M = 1.0
ENOUGH_CAMERAS = 2
SLOW_S = 1.0
_STAND_M = 0.5  # from a shelf's edge to whoever reaches into it
_ASIDE_M = (0.0, 0.2, -0.2, 0.38, -0.38)
_SHOWN = 6  # names in one warning

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """How many cameras see what: `floor` by cell of CELL_M from (x_min_m, y_min_m), at chest
    height, −1 where a rack stands; `facings` the cameras that see a facing's front."""

    floor: Counts
    facings: dict[str, list[str]]

    def floor_share(self, cameras: int) -> float:
        """The share of the floor that so many cameras or more see."""
        counts = self.floor[self.floor >= 0]
        return float((counts >= cameras).mean()) if counts.size else 0.0

    def facing_share(self, cameras: int) -> float:
        """The share of the facings that so many cameras or more see."""
        seen = [len(found) >= cameras for found in self.facings.values()]
        return sum(seen) / len(seen) if seen else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class StoreCheck:
    """A store's figures and warnings."""

    store: Store
    coverage: Coverage
    alike: Likeness
    warnings: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """The figures, for machines."""
        store, floor = self.store, self.store.floor
        shelves = [s for g in store.gondolas for s in g.shelves]
        wide, long = floor.x_max_m - floor.x_min_m, floor.y_max_m - floor.y_min_m
        return {
            "store": store.id,
            "floor_m": [round(wide, 3), round(long, 3)],
            "gondolas": len(store.gondolas),
            "shelves": len(shelves),
            "plates": sum(s.plate_count for s in shelves),
            "facings": sum(len(s.facings) for s in shelves),
            "products": len(store.products),
            "units": sum(f.units for s in shelves for f in s.facings),
            "gates": len(store.gates),
            "cameras": len(store.cameras),
            "floor_seen_share": round(self.coverage.floor_share(1), 4),
            "floor_seen_twice_share": round(self.coverage.floor_share(ENOUGH_CAMERAS), 4),
            "facings_seen_share": round(self.coverage.facing_share(1), 4),
            "facings_seen_twice_share": round(self.coverage.facing_share(ENOUGH_CAMERAS), 4),
            "same_shelf_pairs": self.alike.pairs,
            "same_shelf_pairs_within_10_g": self.alike.close_pairs,
            "products_with_another_within_5_g": self.alike.shadowed,
            "warnings": self.warnings,
        }


def check_store(store: Store) -> StoreCheck:
    """Look at everything that the loader does not: sight, ways, and the catalogue's likeness."""
    seen = coverage(store)
    warnings = _unseen(store, seen) + _unreachable(store) + _catalogue(store) + _cells(store)
    return StoreCheck(store, seen, likeness(store), warnings)


def coverage(store: Store) -> Coverage:
    """Which cameras see each cell of the floor and each facing's front."""
    f = store.floor
    xs = np.arange(f.x_min_m + CELL_M / 2, f.x_max_m, CELL_M)
    ys = np.arange(f.y_min_m + CELL_M / 2, f.y_max_m, CELL_M)
    x, y = np.meshgrid(xs, ys, indexing="ij")
    chests = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, CHEST_M)])
    names, fronts = facing_fronts(store)
    floor = np.zeros(x.size, dtype=np.int64)
    facings: dict[str, list[str]] = {name: [] for name in names}
    for camera in store.cameras:
        model = camera.model()
        floor += sees(model, store.gondolas, chests)
        for i in np.flatnonzero(sees(model, store.gondolas, fronts)):
            facings[names[i]].append(camera.id)
    for gondola in store.gondolas:
        floor[_under(gondola, chests[:, 0], chests[:, 1])] = -1
    return Coverage(floor.reshape(x.shape), facings)


def _under(gondola: Gondola, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    c, s = np.cos(np.radians(gondola.yaw_deg)), np.sin(np.radians(gondola.yaw_deg))
    along, into = c * (x - gondola.x_m) + s * (y - gondola.y_m), -s * (x - gondola.x_m)
    into = into + c * (y - gondola.y_m)
    inside: NDArray[np.bool_] = (
        (along > 0) & (along < gondola.width_m) & (into > 0) & (into < gondola.depth_m)
    )
    return inside


def unreachable_facings(store: Store) -> list[str]:
    """Facings before which nobody can stand who came in by an entry gate."""
    plan = Floorplan(store)
    starts = [_inside(plan, door) for door in plan.doorways.values() if door.gate.kind != "exit"]
    if not starts:
        return [name for name, *_ in _facings(store)]
    found = []
    for name, gondola, shelf, facing in _facings(store):
        middle = (sum(facing.plates) / len(facing.plates) - 0.5) * shelf.plate_width_m
        spots = np.array([gondola.to_floor(middle + aside, -_STAND_M) for aside in _ASIDE_M])
        if not any(plan.reaches(start, spots[:, 0], spots[:, 1]).any() for start in starts):
            found.append(name)
    return found


def _unreachable(store: Store) -> list[str]:
    plan = Floorplan(store)
    warnings = [
        f"no gate is an {way}: nobody can {'come in' if way == 'entry' else 'leave'}"
        for way in ("entry", "exit")
        if not any(gate.kind in (way, "both") for gate in store.gates)
    ]
    doors = {name: _inside(plan, door) for name, door in plan.doorways.items()}
    ways_in = [n for n, door in plan.doorways.items() if door.gate.kind != "exit"]
    for name, place in doors.items():
        x, y = np.array([place[0]]), np.array([place[1]])
        if ways_in and not any(plan.reaches(doors[n], x, y)[0] for n in ways_in):
            warnings.append(f"gate {name}: no way leads there from an entry gate")
    return warnings + _listed("nobody can stand before", unreachable_facings(store))


def _inside(plan: Floorplan, door: Doorway) -> Point2:
    return plan.nearest_free(door.point(-0.6))


def _unseen(store: Store, seen: Coverage) -> list[str]:
    if not store.cameras:
        return ["no cameras: picks are told by weight alone"]
    by_count = [
        [name for name, cameras in seen.facings.items() if len(cameras) == n]
        for n in range(ENOUGH_CAMERAS)
    ]
    warnings = _listed("no camera sees", by_count[0]) + _listed("only one camera sees", by_count[1])
    unseen = seen.floor[seen.floor >= 0] == 0
    if unseen.mean() > 0.02:
        warnings.append(f"{unseen.mean():.0%} of the floor is seen by no camera")
    return warnings


def _catalogue(store: Store) -> list[str]:
    stocked = {facing.gtin for _, _, _, facing in _facings(store)}
    names = [product.name for product in store.products]
    twice = sorted({name for name in names if names.count(name) > 1})
    wrong = [p.gtin for p in store.products if check_digit(p.gtin) != p.gtin[13]]
    over = [n for n, _, _, f in _facings(store) if f.capacity and f.units > f.capacity]
    return [
        *_listed(
            "products without a facing:", [p.name for p in store.products if p.gtin not in stocked]
        ),
        *_listed("products of one name:", twice),
        *_listed("GTINs with a wrong check digit:", wrong),
        *_listed("more units than fit on", over),
    ]


def _cells(store: Store) -> list[str]:
    """What load cells of others leave without a weight, or weigh late."""
    cells = [device for device in store.devices if isinstance(device, LoadCell)]
    below = {(cell.shelf, cell.plate) for cell in cells}
    bare = [
        name
        for name, _, shelf, facing in _facings(store)
        if any(shelf.id == cell.shelf for cell in cells)
        and any((shelf.id, plate) not in below for plate in facing.plates)
    ]
    slow = [cell.id for cell in cells if cell.every_s > SLOW_S]
    return [
        *_listed("not every plate has one of the shelf's load cells below", bare),
        *_listed(f"readings further than {SLOW_S:g} s apart, so that picks are dated late:", slow),
    ]


def _facings(store: Store) -> list[tuple[str, Gondola, Shelf, Facing]]:
    return [
        (facing_id(shelf.id, facing), gondola, shelf, facing)
        for gondola in store.gondolas
        for shelf in gondola.shelves
        for facing in shelf.facings
    ]


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"{what} {', '.join(names[:_SHOWN])}{more}"]
