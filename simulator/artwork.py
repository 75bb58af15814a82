"""What is printed on packages: marks, names, photographs and windows, as brands have them.

All but the colours belongs to a family (the products of a brand whose names begin alike): flavours
share one layout and are told apart by colour. A product without a brand is a family of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.store import Picture, Product
from simulator.halves import Half, settle_mark
from simulator.raster import TEXTURE_PX

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]

GLYPH_ROWS, GLYPH_COLUMNS = 5, 3
MARK_ROWS, MARK_COLUMNS = 4, 3  # and mirrored
_DARK, _LIGHT = np.array([28.0, 26.0, 30.0]), np.array([248.0, 247.0, 242.0])
_APART = 70.0  # colours that are nearer cannot be told apart
_y, _x = np.mgrid[0:TEXTURE_PX, 0:TEXTURE_PX]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How the fronts of one family are laid out, in texels of `TEXTURE_PX`.

    `mark` (4, 3) is the left half of the brand's emblem; `letters` (L, 5, 3) its name; `plate` the
    shape that they stand on, None for none.
    """

    mark: Mask
    letters: Mask
    plate: str | None
    top: int
    scale: int
    photo_at: tuple[int, int] | None
    photo_px: float
    window: bool
    lines: tuple[tuple[int, int, int], ...]
    fade: float
    ink_light: bool


def family_of(product: Product) -> str:
    """The family's name; its layout follows from this alone."""
    first = product.name.split(maxsplit=1)[0].casefold() if product.name.strip() else ""
    return f"{product.brand}|{first}" if product.brand else f"|{product.gtin}"


def brand_mark(product: Product, half: Half) -> Mask:
    """The left half of the emblem that all products of a brand bear, (4, 3)."""
    rng = _generator(product.brand or product.gtin)
    return settle_mark(rng.random((MARK_ROWS, MARK_COLUMNS)) < 0.55, half)


def layout_of(product: Product, half: Half) -> Layout:
    """Draw a family's layout; the same family gives the same one."""
    rng = _generator(family_of(product))
    bag = product.picture.form == "bag"
    lines = []
    y = int(rng.integers(46, 51))
    while y < TEXTURE_PX - 2:
        start = int(rng.integers(4, 12))
        lines.append((y, start, int(rng.integers(20, TEXTURE_PX - 4 - start))))
        y += int(rng.integers(3, 6))
    return Layout(
        mark=brand_mark(product, half),
        letters=rng.random((int(rng.integers(3, 7)), GLYPH_ROWS, GLYPH_COLUMNS)) < 0.62,
        plate=str(rng.choice(["oval", "bar", "shield"])) if rng.random() < 0.6 else None,
        top=int(rng.integers(3, 9)),
        scale=int(rng.integers(2, 4)),
        photo_at=(int(rng.integers(14, 50)), int(rng.integers(32, 44)))
        if rng.random() < 0.55
        else None,
        photo_px=float(rng.uniform(6.0, 11.0)),
        window=bool(rng.random() < (0.5 if bag else 0.12)),
        lines=tuple(lines),
        fade=float(rng.uniform(-0.18, 0.18)),
        ink_light=bool(rng.random() < 0.5),
    )


def package_art(product: Product, half: Half = "scoring") -> Bytes:
    """The front of a package, (n, n, 3) RGB."""
    picture, layout = product.picture, layout_of(product, half)
    base, accent = rgb_of(picture.base), rgb_of(picture.accent)
    art = np.empty((TEXTURE_PX, TEXTURE_PX, 3))
    art[:] = base
    art *= (1.0 + layout.fade * (_y / TEXTURE_PX - 0.5))[..., None]
    art[_motif(picture)] = accent
    if layout.photo_at is not None:
        _photograph(art, layout, picture)
    if layout.window:
        _window(art, layout, base)
    paper, ink = (_DARK, _LIGHT) if layout.ink_light else (_LIGHT, _DARK)
    if layout.plate is None:
        ink = _LIGHT if base.mean() < 130 else _DARK
    else:
        art[_plate(layout)] = paper
    seen = [c for c in (accent, base) if np.abs(c - paper).max() > _APART]
    _emblem(art, layout, seen[0] if layout.plate and seen else ink)
    _letters(art, layout, ink)
    fine = _LIGHT if base.mean() < 120 else _DARK
    for y, start, length in layout.lines:
        dashes = (_x[y] >= start) & (_x[y] < start + length) & ((_x[y] * 7 + y * 3) % 11 > 2)
        art[y, dashes] = 0.35 * art[y, dashes] + 0.65 * fine
    return np.clip(art, 0, 255).astype(np.uint8)


def rgb_of(colour: str) -> Array:
    """(3,) values 0…255 of a `#rrggbb`."""
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)


def _generator(key: str) -> np.random.Generator:
    return np.random.default_rng(int(hashlib.sha256(key.encode()).hexdigest()[:12], 16))


def _motif(picture: Picture) -> Mask:
    """Where the accent colour lies on a front, (n, n)."""
    n = TEXTURE_PX
    cell = n // 8
    masks = {
        "disc": np.hypot(_x - n / 2 + 0.5, _y - n * 0.5) < n * 0.3,
        "stripes": (_x // cell) % 3 == 1,
        "split": _x + _y > n,
        "checks": ((_x // (2 * cell) + _y // (2 * cell)) % 2 == 0) & (_y > n // 3),
        "band": (_y > n * 0.55) & (_y < n * 0.8),
    }
    return np.asarray(masks[picture.motif], dtype=np.bool_)


def _photograph(art: Array, layout: Layout, picture: Picture) -> None:
    """Three lit balls in the flavour's colour: fruit, nuts, whatever the package holds."""
    assert layout.photo_at is not None
    flavour = 0.55 * rgb_of(picture.base)[[1, 2, 0]] + 0.45 * rgb_of(picture.base) + 30.0
    x, y = layout.photo_at
    for dx, dy in ((-0.8, 0.2), (0.8, 0.3), (0.0, -0.4)):
        u, v = (_x - x) / layout.photo_px - dx, (_y - y) / layout.photo_px - dy
        ball = np.hypot(u, v) < 0.75
        light = (1.05 - 0.5 * np.hypot(u + 0.25, v + 0.3))[..., None]
        art[ball] = (flavour * light)[ball]


def _window(art: Array, layout: Layout, base: Array) -> None:
    """A clear part that shows the goods: brown, speckled."""
    inside = np.hypot((_x - TEXTURE_PX / 2) / 16.0, (_y - 38) / 9.0) < 1.0
    speckles = ((_x * 13 + _y * 29 + int(layout.photo_px * 8)) % 17 / 17.0)[..., None]
    goods = (0.25 * base + np.array([140.0, 105.0, 62.0]) * 0.75) * (0.75 + 0.4 * speckles)
    art[inside] = goods[inside]


def _plate(layout: Layout) -> Mask:
    middle = TEXTURE_PX / 2 - 0.5
    u, v = (_x - middle) / 28.0, (_y - layout.top - 12) / 13.0
    if layout.plate == "oval":
        return np.asarray(u * u + v * v < 1.0)
    if layout.plate == "bar":
        return np.asarray(np.abs(v) < 0.85)
    return np.asarray((np.abs(u) < 0.75) & (v > -0.95) & (v < 1.1 - 0.7 * np.abs(u)))


def _emblem(art: Array, layout: Layout, ink: Array) -> None:
    mark = np.concatenate([layout.mark, layout.mark[:, ::-1]], axis=1)
    mark = np.kron(mark, np.ones((3, 3), dtype=np.bool_))
    left = (TEXTURE_PX - mark.shape[1]) // 2
    art[layout.top : layout.top + mark.shape[0], left : left + mark.shape[1]][mark] = ink


def _letters(art: Array, layout: Layout, ink: Array) -> None:
    """The brand's name: strokes of no alphabet."""
    word = np.concatenate([np.pad(glyph, ((0, 0), (0, 1))) for glyph in layout.letters], axis=1)
    word = np.kron(word, np.ones((2, layout.scale), dtype=np.bool_))[:, : TEXTURE_PX - 6]
    left, top = (TEXTURE_PX - word.shape[1]) // 2, layout.top + 14
    art[top : top + word.shape[0], left : left + word.shape[1]][word] = ink
