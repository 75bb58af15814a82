"""Measures the box tracker's time per frame beside other people's, in one run.

The boxes are a simulated crowd with known truth (walkers who turn, jitter, misses, doubtful and
false boxes), the same for everybody, so that it runs anywhere; HOTA is on that same crowd. Figures
on real sequences are those of `openaisle track-eval`.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from numpy.typing import NDArray

from service.mot_eval import BenchUnavailableError, combine, evaluate
from service.mot_files import MotSequence, read_sequence, write_results
from service.mot_peers import LEAST_SCORE, PEERS, Ready, Step
from vision.box_tracker import BoxTracker

Array = NDArray[np.float64]

OURS = "openaisle"
_RATE_HZ = 30.0
_WIDTH_PX, _HEIGHT_PX = 1920, 1080
_WARM_FRAMES = 30


class TrackerPace(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of processor time per frame (median over frames, the best run), and HOTA in
    percent where TrackEval is installed."""

    tracker: str
    detections: int
    ms_per_frame: float
    hota: float | None


class TrackingBench(msgspec.Struct, frozen=True, kw_only=True):
    """All paces; how many times faster ours is than the fastest other by number of detections;
    what is not installed; and the machine with its load average before, by minutes 1 and 5."""

    paces: list[TrackerPace]
    times_faster: dict[int, float]
    missing: dict[str, str]
    cores: int
    machine: str
    load: tuple[float, float]


def bench_tracking(
    counts: tuple[int, ...], frames: int, runs: int, told: Callable[[str], None]
) -> TrackingBench:
    """Time every installed tracker `runs` times, in turn, on `frames` frames of a crowd with on
    average each of `counts` detections. `told` hears what is being measured."""
    load = os.getloadavg()
    missing: dict[str, str] = {}
    entrants: dict[str, Callable[[float], tuple[Ready, Step]]] = {OURS: _ours}
    for peer in PEERS:
        try:
            peer.make(_RATE_HZ)
        except ImportError:
            missing[peer.name] = f"pip install {peer.package} (most come with 'openaisle[bench]')"
        else:
            entrants[peer.name] = peer.make
    paces: list[TrackerPace] = []
    times_faster: dict[int, float] = {}
    with TemporaryDirectory(prefix="openaisle-crowd-") as temporary:
        for count in counts:
            sequence = crowd(Path(temporary) / str(count), count, frames, seed=count)
            best = dict.fromkeys(entrants, np.inf)
            rows: dict[str, Array] = {}
            for run in range(runs):
                for name, make in entrants.items():
                    told(f"{name}, {count} detections, run {run + 1} of {runs}")
                    took_ms, rows[name] = _timed(sequence, make)
                    best[name] = min(best[name], took_ms)
            for name, took_ms in best.items():
                paces.append(
                    TrackerPace(
                        tracker=name,
                        detections=count,
                        ms_per_frame=round(took_ms, 4),
                        hota=_hota(sequence, rows[name]),
                    )
                )
            others = [took for name, took in best.items() if name != OURS]
            if others:
                times_faster[count] = round(min(others) / best[OURS], 2)
    return TrackingBench(
        paces=paces,
        times_faster=times_faster,
        missing=missing,
        cores=os.cpu_count() or 1,
        machine=platform.processor() or platform.machine(),
        load=(load[0], load[1]),
    )


def crowd(folder: Path, count: int, frames: int, seed: int) -> MotSequence:
    """A simulated crowd as a MOT-style folder with truth: about `count` detections a frame."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    people = max(1, round(count / 1.02))
    height = rng.uniform(90, 220, people)
    place = rng.uniform((0, 350), (_WIDTH_PX, _HEIGHT_PX), (people, 2))  # foot points
    speed = rng.normal(0, (0.5, 0.08), (people, 2))
    truth: list[list[float]] = []
    found: list[list[float]] = []
    for frame in range(1, frames + 1):
        speed += rng.normal(0, (0.05, 0.01), (people, 2))
        speed *= 0.99
        place += speed * height[:, None] / _RATE_HZ
        for axis, (low, high) in enumerate(((0, _WIDTH_PX), (350, _HEIGHT_PX))):
            out = (place[:, axis] < low) | (place[:, axis] > high)
            speed[out, axis] *= -1
            place[:, axis] = np.clip(place[:, axis], low, high)
        boxes = np.column_stack([place[:, 0], place[:, 1], height * 0.4, height])
        boxes[:, 0] -= boxes[:, 2] / 2
        boxes[:, 1] -= boxes[:, 3]
        for i, box in enumerate(boxes):
            truth.append([frame, i + 1, *box, 1])
            covered = _covered(i, boxes, place[:, 1])
            if rng.random() < 0.03 or rng.random() < covered**2:
                continue
            shaken = box + rng.normal(0, 0.015 * box[3], 4)
            sure = np.clip(0.93 - 0.7 * covered + rng.normal(0, 0.05), 0.05, 0.99)
            found.append([frame, -1, *shaken, float(sure)])
        for _ in range(rng.poisson(0.08 * count)):
            tall = rng.uniform(90, 220)
            left, top = rng.uniform(0, _WIDTH_PX), rng.uniform(0, _HEIGHT_PX - tall)
            score = rng.uniform(0.1, 0.65)
            found.append([frame, -1, left, top, 0.4 * tall, tall, score])
    write_results(folder / "det.txt", found)
    (folder / "gt.txt").write_text(
        "".join(
            f"{int(f)},{int(i)},{x:.2f},{y:.2f},{w:.2f},{h:.2f},1,1,1\n"
            for f, i, x, y, w, h, _ in truth
        )
    )
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname=crowd\nframeRate={_RATE_HZ:g}\nseqLength={frames}\n"
        f"imWidth={_WIDTH_PX}\nimHeight={_HEIGHT_PX}\n"
    )
    return read_sequence(folder)


def _covered(i: int, boxes: Array, foot: Array) -> float:
    """The greatest share of box i that one person nearer the camera hides."""
    nearer = boxes[foot > foot[i]]
    if not len(nearer):
        return 0.0
    low = np.maximum(boxes[i, :2], nearer[:, :2])
    high = np.minimum(boxes[i, :2] + boxes[i, 2:], nearer[:, :2] + nearer[:, 2:])
    share: Array = np.clip(high - low, 0, None).prod(axis=1) / boxes[i, 2:].prod()
    return float(share.max())


def _ours(frame_rate_hz: float) -> tuple[Ready, Step]:
    tracker = BoxTracker()
    frame = 0

    def step(boxes: Array) -> Array:
        nonlocal frame
        frame += 1
        found = tracker.step(round(frame * 1e9 / frame_rate_hz), boxes)
        return np.column_stack([found.ids, found.boxes, found.scores])

    return lambda boxes: boxes, step


def _timed(
    sequence: MotSequence, make: Callable[[float], tuple[Ready, Step]]
) -> tuple[float, Array]:
    """The median of a frame's milliseconds after a warm-up, and the rows."""
    ready, step = make(sequence.frame_rate_hz)
    took: list[float] = []
    rows = [np.zeros((0, 7))]
    for frame, boxes in sequence.by_frame():
        prepared = ready(boxes[boxes[:, 4] >= LEAST_SCORE])
        begun = time.thread_time()  # other work on the machine harms it less than the clock's
        found = step(prepared)
        took.append(1e3 * (time.thread_time() - begun))
        rows.append(np.column_stack([np.full(len(found), float(frame)), found]))
    return float(np.median(took[min(_WARM_FRAMES, len(took) // 2) :])), np.concatenate(rows)


def _hota(sequence: MotSequence, rows: Array) -> float | None:
    try:
        return round(combine([evaluate(sequence, rows.tolist(), 1)]).hota, 2)
    except BenchUnavailableError:
        return None
