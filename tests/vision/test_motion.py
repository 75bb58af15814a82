"""Views that stand still are told from those that move, and are looked at seldom without harm."""

import numpy as np
import pytest

from simulator.people import Figure
from vision.motion import LOOK_NS, MotionGate
from vision.pipeline import VisionPipeline

TENTH_NS = 100_000_000


def picture(rng: np.random.Generator, noise: float = 5.0, light: float = 0.0) -> np.ndarray:
    rows, columns = np.mgrid[0:480, 0:640]
    shelf = 90 + 40 * ((rows // 24 + columns // 32) % 2) + light
    return np.clip(shelf[..., None] + rng.normal(0, noise, (480, 640, 3)), 0, 255).astype(np.uint8)


def looked_at(gate: MotionGate, rng: np.random.Generator, *, empty: bool = True) -> None:
    gate.is_still("cam", 0, picture(rng), empty=empty)
    gate.looked("cam", 0, empty=empty)


@pytest.mark.parametrize("noise", [0.0, 5.0, 12.0])
@pytest.mark.parametrize("light", [0.0, -6.0, 15.0])
def test_noise_and_flicker_are_no_motion(noise: float, light: float) -> None:
    rng, gate = np.random.default_rng(1), MotionGate()
    gate.is_still("cam", 0, picture(rng, noise), empty=True)
    gate.looked("cam", 0, empty=True)
    for n in range(1, 10):
        assert gate.is_still("cam", n * TENTH_NS, picture(rng, noise, light), empty=True)


def test_a_hand_far_off_is_motion() -> None:
    rng, gate = np.random.default_rng(1), MotionGate()
    looked_at(gate, rng)
    hand = picture(rng)
    hand[100:124, 200:216] = 200
    assert not gate.is_still("cam", TENTH_NS, hand, empty=False)


def test_a_still_view_is_looked_at_again_in_time() -> None:
    rng, gate = np.random.default_rng(1), MotionGate()
    assert not gate.is_still("cam", 0, picture(rng), empty=True), "nobody has looked yet"
    gate.looked("cam", 0, empty=True)
    assert gate.is_still("cam", LOOK_NS - 1, picture(rng), empty=True)
    assert not gate.is_still("cam", LOOK_NS, picture(rng), empty=True)
    assert not gate.is_still("cam", -1, picture(rng), empty=True), "the clock was set back"
    gate.forget("cam")
    assert not gate.is_still("cam", 1, picture(rng), empty=True)


def test_what_stands_where_nothing_stood_is_looked_at_though_nobody_was_found() -> None:
    rng, gate = np.random.default_rng(1), MotionGate()
    looked_at(gate, rng)
    stranger = picture(rng)
    stranger[150:400, 250:330] = 20
    looks = 0
    for n in range(1, 600):
        if not gate.is_still("cam", n * TENTH_NS, stranger, empty=True):
            gate.looked("cam", n * TENTH_NS, empty=True)
            looks += 1
    assert 200 < looks < 500, "until it has become part of the store"
    gate.looked("cam", 600 * TENTH_NS, empty=True)
    assert gate.is_still("cam", 600 * TENTH_NS + 1, stranger, empty=True)
    assert gate.is_still("cam", 600 * TENTH_NS + 1, stranger, empty=False)


class Counting:
    """A stage whose looks are counted."""

    def __init__(self, stage) -> None:
        self.stage, self.looks = stage, 0

    def detect_all(self, frames):
        self.looks += len(frames)
        return self.stage.detect_all(frames)


def test_an_empty_store_costs_one_look_a_second(store, stage) -> None:
    here = Counting(stage(1))
    pipeline = VisionPipeline(store, here, "v", "b", gate=True)
    for n in range(30):
        pipeline.see(n * TENTH_NS, here.stage.frames([]))
    assert here.looks == 3 * len(store.cameras) == pipeline.looks
    assert pipeline.spared == 27 * len(store.cameras)


def test_who_stands_still_stays_tracked_and_is_not_counted_twice(store, stage, walk) -> None:
    figure = Figure.random(np.random.default_rng(3))
    bodies = walk(figure, [(1.5, 1.2), (3.0, 1.2)], 1.0, 70)
    reports = {}
    for gate in (True, False):
        here = Counting(stage(1, miss=0.0))
        pipeline = VisionPipeline(store, here, "v", "b", gate=gate)
        reports[gate] = [
            pipeline.see(n * TENTH_NS, here.stage.frames([(figure, body)]))
            for n, body in enumerate(bodies)
        ]
        assert pipeline.looks == here.looks
        assert (pipeline.spared > 40) == gate
    walked, standing = 15, 35
    names = {t.tracklet for r in reports[True][walked:] for t in r.tracks}
    assert len(names) == 1
    assert all(len(r.tracks) == 1 for r in reports[True][walked:])
    for gated, free in zip(reports[True][standing:], reports[False][standing:], strict=True):
        assert np.hypot(gated.tracks[0].x_m - 3.0, gated.tracks[0].y_m - 1.2) < 0.25
        assert gated.tracks[0].covariance[0] >= free.tracks[0].covariance[0]
