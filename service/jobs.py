"""Many runs at once: scenes and seeds over processes, results in the order that was asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from service.eyes import MODEL
from service.simulate import Run, Staged, Transport, Vision, simulate, stage
from service.worker_pool import worker_pool
from simulator.faults import Fault

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Task:
    """One run: a scene file with a seed, and faults beside its own; the rest as of `simulate`."""

    scene: Path
    seed: int
    vision: Vision = "emulated"
    record: Path | None = None
    video: bool = False
    transport: Transport = "direct"
    faults: tuple[Fault, ...] = ()
    weights: Path = MODEL


def play_all(
    tasks: Sequence[Task],
    jobs: int,
    progress: Callable[[Task, float], None] | None = None,
) -> Iterator[Run]:
    """The runs of the tasks, in their order, `jobs` at a time; what arrived is left out of them.

    `progress` is told the seconds of store time played, where one job plays in this process.
    """
    if jobs <= 1 or len(tasks) <= 1:
        for task in tasks:
            yield play_task(task, None if progress is None else _told(progress, task))
        return
    with one_thread_each(), worker_pool(min(jobs, len(tasks))) as pool:
        futures: list[Future[Run]] = [pool.submit(play_task, task) for task in tasks]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _told(progress: Callable[[Task, float], None], task: Task) -> Callable[[float], None]:
    return lambda seconds: progress(task, seconds)


def play_task(task: Task, progress: Callable[[float], None] | None = None) -> Run:
    """Play one; what arrived is left out of the run."""
    run = simulate(
        with_faults(_staged(task.scene), task.faults),
        task.seed,
        task.vision,
        progress,
        record=task.record,
        video=task.video,
        transport=task.transport,
        weights=task.weights,
    )
    return replace(run, entries=[])


def with_faults(staged: Staged, faults: Sequence[Fault]) -> Staged:
    """The scene with faults beside its own."""
    scene = staged.scene.model_copy(update={"faults": [*staged.scene.faults, *faults]})
    return replace(staged, scene=scene)


@lru_cache(maxsize=4)
def _staged(scene: Path) -> Staged:
    return stage(scene)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Let processes that are started meanwhile use one thread each."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
