"""Watches real vision work on rendered frames, and fits the emulation to what it reported."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from service.eyes import MODEL, FrameEyes
from service.jobs import one_thread_each
from service.simulate import DATASETS, START_NS, player_of, stage
from simulator.emulation import Emulation
from simulator.emulation_fit import fit_emulation
from simulator.emulation_tally import Watched
from simulator.people import hand_position, pose_body
from simulator.player import Exposure
from simulator.visibility import Sight

SCENES = "fit-*.yaml"

Watching = tuple[Path, int, list[Watched]]


def fit_scenes() -> list[Path]:
    """The scenes that the shipped figures are fitted on."""
    return sorted((DATASETS / "scenes").glob(SCENES))


def fit(
    scenes: Sequence[Path],
    seeds: Sequence[int],
    jobs: int,
    made_by: str,
    on_done: Callable[[Path, int], None] = lambda *_: None,
) -> Emulation:
    """Play scenes from rendered frames and fit the emulation to them."""
    wanted = [(scene, seed) for scene in scenes for seed in seeds]
    found = []
    for scene, seed, watched in _watch_all(wanted, jobs):
        on_done(scene, seed)
        staged = stage(scene)
        player, _ = player_of(staged, seed, START_NS)
        sight = Sight(staged.store, list(player.true.cameras.values()))
        found.append((staged.store, sight, watched))
    digest = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    return fit_emulation(found, made_by, digest, [f"{s.stem}:{n}" for s, n in wanted])


def watch(scene: Path, seed: int) -> list[Watched]:
    """What vision reported of every exposure of a scene, beside what was so."""
    staged = stage(scene)
    player, _ = player_of(staged, seed, START_NS)
    eyes = FrameEyes(staged.store, player.true, seed, f"run{seed}")
    found = []
    for happening in player:
        if not isinstance(happening, Exposure):
            continue
        report = eyes.see(happening)
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
    return found


def _watch_all(wanted: Sequence[tuple[Path, int]], jobs: int) -> list[Watching]:
    if jobs <= 1 or len(wanted) < 2:
        return [(scene, seed, watch(scene, seed)) for scene, seed in wanted]
    context = multiprocessing.get_context("spawn")
    with one_thread_each(), ProcessPoolExecutor(jobs, context) as pool:
        futures = [pool.submit(watch, scene, seed) for scene, seed in wanted]
        return [
            (scene, seed, future.result())
            for (scene, seed), future in zip(wanted, futures, strict=True)
        ]
