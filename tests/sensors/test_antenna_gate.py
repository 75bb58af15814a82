"""What a gate reads around each way out is counted by crossing, with who was near."""

import pickle

from sensors.antenna_gate import AFTER_NS, BEFORE_NS, GateReads
from sensors.observations import (
    ExitReads,
    GateCrossing,
    Observation,
    TagRead,
    Tick,
    TrackPoint,
)

NS = 1_000_000_000
T = 100 * NS


def gates() -> GateReads:
    return GateReads({"in": (1.0, 0.0), "out": (5.0, 0.0)}, {"rfid-out": "out"})


def read(at_ns: int, epc: str, antenna: str = "rfid-out") -> TagRead:
    return TagRead(at_ns=at_ns, antenna=antenna, epc=epc, rssi_dbm=-60.0)


def out(at_ns: int, gate: str = "out", direction: str = "out") -> GateCrossing:
    return GateCrossing(at_ns=at_ns, gate=gate, direction=direction)  # type: ignore[arg-type]


def at(at_ns: int, tracklet: str, x_m: float, y_m: float) -> TrackPoint:
    return TrackPoint(at_ns=at_ns, tracklet=tracklet, x_m=x_m, y_m=y_m, covariance=(0.1, 0, 0.1))


def taken(reads: GateReads, *observations: Observation) -> list[ExitReads]:
    return [found for one in observations for found in reads.take(one)]


def test_reads_within_the_window_are_counted_and_others_are_not():
    (found,) = taken(
        gates(),
        read(T - BEFORE_NS - 1, "AA"),
        read(T - BEFORE_NS, "BB"),
        read(T - NS, "CC", antenna="rfid-g1"),
        read(T - NS, "AA"),
        out(T),
        read(T + NS, "AA"),
        read(T + AFTER_NS, "CC"),
        read(T + AFTER_NS + 1, "AA"),
    )
    assert found == ExitReads(
        at_ns=T + AFTER_NS,
        gate="out",
        crossed_ns=T,
        began_ns=T - BEFORE_NS,
        reads=(("AA", 2), ("BB", 1), ("CC", 1)),
        tracklets=(),
    )


def test_it_waits_for_its_window_and_comes_even_where_nothing_was_read():
    reads = gates()
    assert taken(reads, out(T), Tick(at_ns=T + AFTER_NS)) == []
    (found,) = taken(reads, Tick(at_ns=T + AFTER_NS + 1))
    assert found.reads == ()
    assert taken(reads, Tick(at_ns=T + 10 * NS)) == []


def test_the_nearest_tracklets_come_first_and_old_or_far_ones_not_at_all():
    (found,) = taken(
        gates(),
        at(T - 2 * NS, "gone", 5.0, 0.1),
        at(T - NS // 2, "second", 5.0, 1.0),
        at(T - NS // 2, "away", 5.0, 0.5),
        at(T - NS // 5, "first", 5.3, 0.4),
        at(T - NS // 5, "far", 5.0, 8.0),
        at(T - NS // 5, "away", 5.0, 6.0),
        out(T),
        at(T + NS // 5, "late", 5.0, 0.0),
        Tick(at_ns=T + 5 * NS),
    )
    assert found.tracklets == (("first", 0.5), ("second", 1.0))


def test_a_read_counts_for_all_who_cross_around_it():
    found = taken(gates(), out(T), read(T + NS // 2, "AA"), out(T + NS), Tick(at_ns=T + 9 * NS))
    assert [(one.crossed_ns, one.reads) for one in found] == [
        (T, (("AA", 1),)),
        (T + NS, (("AA", 1),)),
    ]


def test_ways_in_and_gates_without_an_antenna_tell_nothing():
    assert taken(gates(), out(T, direction="in"), out(T, gate="in"), Tick(at_ns=T + 9 * NS)) == []
    none = GateReads({"out": (0.0, 0.0)}, {})
    assert taken(none, read(T, "AA"), out(T), Tick(at_ns=T + 9 * NS)) == []


def test_old_reads_and_places_are_forgotten():
    reads = gates()
    for n in range(20_000):
        reads.take(read(n * NS // 100, f"{n:04X}"))
        reads.take(at(n * NS // 100, f"t{n}", 5.0, 1.0))
    assert len(pickle.dumps(reads)) < 200_000
