"""Where the racks and gates of a generated store stand: along the walls, and back to back between.

Aisles are wide enough for two people to pass; no rack stands before a gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sensors.store import Floor, Gate, Gondola, Shelf, StoreFileError

RACK_M, RACK_DEPTH_M, BOARD_DEPTH_M = 1.2, 0.45, 0.4
PLATES = 12
AISLE_M = 1.45
GATE_ZONE_M = 1.9  # kept free before the wall with the gates
GATE_M = 1.0
_WALL_GAP_M, _JOINT_M, _CORNER_M = 0.05, 0.04, 1.15
_ISLAND_SHARE = 0.5
_LEAST_FLOOR_M = 3.5
_HIGH = ((1.6, (0.2, 0.55, 0.9, 1.25)), (1.6, (0.45, 0.85, 1.25)))  # height, its boards
_LOW = ((1.25, (0.25, 0.6, 0.95)), (1.3, (0.2, 0.55, 0.9)))


@dataclass(frozen=True, slots=True)
class Rack:
    """A rack that is to be placed: its front-left corner and the direction of its front edge."""

    x_m: float
    y_m: float
    yaw_deg: float
    island: bool


@dataclass(frozen=True, slots=True)
class FloorLayout:
    """The extent, gates and empty racks of a store; `aisles` are lines between islands, as
    (from, to), along which cameras may look."""

    floor: Floor
    gates: tuple[Gate, ...]
    gondolas: tuple[Gondola, ...]
    aisles: tuple[tuple[tuple[float, float], tuple[float, float]], ...] = field(default=())


def lay_out(
    rng: np.random.Generator, wide_m: float, long_m: float, gondolas: int, gates: int
) -> FloorLayout:
    """Place gates and racks on a floor of the size; the gates lie on the wall at y = 0.

    Raises StoreFileError where they do not fit.
    """
    if min(wide_m, long_m) < _LEAST_FLOOR_M:
        raise StoreFileError(f"--size {wide_m:g}x{long_m:g}: expected at least 3.5 m each way")
    if gondolas < 1:
        raise StoreFileError(f"--gondolas {gondolas}: expected 1 or more")
    islands, aisles = _islands(rng, wide_m, long_m, gondolas)
    racks = islands + _wall_racks(rng, wide_m, long_m, gondolas - len(islands))
    if len(racks) < gondolas:
        raise StoreFileError(
            f"--gondolas {gondolas}: at most {len(racks)} fit on {wide_m:g} × {long_m:g} m so that"
            " people can walk between them"
        )
    kinds = {True: _LOW[int(rng.integers(2))], False: _HIGH[int(rng.integers(2))]}
    return FloorLayout(
        floor=Floor(x_min_m=0.0, y_min_m=0.0, x_max_m=wide_m, y_max_m=long_m),
        gates=_gates(rng, wide_m, gates),
        gondolas=tuple(_gondola(f"g{k}", rack, kinds) for k, rack in enumerate(racks, 1)),
        aisles=tuple(aisles),
    )


def _gates(rng: np.random.Generator, wide_m: float, count: int) -> tuple[Gate, ...]:
    inset = round(float(rng.uniform(0.6, 0.9)), 2)
    if count == 1:
        return (Gate(id="gate", kind="both", a_m=(inset, 0.0), b_m=(inset + GATE_M, 0.0)),)
    if count != 2:
        raise StoreFileError(f"--gates {count}: expected 1 (both ways) or 2 (in and out)")
    far = round(wide_m - inset - GATE_M, 2)
    left = Gate(id="gate-in", kind="entry", a_m=(inset, 0.0), b_m=(inset + GATE_M, 0.0))
    right = Gate(id="gate-out", kind="exit", a_m=(far, 0.0), b_m=(round(far + GATE_M, 2), 0.0))
    return left, right


def _islands(
    rng: np.random.Generator, wide_m: float, long_m: float, gondolas: int
) -> tuple[list[Rack], list[tuple[tuple[float, float], tuple[float, float]]]]:
    """Back-to-back pairs in rows; every second rack of a large store stands in one."""
    margin = RACK_DEPTH_M + _WALL_GAP_M + AISLE_M
    x0, x1 = margin, wide_m - margin
    y0, y1 = GATE_ZONE_M, long_m - margin
    deep = 2 * RACK_DEPTH_M + _JOINT_M
    pairs = round(gondolas * _ISLAND_SHARE / 2)
    upright = bool(rng.random() < 0.5)
    for turned in (upright, not upright):
        length, across = (y1 - y0, x1 - x0) if turned else (x1 - x0, y1 - y0)
        most_rows = int((across + AISLE_M) / (deep + AISLE_M))
        most_pairs = int((length + _JOINT_M) / (RACK_M + _JOINT_M))
        if most_rows < 1 or most_pairs < 1 or pairs < 1:
            continue
        pairs = min(pairs, most_rows * most_pairs)
        rows = min(most_rows, max(-(-pairs // most_pairs), round(pairs**0.5)))
        start, low = (y0, x0) if turned else (x0, y0)
        spare = (across - rows * deep) / (rows + 1)
        racks: list[Rack] = []
        middles: list[float] = []
        for row in range(rows):
            count = pairs // rows + (row < pairs % rows)
            middle = low + spare * (row + 1) + deep * (row + 0.5)
            middles.append(middle)
            run = count * RACK_M + (count - 1) * _JOINT_M
            begin = start + (length - run) / 2 + float(rng.uniform(-0.3, 0.3)) * (length - run)
            for k in range(count):
                racks += _pair(begin + k * (RACK_M + _JOINT_M), middle, turned)
        half = (deep + AISLE_M) / 2
        lines = [middles[0] - half, *(a + half for a in middles)]
        return racks, [
            ((line, 0.0), (line, long_m)) if turned else ((0.0, line), (wide_m, line))
            for line in lines
        ]
    return [], []


def _pair(begin: float, middle: float, turned: bool) -> list[Rack]:
    """Two racks back to back, `begin` along their row, whose middle line is at `middle`."""
    near, far = middle - RACK_DEPTH_M - _JOINT_M / 2, middle + RACK_DEPTH_M + _JOINT_M / 2
    if turned:  # the row runs along y: fronts look along −x and +x
        return [Rack(near, begin + RACK_M, -90.0, True), Rack(far, begin, 90.0, True)]
    return [Rack(begin, near, 0.0, True), Rack(begin + RACK_M, far, 180.0, True)]


def _wall_racks(rng: np.random.Generator, wide_m: float, long_m: float, count: int) -> list[Rack]:
    """Racks along the back wall and the two side walls, in runs."""
    pitch = RACK_M + _JOINT_M
    back = wide_m - 2 * _CORNER_M
    side = long_m - GATE_ZONE_M - _CORNER_M
    room = [max(0, int((length + _JOINT_M) / pitch)) for length in (back, side, side)]
    taken = [0, 0, 0]
    for _ in range(count):
        free = [room[w] - taken[w] for w in range(3)]
        if not any(free):
            break
        order = rng.permutation(3)
        wall = max(order, key=lambda w: free[w] / max(room[w], 1) * (1.3 if w == 0 else 1.0))
        taken[int(wall)] += 1
    racks: list[Rack] = []
    for wall, length in enumerate((back, side, side)):
        run = taken[wall] * pitch - _JOINT_M
        begin = float(rng.uniform(0.2, 0.8)) * (length - run)
        for k in range(taken[wall]):
            at = begin + k * pitch
            deep = RACK_DEPTH_M + _WALL_GAP_M
            racks.append(
                (
                    Rack(_CORNER_M + at, long_m - deep, 0.0, False),
                    Rack(deep, GATE_ZONE_M + at, 90.0, False),
                    Rack(wide_m - deep, GATE_ZONE_M + at + RACK_M, -90.0, False),
                )[wall]
            )
    return racks


def _gondola(id: str, rack: Rack, kinds: Mapping[bool, tuple[float, tuple[float, ...]]]) -> Gondola:
    height_m, boards = kinds[rack.island]
    return Gondola(
        id=id,
        x_m=round(rack.x_m, 3),
        y_m=round(rack.y_m, 3),
        yaw_deg=rack.yaw_deg,
        width_m=RACK_M,
        depth_m=RACK_DEPTH_M,
        height_m=height_m,
        shelves=[
            Shelf(id=f"{id}s{k}", z_m=z_m, depth_m=BOARD_DEPTH_M, plate_count=PLATES)
            for k, z_m in enumerate(boards, 1)
        ],
    )
