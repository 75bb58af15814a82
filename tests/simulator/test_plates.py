"""Load cells: what a step, a press, drift and spikes look like in the readings."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensors.store import load_store
from simulator.plates import BATCH_NS, PERIOD_NS, SAMPLES, Plates
from simulator.world import PlateFaults, World, realise

STORE = load_store(Path(__file__).parents[2] / "datasets/stores/corner.yaml")
S = 1_000_000_000
STILL = PlateFaults(vibration_median_g=0, sway_median_g=0, creep=(0, 0), hysteresis_g=0)
QUIET = STILL.model_copy(
    update={
        "noise_median_g": 0.0,
        "drift_day_sigma_g": 0.0,
        "poor_share": 0.0,
        "press_g": (40.0, 40.0),
        "quantum_g": 0.1,
    }
)


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
    plates = plates_of(STILL.model_copy(update={"poor_share": 0.0, "noise_median_g": 0.9}))
    all_rows = []
    for k in range(1500):
        all_rows.append(np.concatenate([g for _, g in plates.batch(k * BATCH_NS).values()], axis=1))
    grams = np.stack(all_rows)  # (1500, 12, 144): five minutes
    noise = grams.std(axis=1, ddof=1).mean(axis=0)
    assert 0.7 < np.median(noise) < 1.1 and noise.max() < 7
    drift = grams[-25:].mean(axis=(0, 1)) - grams[:25].mean(axis=(0, 1))
    assert 0.8 < drift.std() / (14 * np.sqrt(295 / 86_400)) < 1.2


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


def test_creep_gains_its_share_within_a_minute():
    plates = plates_of(QUIET.model_copy(update={"creep": (0.003, 0.003)}))
    plates.change(S, "g1s1", step(0, 0, 0, 2000))
    t, grams = readings(plates, "g1s1", 65)
    crept = grams[:, 3] - grams[0, 3] - 2000
    assert abs(crept[(t > 4) & (t < 4.1)].mean() - 6 * (1 - np.exp(-3 / 20))) < 0.3
    assert 5.5 < crept[t > 61].mean() < 6.1


def test_hysteresis_shows_when_the_load_turns_and_stays_within_its_limits():
    plates = plates_of(QUIET.model_copy(update={"hysteresis_g": 10.0}))
    for n in range(20):
        plates.change((1 + 2 * n) * S, "g1s1", step(1000 if n < 10 else -1000))
    t, grams = readings(plates, "g1s1", 42)
    plateau = [np.median(grams[(t > 2.8 + 2 * n) & (t < 2.95 + 2 * n), 0]) for n in range(-1, 20)]
    off = np.array(plateau) - plateau[0] - 1000 * np.array([*range(11), *range(9, -1, -1)])
    assert (off[2:11] >= off[1:10]).all() and (off[11:] <= off[10:-1]).all()
    assert 14 < off[10] - off[20] < 20


def test_readings_are_whole_quanta():
    plates = plates_of(PlateFaults(quantum_g=0.25))
    _, grams = readings(plates, "g1s1", 2)
    assert (grams % 0.25 == 0).all() and np.ptp(grams, axis=0).min() > 0


def test_a_shelf_shakes_as_one_and_other_shelves_by_themselves():
    shaking = {"vibration_median_g": 4.0, "vibration_log_sigma": 0.0, "vibration_hz": (20.0, 20.0)}
    plates = plates_of(QUIET.model_copy(update=shaking))
    batches = [plates.batch(k * BATCH_NS) for k in range(100)]
    one, other = (np.concatenate([b[s][1] for b in batches]) for s in ("g1s1", "g1s2"))
    alike = np.abs(np.corrcoef(one.T))
    assert alike.min() > 0.95
    assert abs(np.corrcoef(one[:, 0], other[:, 0])[0, 1]) < 0.3
    power = np.abs(np.fft.rfft(one[:, 0] - one[:, 0].mean())) ** 2
    hertz = np.fft.rfftfreq(len(one), PERIOD_NS / S)
    assert power[np.abs(hertz - 20) < 3].sum() > 0.8 * power.sum()
    assert 2 < np.median(one.std(axis=0)) < 8
