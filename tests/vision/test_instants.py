"""Instants of several cameras: nearest frames, nobody waits for a lost one, time always goes on."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from vision.instants import Instants

MS = 1_000_000
PERIOD = 100 * MS


@dataclass(frozen=True)
class Shown:
    at_ns: int


def at(*ms: float) -> list[Shown]:
    return [Shown(round(m * MS)) for m in ms]


def test_frames_nearest_in_time_make_an_instant_dated_by_the_middle_one():
    instants: Instants[Shown] = Instants(PERIOD)
    waiting = {"a": at(1000), "b": at(1030), "c": at(1020)}
    found = instants.next(1040 * MS, waiting, "abc")
    assert found is not None
    assert found.frames == {"a": Shown(1000 * MS), "b": Shown(1030 * MS), "c": Shown(1020 * MS)}
    assert found.at_ns == 1020 * MS
    assert instants.next(1050 * MS, {"a": [], "b": [], "c": []}, "abc") is None


def test_a_camera_that_should_be_there_is_waited_for_and_then_left_out():
    instants: Instants[Shown] = Instants(PERIOD, patience_ns=250 * MS)
    waiting = {"a": at(1000), "b": []}
    assert instants.next(1100 * MS, waiting, "ab") is None
    assert instants.next(1249 * MS, waiting, "ab") is None
    found = instants.next(1250 * MS, waiting, "ab")
    assert found is not None
    assert list(found.frames) == ["a"]


def test_a_camera_that_is_down_is_not_waited_for():
    instants: Instants[Shown] = Instants(PERIOD)
    found = instants.next(1001 * MS, {"a": at(1000)}, "a")
    assert found is not None
    assert list(found.frames) == ["a"]


def test_time_goes_on_without_any_camera():
    instants: Instants[Shown] = Instants(PERIOD, patience_ns=250 * MS)
    assert instants.next(5 * MS, {}, "") is None
    assert instants.next(1001 * MS, {"a": at(1000)}, "a") is not None
    assert instants.next(1300 * MS, {}, "") is None
    empty = instants.next(1350 * MS, {}, "")
    assert empty is not None
    assert empty.frames == {}
    assert empty.at_ns == 1100 * MS


def test_a_slow_worker_skips_instants_and_stays_near_the_present():
    instants: Instants[Shown] = Instants(PERIOD, patience_ns=250 * MS)
    assert instants.next(1001 * MS, {"a": at(1000)}, "a") is not None
    found = instants.next(5005 * MS, {"a": at(4600, 4700, 4800, 4900, 5000)}, "a")
    assert found is not None
    assert instants.skipped > 30
    assert found.at_ns >= 4600 * MS


@settings(max_examples=30)
@given(
    st.lists(st.floats(0, 99), min_size=1, max_size=4),
    st.lists(st.floats(-5, 5), min_size=40, max_size=40),
)
def test_steady_cameras_of_any_phase_are_taken_whole(phases, jitter):
    """Each frame is used once, instants ascend, and nearly every frame is used."""
    instants: Instants[Shown] = Instants(PERIOD)
    frames = {
        f"cam{c}": at(*(1000 + phase + 100 * n + jitter[(n + c) % 40] for n in range(60)))
        for c, phase in enumerate(phases)
    }
    taken: dict[str, int] = dict.fromkeys(frames, 0)
    newest_used: dict[str, int] = dict.fromkeys(frames, 0)
    times = []
    for now_ms in range(1000, 7000, 20):
        waiting = {
            camera: [s for s in shown if newest_used[camera] < s.at_ns <= now_ms * MS][-6:]
            for camera, shown in frames.items()
        }
        found = instants.next(now_ms * MS, waiting, frames)
        if found is not None:
            times.append(found.at_ns)
            for camera, used in found.frames.items():
                assert used.at_ns > newest_used[camera]
                newest_used[camera] = used.at_ns
                taken[camera] += 1
    assert times == sorted(set(times))
    assert min(taken.values()) >= 45
