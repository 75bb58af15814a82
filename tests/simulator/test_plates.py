"""Load cells: what a step, a press, drift and spikes look like in the readings."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensors.store import load_store
from simulator.plates import BATCH_NS, PERIOD_NS, SAMPLES, Plates
from simulator.world import PlateFaults, World, realise

STORE = load_store(Path(__file__).parents[2] / "datasets/stores/corner.yaml")
S = 1_000_000_000
QUIET = PlateFaults(noise_median_g=0.0, drift_day_sigma_g=0.0, poor_share=0.0, press_g=(40, 40))


def readings(
    plates: Plates, shelf: str, seconds: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds (N,) and grams (N, plates) of a shelf."""
    times, rows = [], []
    for k in range(round(seconds * S / BATCH_NS)):
        at_ns, grams = plates.batch(k * BATCH_NS)[shelf]
        times.append((at_ns + np.arange(SAMPLES) * PERIOD_NS) / S)
        rows.append(grams)
    return np.concatenate(times), np.concatenate(rows)


def plates_of(faults: PlateFaults, gain_sigma: float = 0.0) -> Plates:
    world = World(id="w", plates=faults, plate_gain_sigma=gain_sigma)
    return Plates(STORE, realise(STORE, world, 1), {}, 1)


def step(*grams: float) -> NDArray[np.float64]:
    return np.array([*grams, *[0.0] * (12 - len(grams))])


def test_a_step_settles_within_half_a_second() -> None:
    plates = plates_of(QUIET)
    plates.change(2 * S, "g1s1", step(0, 0, 0, -500))
    t, grams = readings(plates, "g1s1", 6)
    change = grams[:, 3] - grams[0, 3]
    assert np.abs(change[t < 2]).max() == 0
    assert np.abs(change[t > 2.6] + 500).max() < 0.06 * 500
    assert np.abs(change[t > 3.5] + 500).max() < 0.2
    during = change[(t > 2) & (t < 2.2)]
    assert (during < -20).any() and (during > -480).any()


def test_neighbours_feel_one_or_two_percent() -> None:
    plates = plates_of(QUIET)
    plates.change(S, "g1s1", step(0, 0, 0, 1000))
    _, grams = readings(plates, "g1s1", 5)
    felt = grams[-1] - grams[0]
    assert 9.9 < felt[2] < 20.1 and 9.9 < felt[4] < 20.1
    assert np.abs(felt[[0, 1, 5, 6]]).max() == 0


def test_other_shelves_feel_nothing() -> None:
    plates = plates_of(QUIET)
    plates.change(S, "g1s1", step(1000))
    _, grams = readings(plates, "g1s2", 4)
    assert np.ptp(grams, axis=0).max() == 0


def test_a_press_comes_and_goes() -> None:
    plates = plates_of(QUIET)
    plates.press(S, "g1s1", 0.45, 0.1, 0.4)
    t, grams = readings(plates, "g1s1", 4)
    sums = grams.sum(axis=1) - grams[0].sum()
    assert 38 < sums.max() < 43
    assert np.argmax(grams[np.argmax(sums)] - grams[0]) == 4
    assert np.abs(sums[(t < 1) | (t > 1.4)]).max() == 0


def test_noise_and_drift_are_as_the_world_says() -> None:
    plates = plates_of(PlateFaults(poor_share=0.0))
    all_rows = []
    for k in range(1500):
        all_rows.append(np.concatenate([g for _, g in plates.batch(k * BATCH_NS).values()], axis=1))
    grams = np.stack(all_rows)  # (1500, 12, 144): five minutes
    noise = grams.std(axis=1, ddof=1).mean(axis=0)
    assert 0.7 < np.median(noise) < 1.1 and noise.max() < 7
    drift = grams[-25:].mean(axis=(0, 1)) - grams[:25].mean(axis=(0, 1))
    assert 0.8 < drift.std() / (25 * np.sqrt(295 / 86_400)) < 1.2


def test_poor_cells_spike_now_and_then() -> None:
    plates = plates_of(QUIET.model_copy(update={"poor_share": 1.0}))
    rows = [np.concatenate([g for _, g in plates.batch(k * BATCH_NS).values()]) for k in range(100)]
    grams = np.stack(rows)
    off = np.abs(grams - np.median(grams, axis=0)) > 99
    assert 0.0008 < off.mean() < 0.0012


def test_gain_is_of_the_cell() -> None:
    plates = plates_of(QUIET.model_copy(update={"crosstalk": (0.0, 0.0)}), gain_sigma=0.01)
    plates.change(S, "g1s1", np.full(12, 1000.0))
    _, grams = readings(plates, "g1s1", 4)
    felt = grams[-1] - grams[0]
    assert 3 < felt.std() < 20 and abs(felt.mean() - 1000) < 15
