"""Watches real vision work on rendered frames, and fits the emulation to what it reported.

What it reported is in recordings too: a run that was recorded from frames is played again without
pictures, and what was so is set beside the messages that it holds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensors.camera import CameraModel
from sensors.decode import Decoder
from sensors.store import Store
from sensors.wire import VisionReport
from sensors.wire import topic as topic_of
from service.cli_common import truth_of
from service.eyes import MODEL, WORKER, FrameEyes
from service.jobs import one_thread_each
from service.played import played_of
from service.recording import Recording, RecordingError
from service.simulate import DATASETS, START_NS, Staged, player_of, stage
from service.worker_pool import worker_pool
from simulator.emulation import Emulation
from simulator.emulation_fit import fit_emulation
from simulator.emulation_tally import Watched
from simulator.people import hand_position, pose_body
from simulator.player import Exposure, ScenePlayer
from simulator.visibility import Sight

SCENES = "fit-*.yaml"
RECORDING = ".mcap"

See = Callable[[Exposure], VisionReport | None]


@dataclass(frozen=True, slots=True)
class Watching:
    """One run: the store, its cameras as they truly hang, and every instant of it."""

    name: str
    store: Store
    cameras: list[CameraModel]
    instants: list[Watched]


def fit_scenes() -> list[Path]:
    """The scenes that the shipped figures are fitted on."""
    return sorted((DATASETS / "scenes").glob(SCENES))


def fit(
    sources: Sequence[Path],
    seeds: Sequence[int],
    jobs: int,
    made_by: str,
    on_done: Callable[[], None] = lambda: None,
) -> Emulation:
    """Fit the emulation to scenes, played from rendered frames with each seed, and to recordings.

    Raises RecordingError for a recording that was not made from frames with today's weights.
    """
    wanted = list(runs_of(sources, seeds))
    found = []
    for watching in _watch_all(wanted, jobs):
        on_done()
        sight = Sight(watching.store, watching.cameras)
        found.append((watching.store, sight, watching.instants))
    digest = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    return fit_emulation(found, made_by, digest, [name_of(*one) for one in wanted])


def runs_of(sources: Sequence[Path], seeds: Sequence[int]) -> Iterator[tuple[Path, int | None]]:
    """Scenes once with each seed, recordings once."""
    for source in sources:
        for seed in [None] if source.suffix == RECORDING else seeds:
            yield source, seed


def name_of(source: Path, seed: int | None) -> str:
    """A run's name in the file of figures."""
    return source.stem if seed is None else f"{source.stem}:{seed}"


def watch(source: Path, seed: int | None) -> Watching:
    """What vision reported of every exposure of a run, beside what was so."""
    if seed is None:
        return _watch_recorded(source)
    staged = stage(source)
    player, _ = player_of(staged, seed, START_NS)
    eyes = FrameEyes(staged.store, player.true, seed, f"run{seed}")
    return _watch(name_of(source, seed), staged, player, eyes.see)


def _watch_recorded(path: Path) -> Watching:
    recording = Recording.open(path)
    staged, player = played_of(recording)
    decoder = Decoder(staged.store)
    topic = topic_of(staged.store.id, "vision", WORKER)
    reports: dict[int, VisionReport] = {}
    for entry in recording.entries():
        if entry.topic == topic:
            report = decoder.decode(entry.topic, entry.body)
            assert isinstance(report, VisionReport)
            reports[report.at_ns] = report
    found = _watch(path.stem, staged, player, lambda exposure: reports.get(exposure.at_ns))
    if player.truth != truth_of(recording):
        raise RecordingError(
            f"{path}: its scene plays differently in this version; record it again"
        )
    return found


def _watch(name: str, staged: Staged, player: ScenePlayer, see: See) -> Watching:
    found = []
    for happening in player:
        if not isinstance(happening, Exposure):
            continue
        report = see(happening)
        if report is None:
            continue
        bodies = [pose_body(figure, stance) for _, figure, stance in happening.people]
        found.append(
            Watched(
                at_ns=happening.at_ns,
                names=[name for name, _, _ in happening.people],
                bodies=np.array(
                    [(s.x_m, s.y_m, f.height_m) for _, f, s in happening.people]
                ).reshape(-1, 3),
                hands=np.array(
                    [(hand_position(b, "left"), hand_position(b, "right")) for b in bodies]
                ).reshape(-1, 2, 3),
                reaching=np.array(
                    [
                        (s.left_hand_m is not None, s.right_hand_m is not None)
                        for _, _, s in happening.people
                    ],
                    dtype=np.bool_,
                ).reshape(-1, 2),
                without=sorted(happening.out),
                report=report,
                holds=[(s.left_holds, s.right_holds) for _, _, s in happening.people],
            )
        )
    return Watching(name, staged.store, list(player.true.cameras.values()), found)


def _watch_all(wanted: Sequence[tuple[Path, int | None]], jobs: int) -> Iterator[Watching]:
    if jobs <= 1 or len(wanted) < 2:
        for one in wanted:
            yield watch(*one)
        return
    with one_thread_each(), worker_pool(jobs) as pool:
        yield from pool.map(watch, *zip(*wanted, strict=True))
