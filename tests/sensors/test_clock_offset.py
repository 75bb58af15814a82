"""The offset of a clock is found through the transport's jitter, and its uncertainty is honest."""

import numpy as np
import pytest

from sensors.clock_offset import SLOT_NS, SLOTS, OffsetEstimate

MS = 1_000_000
S = 1_000_000_000


def heard(offset_ns: int, seconds: float, rng: np.random.Generator) -> OffsetEstimate:
    """Five messages a second from a clock that is ahead by so much, over a transport like TCP's."""
    estimate = OffsetEstimate()
    for n in range(int(seconds * 5)):
        received_ns = 1_000 * S + n * S // 5
        transport_ns = int(2 * MS + rng.exponential(15 * MS))
        estimate.add(received_ns, transport_ns - offset_ns)
    return estimate


def test_nothing_heard_is_nothing_known():
    assert OffsetEstimate().now() is None


@pytest.mark.parametrize("offset_ms", [0, 40, -300, 5000])
def test_the_true_offset_lies_within_what_is_said(offset_ms):
    rng = np.random.default_rng(3)
    within = []
    for _ in range(40):
        found = heard(offset_ms * MS, 60, rng).now()
        assert abs(found.offset_ns - offset_ms * MS) < 6 * MS
        within.append(abs(found.offset_ns - offset_ms * MS) < 2 * found.sigma_ns)
    assert np.mean(within) > 0.9


def test_a_little_is_less_sure_than_much():
    rng = np.random.default_rng(4)
    few, many = heard(0, 2, rng).now(), heard(0, 120, rng).now()
    assert few.sigma_ns > 3 * many.sigma_ns


def test_an_outage_that_ends_in_a_burst_moves_nothing():
    rng = np.random.default_rng(5)
    estimate = heard(0, 100, rng)
    before = estimate.now()
    for n in range(100):
        estimate.add(1_200 * S, 90 * S - n * S // 5)
    estimate.add(1_200 * S + SLOT_NS, 2 * MS)
    assert abs(estimate.now().offset_ns - before.offset_ns) < 3 * MS


def test_a_clock_that_was_set_is_found_again_within_two_minutes():
    estimate = OffsetEstimate()
    for n in range(2 * SLOTS):
        estimate.add(n * SLOT_NS, 5 * MS if n < SLOTS else 800 * MS)
    assert estimate.now().offset_ns == -800 * MS
