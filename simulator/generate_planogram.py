"""What stands where in a generated store: blocks of articles on shelves, categories together."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sensors.store import Facing, Gondola, Product, Shelf
from simulator.catalogue import Block
from simulator.catalogue_statistics import CATEGORIES

WIDTHS = {1: 0.12, 2: 0.52, 3: 0.31, 4: 0.05}  # plates of a facing, as on real shelves
SECOND_PLACES = 0.05  # share of facings that repeat an article which stands elsewhere
MOST_UNITS = 24
_GAP_M = 0.006  # between two units
_TOP_ROOM_M = 0.38  # above a rack's highest board
_HAND_M = 0.05  # free above what stands under a board
_PLATE_LIMIT_G = 15_000.0
_PLATES_EACH = 2.5
_AHEAD = 12  # blocks next in turn; the first one that fits on a shelf stands there
_TRIES = 40  # blocks more when none in turn fits


def stock(
    rng: np.random.Generator,
    gondolas: tuple[Gondola, ...],
    blocks: Iterator[Block],
    density: float,
) -> tuple[list[Gondola], list[Product]]:
    """Racks with facings on a share `density` of their plates, and the articles that they hold."""
    plates = sum(s.plate_count for g in gondolas for s in g.shelves)
    waiting = _by_category(blocks, round(plates * density / _PLATES_EACH))
    placed: dict[str, Product] = {}
    once: list[Product] = []
    filled = []
    for gondola in gondolas:
        before = set(placed)
        shelves = []
        for shelf in gondola.shelves:
            room = int(shelf.plate_count * density + rng.random())
            wanted = _fill(rng, gondola, shelf, room, waiting, blocks, once)
            shelves.append(shelf.model_copy(update={"facings": _spread(rng, shelf, wanted)}))
            placed.update((product.gtin, product) for product, _ in wanted)
        once += [product for gtin, product in placed.items() if gtin not in before]
        filled.append(gondola.model_copy(update={"shelves": shelves}))
    return filled, list(placed.values())


def _by_category(blocks: Iterator[Block], articles: int) -> list[list[Product]]:
    """Blocks with so many articles in all, sorted so that a category and a kind stand together."""
    order = [category.name for category in CATEGORIES]
    found: list[Block] = []
    while sum(len(block.products) for block in found) < articles:
        found.append(next(blocks))
    found.sort(key=lambda b: (order.index(b.kind.category), b.kind.name, b.net))
    return [list(block.products) for block in found]


def _fill(
    rng: np.random.Generator,
    gondola: Gondola,
    shelf: Shelf,
    room: int,
    waiting: list[list[Product]],
    blocks: Iterator[Block],
    elsewhere: list[Product],
) -> list[tuple[Product, int]]:
    """Articles and plates for one shelf, from the blocks next in turn that fit on it; now and then
    one that stands `elsewhere` in the store already."""
    clear = _clear_m(gondola, shelf)
    chosen: list[tuple[Product, int]] = []
    while room > 0:
        again = [p for p in elsewhere if _fits([p], clear, room, shelf)]
        if again and rng.random() < SECOND_PLACES:
            products = [again[int(rng.integers(len(again)))]]
            elsewhere.remove(products[0])
        else:
            fitting = (b for b in waiting[:_AHEAD] if _fits(b, clear, room, shelf))
            found = next(fitting, None)
            if found is not None:
                waiting.remove(found)
            products = found or _another(blocks, clear, room, shelf)
            if not products:
                break
        for k, product in enumerate(products):
            later = sum(_least_plates(p, shelf) for p in products[k + 1 :])
            drawn = int(rng.choice(list(WIDTHS), p=list(WIDTHS.values())))
            count = min(max(_least_plates(product, shelf), drawn), room - later)
            chosen.append((product, count))
            room -= count
    return chosen


def _another(blocks: Iterator[Block], clear_m: float, room: int, shelf: Shelf) -> list[Product]:
    """A block out of turn that fits; none where the next few do not."""
    for _ in range(_TRIES):
        products = list(next(blocks).products)
        if _fits(products, clear_m, room, shelf):
            return products
    return []


def _spread(
    rng: np.random.Generator, shelf: Shelf, wanted: list[tuple[Product, int]]
) -> list[Facing]:
    """Facings from left to right; plates that are left over stay empty between some of them."""
    spare = shelf.plate_count - sum(count for _, count in wanted)
    before = np.bincount(rng.integers(len(wanted) + 1, size=spare), minlength=len(wanted) + 1)
    facings, at = [], 1
    for (product, count), empty in zip(wanted, before, strict=False):
        at += int(empty)
        capacity = _capacity(product, shelf, count)
        units = max(1, round(capacity * float(rng.uniform(0.5, 1.0))))
        plates = list(range(at, at + count))
        facings.append(Facing(gtin=product.gtin, plates=plates, units=units, capacity=capacity))
        at += count
    return facings


def _capacity(product: Product, shelf: Shelf, plates: int) -> int:
    """Units of an article that stand on so many plates, one layer, and that these may bear."""
    wide, deep, _ = product.size_m
    columns = max(1, math.floor(plates * shelf.plate_width_m / (wide + _GAP_M)))
    rows = max(1, math.floor((shelf.depth_m - 0.01) / (deep + _GAP_M)))
    bears = max(1, int(plates * _PLATE_LIMIT_G / product.weight_g))
    return min(columns * rows, bears, MOST_UNITS)


def _least_plates(product: Product, shelf: Shelf) -> int:
    return math.ceil((product.size_m[0] + _GAP_M) / shelf.plate_width_m)


def _fits(products: list[Product], clear_m: float, room: int, shelf: Shelf) -> bool:
    low = all(product.size_m[2] <= clear_m for product in products)
    return low and sum(_least_plates(product, shelf) for product in products) <= room


def _clear_m(gondola: Gondola, shelf: Shelf) -> float:
    """The height that may stand on a board, with room for a hand above it."""
    above = [s.z_m for s in gondola.shelves if s.z_m > shelf.z_m]
    return min(above) - shelf.z_m - 0.03 - _HAND_M if above else _TOP_ROOM_M
