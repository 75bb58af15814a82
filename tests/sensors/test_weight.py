"""Weight steps: found with their size and time, and none where nothing moved."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.weight import StepDetector
from sensors.wire import WeightBatch

PERIOD_NS = 16_666_667
PLATES = 12


def play(signal, seed=0, noise_g=1.0):
    """Feed a (samples, plates) signal with noise; the steps found."""
    rng = np.random.default_rng(seed)
    noisy = signal + rng.normal(0, noise_g, signal.shape)
    detector = StepDetector("s", signal.shape[1])
    steps = []
    for start in range(0, len(noisy), 12):
        batch = noisy[start : start + 12]
        steps += detector.feed(
            WeightBatch(
                device="s",
                boot="b",
                seq=start,
                at_ns=start * PERIOD_NS,
                period_ns=PERIOD_NS,
                grams=[[None if np.isnan(v) else float(v) for v in row] for row in batch],
            )
        )
    return steps


def flat(seconds=10.0):
    return np.full((round(seconds * 60), PLATES), 1500.0)


@settings(max_examples=25, deadline=None)
@given(
    grams=st.floats(25, 2000),
    plate=st.integers(0, PLATES - 1),
    lifted=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_one_move_is_one_step_of_its_size(grams, plate, lifted, seed):
    signal = flat()
    signal[300:, plate] += -grams if lifted else grams
    steps = play(signal, seed)
    assert len(steps) == 1
    assert sum(steps[0].delta_g) == pytest.approx(-grams if lifted else grams, abs=4)
    assert abs(steps[0].began_ns - 300 * PERIOD_NS) < 0.2e9
    assert 0 < steps[0].at_ns - steps[0].began_ns < 1.2e9
    assert plate + 1 in steps[0].plates


def test_lifting_and_putting_down_again_is_no_step():
    signal = flat()
    signal[300:360, 4] -= 330.0
    steps = play(signal)
    assert sum(sum(s.delta_g) for s in steps) == pytest.approx(0, abs=6)
    signal = flat()
    signal[300:318, 4] += 40.0
    assert play(signal) == []


def test_two_moves_on_far_plates_at_once_are_two_steps():
    signal = flat()
    signal[300:, 1] -= 330.0
    signal[303:, 9] -= 530.0
    steps = sorted(play(signal), key=lambda s: s.plates)
    assert [round(sum(s.delta_g) / 10) for s in steps] == [-33, -53]


def test_shaking_drift_and_spikes_are_no_steps():
    rng = np.random.default_rng(3)
    signal = flat(20)
    signal[400:700] += rng.normal(0, 20, (300, PLATES))
    assert play(signal) == []
    drift = flat(120) + np.linspace(0, 30, 120 * 60)[:, None]
    assert play(drift) == []
    spiky = flat(20)
    spiky[rng.integers(0, len(spiky), 20), 3] += 400.0
    assert play(spiky) == []


def test_a_dead_plate_leaves_the_others_working():
    signal = flat()
    signal[:, 5] = np.nan
    signal[300:, 2] -= 250.0
    steps = play(signal)
    assert len(steps) == 1
    assert sum(steps[0].delta_g) == pytest.approx(-250, abs=4)


def test_repeated_batches_change_nothing():
    detector = StepDetector("s", 1)
    batches = [
        WeightBatch(
            device="s",
            boot="b",
            seq=i,
            at_ns=i * 12 * PERIOD_NS,
            period_ns=PERIOD_NS,
            grams=[[900.0 if i < 20 else 400.0]] * 12,
        )
        for i in range(40)
    ]
    steps = [s for b in batches for s in detector.feed(b) + detector.feed(b)]
    assert [round(sum(s.delta_g)) for s in steps] == [-500]


def test_a_plate_that_falls_silent_and_comes_back_is_no_step_and_hides_none():
    signal = flat(12)
    signal[120:300, 3] = np.nan
    signal[200:, 4] -= 300
    signal[500:, 3] -= 200
    first, second = play(signal)
    assert sum(first.delta_g) == pytest.approx(-300, abs=6)
    assert sum(second.delta_g) == pytest.approx(-200, abs=6)
    assert 5 in first.plates and 4 in second.plates
