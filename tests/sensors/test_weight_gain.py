"""A cell's gain: set by calibration, corrected by verified picks alone, and within bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.plate_gain import FARTHEST, LEAST_SIGMA, PlateGain


def test_calibration_reads_tare_and_gain_off_two_readings():
    cell = PlateGain().calibrated(empty_g=-37.0, loaded_g=1_983.0, weight_g=2_000.0)
    assert cell.gain == pytest.approx(1.01)
    assert cell.load_g(-37.0 + 505.0) == pytest.approx(500.0)


def test_readings_that_make_no_gain_are_refused():
    for empty, loaded, weight in ((0.0, 1_500.0, 2_000.0), (0.0, 10.0, 0.0), (0.0, 9.0, -9.0)):
        with pytest.raises(ValueError, match="expected 1 ±"):
            PlateGain().calibrated(empty, loaded, weight)


def test_verified_picks_find_the_gain_and_say_how_surely():
    rng = np.random.default_rng(1)
    off = []
    for _ in range(200):
        true, cell = 1 + rng.normal(0, 0.005), PlateGain()
        for _ in range(12):
            weight = rng.uniform(200, 1_500)
            units = weight + rng.normal(0, 1.0)
            cell = cell.learned(-true * units + rng.normal(0, 0.8), 0.8, -weight, 1.0)
        off.append((cell.gain - true) / cell.gain_sigma)
        assert abs(cell.gain - true) < 0.004
    assert np.std(off) < 1.3


def test_a_pick_of_something_else_teaches_nothing():
    cell = PlateGain()
    assert cell.learned(-250.0, 0.5, -330.0, 2.0) is cell


def test_no_gain_is_surer_than_the_weight_of_the_product_it_was_learned_from():
    cell = PlateGain()
    for _ in range(1_000):
        cell = cell.learned(-505.0, 0.3, -500.0, 1.5)
    assert cell.gain_sigma >= 1.5 / 500.0


@given(
    st.lists(
        st.tuples(
            st.floats(-2e3, 2e3), st.floats(0.01, 10), st.floats(-2e3, 2e3), st.floats(0, 20)
        ),
        max_size=30,
    )
)
def test_the_gain_stays_within_its_bounds(picks):
    cell = PlateGain()
    for delta, sigma, weight, weight_sigma in picks:
        after = cell.learned(delta, sigma, weight, weight_sigma)
        assert abs(after.gain - 1) <= FARTHEST
        assert LEAST_SIGMA <= after.gain_sigma <= cell.gain_sigma
        cell = after
