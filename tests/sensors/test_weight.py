"""Weight steps: found with their size and time, and none where nothing moved."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.observations import WeightStep, WeightTransient
from sensors.plate_gain import PlateGain
from sensors.weight import StepDetector
from sensors.wire import WeightBatch

PERIOD_NS = 16_666_667
PLATES = 12


def batches(signal, period_ns=PERIOD_NS, size=12):
    """A (samples, plates) signal as messages; NaN is null."""
    return [
        WeightBatch(
            device="s",
            boot="b",
            seq=start,
            at_ns=start * period_ns,
            period_ns=period_ns,
            grams=[
                [None if np.isnan(v) else float(v) for v in row]
                for row in signal[start : start + size]
            ],
        )
        for start in range(0, len(signal), size)
    ]


def found_in(signal, seed=0, noise_g=1.0):
    """Feed a (samples, plates) signal with noise; all that is found."""
    noisy = signal + np.random.default_rng(seed).normal(0, noise_g, signal.shape)
    detector = StepDetector("s", signal.shape[1])
    return [one for batch in batches(noisy) for one in detector.feed(batch)]


def play(signal, seed=0, noise_g=1.0):
    """The steps that are found."""
    return [one for one in found_in(signal, seed, noise_g) if isinstance(one, WeightStep)]


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
    repeated = [
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
    steps = [s for b in repeated for s in detector.feed(b) + detector.feed(b)]
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


def test_what_nets_to_zero_is_told_as_a_transient_with_its_peak():
    signal = flat()
    signal[300:318, 4] += 40.0
    (only,) = found_in(signal)
    assert isinstance(only, WeightTransient)
    assert only.plates == (5,)
    assert only.peak_g[0] == pytest.approx(40, abs=4)
    assert only.began_ns == pytest.approx(300 * PERIOD_NS, abs=0.15e9)


def test_a_step_begins_with_the_lift_and_not_with_the_hand_that_pressed_first():
    signal = flat()
    signal[330:360, 4] += 30.0 * np.sin(np.linspace(0, np.pi, 30))
    signal[360:, 4] -= 250.0
    (step,) = play(signal)
    assert sum(step.delta_g) == pytest.approx(-250, abs=3)
    assert step.began_ns == pytest.approx(360 * PERIOD_NS, abs=0.15e9)


def test_a_hand_that_leans_and_trembles_is_no_step():
    times = np.arange(180) / 60
    tremble = 1 + 0.05 * np.sin(2 * np.pi * 9 * times) + 0.04 * np.sin(2 * np.pi * 1.3 * times)
    signal = flat()
    signal[300:480, 4] += 300.0 * tremble
    (only,) = found_in(signal)
    assert isinstance(only, WeightTransient)


def test_an_item_across_two_plates_is_one_step_and_neighbours_at_other_times_are_two():
    across = flat()
    across[300:, 4] -= 180.0
    across[302:, 5] -= 120.0
    (one,) = play(across)
    assert dict(zip(one.plates, one.delta_g, strict=True))[5] == pytest.approx(-180, abs=3)
    assert dict(zip(one.plates, one.delta_g, strict=True))[6] == pytest.approx(-120, abs=3)
    apart = flat()
    apart[300:, 4] -= 180.0
    apart[345:, 5] -= 120.0
    first, second = play(apart)
    assert sum(first.delta_g) == pytest.approx(-180, abs=4)
    assert sum(second.delta_g) == pytest.approx(-120, abs=4)


def test_what_neighbours_feel_is_no_step_of_theirs():
    signal = flat()
    shape = 1 - np.exp(-np.arange(300) / 5.0)
    signal[300:, 4] -= 1400.0 * shape
    signal[300:, 3] -= 21.0 * shape
    signal[300:, 5] -= 25.0 * shape
    (step,) = play(signal)
    assert set(step.plates) >= {4, 5, 6}
    assert sum(step.delta_g) == pytest.approx(-1446, abs=6)


def test_the_stated_sigma_is_about_the_error():
    errors = []
    for seed in range(120):
        signal = flat(12)
        signal[480:, 4] -= 100.0
        (step,) = play(signal, seed, noise_g=3.0)
        at = step.plates.index(5)
        errors.append((step.delta_g[at] + 100.0) / step.sigma_g[at])
    assert 0.5 < np.std(errors) < 1.4


def test_a_noisy_plate_does_not_deafen_a_quiet_one():
    rng = np.random.default_rng(5)
    signal = flat(60)
    signal[:, 0] += rng.normal(0, 60.0, len(signal))
    signal[3000:, 1] += 25.0
    (step,) = play(signal)
    assert step.delta_g[step.plates.index(2)] == pytest.approx(25, abs=2)


def test_a_plate_that_becomes_noisy_is_soon_known_to_be():
    rng = np.random.default_rng(5)
    signal = flat(240)
    signal[1800:, 4] += rng.normal(0, 60.0, len(signal) - 1800)
    found = found_in(signal)
    assert found and not [one for one in found if isinstance(one, WeightStep)]
    assert max(one.at_ns for one in found) < 150e9


@pytest.mark.parametrize("rate_hz", [10, 80])
def test_cells_of_other_rates_are_understood(rate_hz):
    rng = np.random.default_rng(2)
    signal = np.full((12 * rate_hz, 2), 800.0) + rng.normal(0, 0.3, (12 * rate_hz, 2))
    signal[6 * rate_hz :, 1] -= 150.0
    detector = StepDetector("s", 2)
    found = [
        one for b in batches(signal, 10**9 // rate_hz, rate_hz // 5) for one in detector.feed(b)
    ]
    (step,) = (one for one in found if isinstance(one, WeightStep))
    assert sum(step.delta_g) == pytest.approx(-150, abs=2)
    assert step.at_ns - step.began_ns < 1.2e9


def test_what_moved_while_messages_were_missing_is_found_and_dated_before():
    signal = flat(20)
    signal[600:, 4] -= 220.0
    detector = StepDetector("s", PLATES)
    heard = [b for b in batches(signal) if not 540 <= b.at_ns / PERIOD_NS < 660]
    (step,) = (one for b in heard for one in detector.feed(b))
    assert sum(step.delta_g) == pytest.approx(-220, abs=1)
    assert step.began_ns <= 545 * PERIOD_NS


def test_a_restored_detector_goes_on_as_if_nothing_had_been():
    rng = np.random.default_rng(4)
    signal = flat(20) + rng.normal(0, 1.0, (1200, PLATES))
    signal[500:, 3] += 80.0
    signal[505:, 8] -= 300.0
    whole = StepDetector("s", PLATES)
    parts = StepDetector("s", PLATES)
    for batch in batches(signal):
        parts = pickle.loads(pickle.dumps(parts))
        assert whole.feed(batch) == parts.feed(batch)


def test_cells_that_are_silent_stuck_or_spiking_are_named():
    rng = np.random.default_rng(6)
    signal = np.round(flat(30) + rng.normal(0, 1.0, (1800, PLATES)), 1)
    signal[900:, 1] = np.nan
    signal[900:, 2] = signal[900, 2]
    signal[rng.integers(0, 1800, 12), 3] += 300.0
    detector = StepDetector("s", PLATES)
    assert set(detector.cells) == {"new"}
    for batch in batches(signal):
        assert not [one for one in detector.feed(batch) if isinstance(one, WeightStep)]
    assert detector.cells[:5] == ("live", "silent", "stuck", "spiking", "live")


def test_a_dead_neighbour_is_left_out_of_a_step():
    signal = flat()
    signal[:, 5] = np.nan
    signal[300:, 4] -= 250.0
    (step,) = play(signal)
    assert 6 not in step.plates


def test_a_new_gain_moves_the_baseline_along_and_scales_what_comes():
    signal = flat(20)
    signal[900:, 4] -= 204.0
    detector = StepDetector("s", PLATES)
    found = []
    for number, batch in enumerate(batches(signal)):
        if number == 50:
            detector.calibrate(5, PlateGain(tare_g=120.0, gain=1.02))
        found += detector.feed(batch)
    (step,) = found
    assert sum(step.delta_g) == pytest.approx(-200, abs=0.5)
