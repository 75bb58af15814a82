"""Plays shoppers in generated stores before real vision, and says how well it saw them.

The stores come from the generator of `openaisle store generate`, whose looks are those kept for
scoring (`simulator.halves`): no picture of training shows any of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.eyes import MODEL, FrameEyes
from service.jobs import one_thread_each
from service.simulate import START_NS, Staged, player_of
from service.vision_eval_floor import FloorTally, FloorWatch
from service.vision_eval_pictures import LEAST_SCORE, PictureTally
from service.worker_pool import worker_pool
from simulator.generate import Wish, generate_store, generate_world
from simulator.player import Exposure
from simulator.scene import RandomShoppers, Scene
from vision.detector import load_eyes


@dataclass(frozen=True, slots=True)
class Trial:
    """One store and how it is to be watched: `seconds` of store time, of whose exposures every
    `every`th has its pictures compared with the truth."""

    seed: int
    seconds: float = 120.0
    shoppers: int = 6
    cameras: int = 4
    every: int = 5
    weights: Path = MODEL


@dataclass(slots=True)
class Seen:
    """What came of trials; `vision_s` is CPU time of vision alone, for `frames` pictures."""

    seeds: list[int] = field(default_factory=list)
    frames: int = 0
    vision_s: float = 0.0
    pictures: PictureTally = field(default_factory=PictureTally)
    floor: FloorTally = field(default_factory=FloorTally)

    def add(self, other: Seen) -> None:
        """Count other trials in."""
        self.seeds += other.seeds
        self.frames += other.frames
        self.vision_s += other.vision_s
        self.pictures.add(other.pictures)
        self.floor.add(other.floor)

    def figures(self) -> dict[str, Any]:
        """Everything as numbers."""
        return {
            "stores": self.seeds,
            "frames": self.frames,
            "ms_per_frame": 1000 * self.vision_s / max(1, self.frames),
            **self.pictures.figures(),
            **self.floor.figures(),
        }


def generated(trial: Trial) -> Staged:
    """The store, its world and a scene in which all shoppers are in at once and take their time."""
    wish = Wish(id=f"unseen-{trial.seed}", seed=trial.seed, camera_count=trial.cameras)
    store, world = generate_store(wish), generate_world(wish)
    scene = Scene(
        name=f"unseen-{trial.seed}",
        store=store.id,
        world=world.id,
        random_shoppers=RandomShoppers(
            count=trial.shoppers,
            first_at_s=0.5,
            every_s=2.0,
            lines=(10, 16),
            shorter=0.01,
            both_hands_share=0.15,
            browse_share=0.3,
            turn_share=0.1,
            phone_share=0.1,
        ),
    )
    return Staged(scene, store, "", world, "", "")


def evaluate(trial: Trial, progress: Callable[[float], None] | None = None) -> Seen:
    """Watch one store; `progress` is told the seconds of store time played."""
    staged = generated(trial)
    player, _ = player_of(staged, trial.seed, START_NS)
    eyes = FrameEyes(staged.store, player.true, trial.seed, "eval", trial.weights)
    eyes.warm_up()
    searcher = load_eyes(trial.weights, least_score=LEAST_SCORE)
    seen, watch = Seen([trial.seed]), FloorWatch(staged.store.floor)
    exposures = (happening for happening in player if isinstance(happening, Exposure))
    for count, exposure in enumerate(exposures):
        at_s = (exposure.at_ns - START_NS) / 1e9
        if at_s > trial.seconds:
            break
        sight = eyes.painter.paint(exposure)
        frames = {camera: frame.rgb for camera, frame in sight.frames.items()}
        began = time.process_time()
        report = eyes.vision.see(exposure.at_ns, frames)
        seen.vision_s += time.process_time() - began
        seen.frames += len(frames)
        pairs = watch.see(report, eyes.painter.cast.truth(exposure))
        if count % trial.every == 0:
            truth = eyes.painter.truth(sight)
            watch.see_hands(report.hands, pairs, truth.cameras)
            searched = searcher.detect_all(frames)
            for camera, shown in truth.cameras.items():
                found = [one.detection for one in eyes.vision.latest[camera]]
                seen.pictures.look(found, searched[camera], shown, sight.frames[camera].ids)
        if progress is not None:
            progress(at_s)
    seen.floor = watch.close(staged.scene.name, trial.seed)
    return seen


def evaluate_all(
    trials: Sequence[Trial], jobs: int, progress: Callable[[Trial, float], None] | None = None
) -> Iterator[Seen]:
    """What came of each trial, in their order, `jobs` at a time; `progress` is told the seconds of
    store time played, where one job plays in this process."""
    if jobs <= 1 or len(trials) <= 1:
        for trial in trials:
            yield evaluate(trial, None if progress is None else _told(progress, trial))
        return
    with one_thread_each(), worker_pool(min(jobs, len(trials))) as pool:
        yield from pool.map(evaluate, trials)


def _told(progress: Callable[[Trial, float], None], trial: Trial) -> Callable[[float], None]:
    return lambda seconds: progress(trial, seconds)
