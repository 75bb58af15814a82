"""Draws a store's plan as an SVG: racks, facings, gates, cameras, and how many of them see what."""

from __future__ import annotations

import math
from itertools import groupby

import numpy as np

from sensors.store import Camera, Gate, Gondola, facing_id
from service.plan_legend import (
    CELL_EDGE,
    EDGE,
    ENTRY,
    EXIT,
    LENS,
    PALETTE,
    RACK,
    draw_antenna,
    draw_legend,
)
from service.store_check import CELL_M, StoreCheck
from service.svg_canvas import INK, PAPER, QUIET, SURFACE, Canvas, Point
from simulator.routes import Doorway

PX_PER_M = 100.0
MARGIN_PX, HEAD_PX, LEGEND_PX, FOOT_PX = 56.0, 84.0, 268.0, 64.0
_OUTSIDE_M = 0.55  # drawn beyond the walls, for gates
_WALL, _SHADE, _UNSEEN_EDGE = "#3d4742", "#d5d9d0", "#b3261e"
_CONE_M = 1.7
_BACK_M = 0.04  # how thick the back of a rack is drawn
_CONE = (
    f'<radialGradient id="cone"><stop offset="0" stop-color="{LENS}" stop-opacity="0.42"/>'
    f'<stop offset="1" stop-color="{LENS}" stop-opacity="0"/></radialGradient>'
)


def draw_plan(checked: StoreCheck) -> str:
    """The text of the SVG; the same store gives the same text."""
    return _Plan(checked).text()


class _Plan:
    """One drawing of one store."""

    def __init__(self, checked: StoreCheck) -> None:
        self._checked, self._store = checked, checked.store
        self._canvas = Canvas()
        f = self._store.floor
        self._wide = (f.x_max_m - f.x_min_m + 2 * _OUTSIDE_M) * PX_PER_M
        self._long = (f.y_max_m - f.y_min_m + 2 * _OUTSIDE_M) * PX_PER_M

    def text(self) -> str:
        self._head()
        self._coverage()
        self._walls()
        for gondola in self._store.gondolas:
            self._rack(gondola)
        for camera in self._store.cameras:
            self._camera(camera)
        for gate in self._store.gates:
            self._gate(gate)
        self._antennas()
        self._scale()
        x, y = MARGIN_PX + self._wide + 16, HEAD_PX + _OUTSIDE_M * PX_PER_M
        bottom = draw_legend(self._canvas, self._checked, x, y)
        high = max(HEAD_PX + self._long + FOOT_PX, bottom + 24)
        return self._canvas.text(MARGIN_PX + self._wide + LEGEND_PX, high, _CONE)

    def _at(self, x_m: float, y_m: float) -> Point:
        """Pixels of a floor point; y points up."""
        f = self._store.floor
        return (
            MARGIN_PX + (x_m - f.x_min_m + _OUTSIDE_M) * PX_PER_M,
            HEAD_PX + (f.y_max_m + _OUTSIDE_M - y_m) * PX_PER_M,
        )

    def _head(self) -> None:
        facts = self._checked.facts()
        wide, long = facts["floor_m"]
        self._canvas.write(MARGIN_PX, 42, self._store.name, 26, weight=650)
        said = (
            f"{wide:g} × {long:g} m · {facts['gondolas']} gondolas · {facts['facings']} facings · "
            f"{facts['products']} products · {facts['cameras']} cameras"
        )
        self._canvas.write(MARGIN_PX, 66, said, 14, QUIET)

    def _coverage(self) -> None:
        """The floor, shaded by how many cameras see it; equal cells of a row are one rectangle."""
        f, counts = self._store.floor, self._checked.coverage.floor
        self._canvas.add('<g shape-rendering="crispEdges">')
        for j in range(counts.shape[1]):
            at = 0
            for count, run in groupby(np.minimum(counts[:, j], len(PALETTE) - 1).tolist()):
                length = len(list(run))
                fill = PALETTE[count] if count >= 0 else _SHADE
                corner = self._at(f.x_min_m + at * CELL_M, f.y_min_m + (j + 1) * CELL_M)
                size = length * CELL_M * PX_PER_M, CELL_M * PX_PER_M
                self._canvas.rect(corner, *size, f'fill="{fill}"')
                at += length
        self._canvas.add("</g>")

    def _walls(self) -> None:
        f, canvas = self._store.floor, self._canvas
        (x0, y1), (x1, y0) = self._at(f.x_min_m, f.y_max_m), self._at(f.x_max_m, f.y_min_m)
        for k in range(math.ceil(f.x_min_m), math.floor(f.x_max_m) + 1):
            x, _ = self._at(k, 0)
            canvas.line((x, y0), (x, y1), SURFACE, 0.5, 0.6)
            canvas.write(x, y1 - 16, str(k), 11, QUIET, "middle")
        for k in range(math.ceil(f.y_min_m), math.floor(f.y_max_m) + 1):
            _, y = self._at(0, k)
            canvas.line((x0, y), (x1, y), SURFACE, 0.5, 0.6)
            canvas.write(x0 - 18, y + 4, str(k), 11, QUIET, "middle")
        canvas.write(x1 + 14, y1 - 16, "x, m", 11, QUIET)
        canvas.write(x0 - 18, y0 + 22, "y, m", 11, QUIET, "middle")
        style = f'fill="none" stroke="{_WALL}" stroke-width="5" stroke-linejoin="round"'
        canvas.rect((x0, y1), x1 - x0, y0 - y1, style)

    def _rack(self, gondola: Gondola) -> None:
        """The rack seen from above: its boards as rows, the lowest one nearest to the shopper."""

        def box(left: float, right: float, low: float, high: float) -> list[Point]:
            corners = ((left, low), (right, low), (right, high), (left, high))
            return [self._at(*gondola.to_floor(*corner)) for corner in corners]

        wide, deep = gondola.width_m, gondola.depth_m
        style = f'fill="{RACK}" stroke="{EDGE}" stroke-width="1.2"'
        self._canvas.shape(box(0, wide, 0, deep), style)
        self._canvas.shape(box(0, wide, deep - _BACK_M, deep), f'fill="{EDGE}"')
        boards = sorted(gondola.shelves, key=lambda shelf: shelf.z_m)
        row_m = (deep - _BACK_M) / max(1, len(boards))
        names = {product.gtin: product.name for product in self._store.products}
        for k, shelf in enumerate(boards):
            low, high = k * row_m + 0.008, (k + 1) * row_m - 0.004
            for facing in shelf.facings:
                left = (min(facing.plates) - 1) * shelf.plate_width_m + 0.006
                right = max(facing.plates) * shelf.plate_width_m - 0.006
                name = facing_id(shelf.id, facing)
                seen = self._checked.coverage.facings[name]
                said = f"{name}: {names[facing.gtin]}, {facing.units} of {facing.capacity} units; "
                said += f"seen by {', '.join(seen)}" if seen else "seen by no camera"
                fill = PALETTE[min(len(PALETTE) - 1, len(seen))]
                edge = CELL_EDGE if seen else _UNSEEN_EDGE
                style = f'fill="{fill}" stroke="{edge}" stroke-width="0.6"'
                self._canvas.shape(box(left, right, low, high), style, said)
                middle = gondola.to_floor((left + right) / 2, (low + high) / 2)
                self._plate_label(self._at(*middle), gondola.yaw_deg, row_m, min(facing.plates))
        x, y = self._at(*gondola.to_floor(wide / 2, -0.13))
        self._canvas.write(x, y + 5, gondola.id, 14, INK, "middle", 650, halo=True)

    def _plate_label(self, at: Point, yaw_deg: float, row_m: float, plate: int) -> None:
        turn = (90 - yaw_deg) % 180 - 90  # never upside down
        size = min(7.5, row_m * PX_PER_M * 0.72)
        self._canvas.add(
            f'<text transform="translate({at[0]:.1f} {at[1]:.1f}) rotate({turn:g})"'
            f' y="{size * 0.36:.1f}" font-size="{size:.1f}" text-anchor="middle">{plate}</text>'
        )

    def _camera(self, camera: Camera) -> None:
        (x_m, y_m, z_m), (to_x, to_y, _) = camera.position_m, camera.look_at_m
        heading = math.atan2(to_y - y_m, to_x - x_m)
        half = math.atan(camera.width_px / 2 / camera.fx)

        def away(metres: float, turn: float = 0.0) -> Point:
            angle = heading + turn
            return self._at(x_m + metres * math.cos(angle), y_m + metres * math.sin(angle))

        rim = [away(0), *(away(_CONE_M, half * k / 6) for k in range(-6, 7))]
        path = " L ".join(f"{x:.1f} {y:.1f}" for x, y in rim)
        self._canvas.add(
            f'<clipPath id="clip-{camera.id}"><path d="M {path} Z"/></clipPath>'
            f'<g clip-path="url(#clip-{camera.id})">'
        )
        self._canvas.dot(away(0), _CONE_M * PX_PER_M, 'fill="url(#cone)"')
        self._canvas.add("</g>")
        for turn in (-half, half):
            self._canvas.line(away(0), away(_CONE_M, turn), LENS, 0.8, 0.35)
        self._canvas.line(away(0), away(0.13), LENS, 5)
        style = f'fill="{LENS}" stroke="{SURFACE}" stroke-width="2"'
        self._canvas.dot(away(0), 7, style, f"{camera.id}, {z_m:g} m high")
        f = self._store.floor
        back_x, back_y = x_m - 0.3 * math.cos(heading), y_m - 0.3 * math.sin(heading)
        inside = f.x_min_m < back_x < f.x_max_m and f.y_min_m < back_y < f.y_max_m
        x, y = away(-0.24 if inside else 0.34)  # behind one on the wall it would cover the scale
        self._canvas.write(x, y + 4, camera.id, 12, LENS, "middle", 650, halo=True)

    def _gate(self, gate: Gate) -> None:
        colour = EXIT if gate.kind == "exit" else ENTRY
        door = Doorway.of(gate, self._store)
        ends = self._at(*gate.a_m), self._at(*gate.b_m)
        self._canvas.line(*ends, PAPER, 7)
        self._canvas.line(*ends, colour, 3)
        for end in ends:
            self._canvas.dot(end, 5, f'fill="{colour}"')
        ways = {"entry": (1,), "exit": (-1,), "both": (1, -1)}[gate.kind]
        for k, way in enumerate(ways):
            self._arrow(door, (k - (len(ways) - 1) / 2) * 0.3, way, colour)
        x, y = self._at(*door.point(0.46))
        self._canvas.write(x, y + 5, gate.id, 13, colour, "middle", 650)

    def _arrow(self, door: Doorway, aside_m: float, way: int, colour: str) -> None:
        """An arrow through a gate: inwards for way 1, outwards for −1."""

        def at(out_m: float, along_m: float) -> Point:
            x, y = door.point(out_m * way)
            side = aside_m + along_m
            return self._at(x + side * door.across[0], y + side * door.across[1])

        self._canvas.line(at(0.26, 0), at(-0.2, 0), colour, 3)
        self._canvas.shape([at(-0.34, 0), at(-0.16, 0.1), at(-0.16, -0.1)], f'fill="{colour}"')

    def _antennas(self) -> None:
        store = self._store
        shelves = {
            shelf.id: gondola.to_floor(gondola.width_m - 0.12, -0.1)
            for gondola in store.gondolas
            for shelf in gondola.shelves
        }
        gates = {gate.id: Doorway.of(gate, store).point(-0.55) for gate in store.gates}
        for antenna in store.antennas:
            here = shelves[antenna.covers[0]] if antenna.gate is None else gates[antenna.gate]
            draw_antenna(self._canvas, self._at(*here), antenna.id)

    def _scale(self) -> None:
        x, _ = self._at(self._store.floor.x_min_m, 0)
        y = HEAD_PX + self._long + 18
        for k, fill in enumerate((INK, SURFACE)):
            style = f'fill="{fill}" stroke="{INK}"'
            self._canvas.rect((x + k * PX_PER_M, y), PX_PER_M, 7, style)
        for k in range(3):
            self._canvas.write(
                x + k * PX_PER_M, y + 22, f"{k} m" if k else "0", 11, QUIET, "middle"
            )
