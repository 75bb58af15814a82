"""Weights, gains and spreads are learned from verified changes, each as well as it can be."""

import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion.mass import RELATIVE_ERROR, SAME_RELATIVE_ERROR
from fusion.scales import Scales
from sensors.store import Product

COLA = Product(gtin="04000000000017", name="Cola", price_cents=99, weight_g=330.0)


def test_nothing_said_leaves_the_catalogue():
    scales = Scales()
    assert (scales.product(COLA.gtin).error, scales.facing("s.1").error) == (0.0, 0.0)
    assert scales.product(COLA.gtin).sigma == RELATIVE_ERROR
    assert scales.facing("s.1").sigma == SAME_RELATIVE_ERROR
    assert scales.spread_g(COLA) == COLA.weight_sigma_g


def test_a_wrong_weight_is_learned_as_well_as_the_plates_allow():
    scales = Scales()
    for _ in range(50):
        scales.weighed(COLA, "s.1", 1, 312.0, 1.0)
    one = scales.product(COLA.gtin)
    assert 330 * math.exp(one.error) == pytest.approx(312, abs=3)
    assert one.sigma > 0.9 * SAME_RELATIVE_ERROR, "one facing's gain is in every pick"
    for facing in ("s.2", "s.3", "s.4"):
        for _ in range(50):
            scales.weighed(COLA, facing, 1, 312.0, 1.0)
    assert scales.product(COLA.gtin).sigma < 0.6 * SAME_RELATIVE_ERROR
    assert scales.product(COLA.gtin).times == 200


def test_one_facing_is_one_closed_form():
    """With one product on one facing, c and b share what was seen by their variances."""
    scales = Scales()
    scales.weighed(COLA, "s.1", 2, 630.0, 1.5)
    noise = (1.5**2 + 2 * COLA.weight_sigma_g**2 + 1.0) / 660.0**2
    seen = math.log(630 / 660)
    total = RELATIVE_ERROR**2 + SAME_RELATIVE_ERROR**2 + noise
    assert scales.product(COLA.gtin).error == pytest.approx(seen * RELATIVE_ERROR**2 / total)
    assert scales.facing("s.1").error == pytest.approx(seen * SAME_RELATIVE_ERROR**2 / total)


def test_what_is_moved_tells_the_gain_of_one_plate_from_anothers():
    scales = Scales()
    for facing in ("s.2", "s.3", "s.4", "s.5"):
        for _ in range(20):
            scales.moved("s.1", facing, 1.02, 0.003)
    assert scales.facing("s.1").error == pytest.approx(0.02, abs=0.005)
    assert scales.facing("s.2").error < 0
    assert scales.facing("s.9").times == 0


def test_the_spread_comes_from_single_units_of_one_facing():
    rng = np.random.default_rng(1)
    scales = Scales()
    for facing, gain in (("s.1", 1.0), ("s.2", 1.05)):
        for _ in range(100):
            grams = gain * rng.normal(330, 8) + rng.normal(0, 1.0)
            scales.weighed(COLA, facing, 1, grams, 1.0)
    assert scales.spread_g(COLA) == pytest.approx(8, rel=0.15)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 3), st.floats(0.8, 1.2)), max_size=12
    ),
    st.randoms(),
)
def test_order_does_not_matter_and_more_is_never_less(said, random):
    one, other = Scales(), Scales()
    sigmas = [one.product(COLA.gtin).sigma]
    for facing, units, ratio in said:
        one.weighed(COLA, facing, units, units * 330 * ratio, 2.0)
        sigmas.append(one.product(COLA.gtin).sigma)
    random.shuffle(said)
    for facing, units, ratio in said:
        other.weighed(COLA, facing, units, units * 330 * ratio, 2.0)
    assert one.product(COLA.gtin).error == pytest.approx(other.product(COLA.gtin).error, abs=1e-9)
    assert one.spread_g(COLA) == pytest.approx(other.spread_g(COLA), abs=1e-6)
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(sigmas))
    assert pickle.loads(pickle.dumps(one)).product(COLA.gtin) == one.product(COLA.gtin)
