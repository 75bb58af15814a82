"""Runs a suite: plays scenes, or bills recordings again, on several processes, and measures each.

The order of the results is that of the jobs, whoever finishes first. A job that fails is handed
back as `Lost` beside the others; it never stops the suite. Where a process dies, the jobs that are
not done yet are run one after the other, each in a process of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import structlog

from cart.events import Event
from sensors.observations import Observation, TagPresence, TagRead, Tick
from sensors.store import Store, StoreFileError, parse_file, parse_store
from service.cli_common import read_events, truth_of
from service.jobs import one_thread_each
from service.recording import Recording, RecordingError, write_recording
from service.simulate import DATASETS, Vision, bill, facts_of, simulate, stage, truth_bytes
from service.worker_pool import worker_pool
from simulator.plain_rule import PlainRule
from simulator.scene import Scene
from simulator.scorecard import Cost, Sheet, sheet
from simulator.truth import Truth

SUITES = {"baseline": "baseline-*.yaml", "store": "store-*.yaml"}
RECORDING = ".mcap"
LEAD_IN_S = 3.0  # a failed visit is watched from so long before it goes wrong
_H = 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """One run: a scene with a seed, or a recording.

    `keep` is a folder for recordings of the runs with a wrong visit, or of all; `events` a log
    that is scored in place of what a recording leads to.
    """

    source: Path
    seed: int | None = None
    vision: Vision = "emulated"
    keep: Path | None = None
    keep_all: bool = False
    events: Path | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """A job that gave no result, and why."""

    job: Job
    error: str

    def __str__(self) -> str:
        source = str(self.job.source)
        seed = "" if self.job.seed is None else f"seed {self.job.seed}: "
        return seed + (self.error if source in self.error else f"{source}: {self.error}")


Outcome = Sheet | Lost


def sources_of(arguments: Sequence[str]) -> list[Path]:
    """Scene files and recordings that suite names, folders and files stand for, each once.

    Raises StoreFileError for what is none of them.
    """
    found: list[Path] = []
    for text in arguments:
        path = Path(text)
        if text in SUITES and not path.is_dir():
            inside = sorted((DATASETS / "scenes").glob(SUITES[text]))
            missing = f"{text}: no scene {SUITES[text]} in {DATASETS / 'scenes'}"
        elif path.is_dir():
            inside = sorted([*path.glob("*.yaml"), *path.glob("*.mcap")])
            missing = f"{path}: neither scenes (*.yaml) nor recordings (*.mcap) in it"
        else:
            inside = [path] if path.is_file() else []
            suites = " or ".join(SUITES)
            missing = f"{text}: expected {suites}, a scene, a recording or a folder of them"
        if not inside:
            raise StoreFileError(missing)
        found += [one for one in inside if one not in found]
    return found


def run_suite(
    jobs: Sequence[Job], workers: int, on_done: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    """Run all jobs on `workers` processes of one thread each; one worker is this process."""
    if workers == 1 or len(jobs) < 2:
        outcomes = []
        for job in jobs:
            outcomes.append(run_job(job))
            on_done(outcomes[-1])
        return outcomes
    found: dict[int, Outcome] = {}

    def settle(n: int, future: Future[Outcome]) -> None:
        error = future.exception()
        found[n] = future.result() if error is None else Lost(jobs[n], _said(error))
        on_done(found[n])

    with one_thread_each():
        pool = worker_pool(min(workers, len(jobs)), _quiet)
        try:
            futures = {pool.submit(run_job, job): n for n, job in enumerate(jobs)}
            for future in as_completed(futures):
                if not isinstance(future.exception(), BrokenProcessPool):
                    settle(futures[future], future)
        finally:  # on Ctrl-C the jobs that nobody has begun are given up
            pool.shutdown(cancel_futures=True)
        for n in [n for n in range(len(jobs)) if n not in found]:  # a process died with these
            with worker_pool(1, _quiet) as alone:
                settle(n, alone.submit(run_job, jobs[n]))
    return [found[n] for n in range(len(jobs))]


def more_seeds(
    jobs: Sequence[Job], outcomes: Sequence[Outcome], units: int, most_seeds: int
) -> list[Job]:
    """The jobs that bring every scene up to so many true units, by what its runs gave so far."""
    by_scene: dict[Path, list[tuple[Job, Outcome]]] = {}
    for job, outcome in zip(jobs, outcomes, strict=True):
        if job.seed is not None:
            by_scene.setdefault(job.source, []).append((job, outcome))
    wanted: list[Job] = []
    for runs in by_scene.values():
        found = [one.ours["items_true"] for _, one in runs if isinstance(one, Sheet)]
        lack = units - sum(found)
        if lack > 0 and sum(found) > 0 and len(found) == len(runs):
            count = min(math.ceil(lack * len(found) / sum(found)), most_seeds - len(runs))
            following = max(job.seed or 0 for job, _ in runs) + 1
            wanted += [replace(runs[0][0], seed=following + n) for n in range(count)]
    return wanted


def run_job(job: Job) -> Outcome:
    """Run one job in this process."""
    try:
        return _rebill(job) if job.seed is None else _play(job, job.seed)
    except Exception as error:
        return Lost(job, _said(error))


def _play(job: Job, seed: int) -> Sheet:
    staged, heard = stage(job.source), _Heard()
    began_s = time.process_time()
    run = simulate(staged, seed, job.vision, listen=heard)
    playing_cpu_s = time.process_time() - began_s - run.billing_cpu_s
    result = _measure(
        run.events,
        heard,
        run.truth,
        staged.store,
        (run.entries[0].received_ns, run.entries[-1].received_ns),
        cpu_s=(playing_cpu_s, run.billing_cpu_s),
        stated={key: run.score[key] for key in ("vision", "transport", "realtime_factor")},
        faults=[fault.kind for fault in staged.scene.faults],
    )
    if job.keep is None or not (job.keep_all or result.failures):
        return result
    path = job.keep / f"{job.source.stem}-{seed}{RECORDING}"
    write_recording(
        path,
        run.entries,
        staged.store_text,
        run.code_key,
        facts_of(staged, seed, job.vision),
        truth_bytes(run.truth),
        scene_text=staged.scene_text,
        world_text=staged.world_text,
    )
    return msgspec.structs.replace(result, recording=str(path))


def _rebill(job: Job) -> Sheet:
    recording, heard = Recording.open(job.source), _Heard()
    truth = truth_of(recording)
    if truth is None:
        raise RecordingError(f"{job.source}: the recording carries no truth to score against")
    store = parse_store(recording.store_text, f"{job.source}: store.yaml")
    facts, entries = recording.facts, list(recording.entries())
    if not entries:
        raise RecordingError(f"{job.source}: the recording has no messages")
    began_s = time.process_time()
    events = bill(store, recording.code_key, entries, heard)
    billing_cpu_s = time.process_time() - began_s
    factor = facts.get("realtime_factor")
    known = isinstance(factor, int | float) and 0 < factor < math.inf
    result = _measure(
        events if job.events is None else read_events(job.events),
        heard,
        truth,
        store,
        (entries[0].received_ns, entries[-1].received_ns),
        cpu_s=(None, billing_cpu_s),
        stated={
            "vision": str(facts.get("vision", "unknown")),
            "transport": str(facts.get("transport", "unknown")),
            "realtime_factor": factor if known else None,
        },
        faults=_faults_of(recording),
    )
    return msgspec.structs.replace(result, recording=str(job.source))


def _faults_of(recording: Recording) -> list[str]:
    """The kinds of faults that the recording's scene names."""
    if recording.scene_text is None:
        return []
    name = f"{recording.path}: scene.yaml"
    return [fault.kind for fault in parse_file(Scene, recording.scene_text, name).faults]


class _Heard:
    """The observations that are measured too, but for what tags say, by far the most of a day."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []

    def __call__(self, observation: Observation) -> None:
        if not isinstance(observation, Tick | TagRead | TagPresence):
            self.observations.append(observation)


def _measure(
    events: Sequence[Event],
    heard: _Heard,
    truth: Truth,
    store: Store,
    span_ns: tuple[int, int],
    *,
    cpu_s: tuple[float | None, float],
    stated: dict[str, Any],
    faults: Sequence[str],
) -> Sheet:
    rule = PlainRule(store)
    for observation in heard.observations:
        rule(observation)
    hours = (span_ns[1] - span_ns[0]) / 1e9 / _H
    plates = sum(shelf.plate_count for gondola in store.gondolas for shelf in gondola.shelves)
    return sheet(
        events,
        rule.events,
        heard.observations,
        truth,
        store,
        began_ns=span_ns[0],
        cost=Cost(
            playing_cpu_s=cpu_s[0],
            billing_cpu_s=cpu_s[1],
            store_h=hours,
            camera_h=hours * len(store.cameras),
            plate_h=hours * plates,
        ),
        faults=faults,
        **stated,
    )


def _quiet() -> None:
    """Warnings of many runs at once would only garble the progress."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


def _said(error: BaseException) -> str:
    text = str(error).strip() or "no reason given"
    known = isinstance(error, StoreFileError | RecordingError)
    return text if known else f"{type(error).__name__}: {text}"
