"""How long after the fact the engine tells of it, in store time, by when messages arrive.

A line cannot be told before the plates have settled; from then on it waits for cameras, for
sources that are late, and for the engine. `provisional` is until it is first told, `final` until
it is told for the last time, from the moment that the weight began to move; `receipt` is from the
gate to the bill of a visit that nobody has to review.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cart.events import Event, Exited, Picked, PutBack
from sensors.observations import Observation, WeightStep
from sensors.store import facing_id
from service.pipeline import Pipeline
from service.simulate import DATASETS, Run, Staged, simulate, stage
from simulator.score import percentiles

SCENES = [DATASETS / "scenes" / "demo.yaml", *sorted((DATASETS / "scenes").glob("baseline-*.yaml"))]
AIMS_S = {"provisional": 1.0, "final": 4.0, "receipt": 5.0}  # p95; the first from settling


def bench_latency(scenes: Sequence[Path], seed: int, told: Callable[[str], None]) -> dict[str, Any]:
    """p50, p95 and p99 seconds over the scenes, and how many lines and receipts they are of."""
    samples: dict[str, list[float]] = {name: [] for name in AIMS_S}
    for scene in scenes:
        told(f"latency in {scene.stem}")
        staged = stage(scene)
        for name, found in latencies(staged, simulate(staged, seed)).items():
            samples[name] += found
    return {
        name: {**percentiles(found), "count": len(found), "aim_p95": AIMS_S[name]}
        for name, found in samples.items()
    }


def latencies(staged: Staged, run: Run) -> dict[str, list[float]]:
    """Every latency of one run, by its messages' arrival."""
    pipeline = Pipeline(staged.store, run.code_key)
    settled = _Settled(staged)
    pipeline.listen(settled)
    lines: dict[tuple[str, int], list[int]] = {}
    receipts = []
    for entry in run.entries:
        for event in pipeline.feed(entry):
            if isinstance(event, Picked | PutBack):
                lines.setdefault((event.facing, event.at_ns), []).append(entry.received_ns)
            elif isinstance(event, Exited) and event.review is None and not _unseen(event):
                receipts.append((entry.received_ns - event.at_ns) / 1e9)
    return {
        "provisional": [
            (told[0] - settled.at_ns[key]) / 1e9
            for key, told in lines.items()
            if key in settled.at_ns
        ],
        "final": [(told[-1] - key[1]) / 1e9 for key, told in lines.items()],
        "receipt": receipts,
    }


def _unseen(event: Event) -> bool:
    """Whether a visit ended because its time was over, not because somebody left."""
    return event.at_ns == event.decided_ns


class _Settled:
    """When plates had settled, by facing and the moment that the weight began to move."""

    def __init__(self, staged: Staged) -> None:
        self.at_ns: dict[tuple[str, int], int] = {}
        self._facings = {
            shelf.id: [facing_id(shelf.id, facing) for facing in shelf.facings]
            for gondola in staged.store.gondolas
            for shelf in gondola.shelves
        }

    def __call__(self, observation: Observation) -> None:
        if isinstance(observation, WeightStep):
            for facing in self._facings[observation.shelf]:
                self.at_ns[facing, observation.began_ns] = observation.at_ns
