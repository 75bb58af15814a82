"""Prints the calibration board at its true size: PDF and SVG in millimetres, PNG with its dpi."""

from __future__ import annotations

import struct
import zlib
from itertools import groupby
from pathlib import Path

import numpy as np

from service.film_source import FilmError
from vision.board import Board

MARGIN_MM = 12.0
_MODULES = 10
_PT_PER_MM = 72 / 25.4
_DPI = 300


def write_board(board: Board, path: Path) -> tuple[float, float]:
    """Write the board as .pdf, .svg or .png; the sheet's width and height in millimetres.

    Raises FilmError for other names, and where the file cannot be written.
    """
    write = {".pdf": _pdf, ".svg": _svg, ".png": _png}.get(path.suffix.lower())
    if write is None:
        raise FilmError(f"{path}: a board is written as .pdf, .svg or .png")
    try:
        path.write_bytes(write(board))
    except OSError as error:
        raise FilmError(f"{path}: cannot be written: {error.strerror}") from error
    return _sheet_mm(board)


def label(board: Board) -> str:
    """What stands below the print, so that the board can be told to the commands."""
    return (
        f"OpenAisle board: --columns {board.columns} --rows {board.rows}"
        f" --square-mm {board.square_m * 1000:g}. Print at 100 %, measure a square, glue to"
        " something flat."
    )


def _sheet_mm(board: Board) -> tuple[float, float]:
    wide, high = board.size_m
    return wide * 1000 + 2 * MARGIN_MM, high * 1000 + 2 * MARGIN_MM


def _bars(board: Board) -> list[tuple[float, float, float, float]]:
    """Black rectangles: x, y of the upper left corner, width, height in mm on the sheet."""
    black = board.modules()
    unit = board.square_m * 1000 / _MODULES
    bars: list[tuple[int, int, int, int]] = []
    open_bars: dict[tuple[int, int], int] = {}
    for row in range(len(black) + 1):
        runs: set[tuple[int, int]] = set()
        if row < len(black):
            at = 0
            for dark, same in groupby(black[row].tolist()):
                length = len(list(same))
                if dark:
                    runs.add((at, length))
                at += length
        for run in [r for r in open_bars if r not in runs]:
            top = open_bars.pop(run)
            bars.append((run[0], top, run[1], row - top))
        for run in runs - open_bars.keys():
            open_bars[run] = row
    return [(MARGIN_MM + x * unit, MARGIN_MM + y * unit, w * unit, h * unit) for x, y, w, h in bars]


def _svg(board: Board) -> bytes:
    wide, high = _sheet_mm(board)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:g}mm" height="{high:g}mm"'
        f' viewBox="0 0 {wide:g} {high:g}" shape-rendering="crispEdges">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    parts += [
        f'<rect x="{x:.3f}" y="{y:.3f}" width="{w:.3f}" height="{h:.3f}"/>'
        for x, y, w, h in sorted(_bars(board))
    ]
    parts.append(
        f'<text x="{MARGIN_MM:g}" y="{high - 4:g}" font-size="3.4" font-family="sans-serif">'
        f"{label(board)}</text></svg>\n"
    )
    return "\n".join(parts).encode()


def _pdf(board: Board) -> bytes:
    """A page of vector rectangles; PDF 1.4, ISO 32000, annex H's smallest form."""
    wide, high = (mm * _PT_PER_MM for mm in _sheet_mm(board))
    draw = ["0 g"]
    for x, y, w, h in sorted(_bars(board)):
        pt = [v * _PT_PER_MM for v in (x, y, w, h)]
        draw.append(f"{pt[0]:.4f} {high - pt[1] - pt[3]:.4f} {pt[2]:.4f} {pt[3]:.4f} re")
    draw.append("f")
    words = label(board).replace("\\", "").replace("(", "").replace(")", "")
    draw.append(f"BT /F1 8 Tf {MARGIN_MM * _PT_PER_MM:.2f} 12 Td ({words}) Tj ET")
    content = "\n".join(draw).encode("latin-1")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {wide:.4f} {high:.4f}] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n" % len(content) + content + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    return out + b"startxref\n%d\n%%%%EOF\n" % table


def _png(board: Board) -> bytes:
    """Grey pixels, as many to a module as come nearest to 300 dpi; the dpi make the size true."""
    module_mm = board.square_m * 1000 / _MODULES
    side = max(1, round(module_mm / 25.4 * _DPI))
    per_m = round(1000 * side / module_mm)
    art = np.where(board.modules(), 0, 255).astype(np.uint8)
    art = np.kron(art, np.ones((side, side), np.uint8))
    art = np.pad(art, round(MARGIN_MM / 1000 * per_m), constant_values=255)
    rows = np.pad(art, ((0, 0), (1, 0)))  # a filter byte before every row

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", art.shape[1], art.shape[0], 8, 0, 0, 0, 0)
    size = struct.pack(">IIB", per_m, per_m, 1)
    pixels = zlib.compress(rows.tobytes(), 9)
    parts = chunk(b"IHDR", head) + chunk(b"pHYs", size) + chunk(b"IDAT", pixels)
    return b"\x89PNG\r\n\x1a\n" + parts + chunk(b"IEND", b"")
