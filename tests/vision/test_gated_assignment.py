"""The compiled assignment against SciPy's."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from vision.gated_assignment import assign_gated


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 9), st.integers(0, 9), st.floats(0.05, 1.0), st.integers(0, 2**31))
def test_as_good_as_scipy_and_inside_the_gate(
    rows: int, columns: int, limit: float, seed: int
) -> None:
    cost = np.random.default_rng(seed).random((rows, columns))
    chosen = assign_gated(cost, limit)
    made = np.flatnonzero(chosen >= 0)
    assert len(set(chosen[made].tolist())) == len(made)
    assert (cost[made, chosen[made]] < limit).all()
    gain = np.minimum(cost - limit, 0.0)
    best = gain[linear_sum_assignment(gain)].sum()
    assert np.isclose((cost[made, chosen[made]] - limit).sum(), best)


def test_a_rival_is_sent_to_its_second_choice() -> None:
    cost = np.array([[0.1, 0.3], [0.2, 0.9]])
    assert assign_gated(cost, 0.8).tolist() == [1, 0]
    assert assign_gated(cost, 0.25).tolist() == [0, -1]  # one pair only: the dearer rival stays
