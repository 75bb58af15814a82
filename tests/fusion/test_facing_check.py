"""A facing whose picks weigh otherwise than its product is found; an error of all counts once."""

from pathlib import Path

import numpy as np
import pytest

from fusion.facing_check import FacingCheck
from sensors.store import load_store

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
PRODUCTS = {p.gtin: p for p in STORE.products}
NAMES = {p.name: p for p in STORE.products}
COLA, BEER = NAMES["Cola Classic"], NAMES["Beer 0.5 l"]


def picks(product, count, *, factor=1.0, units=1, seed=0):
    rng = np.random.default_rng(seed)
    return units * product.weight_g * factor + rng.normal(0, 2.0 * units**0.5, count)


def finding(check, grams):
    for one in grams:
        check.picked(one, 1.0)
    return check.finding()


def test_picks_that_weigh_what_they_should_raise_nothing():
    check = FacingCheck(COLA.gtin, PRODUCTS)
    assert finding(check, [*picks(COLA, 20), *picks(COLA, 5, units=2)]) is None


def test_a_weight_that_is_off_is_proposed_as_learned():
    check = FacingCheck(COLA.gtin, PRODUCTS)
    found = finding(check, picks(COLA, 6, factor=312 / 330))
    assert found is not None
    assert found.products == ()
    assert found.weight_g == pytest.approx(COLA.weight_g * 312 / 330, rel=0.01)
    assert (found.picks, found.probability > 0.95) == (6, True)


def test_another_product_of_the_store_is_proposed():
    found = finding(FacingCheck(COLA.gtin, PRODUCTS), picks(BEER, 4))
    assert found is not None
    assert found.products == (BEER.gtin,)


def test_products_that_weigh_alike_are_proposed_together():
    jam = NAMES["Jam Apricot"]
    found = finding(FacingCheck(BEER.gtin, PRODUCTS), picks(jam, 5))
    assert found is not None
    assert {PRODUCTS[gtin].name for gtin in found.products} == {"Jam Apricot", "Jam Cherry"}


def test_less_than_three_picks_prove_nothing():
    check = FacingCheck(COLA.gtin, PRODUCTS)
    assert finding(check, picks(BEER, 2)) is None
    assert finding(check, picks(BEER, 1, seed=1)) is not None


def test_a_usual_error_of_the_catalogue_is_not_counted_once_for_each_pick():
    """3 % is within what a catalogue errs: many picks of it must not prove another product."""
    pasta = NAMES["Pasta Fusilli"]  # iced tea, 3.7 % heavier, would fit each pick better
    check = FacingCheck(pasta.gtin, PRODUCTS)
    assert finding(check, picks(pasta, 200, factor=1.03)) is None


@pytest.mark.parametrize("taken_up", [0.0, 0.03])
def test_false_alarms_are_as_rare_as_promised(taken_up):
    rng = np.random.default_rng(4)
    false = alarms = 0
    for trial in range(300):
        product = STORE.products[trial % len(STORE.products)]
        error = taken_up + rng.normal(0, 0.03)
        found = finding(
            FacingCheck(product.gtin, PRODUCTS), picks(product, 6, factor=1 + error, seed=trial)
        )
        alarms += found is not None
        false += found is not None and -0.035 < error < 0.065
    assert alarms >= 10
    assert false <= 3


def test_picks_of_something_else_now_and_then_do_not_matter():
    check = FacingCheck(COLA.gtin, PRODUCTS)
    grams = [*picks(COLA, 10), 27.0, 1041.0, *picks(COLA, 3)]
    assert finding(check, grams) is None
