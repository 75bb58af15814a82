"""Measures how fast the simulator plays, beside yardsticks taken in the same breath.

Every figure is store seconds over seconds by the clock, after a first run that compiles and
loads; beside it over the CPU seconds of all processes, which other work on the machine harms less.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from sensors.wire import WeightBatch, decode
from service.jobs import Task, one_thread_each, play_task
from service.recording import Recording
from service.records import TICK, Entry
from service.simulate import simulate, stage
from service.worker_pool import worker_pool

CHAIN = "player, wire, decoder, steps, fusion, score; vision emulated, no frames"
FILM = "every camera painted, filmed to H.264 and recorded with its truth; no detection"


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Store seconds played in so many seconds by the clock, by so many processes.

    `cpu_s` is what all of them used of the processor, `times_real_cpu` the pace by that.
    """

    what: str
    processes: int
    runs: int
    store_s: float
    wall_s: float
    cpu_s: float
    times_real: float
    times_real_cpu: float


class Yardstick(msgspec.Struct, frozen=True, kw_only=True):
    """The same material put through something plain, as a pace."""

    what: str
    times_real: float


class BenchResult(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of a bench; `load` is the machine's load average before, by minutes 1 and 5."""

    scene: str
    cameras: int
    cores: int
    machine: str
    load: tuple[float, float]
    paces: list[Pace]
    yardsticks: list[Yardstick]


def bench_simulator(
    scene: Path, jobs: int, runs: int, film: bool, told: Callable[[str], None]
) -> BenchResult:
    """Play the scene with `runs` seeds for each process, alone and `jobs` at once.

    `told` hears what is being measured. Raises StoreFileError for the scene.
    """
    staged = stage(scene)
    load = os.getloadavg()
    paces: list[Pace] = []
    yardsticks: list[Yardstick] = []
    with TemporaryDirectory(prefix="openaisle-bench-") as folder, one_thread_each():
        told("the chain without frames")
        chain = [Task(scene, seed) for seed in range(1, jobs * runs + 1)]
        paces += _paces(CHAIN, chain, runs, jobs)
        yardsticks += _of_messages(simulate(staged, 1).entries)
        if film:
            told("filming all cameras")
            films = [
                replace(task, record=Path(folder) / f"{task.seed}.mcap", video=True)
                for task in chain[:jobs]
            ]
            paces += _paces(FILM, films, 1, jobs)
            yardsticks.append(_of_videos(Recording.open(Path(folder) / "1.mcap")))
    return BenchResult(
        scene=staged.scene.name,
        cameras=len(staged.store.cameras),
        cores=os.cpu_count() or 1,
        machine=platform.processor() or platform.machine(),
        load=load[:2],
        paces=paces,
        yardsticks=yardsticks,
    )


def _paces(what: str, tasks: Sequence[Task], alone: int, jobs: int) -> list[Pace]:
    """The pace of one process for the first `alone` tasks, and of `jobs` for all."""
    paces = []
    for processes in sorted({1, jobs}):
        some = tasks[:alone] if processes == 1 else tasks
        with worker_pool(processes) as pool:
            warm = [replace(task, seed=1000 + n) for n, task in enumerate(tasks[:processes])]
            list(pool.map(_spent, warm))
            began = time.perf_counter()
            spent = np.array(list(pool.map(_spent, some)))
            wall_s = time.perf_counter() - began
        store_s, cpu_s = (float(total) for total in spent.sum(axis=0))
        paces.append(
            Pace(
                what=what,
                processes=processes,
                runs=len(some),
                store_s=round(store_s, 1),
                wall_s=round(wall_s, 3),
                cpu_s=round(cpu_s, 3),
                times_real=round(store_s / wall_s, 1),
                times_real_cpu=round(store_s / cpu_s, 1),
            )
        )
    return paces


def _spent(task: Task) -> tuple[float, float]:
    """Store seconds and CPU seconds of a run."""
    began = time.process_time()
    return play_task(task).seconds, time.process_time() - began


def _of_messages(entries: Sequence[Entry]) -> list[Yardstick]:
    """What merely decoding the messages of a run takes, and merely drawing its noise."""
    store_s = (entries[-1].received_ns - entries[0].received_ns) / 1e9
    said = [(entry.topic, entry.body) for entry in entries if entry.topic != TICK]
    store = said[0][0].split("/")[1]
    bodies = [body for _, body in said]
    plain = msgspec.json.Decoder()
    shapes = [
        (len(payload.grams), len(payload.grams[0]))
        for payload in (decode(where, body, store) for where, body in said)
        if isinstance(payload, WeightBatch)
    ]
    rng = np.random.default_rng(1)

    def decode_all() -> None:
        for body in bodies:
            plain.decode(body)

    def draw_all() -> None:
        for shape in shapes:
            rng.normal(size=shape)

    return [
        Yardstick(what="real time", times_real=1.0),
        Yardstick(
            what=f"msgspec decodes the {len(bodies)} messages of a run, to dictionaries",
            times_real=round(store_s / _seconds(decode_all), 0),
        ),
        Yardstick(
            what=f"numpy draws noise for the {len(shapes)} weight batches of a run",
            times_real=round(store_s / _seconds(draw_all), 0),
        ),
    ]


def _of_videos(recording: Recording) -> Yardstick:
    """What reading the videos of a run back takes."""
    index = recording.cameras()
    first = next(iter(index.values()))

    def read_all() -> None:
        for camera, frames in index.items():
            for _ in recording.frames(camera, frames):
                pass

    store_s = (first[-1].at_ns - first[0].at_ns) / 1e9
    frames = sum(map(len, index.values()))
    return Yardstick(
        what=f"PyAV decodes the {frames} frames of a run to RGB",
        times_real=round(store_s / _seconds(read_all), 1),
    )


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
