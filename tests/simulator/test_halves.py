"""What training pictures are drawn from and what scored worlds are drawn from have nothing in
common."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.store import Product
from simulator.artwork import brand_mark, package_art, rgb_of
from simulator.figure import GIRTH_CELL, HEIGHT_CELL_M, STRIPES_CELL, Figure
from simulator.halves import (
    Half,
    half_of,
    half_of_colour,
    half_of_mark,
    settle,
    settle_colour,
    settle_mark,
)
from simulator.scenery import AZIMUTH_CELL_RAD, TILE_CELL_M, Look
from simulator.training_stores import random_crowd, random_store

HALVES: tuple[Half, Half] = ("training", "scoring")
BYTE = st.integers(0, 255)


@given(st.floats(0, 400), st.sampled_from([0.01, 0.02, 0.5, 0.26]), st.sampled_from(HALVES))
def test_a_value_moves_by_half_a_cell_at_most(value: float, cell: float, half: Half) -> None:
    settled = settle(value, cell, half)
    assert half_of(settled, cell) == half
    assert settled >= 0
    assert abs(settled - value) <= (2.001 if value < cell else 1.001) * cell
    assert settle(settled, cell, half) == settled


@given(st.tuples(BYTE, BYTE, BYTE), st.sampled_from(HALVES))
def test_a_colour_moves_to_one_beside_it(rgb: tuple[int, int, int], half: Half) -> None:
    settled = settle_colour(rgb, half)
    assert half_of_colour(settled) == half
    assert all(0 <= c <= 255 for c in settled)
    assert max(abs(a - b) for a, b in zip(rgb, settled, strict=True)) <= 15


@given(st.lists(st.booleans(), min_size=12, max_size=12), st.sampled_from(HALVES))
def test_a_mark_keeps_all_but_one_of_its_bits(bits: list[bool], half: Half) -> None:
    mark = np.array(bits).reshape(4, 3)
    settled = settle_mark(mark, half)
    assert half_of_mark(settled) == half
    assert (settled != mark).sum() <= 1


def figures(half: Half) -> list[Figure]:
    drawn = [Figure.random(np.random.default_rng(seed), half) for seed in range(150)]
    for seed in range(150):
        rng = np.random.default_rng(seed)
        said = {name: bool(rng.random() < 0.5) for name in ("child", "backpack", "bag", "coat")}
        drawn.append(Figure.looking(rng, clothes_of=drawn[seed], half=half, **said))
    return drawn


@pytest.mark.parametrize("half", HALVES)
def test_bodies_and_clothes_are_of_their_half(half: Half) -> None:
    for figure in figures(half):
        assert half_of(figure.height_m, HEIGHT_CELL_M) == half
        assert half_of(figure.girth, GIRTH_CELL) == half
        assert figure.stripes_per_m == 0 or half_of(figure.stripes_per_m, STRIPES_CELL) == half
        worn = (figure.shirt, figure.trousers, figure.backpack, figure.bag, figure.coat)
        assert all(half_of_colour(cloth) == half for cloth in worn if cloth is not None)


@pytest.mark.parametrize("half", HALVES)
def test_rooms_are_of_their_half(half: Half) -> None:
    for seed in range(60):
        look = Look.random(np.random.default_rng(seed), half)
        for rgb in (look.floor, look.wall, look.rack):
            r, g, b = (int(c) for c in rgb)
            assert half_of_colour((r, g, b)) == half
        azimuth = np.arctan2(look.light[1], look.light[0]) % (2 * np.pi)
        assert half_of(float(azimuth), AZIMUTH_CELL_RAD) == half
        assert half_of(look.tile_m, TILE_CELL_M) == half


def test_textures_of_one_half_are_never_drawn_by_the_other() -> None:
    marks: dict[Half, set[bytes]] = {half: set() for half in HALVES}
    arts: dict[Half, set[bytes]] = {half: set() for half in HALVES}
    for number in range(300):
        product = Product(gtin=str(number), name="Tea", price_cents=1, weight_g=100.0)
        for half in HALVES:
            marks[half].add(brand_mark(product, half).tobytes())
            arts[half].add(package_art(product, half).tobytes())
    assert len(marks["training"]) > 100
    assert not marks["training"] & marks["scoring"]
    assert not arts["training"] & arts["scoring"]


def test_training_draws_from_its_own_half() -> None:
    rng = np.random.default_rng(6)
    for number in range(4):
        store = random_store(rng, f"s{number}")
        for figure, _ in random_crowd(rng, store):
            assert half_of(figure.height_m, HEIGHT_CELL_M) == "training"
            assert half_of_colour(figure.shirt) == "training"
        for product in store.products:
            r, g, b = (int(c) for c in rgb_of(product.picture.base))
            assert half_of_colour((r, g, b)) == "training"
