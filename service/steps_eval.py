"""Step detection over real noise, measured: recall, false steps, honest sigmas, delay.

Runs of ten minutes of each shelf of the recording, with things laid over its noise (busy) or
nothing but drift and spikes (idle), pass batch by batch through `sensors.weight.StepDetector`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sensors.observations import WeightStep
from sensors.weight import StepDetector
from sensors.wire import WeightBatch
from service.jobs import one_thread_each
from service.steps_laid import Shelf, add_drift, add_events
from service.steps_noise import RATE_HZ, Half, level_sigma_g, play, shelf_noise
from service.steps_score import Judged, Tally, Told, judge
from service.worker_pool import worker_pool

Array = NDArray[np.float64]
Kind = Literal["busy", "idle"]

RUN_S = 600
SAMPLES = 12
PERIOD_NS = 16_666_667
TARE_G = 2_000.0
SIZES_G = (15, 20, 30, 50, 100, 300, 2_000)
OVER_NOISE = (0, 5, 10, 20, 50, 1e9)
RECALL_FROM_G = 20.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """One run of one shelf, by what decides it."""

    shelf: str
    seed: int
    half: Half
    kind: Kind


@dataclass(frozen=True, slots=True)
class Aim:
    """What was promised, what came out, and whether that keeps it."""

    what: str
    aim: str
    value: str
    passed: bool


def evaluate(
    real_data: Path,
    half: Half,
    seeds: Sequence[int],
    idle_hours: float,
    jobs: int,
    progress: Callable[[float], None] | None = None,
) -> tuple[Tally, Tally]:
    """Play all runs; what came of the busy and of the idle ones. Raises RealDataError.

    `idle_hours` are plate-hours at least; `progress` is told the share that is done.
    """
    noise = shelf_noise(real_data, half)
    plates = sum(part.shape[1] for part in noise.values())
    idle = int(np.ceil(idle_hours * 3600 / RUN_S / plates))
    tasks = [Stretch(shelf, seed, half, "busy") for seed in seeds for shelf in noise]
    tasks += [Stretch(shelf, n, half, "idle") for n in range(idle) for shelf in noise]
    tallies: dict[Kind, Tally] = {"busy": Tally(), "idle": Tally()}
    done: dict[Stretch, Tally] = {}
    if jobs <= 1:
        for task in tasks:
            done[task] = run(task, noise[task.shelf])
            if progress is not None:
                progress(len(done) / len(tasks))
    else:
        with one_thread_each(), worker_pool(jobs) as pool:
            futures = {pool.submit(run, task, noise[task.shelf]): task for task in tasks}
            for future in as_completed(futures):
                done[futures[future]] = future.result()
                if progress is not None:
                    progress(len(done) / len(tasks))
    for task in tasks:
        tallies[task.kind].add(done[task])
    return tallies["busy"], tallies["idle"]


def run(task: Stretch, noise: Array) -> Tally:
    """Ten minutes of one shelf."""
    words = [task.seed, int.from_bytes(task.shelf.encode(), "big"), task.kind == "idle"]
    rng = np.random.default_rng(words)
    shelf = Shelf(TARE_G + play(noise, RUN_S * RATE_HZ, rng))
    add_drift(shelf, rng)
    if task.kind == "busy":
        add_events(shelf, rng)
    told, transients = detect(task.shelf, shelf.grams)
    tally = judge(told, shelf.steps, level_sigma_g(noise))
    tally.plate_hours = noise.shape[1] * RUN_S / 3600
    tally.transients = transients
    tally.presses = len(shelf.touches)
    return tally


def detect(name: str, grams: Array) -> tuple[list[Told], int]:
    """Feed readings (samples, plates) to a new detector: the steps it tells, and how many
    transients."""
    detector = StepDetector(name, grams.shape[1])
    told: list[Told] = []
    transients = 0
    for seq, start in enumerate(range(0, len(grams) - SAMPLES + 1, SAMPLES)):
        batch = WeightBatch(
            device=name,
            boot="b",
            seq=seq,
            at_ns=start * PERIOD_NS,
            period_ns=PERIOD_NS,
            grams=np.round(grams[start : start + SAMPLES], 2).tolist(),
        )
        for found in detector.feed(batch):
            if isinstance(found, WeightStep):
                told.append(Told(found, (start + SAMPLES - 1) / RATE_HZ))
            else:
                transients += 1
    return told, transients


def aims(busy: Tally, idle: Tally) -> list[Aim]:
    """What was promised of step detection, and what came out."""
    large = [one for one in busy.judged if one.grams >= RECALL_FROM_G]
    recall = sum(one.found for one in large) / max(1, len(large))
    idle_rate = idle.false / max(idle.plate_hours, 1e-9)
    busy_rate = busy.false / max(busy.plate_hours, 1e-9)
    within1, within2 = within(busy.judged)
    late = quantile([one.late_s for one in busy.judged if one.found], 0.95)
    return [
        Aim("recall from 20 g", "≥ 99 %", f"{recall:.2%} of {len(large)}", recall >= 0.99),
        Aim(
            "false steps per idle plate and hour",
            "≤ 0.01",
            f"{idle_rate:.4f} ({idle.false} in {idle.plate_hours:.0f} plate-hours)",
            idle_rate <= 0.01,
        ),
        Aim(
            "false steps per touched plate and hour",
            "≤ 1",
            f"{busy_rate:.2f} ({busy.false} in {busy.plate_hours:.0f} plate-hours)",
            busy_rate <= 1,
        ),
        Aim("errors within 1 σ", "68 ± 3 %", f"{within1:.1%}", abs(within1 - 0.68) <= 0.03),
        Aim("errors within 2 σ", "95 ± 2 %", f"{within2:.1%}", abs(within2 - 0.95) <= 0.02),
        Aim("settled to told, p95", "≤ 0.6 s", f"{late:.3f} s", round(late, 3) <= 0.6),
    ]


def within(judged: Sequence[Judged]) -> tuple[float, float]:
    """Shares of the plates' errors within one and two stated sigmas."""
    z = np.abs(np.array([value for one in judged for value in one.z]))
    return (float((z <= 1).mean()), float((z <= 2).mean())) if len(z) else (0.0, 0.0)


def quantile(values: Sequence[float], q: float) -> float:
    """A quantile; infinite where there is no value."""
    return float(np.quantile(values, q)) if values else float("inf")


def by_size(judged: Sequence[Judged]) -> list[tuple[str, list[Judged]]]:
    """Judged steps by grams."""
    return [
        (f"{low} to {high} g", [one for one in judged if low <= one.grams < high])
        for low, high in itertools.pairwise(SIZES_G)
    ]


def by_noise(judged: Sequence[Judged]) -> list[tuple[str, list[Judged]]]:
    """Judged steps by their size over the noise of means of 0.4 s."""
    return [
        (
            f"{low:g} to {high:g} σ" if high < 1e9 else f"from {low:g} σ",
            [one for one in judged if low <= one.over_noise < high],
        )
        for low, high in itertools.pairwise(OVER_NOISE)
    ]


def as_json(busy: Tally, idle: Tally) -> dict[str, Any]:
    """All figures for machines."""
    return {
        "aims": [
            {"what": a.what, "aim": a.aim, "value": a.value, "passed": a.passed}
            for a in aims(busy, idle)
        ],
        "bins": {
            name: figures(part)
            for name, part in (*by_size(busy.judged), *by_noise(busy.judged))
            if part
        },
        "kept_apart": {"pairs": busy.pairs, "apart": busy.apart},
        "busy_plate_hours": busy.plate_hours,
        "idle_plate_hours": idle.plate_hours,
        "presses_and_leans": busy.presses,
        "transients": {"busy": busy.transients, "idle": idle.transients},
    }


def figures(part: Sequence[Judged]) -> dict[str, float]:
    """Figures of one class of steps."""
    found = [one for one in part if one.found]
    within1, within2 = within(part)
    return {
        "steps": len(part),
        "recall": len(found) / max(1, len(part)),
        "sigma_g": quantile([one.sigma_g for one in found], 0.5),
        "within_1_sigma": within1,
        "within_2_sigma": within2,
        "whole_within_1_sigma": sum(abs(one.z_sum) <= 1 for one in found) / max(1, len(found)),
        "whole_within_2_sigma": sum(abs(one.z_sum) <= 2 for one in found) / max(1, len(found)),
        "late_p50_s": quantile([one.late_s for one in found], 0.5),
        "late_p95_s": quantile([one.late_s for one in found], 0.95),
        "began_off_p50_s": quantile([abs(one.began_off_s) for one in found], 0.5),
        "began_off_p95_s": quantile([abs(one.began_off_s) for one in found], 0.95),
    }
