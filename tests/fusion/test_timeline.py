"""The timeline: order of time whatever the order of arrival, and no waiting for the silent."""

from hypothesis import given
from hypothesis import strategies as st

from fusion.timeline import LONGEST_BACKLOG_NS, Timeline
from sensors.observations import Tick

MS = 1_000_000


@given(st.permutations(range(12)))
def test_any_order_of_arrival_comes_out_in_order_of_time(order):
    timeline = Timeline(1500 * MS)
    out = []
    for arrived, n in enumerate(order):
        timeline.push(Tick(at_ns=n * 10 * MS))
        out += timeline.release(arrived * MS)
    out += timeline.release(5000 * MS)
    assert [t.at_ns for t in out] == sorted(t.at_ns for t in out)
    assert len(out) == 12
    assert timeline.late == 0


def test_waits_for_a_live_source_and_not_for_a_silent_one():
    timeline = Timeline(1500 * MS)
    timeline.heard("shelf", 100 * MS, 120 * MS)
    timeline.heard("camera", 50 * MS, 120 * MS)
    timeline.push(Tick(at_ns=80 * MS))
    assert timeline.release(120 * MS) == []
    timeline.heard("camera", 90 * MS, 160 * MS)
    assert len(timeline.release(160 * MS)) == 1
    timeline.heard("shelf", 3000 * MS, 3020 * MS)
    timeline.push(Tick(at_ns=2900 * MS))
    assert len(timeline.release(3020 * MS)) == 1, "the camera has been silent for too long"


def test_what_comes_too_late_still_comes_and_is_counted():
    timeline = Timeline(100 * MS)
    timeline.heard("shelf", 500 * MS, 500 * MS)
    timeline.release(500 * MS)
    timeline.push(Tick(at_ns=10 * MS))
    assert len(timeline.release(510 * MS)) == 1
    assert timeline.late == 1


def test_a_backlog_comes_out_in_order_of_time():
    timeline = Timeline(1500 * MS)
    out = []
    for source, times in (("shelf", range(0, 60_000, 200)), ("camera", range(100, 60_000, 100))):
        for ms in times:
            timeline.heard(source, ms * MS, 61_000 * MS)
            timeline.push(Tick(at_ns=ms * MS))
            if source == "camera":
                out += timeline.release(61_000 * MS)
    out += timeline.release(70_000 * MS)
    assert [t.at_ns for t in out] == sorted(t.at_ns for t in out)
    assert timeline.late == 0


def stalls_ms(clock_of_the_odd_one, until_ms=20_000):
    """The longest that a good shelf's observations wait, next to a camera with another clock."""
    timeline = Timeline(1500 * MS)
    waits = []
    for ms in range(1_000_000, 1_000_000 + until_ms, 100):
        timeline.heard("shelf", ms * MS, ms * MS)
        timeline.push(Tick(at_ns=ms * MS))
        timeline.heard("camera", clock_of_the_odd_one(ms) * MS, ms * MS)
        waits += [ms - tick.at_ns // MS for tick in timeline.release(ms * MS)]
    assert len(waits) >= (until_ms - 3000) // 100
    return max(waits)


def test_a_clock_that_falls_back_to_1970_stalls_nobody():
    assert stalls_ms(lambda ms: ms if ms < 1_005_000 else ms - 1_005_000) <= 3000
    assert stalls_ms(lambda ms: ms - 1_000_000) <= 3000


def test_a_clock_that_stands_still_stalls_nobody():
    assert stalls_ms(lambda ms: min(ms, 1_005_000)) <= 3000
    assert stalls_ms(lambda _: 999_000) <= 3000


def test_a_source_that_catches_up_is_waited_for():
    timeline = Timeline(1500 * MS)
    for ms in range(1_000_000, 1_020_000, 100):
        timeline.heard("shelf", ms * MS, ms * MS)
        behind = 940_000 + 2 * (ms - 1_000_000)
        timeline.heard("camera", behind * MS, ms * MS)
        timeline.push(Tick(at_ns=behind * MS))
        timeline.release(ms * MS)
        assert timeline.now_ns <= behind * MS
    assert timeline.late == 0


heard_or_released = st.lists(
    st.tuples(
        st.integers(0, 900), st.none() | st.tuples(st.sampled_from("abc"), st.integers(0, 9))
    ),
    max_size=60,
)


@given(heard_or_released, st.integers(0, 2000))
def test_the_time_reached_is_the_least_of_all_sources_that_are_waited_for(acts, lateness_ms):
    """Kept up from act to act, it is what looking at every source would tell."""
    timeline = Timeline(lateness_ms * MS)
    sources: dict[str, tuple[int, int]] = {}
    received_ns, reached_ns = 1_000_000_000 * MS, 0
    for later_ms, heard in acts:
        received_ns += later_ms * MS
        if heard is not None:
            source, behind = heard
            at_ns = received_ns - behind * 80_000 * MS  # 0 to 12 minutes
            timeline.heard(source, at_ns, received_ns)
            if at_ns > sources.get(source, (-1, 0))[0]:
                sources[source] = (at_ns, received_ns)
        oldest_ns = received_ns - lateness_ms * MS
        live = [
            at_ns
            for at_ns, went_forward_ns in sources.values()
            if went_forward_ns >= oldest_ns and at_ns >= received_ns - LONGEST_BACKLOG_NS
        ]
        reached_ns = max(reached_ns, min(live, default=oldest_ns))
        timeline.release(received_ns)
        assert timeline.now_ns == reached_ns
