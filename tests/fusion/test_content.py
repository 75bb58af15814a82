"""What a facing holds is learned from what is taken from it: weights at once, products later."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.content import WRONG, Content
from fusion.mass import RELATIVE_ERROR
from sensors.store import load_store

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
PRODUCTS = {p.gtin: p for p in STORE.products}
HOME, OTHER, THIRD = list(PRODUCTS)[:3]


def total(content):
    return sum(content.shares().values())


def test_before_any_pick_the_planogram_is_right_as_often_as_planograms_are():
    content = Content(HOME, PRODUCTS)
    assert content.share(HOME) == 1 - WRONG
    assert content.share(OTHER) == pytest.approx(WRONG / (len(PRODUCTS) - 1))
    assert total(content) == pytest.approx(1)
    assert content.likeliest() == (HOME, 1 - WRONG)


def test_the_only_product_of_a_store_stands_everywhere():
    assert Content(HOME, {HOME: PRODUCTS[HOME]}).share(HOME) == 1.0


def test_a_wrong_weight_of_the_catalogue_speaks_once():
    content = Content(HOME, PRODUCTS)
    grams = 1.06 * PRODUCTS[HOME].weight_g
    first = content.mass(-grams, 1.0, -1, HOME)
    for _ in range(3):
        content.weigh(HOME, 1, grams, 1.0, 1.0)
    assert content.unit_g(HOME) == pytest.approx(grams, rel=0.01)
    assert content.mass(-grams, 1.0, -1, HOME) > first + 1
    assert content.share(HOME) == 1 - WRONG  # weights alone do not decide which product it is


def test_half_a_pick_moves_a_weight_by_half():
    whole, half = Content(HOME, PRODUCTS), Content(HOME, PRODUCTS)
    grams = (1 + RELATIVE_ERROR) * PRODUCTS[HOME].weight_g
    whole.weigh(HOME, 1, grams, 0.5, 1.0)
    half.weigh(HOME, 1, grams, 0.5, 0.5)
    own = PRODUCTS[HOME].weight_g
    assert half.unit_g(HOME) - own == pytest.approx((whole.unit_g(HOME) - own) / 2)


def test_what_the_gate_and_cameras_say_of_each_pick_adds_up():
    content = Content(HOME, PRODUCTS)
    before = content.shares()
    told = 30 * before[OTHER]  # by one pick thirty times likelier than thought
    for _ in range(3):
        content.learn({OTHER: told, HOME: 1 - told}, before)
    assert content.likeliest()[0] == OTHER
    assert content.share(OTHER) > 0.8


def test_a_decision_that_was_open_for_long_does_not_undo_what_was_learned_meanwhile():
    content = Content(HOME, PRODUCTS)
    before = content.shares()
    content.learn({OTHER: 0.99}, content.shares())
    content.learn({HOME: before[HOME], OTHER: before[OTHER]}, before)  # it told nothing new
    assert content.share(OTHER) == pytest.approx(0.99, abs=0.01)


def test_a_decision_of_something_else_teaches_nothing():
    content = Content(HOME, PRODUCTS)
    before = content.shares()
    content.learn({}, before)
    assert content.shares() == pytest.approx(before)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from([HOME, OTHER, THIRD]), st.floats(0, 1), st.floats(20, 2000)),
        max_size=20,
    )
)
def test_shares_stay_probabilities_and_weights_above_zero(picks):
    content = Content(HOME, PRODUCTS)
    for gtin, p, grams in picks:
        before = content.shares()
        content.weigh(gtin, 1, grams, 1.0, p)
        content.learn({gtin: p}, before)
        assert total(content) == pytest.approx(1, abs=1e-6)
        assert all(0 < share <= 1 for share in content.shares().values())
        assert all(content.unit_g(one) > 0 for one in PRODUCTS)
