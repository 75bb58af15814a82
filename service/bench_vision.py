"""Measures the whole vision worker, from recorded H.264 to encoded reports, beside ultralytics.

Four cameras of a generated store are filmed first. Each contender then runs by itself in a process
of its own, on one thread, after a first run that loads and warms up; figures are frames per CPU
second, which other work on the machine harms less than the clock's.
"""

from __future__ import annotations

import os
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import msgspec
import onnxruntime

from sensors.store import Store
from sensors.wire import encode
from service.eyes import Painter
from service.jobs import one_thread_each
from service.simulate import START_NS, player_of
from service.video import Filmed, Picture, VideoWriter, read_video
from service.vision_eval import Trial, generated
from service.worker_pool import worker_pool
from simulator.player import Exposure
from vision import pipeline as vision_pipeline
from vision.calibration import SelfCalibration
from vision.detector import Detection, Detector, OnnxDetector, load_eyes
from vision.detector_heads import Head
from vision.detector_torch import TorchMissing
from vision.hands import HandFinder
from vision.joints import JointRefiner
from vision.letterbox import Letterboxer
from vision.motion import MotionGate
from vision.pipeline import VisionPipeline
from vision.sides import Sides
from vision.tracker import Tracker

PEER = "ultralytics track() (ByteTrack), one camera after the other"
_LEAST_SCORE = 0.15  # where ours begins too
# What is timed, by what is called for it; none of them calls another.
_STAGES: tuple[tuple[str, Any, str], ...] = (
    ("motion gate", MotionGate, "is_still"),
    ("motion gate", MotionGate, "looked"),
    ("resize", Letterboxer, "fill"),
    ("network", OnnxDetector, "_run"),
    ("boxes", Head, "decode"),
    ("joints, second look", JointRefiner, "refine"),
    ("floor points and colours", vision_pipeline, "views_of"),
    ("tracker", Tracker, "step"),
    ("left and right", Sides, "settle"),
    ("calibration", SelfCalibration, "look"),
    ("hands", HandFinder, "find"),
)


@dataclass(frozen=True, slots=True)
class Way:
    """How ours sees: whether people are followed from one search to the next, and whether still
    views are left alone."""

    name: str
    follow: bool
    gate: bool


WAYS = (
    Way("ours, every picture searched", follow=False, gate=False),
    Way("ours, people followed between searches", follow=True, gate=False),
    Way("ours, still views left alone besides", follow=True, gate=True),
)


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """One way to see the same films: `looks` is how many pictures it looked at, `searches` in how
    many of them its network looked for people everywhere."""

    what: str
    frames: int
    looks: int
    searches: int
    cpu_s: float
    wall_s: float
    frames_per_cpu_s: float


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage of ours takes of a frame."""

    what: str
    ms_per_frame: float
    share: float


class VisionBench(msgspec.Struct, frozen=True, kw_only=True):
    """All figures; `times_faster` of each of ours than the peer, by its name, where it ran."""

    cameras: int
    shoppers: int
    store_s: float
    weights: str
    contenders: list[Contender]
    stages: list[Stage]
    times_faster: dict[str, float]
    peer_missing: str
    cores: int
    machine: str
    load: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Films:
    """Every camera's film of one store, in `folder`."""

    folder: Path
    store: Store
    index: Mapping[str, list[Filmed]]

    def path(self, camera: str) -> Path:
        """A camera's file."""
        return self.folder / f"{camera}.mp4"


def bench_vision(
    weights: Path,
    seconds: float,
    shoppers: int,
    cameras: int,
    seed: int,
    told: Callable[[str], None],
) -> VisionBench:
    """Film, then time ours and the peer; `told` hears what is being done.

    Raises ModelMissing, WeightsUnusable or TorchMissing for the weights.
    """
    load = os.getloadavg()
    trial = Trial(seed, seconds, shoppers, cameras, weights=weights)
    with TemporaryDirectory(prefix="openaisle-bench-") as folder, one_thread_each():
        told(f"filming {cameras} cameras for {seconds:g} s of store time")
        films = film(trial, Path(folder))
        contenders = []
        for way in WAYS:
            told(f"timing {way.name}")
            contenders.append(_apart(_ours, films, weights, way))
            told(f"{way.name}: {contenders[-1].frames_per_cpu_s} frames a CPU second")
        told("timing each stage")
        stages = _apart(_stages, films, weights)
        told(f"timing {PEER}")
        missing = ""
        try:
            contenders.append(_apart(_peer, films, weights))
        except TorchMissing as error:
            missing = str(error)
    peer = contenders[-1] if not missing else None
    return VisionBench(
        cameras=cameras,
        shoppers=shoppers,
        store_s=seconds,
        weights=weights.name,
        contenders=contenders,
        stages=stages,
        times_faster={
            one.what: round(one.frames_per_cpu_s / peer.frames_per_cpu_s, 2)
            for one in contenders[:-1]
        }
        if peer
        else {},
        peer_missing=missing,
        cores=os.cpu_count() or 1,
        machine=platform.processor() or platform.machine(),
        load=load[:2],
    )


def film(trial: Trial, folder: Path) -> Films:
    """Film every camera of the trial's store, from when all of its shoppers are in."""
    staged = generated(trial)
    player, _ = player_of(staged, trial.seed, START_NS)
    painter = Painter(staged.store, player.true, trial.seed)
    store = staged.store
    films: dict[str, VideoWriter] = {}
    index: dict[str, list[Filmed]] = {camera.id: [] for camera in store.cameras}
    for camera in store.cameras:
        path = folder / f"{camera.id}.mp4"
        films[camera.id] = VideoWriter(path, camera.width_px, camera.height_px, camera.fps)
    from_s = 2.5 * trial.shoppers
    for happening in player:
        if not isinstance(happening, Exposure):
            continue
        at_s = (happening.at_ns - START_NS) / 1e9
        if at_s < from_s:
            continue
        if at_s >= from_s + trial.seconds:
            break
        for camera_id, frame in painter.paint(happening).frames.items():
            index[camera_id].append(films[camera_id].add(happening.at_ns, frame.rgb))
    for writer in films.values():
        writer.close()
    return Films(folder, store, index)


def _apart(work: Callable[..., Any], *given: Any) -> Any:
    with worker_pool(1) as pool:
        return pool.submit(work, *given).result()


def _ours(films: Films, weights: Path, way: Way) -> Contender:
    _run(films, weights, way, most=5)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    vision, frames = _run(films, weights, way)
    cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
    return _contender(way.name, frames, vision.looks, vision.searches, cpu_s, wall_s)


def _run(
    films: Films, weights: Path, way: Way, most: int | None = None
) -> tuple[VisionPipeline, int]:
    """See the films to their end, or the first `most` instants; the pictures that they gave."""
    eyes = load_eyes(weights)
    detector = eyes if way.follow else _Searching(eyes)
    vision = VisionPipeline(films.store, detector, "bench", "b", gate=way.gate)
    frames = 0
    for count, (at_ns, pictures) in enumerate(_instants(films)):
        if count == most:
            break
        encode(vision.see(at_ns, pictures))
        frames += len(pictures)
    return vision, frames


class _Searching:
    """A detector that never follows."""

    def __init__(self, eyes: Detector) -> None:
        self._eyes = eyes

    def detect_all(self, frames: Mapping[str, Picture]) -> dict[str, list[Detection]]:
        """The people in each camera's picture, best score first."""
        return self._eyes.detect_all(frames)


def _instants(films: Films) -> Iterator[tuple[int, dict[str, Picture]]]:
    readers = {c: read_video(films.path(c), index) for c, index in films.index.items()}
    for taken in zip(*readers.values(), strict=True):
        pictures = {camera: rgb for camera, (_, rgb) in zip(readers, taken, strict=True)}
        yield taken[0][0].at_ns, pictures


def _stages(films: Films, weights: Path) -> list[Stage]:
    """CPU time of each stage in a run of its own, everything on that saves work."""
    spent: dict[str, float] = defaultdict(float)
    _run(films, weights, WAYS[-1], most=5)
    with _timed(spent):
        began = time.process_time()
        _, frames = _run(films, weights, WAYS[-1])
        total = time.process_time() - began
    began = time.process_time()
    for _ in _instants(films):
        pass
    spent["decode H.264"] = time.process_time() - began
    spent["the rest, and encoding reports"] = max(0.0, total - sum(spent.values()))
    return [
        Stage(
            what=what,
            ms_per_frame=round(1000 * seconds / frames, 3),
            share=round(seconds / total, 4),
        )
        for what, seconds in sorted(spent.items(), key=lambda one: -one[1])
    ]


@contextmanager
def _timed(spent: dict[str, float]) -> Iterator[None]:
    """Let every stage add what it takes to `spent`."""

    def watched(what: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def call(*args: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return work(*args, **named)
            finally:
                spent[what] += time.process_time() - began

        return call

    with ExitStack() as stack:
        for what, owner, name in _STAGES:
            stack.enter_context(mock.patch.object(owner, name, watched(what, getattr(owner, name))))
        yield


def _peer(films: Films, weights: Path) -> Contender:
    """The same films and weights through ultralytics' own tracking. Raises TorchMissing."""
    os.environ.update(YOLO_AUTOINSTALL="false", YOLO_OFFLINE="1", YOLO_VERBOSE="false")
    try:
        import cv2  # noqa: PLC0415
        import torch  # noqa: PLC0415
        from ultralytics import YOLO  # noqa: PLC0415
        from ultralytics.trackers import BYTETracker  # noqa: F401, PLC0415 - needs lap besides
    except ImportError as error:
        raise TorchMissing(
            f"ultralytics cannot be run beside ours ({error.name} is missing): "
            "pip install 'openaisle[train]' lap"
        ) from None
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    made = onnxruntime.SessionOptions

    def one_thread() -> Any:
        options = made()
        options.intra_op_num_threads = 1
        return options

    ours = OnnxDetector(weights)
    frames, wall_s, cpu_s = 0, 0.0, 0.0
    with mock.patch.object(onnxruntime, "SessionOptions", one_thread):
        for number, camera in enumerate(films.index):
            net = YOLO(str(weights), task="pose" if ours.head.keypoints else "detect")
            for warm in (True, False):
                if warm and number:
                    continue
                seen = net.track(
                    source=str(films.path(camera)),
                    stream=True,
                    imgsz=list(ours.input_px),
                    conf=_LEAST_SCORE,
                    classes=[ours.head.person],
                    device="cpu",
                    tracker="bytetrack.yaml",
                    verbose=False,
                )
                if warm:
                    next(seen)
                    seen.close()
                    continue
                began_cpu, began = time.process_time(), time.perf_counter()
                frames += sum(1 for _ in seen)
                cpu_s += time.process_time() - began_cpu
                wall_s += time.perf_counter() - began
    return _contender(PEER, frames, frames, frames, cpu_s, wall_s)


def _contender(
    what: str, frames: int, looks: int, searches: int, cpu_s: float, wall_s: float
) -> Contender:
    return Contender(
        what=what,
        frames=frames,
        looks=looks,
        searches=searches,
        cpu_s=round(cpu_s, 3),
        wall_s=round(wall_s, 3),
        frames_per_cpu_s=round(frames / cpu_s, 2),
    )
