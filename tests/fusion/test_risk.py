"""Thresholds are certified by the exact binomial tail, and a broken promise is found out."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from fusion.risk import (
    GRID,
    Promise,
    Verified,
    choose_threshold,
    interval,
    log_evidence,
    tail,
    upper_bound,
    visits_needed,
)


@given(st.integers(0, 40), st.integers(0, 200), st.floats(0.005, 0.5))
def test_the_tail_is_the_binomial_one_and_agrees_with_the_bound(failures, more, alpha):
    trials = failures + more
    assert tail(failures, trials, alpha) == pytest.approx(
        binom.cdf(failures, trials, alpha), abs=1e-9
    )
    bound = upper_bound(failures, trials)
    if abs(bound - alpha) > 1e-9:
        assert (tail(failures, trials, alpha) <= 0.05) == (bound <= alpha)


@pytest.mark.parametrize(
    ("failures", "alpha", "needed"),
    [(0, 0.01, 299), (0, 0.02, 149), (0, 0.05, 59), (1, 0.01, 473), (1, 0.05, 93)],
)
def test_how_many_visits_a_promise_takes(failures, alpha, needed):
    assert visits_needed(failures, alpha) == needed
    assert tail(failures, needed, alpha) <= 0.05 < tail(failures, needed - 1, alpha)


def sure(visits: int, wrong: int = 0, risk: float = 0.0) -> list[Verified]:
    return [Verified(risk, n < wrong) for n in range(visits)]


def test_too_few_visits_certify_nothing_and_one_more_does():
    assert choose_threshold(sure(298), 0.01).threshold is None
    found = choose_threshold(sure(299), 0.01)
    assert found.threshold == 1.0
    assert found.chosen is not None
    assert (found.chosen.visits, found.chosen.wrong) == (299, 0)
    assert choose_threshold([], 0.05).threshold is None


def test_the_laxest_threshold_before_the_first_failure_is_chosen():
    visits = [*sure(400), *sure(30, wrong=15, risk=0.15), *sure(5000, risk=0.4)]
    found = choose_threshold(visits, 0.01)
    assert found.threshold == 0.1
    # over all visits the share is low again, but a threshold after a failed one does not count
    assert found.tests[-1].p_value <= 0.05
    assert not found.tests[-1].passed


def test_the_confidence_is_kept_where_the_share_is_just_too_high():
    """With 1 % + of wrong visits at every risk nothing may be certified: it is in at most 5 %."""
    rng, certified = np.random.default_rng(7), 0
    for _ in range(400):
        risks, wrong = rng.random(600) ** 3, rng.random(600) < 0.0101
        visits = [Verified(float(r), bool(w)) for r, w in zip(risks, wrong, strict=True)]
        certified += choose_threshold(visits, 0.01).threshold is not None
    assert certified <= binom.ppf(0.999, 400, 0.05)


def test_an_interval_holds_the_share():
    assert interval(0, 0) is None
    low, high = interval(3, 10)
    assert low == pytest.approx(0.0667, abs=1e-3)
    assert high == pytest.approx(0.6525, abs=1e-3)
    assert interval(0, 10)[0] == 0.0


def test_the_evidence_is_one_on_average_while_the_promise_just_holds():
    """The mean over all outcomes of n visits, each with a wrong share of exactly α."""
    for alpha, n in product((0.01, 0.05, 0.3), (1, 5, 30)):
        mean = sum(binom.pmf(k, n, alpha) * np.exp(log_evidence(k, n, alpha)) for k in range(n + 1))
        assert mean == pytest.approx(1.0, rel=1e-6)


def test_a_promise_is_void_once_and_stays_so():
    promise = Promise(0.01)
    assert [promise.note(wrong=True), promise.note(wrong=True)] == [False, True]
    assert promise.note(wrong=True) is False
    assert [promise.note(wrong=False) for _ in range(500)] == [False] * 500
    assert promise.void
    kept = Promise(0.01)
    assert not any(kept.note(wrong=n == 50) for n in range(300))
    silent = Promise(None)
    assert not any(silent.note(wrong=True) for _ in range(50))


def test_the_grid_goes_up_to_everything():
    assert list(GRID) == sorted(set(GRID))
    assert GRID[-1] == 1.0
