"""Clock offsets: found where they are the clock's, left where they are the transport's."""

from sensors.clocks import Clocks

S = 1_000_000_000


def test_a_clock_that_runs_ahead_is_corrected_at_once():
    clocks = Clocks()
    assert clocks.correct("d", "b", 13 * S, 10 * S) == 10 * S
    assert abs(clocks.correct("d", "b", 14 * S, 11 * S + S // 50) - 11 * S) < S // 10


def test_a_clock_that_runs_behind_is_corrected_once_it_is_sure():
    clocks = Clocks()
    assert clocks.correct("d", "b", 0, 5 * S) == 0
    for second in range(1, 40):
        corrected = clocks.correct("d", "b", second * S, (second + 5) * S)
    assert corrected == 44 * S


def test_a_backlog_after_an_outage_does_not_move_good_clocks():
    clocks = Clocks()
    for fifth in range(300):
        at_ns = fifth * S // 5
        assert clocks.correct("d", "b", at_ns, 60 * S + fifth * S // 100) == at_ns
    for fifth in range(320, 900):
        at_ns = fifth * S // 5
        assert clocks.correct("d", "b", at_ns, at_ns + S // 50) == at_ns


def test_jitter_is_left_alone():
    clocks = Clocks()
    for n in range(100):
        assert clocks.correct("d", "b", n * S, n * S + (n % 7) * S // 10) == n * S


def test_one_timestamp_of_the_future_moves_no_other_message():
    clocks = Clocks()
    for second in range(10):
        assert clocks.correct("d", "b", second * S, second * S + S // 50) == second * S
    assert clocks.correct("d", "b", 1000 * S, 10 * S) == 10 * S
    for second in range(11, 200):
        assert clocks.correct("d", "b", second * S, second * S + S // 50) == second * S


def test_one_timestamp_of_the_future_spoils_no_correction():
    for off_s in (3, -5):
        clocks = Clocks()
        for second in range(10, 100):
            corrected = clocks.correct("d", "b", (second + off_s) * S, second * S)
            if second == 50:
                assert clocks.correct("d", "b", 1000 * S, second * S) == second * S
            if off_s > 0 or second > 45:
                assert corrected == second * S


def test_a_clock_that_is_ahead_keeps_its_order_through_jitter():
    clocks = Clocks()
    corrected = [
        clocks.correct("d", "b", (n + 30) * S // 10, n * S // 10 + (n % 7) * S // 50)
        for n in range(300)
    ]
    assert corrected == sorted(corrected)
    assert all(abs(at_ns - n * S // 10) <= S // 5 for n, at_ns in enumerate(corrected))


def test_a_device_that_starts_again_is_learnt_anew():
    clocks = Clocks()
    for second in range(60):
        clocks.correct("d", "b1", second * S, (second + 5) * S)
    assert clocks.correct("d", "b1", 60 * S, 65 * S) == 65 * S
    assert clocks.correct("d", "b2", 66 * S, 66 * S + S // 50) == 66 * S
    assert clocks.correct("d", "b2", 67 * S, 70 * S) == 67 * S


def test_a_device_that_starts_for_ever_fills_no_memory():
    clocks = Clocks()
    for second in range(100):
        clocks.correct("d", f"b{second}", second * S, second * S)
    assert sum(map(len, clocks._devices.values())) <= 4


def test_invented_names_fill_no_memory(monkeypatch):
    monkeypatch.setattr("sensors.clocks.MOST_DEVICES", 1)
    known = Clocks()
    assert known.correct("d", "b", 13 * S, 10 * S) == 10 * S
    assert known.correct("invented", "b", 13 * S, 10 * S) == 13 * S
    assert known.correct("d", "b", 14 * S, 11 * S) == 11 * S
