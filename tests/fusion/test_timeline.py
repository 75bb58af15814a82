"""The timeline: order of time whatever the order of arrival, and no waiting for the silent."""

from hypothesis import given
from hypothesis import strategies as st

from fusion.timeline import Timeline
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
