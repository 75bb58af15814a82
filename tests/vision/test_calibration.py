"""Camera poses learnt from people: better than believed, and left alone where nothing is wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensors.store import Store
from simulator.people import Figure
from vision.calibration import turn
from vision.pipeline import VisionPipeline

Make = Callable[..., Any]
SPOTS = np.array([(x, y, z) for x in (1.5, 3, 4.5) for y in (1.2, 3.5) for z in (0.1, 1.0, 1.5)])


def walked(store: Store, actors: Any, walk: Make, ticks: int) -> VisionPipeline:
    pipeline = VisionPipeline(store, actors, "cams", "b1")
    figures = [Figure.random(np.random.default_rng(seed)) for seed in (1, 2)]
    ways = [
        [(1, 1), (5.5, 1.2), (5, 4), (1, 4), (1, 1)],
        [(5, 3.2), (1, 3.2), (1, 1.6), (5.4, 1.7), (5, 3.2)],
    ]
    bodies = [walk(f, way * 3, 1.1, ticks) for f, way in zip(figures, ways, strict=True)]
    for tick in range(ticks):
        frames = actors.frames([(f, b[tick]) for f, b in zip(figures, bodies, strict=True)])
        pipeline.see(tick * 100_000_000, frames)
    return pipeline


def pixel_error(pipeline: VisionPipeline, actors: Any, spots: np.ndarray) -> float:
    """Mean distance, over cameras and spots, between where a spot is and is thought to be seen."""
    errors = []
    for c, camera in enumerate(actors.cameras):
        truth, _ = camera.project(spots)
        local = (spots - pipeline.rig.position_m[c]) @ pipeline.rig.rotation[c].T
        flat = local[:, :2] / local[:, 2:]
        thought = flat * pipeline.rig.focal_px[c] + pipeline.rig.centre_px[c]
        errors.append(np.linalg.norm(truth - thought, axis=1).mean())
    return float(np.mean(errors))


@pytest.mark.parametrize("seed", [1, 2])
def test_walking_people_correct_the_cameras(
    store: Store, stage: Make, walk: Make, seed: int
) -> None:
    actors = stage(seed, off=1.5)
    before = pixel_error(VisionPipeline(store, actors, "cams", "b0"), actors, SPOTS)
    after = pixel_error(walked(store, actors, walk, 160), actors, SPOTS)
    assert after < 0.7 * before


def test_right_cameras_stay_right(store: Store, stage: Make, walk: Make) -> None:
    actors = stage(4, off=0.0)
    assert pixel_error(walked(store, actors, walk, 160), actors, SPOTS) < 1.2


def test_a_turn_is_a_rotation() -> None:
    half = turn(np.array([0.0, 0.0, np.pi / 2]))
    np.testing.assert_allclose(half @ (1, 0, 0), (0, 1, 0), atol=1e-12)
    np.testing.assert_allclose(turn(np.zeros(3)), np.eye(3))
