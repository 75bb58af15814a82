"""Tracks people on the floor from boxes that calibrated cameras saw: the store's own tracker, fed
with boxes instead of joints.

It works frame by frame, as live: nothing that is reported for a frame knows of later ones.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.store import Floor
from service.floor_files import FloorFileError, Places, Seen
from vision.appearance import COLOURS
from vision.box_points import EdgeNoise, box_points
from vision.detector import JOINTS
from vision.rig import Rig
from vision.site import Site
from vision.track import Step
from vision.tracker import Tracker
from vision.view import View

Array = NDArray[np.float64]

REPORTED = 0.5  # probability from which somebody is said to be there
_TEACHES = 0.8  # and from which their boxes tell how noisy boxes are
_BEYOND_M = 1.0  # boxes whose place is farther outside are of nobody here
_USUAL = (0.002, 0.998)
_SHARP_M2 = 1.0


@dataclass(frozen=True, slots=True)
class FloorRun:
    """Places by frame, and what processor time a frame took on average."""

    places: dict[int, Places]
    ms_per_frame: float


def track_floor(
    cameras: Mapping[int, CameraModel],
    frames: Sequence[Mapping[int, Seen]],
    floor: Floor | None = None,
    fps: float = 2.0,
    progress: Callable[[int], None] | None = None,
) -> FloorRun:
    """Track people through `frames`, each with what the views show, `fps` of them a second.

    Without `floor` the floor is where nearly all boxes stand. Raises FloorFileError where no box
    stands on it.
    """
    rig = Rig(list(cameras.values()))
    floor = floor or usual_floor(rig, list(cameras), frames)
    site = Site(floor, (), np.zeros((0, 2)), tuple(cameras.values()))
    tracker, noise = Tracker(site, rig, ""), EdgeNoise()
    places: dict[int, Places] = {}
    began_s = time.process_time()
    for number, frame in enumerate(frames):
        views, misfits = _views(rig, list(cameras), frame, floor, noise.share)
        step = tracker.step(round(number * 1e9 / fps), views)
        if number:
            noise.learn(_sure(step, misfits))
        places[number] = _places(step, floor)
        if progress is not None:
            progress(number + 1)
    spent_s = time.process_time() - began_s
    return FloorRun(places, 1e3 * spent_s / max(1, len(frames)))


def usual_floor(rig: Rig, views: Sequence[int], frames: Sequence[Mapping[int, Seen]]) -> Floor:
    """The rectangle in which nearly all boxes stand whose places are sharp, in whole metres.

    Raises FloorFileError where there are none.
    """
    noise = EdgeNoise().share
    found = [
        box_points(rig, c, frame[view].boxes, noise)
        for frame in frames
        for c, view in enumerate(views)
    ]
    sharp = [p.xy_m[np.trace(p.covariance, axis1=1, axis2=2) < _SHARP_M2] for p in found]
    spots = np.concatenate([np.zeros((0, 2)), *sharp])
    if not len(spots):
        raise FloorFileError("there are no boxes, so nobody can be tracked")
    low, high = np.quantile(spots, _USUAL, axis=0)
    (x0, y0), (x1, y1) = np.floor(low).tolist(), np.ceil(high).tolist()
    return Floor(x_min_m=x0, y_min_m=y0, x_max_m=max(x1, x0 + 1), y_max_m=max(y1, y0 + 1))


def _views(
    rig: Rig, views: Sequence[int], frame: Mapping[int, Seen], floor: Floor, noise: float
) -> tuple[list[View], dict[str, Array]]:
    """What the tracker works on, and how far each camera's boxes are from a body's height."""
    made, misfits = [], {}
    low = np.array([floor.x_min_m, floor.y_min_m]) - _BEYOND_M
    high = np.array([floor.x_max_m, floor.y_max_m]) + _BEYOND_M
    for c, view in enumerate(views):
        seen = frame[view]
        count = len(seen.scores)
        points = box_points(rig, c, seen.boxes, noise)
        misfits[rig.ids[c]] = points.misfit
        made.append(
            View(
                camera=rig.ids[c],
                scores=seen.scores,
                boxes=seen.boxes,
                keypoints=np.zeros((count, JOINTS, 3)),
                xy_m=points.xy_m,
                covariance=points.covariance,
                placed=np.all((points.xy_m > low) & (points.xy_m < high), axis=1),
                colours=np.full((count, COLOURS), np.nan),
                clear=np.ones(count, dtype=np.bool_),
                fit=points.fit,
            )
        )
    return made, misfits


def _sure(step: Step, misfits: Mapping[str, Array]) -> Array:
    """The misfits of boxes that surely are of somebody."""
    chance = np.append(step.chance, 0.0)
    kept = [
        misfit[(chance[step.owners[camera]] > _TEACHES) & np.isfinite(misfit)]
        for camera, misfit in misfits.items()
    ]
    return np.concatenate(kept)


def _places(step: Step, floor: Floor) -> Places:
    shown = [
        i
        for i, life in enumerate(step.lives)
        if life.confirmed
        and step.chance[i] > REPORTED
        and floor.x_min_m <= step.mean[i, 0] <= floor.x_max_m
        and floor.y_min_m <= step.mean[i, 1] <= floor.y_max_m
    ]
    ids = np.array([int(step.lives[i].id) for i in shown], dtype=np.intp)
    return Places(ids, step.mean[shown, :2])
