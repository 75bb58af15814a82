"""The panel beside a store's plan: what colours and signs mean, shares, warnings."""

from __future__ import annotations

import math

from service.store_check import StoreCheck
from service.svg_canvas import INK, QUIET, Canvas, Point

PALETTE = ("#f2b8a8", "#f8dfa3", "#cfe6d6", "#9fcdb4", "#6fb394")  # seen by 0, 1, 2, 3, 4+
RACK, EDGE, CELL_EDGE = "#ffffff", "#59635d", "#8d958f"
ENTRY, EXIT, LENS, RFID, WARNING = "#17664c", "#3f57b8", "#2b3560", "#8a3fa8", "#a35d00"
_COLUMN_PX = (156.0, 222.0)
_LINE_LETTERS = 40


def draw_legend(canvas: Canvas, checked: StoreCheck, x: float, y: float) -> float:
    """Write the panel from (x, y) downwards; returns where it ends."""
    y = _coverage(canvas, checked, x, y)
    y = _signs(canvas, bool(checked.store.antennas), x, y)
    return _warnings(canvas, checked.warnings, x, y)


def draw_antenna(canvas: Canvas, at: Point, name: str) -> None:
    """The sign of an antenna: a dot and the waves beside it."""
    x, y = at
    arcs = "".join(
        f'<path d="M {x + side * r:.1f} {y - r:.1f} A {r * math.sqrt(2):.1f} {r * math.sqrt(2):.1f}'
        f' 0 0 {int(side > 0)} {x + side * r:.1f} {y + r:.1f}"/>'
        for r in (3.5, 6.0)
        for side in (-1, 1)
    )
    canvas.add(f'<g fill="none" stroke="{RFID}" stroke-width="1.5" stroke-linecap="round">')
    canvas.dot(at, 2, f'fill="{RFID}"', name)
    canvas.add(f"{arcs}</g>")


def _coverage(canvas: Canvas, checked: StoreCheck, x: float, y: float) -> float:
    cover = checked.coverage
    floor = cover.floor[cover.floor >= 0]
    facings = [len(cameras) for cameras in cover.facings.values()]
    canvas.write(x, y + 4, "Cameras that see a place", 14, weight=650)
    canvas.write(x, y + 22, "floor at 1 m height · facings’ fronts", 11, QUIET)
    for column, title in zip(_COLUMN_PX, ("floor", "facings"), strict=True):
        canvas.write(x + column, y + 40, title, 11, QUIET, "end")
    y += 46
    for k, colour in enumerate(PALETTE):
        last = k == len(PALETTE) - 1
        here = floor >= k if last else floor == k
        shown = sum(n >= k if last else n == k for n in facings)
        canvas.rect((x, y), 26, 18, f'rx="3" fill="{colour}"')
        canvas.write(x + 36, y + 14, f"{k} or more" if last else str(k), 13)
        share = float(here.mean()) if floor.size else 0.0
        canvas.write(x + _COLUMN_PX[0], y + 14, f"{share:.0%}", 12, QUIET, "end")
        canvas.write(x + _COLUMN_PX[1], y + 14, str(shown), 12, QUIET, "end")
        y += 23
    return y + 32


def _signs(canvas: Canvas, antennas: bool, x: float, y: float) -> float:
    canvas.write(x, y, "Signs", 14, weight=650)
    y += 24
    canvas.dot((x + 13, y - 4), 7, f'fill="{LENS}"')
    canvas.write(x + 36, y, "camera and what it faces", 12, QUIET)
    y += 24
    canvas.rect((x, y - 11), 26, 14, f'fill="{RACK}" stroke="{EDGE}" stroke-width="1.2"')
    canvas.rect((x, y - 11), 26, 3, f'fill="{EDGE}"')
    canvas.write(x + 36, y, "gondola; the dark side is its back", 12, QUIET)
    y += 24
    cell = f'fill="{PALETTE[2]}" stroke="{CELL_EDGE}" stroke-width="0.6"'
    canvas.rect((x, y - 11), 26, 13, cell)
    canvas.write(x + 13, y - 1, "4", 8, INK, "middle")
    canvas.write(x + 36, y, "facing and its first plate;", 12, QUIET)
    canvas.write(x + 36, y + 15, "rows: boards, lowest in front", 12, QUIET)
    y += 39
    for colour, said in ((ENTRY, "gate that people enter by"), (EXIT, "gate that they leave by")):
        canvas.line((x, y - 4), (x + 26, y - 4), colour, 3)
        canvas.write(x + 36, y, said, 12, QUIET)
        y += 24
    if antennas:
        draw_antenna(canvas, (x + 13, y - 4), "antenna")
        canvas.write(x + 36, y, "RFID antenna", 12, QUIET)
        y += 24
    return y + 12


def _warnings(canvas: Canvas, warnings: list[str], x: float, y: float) -> float:
    if not warnings:
        return y
    canvas.write(x, y + 14, "Warnings", 14, weight=650)
    y += 20
    for warning in warnings:
        for line in _wrapped(warning):
            y += 16
            canvas.write(x, y, line, 11, WARNING)
        y += 6
    return y


def _wrapped(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > _LINE_LETTERS and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
