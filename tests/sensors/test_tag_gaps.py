"""Silences are learnt by kind of tag, and the chance that one lasts on only falls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.tag_gaps import EDGES, SilenceStatistics
from sensors.tag_kinds import KINDS, SHARES


def kinds_of(statistics: SilenceStatistics, tags: int) -> np.ndarray:
    return np.tile(statistics.newcomer(), (tags, 1))


def test_the_kinds_to_begin_with_are_shares():
    assert sum(KINDS) == pytest.approx(1, abs=0.001)
    assert len(SHARES) == len(KINDS)
    for shares in SHARES:
        assert len(shares) == len(EDGES) - 1
        assert sum(shares) == pytest.approx(1, abs=0.002)


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=50))
def test_a_longer_silence_is_never_likelier_to_be_outlasted(silences):
    statistics = SilenceStatistics()
    lasting = np.sort(np.array(silences))
    longer = statistics.survival(lasting, kinds_of(statistics, len(lasting)))
    assert (np.diff(longer) <= 1e-12).all()
    assert ((longer > 0) & (longer <= 1 + 1e-9)).all()


def test_what_was_heard_outweighs_the_beginning_and_fades_again():
    statistics = SilenceStatistics()
    kinds = kinds_of(statistics, 1)
    at = np.array([3.0])
    first = statistics.survival(at, kinds)[0]
    for _ in range(200):
        statistics.learn(np.full(50, 6.0), kinds_of(statistics, 50))
    learnt = statistics.survival(at, kinds)[0]
    assert first < 0.25
    assert learnt > 0.9
    statistics.forget(0.0)
    assert statistics.survival(at, kinds)[0] == pytest.approx(first)


def test_a_tag_that_was_long_silent_is_taken_for_one_of_that_kind():
    statistics = SilenceStatistics()
    kinds = kinds_of(statistics, 2)
    for _ in range(20):
        kinds = statistics.learn(np.array([0.0, 40.0]), kinds)
    quick, slow = statistics.survival(np.array([5.0, 5.0]), kinds)
    assert quick < 0.3 * slow


def test_nothing_heard_changes_nothing():
    statistics = SilenceStatistics()
    before = statistics.survival(np.array([1.0]), kinds_of(statistics, 1))
    statistics.learn(np.zeros(0), np.zeros((0, len(KINDS))))
    assert statistics.survival(np.array([1.0]), kinds_of(statistics, 1)) == before
