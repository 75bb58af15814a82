"""Clock offsets: found where they are the clock's, left where they are the transport's."""

from sensors.clocks import Clocks

S = 1_000_000_000


def test_a_clock_that_runs_ahead_is_corrected_at_once():
    clocks = Clocks()
    assert clocks.correct("d", 13 * S, 10 * S) == 10 * S
    assert abs(clocks.correct("d", 14 * S, 11 * S + S // 50) - 11 * S) < S // 10


def test_a_clock_that_runs_behind_is_corrected_once_it_is_sure():
    clocks = Clocks()
    assert clocks.correct("d", 0, 5 * S) == 0
    for second in range(1, 40):
        corrected = clocks.correct("d", second * S, (second + 5) * S)
    assert corrected == 44 * S


def test_a_backlog_after_an_outage_does_not_move_good_clocks():
    clocks = Clocks()
    for fifth in range(300):
        at_ns = fifth * S // 5
        assert clocks.correct("d", at_ns, 60 * S + fifth * S // 100) == at_ns
    for fifth in range(320, 900):
        at_ns = fifth * S // 5
        assert clocks.correct("d", at_ns, at_ns + S // 50) == at_ns


def test_jitter_is_left_alone():
    clocks = Clocks()
    for n in range(100):
        assert clocks.correct("d", n * S, n * S + (n % 7) * S // 10) == n * S
