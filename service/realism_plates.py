"""Simulated plates against real ones: a checkout-free store's recording, and a scale in a garden.

The recording is plate_data.json of the 2020 AutoCheckout competition, 240 plates over 17 seconds;
the scale is that of the project beescale, two cells over 18 days.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensors.store import load_store
from sensors.wire import WeightBatch
from service.autocheckout import ImportFailedError, import_autocheckout
from service.realism import Comparison, RealDataError, compare
from service.simulate import DATASETS
from simulator.plate_statistics import Rest, at_rest
from simulator.plates import BATCH_NS, SAMPLES, Plates
from simulator.world import PlateFaults, World, realise, stream

Array = NDArray[np.float64]

RECORDING = "autocheckout-benchmark-1"
SCALE = "loadcell/beescale_sensorik_pure.csv"
RATE_HZ = 60
SEEDS = range(1, 11)  # worlds: one hall has too few shelves to tell its luck from its law
HANDLED_G = 1_000.0  # a day in which the scale moved by more was one of work on it
HOURS_OF_DAY = 20
_CELLS = (1, 5)  # columns of the two scales, kilograms


def compare_plates(real_data: Path) -> list[Comparison]:
    """Noise, drift and correlation of plates at rest, and a day's drift."""
    recorded = recorded_plates(real_data / RECORDING)
    real = at_rest(recorded, RATE_HZ)
    simulated = simulated_rest(len(recorded))
    days = daily_range(real_data / SCALE)
    return [
        compare("plates: noise", "g", real.noise_g, simulated.noise_g, farthest=0.2, factor=1.5),
        compare(
            "plates: drift, 1 s", "g", real.drift_g, simulated.drift_g, farthest=0.2, factor=1.5
        ),
        compare("plates: correlation at lag 1", "", real.lag1, simulated.lag1, farthest=0.2),
        compare("plates: range of a day", "g", days, simulated_days(), factor=1.5, at=(0.5,)),
    ]


def recorded_plates(folder: Path) -> Array:
    """Readings (samples, plates) of a recording; batches are in order and without gaps."""
    return np.concatenate(list(recorded_shelves(folder).values()), axis=1)


def recorded_shelves(folder: Path) -> dict[str, Array]:
    """The same by shelf. Raises RealDataError."""
    rows: dict[str, list[Array]] = defaultdict(list)
    decoder = msgspec.json.Decoder(WeightBatch)
    try:
        entries = import_autocheckout(folder).entries
    except ImportFailedError as error:
        raise RealDataError(str(error)) from error
    for entry in entries:
        if "/weight/" in entry.topic:
            batch = decoder.decode(entry.body)
            rows[batch.device].append(np.array(batch.grams, dtype=np.float64))
    return {shelf: np.concatenate(batches) for shelf, batches in rows.items()}


def simulated_rest(samples: int) -> Rest:
    """Plates of the default world with nobody there, over as many samples, in several worlds."""
    store = load_store(DATASETS / "stores" / "corner.yaml")
    found = []
    for seed in SEEDS:
        plates = Plates(store, realise(store, World(id="default"), seed), {}, seed)
        batches = [plates.batch(n * BATCH_NS) for n in range(samples // SAMPLES)]
        shelves = [np.concatenate([batch[s][1] for batch in batches]) for s in plates.shelves]
        found.append(at_rest(np.concatenate(shelves, axis=1), RATE_HZ))
    return Rest(
        noise_g=np.concatenate([one.noise_g for one in found]),
        drift_g=np.concatenate([one.drift_g for one in found]),
        lag1=np.concatenate([one.lag1 for one in found]),
    )


def daily_range(path: Path) -> Array:
    """By how much each scale's hourly medians differed on each day that it was left alone."""
    ranges: list[float] = []
    for hours in _hourly(path):
        for day in range(len(hours) // 24):
            known = [g for g in hours[24 * day : 24 * day + 24] if np.isfinite(g)]
            if len(known) >= HOURS_OF_DAY and np.ptp(known) < HANDLED_G:
                ranges.append(float(np.ptp(known)))
    if not ranges:
        raise RealDataError(f"{path}: no day with readings in {HOURS_OF_DAY} hours")
    return np.array(ranges)


def _hourly(path: Path) -> list[Array]:
    """Median grams of every hour from the first on, NaN where there is none, of both scales."""
    by_hour: list[dict[int, list[float]]] = [defaultdict(list), defaultdict(list)]
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            for row in csv.reader(file):
                try:
                    moment = datetime.strptime(row[0], "%Y/%m/%d %H:%M:%S").replace(tzinfo=UTC)
                    hour = int(moment.timestamp() // 3600)
                    kilograms = [float(row[cell]) for cell in _CELLS]
                except (ValueError, IndexError):
                    continue  # the logger garbled some lines
                for cell, value in enumerate(kilograms):
                    by_hour[cell][hour].append(1000 * value)
    except OSError as error:
        raise RealDataError(f"{path}: cannot be read: {error.strerror}") from error
    if not by_hour[0]:
        raise RealDataError(f"{path}: no readings in it")
    hours = range(min(by_hour[0]), max(by_hour[0]) + 1)
    return [
        np.array([np.median(cell[hour]) if hour in cell else np.nan for hour in hours])
        for cell in by_hour
    ]


def simulated_days() -> Array:
    """The same of the default world's drift: its law, not played through."""
    sigma_g = PlateFaults().drift_day_sigma_g / np.sqrt(24)
    steps = stream("realism", "days").normal(0.0, sigma_g, (1000, 24))
    ranges: Array = np.ptp(steps.cumsum(axis=1), axis=1)
    return ranges
