"""Messages of a device are read in the order of their numbers, and nothing waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from sensors.in_order import InOrder
from sensors.wire import VisionReport

PATIENCE_NS = 1_000


def report(seq, device="v", boot="b"):
    return VisionReport(device=device, boot=boot, seq=seq, at_ns=seq)


def numbers(arrived):
    return [payload.seq for payload, _ in arrived]


@given(st.permutations(range(12)))
def test_any_order_comes_out_in_order(order):
    stream = InOrder(PATIENCE_NS)
    out = numbers(stream.take(report(0), 0))
    for n, seq in enumerate(order):
        out += numbers(stream.take(report(seq + 1), n))
    assert out == list(range(13))
    assert stream.overdue(10**9) == []


def test_what_is_lost_is_waited_for_but_not_for_ever():
    stream = InOrder(PATIENCE_NS)
    assert numbers(stream.take(report(0), 0)) == [0]
    assert stream.take(report(2), 100) == []
    assert stream.take(report(3), 600) == []
    assert stream.overdue(1_099) == []
    assert numbers(stream.overdue(1_100)) == [2, 3]
    assert numbers(stream.take(report(1), 1_200)) == [1]
    assert numbers(stream.take(report(4), 1_300)) == [4]


def test_devices_and_boots_wait_for_themselves_alone():
    stream = InOrder(PATIENCE_NS)
    stream.take(report(0), 0)
    assert stream.take(report(5), 1) == []
    assert numbers(stream.take(report(7, device="w"), 2)) == [7]
    assert numbers(stream.take(report(0, boot="c"), 3)) == [0]
    assert numbers(stream.overdue(PATIENCE_NS + 1)) == [5]


def test_invented_names_fill_no_memory(monkeypatch):
    monkeypatch.setattr("sensors.in_order.MOST_STREAMS", 2)
    stream = InOrder(PATIENCE_NS)
    assert numbers(stream.take(report(0, "a"), 0)) == [0]
    assert numbers(stream.take(report(0, "b"), 0)) == [0]
    assert numbers(stream.take(report(7, "c"), 0) + stream.take(report(3, "c"), 0)) == [7, 3]
    assert numbers(stream.take(report(2, "a"), 0)) == []
    assert numbers(stream.take(report(1, "a"), 0)) == [1, 2]
    assert numbers(stream.take(report(5, "a", "next"), 0)) == [
        5
    ]  # a boot takes the last one's place
