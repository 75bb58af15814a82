"""Cameras of a case of Intel's SceneScape, fused to the floor and compared with its ground truth.

A case is a folder with `config.json` (per camera: pixels and map points of a few marks, focal
lengths and centre), one video per camera, and `gtLoc.json` (a line per frame: who is where). The
poses come from `vision.pose_fit`, the boxes from any people detector, the places from the store's
own floor tracker.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sensors.camera import CameraModel
from sensors.store import Floor
from service.film_source import stills
from service.floor_files import Seen
from service.floor_tracks import track_floor
from vision.detector import Detector
from vision.pose_fit import Mark, PoseFit, PoseFitError, fit_pose
from vision.rig import Rig
from vision.visibility import BODY_M

Array = NDArray[np.float64]

NEAR_M = 1.0  # a place farther from everybody is of nobody
_TRUTH_FPS = 30.0
_PEOPLE = "person"
_SURE = 0.25
_ROOM_M = 2.0  # around the marks and the people


class FootageError(Exception):
    """A case cannot be used; the message names the file and what was expected."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """`videos` and `poses` by camera; `truth` (F, P, 2): where each of P people is in each frame
    of 1/30 s, in the map's units, and `names` theirs."""

    videos: dict[str, Path]
    poses: dict[str, PoseFit]
    names: list[str]
    truth: Array

    @property
    def cameras(self) -> list[CameraModel]:
        """The calibrated cameras."""
        return [pose.camera for pose in self.poses.values()]


@dataclass(frozen=True, slots=True)
class PlaceErrors:
    """How well places fit the truth: `found` and `missed` people-instants, `extra` places of
    nobody, and the distances' median, 90th percentile and mean bias, metres."""

    found: int
    missed: int
    extra: int
    median_m: float
    p90_m: float
    bias_m: tuple[float, float]


def read_case(folder: Path) -> Case:
    """Read a case and calibrate its cameras. Raises FootageError."""
    config = _json(folder / "config.json")
    videos, poses = {}, {}
    try:
        for name, sensor in config["sensors"].items():
            videos[name] = folder / f"{name}.mp4"
            poses[name] = fit_pose(_lens(name, sensor), _marks(sensor))
        frames = [
            json.loads(line)
            for line in (folder / "gtLoc.json").read_text(encoding="utf-8").splitlines()
        ]
        kinds = sorted(k for k in frames[0]["objects"] if k.lower() == _PEOPLE)
        truth = np.array(
            [[frame["objects"][k][0]["translation"][:2] for k in kinds] for frame in frames]
        )
    except (OSError, KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
        raise FootageError(f"{folder}: expected a SceneScape case: {error!r}") from error
    except PoseFitError as error:
        raise FootageError(f"{folder / 'config.json'}: {error}") from error
    missing = [path for path in videos.values() if not path.is_file()]
    if missing:
        raise FootageError(f"{missing[0]}: no such video")
    return Case(videos, poses, kinds, truth)


def detect_case(
    case: Case,
    detector: Detector,
    fps: float,
    seconds: float,
    progress: Callable[[str, float], None] | None = None,
) -> dict[str, list[Seen]]:
    """What each camera shows at each of `fps` instants a second: boxes of people and scores."""
    seen: dict[str, list[Seen]] = {}
    for name, video in case.videos.items():
        seen[name] = []
        for still in stills(str(video)):
            if still.at_s >= seconds:
                break
            if still.number != round(len(seen[name]) * _TRUTH_FPS / fps):
                continue
            found = detector.detect_all({name: still.rgb})[name]
            kept = [d for d in found if d.score >= _SURE]
            boxes = np.array([d.box for d in kept]).reshape(-1, 4)
            seen[name].append(Seen(boxes, np.array([d.score for d in kept])))
            if progress is not None:
                progress(name, still.at_s)
    return seen


def single_places(case: Case, camera: str, seen: Sequence[Seen]) -> list[Array]:
    """Per instant the places (N, 2) where the middles of the boxes' lower edges meet the floor."""
    model = case.poses[camera].camera
    return [
        model.to_plane(np.column_stack([(s.boxes[:, 0] + s.boxes[:, 2]) / 2, s.boxes[:, 3]]))
        for s in seen
    ]


def body_height(case: Case, seen: Mapping[str, Sequence[Seen]]) -> float:
    """How tall people are in the map's units: the median over all boxes, whose lower edge is taken
    to stand on the floor. NaN where there are none."""
    tall: list[float] = []
    for name, frames in seen.items():
        camera = case.poses[name].camera
        for box in np.concatenate([np.zeros((0, 4)), *(s.boxes for s in frames)]):
            if box[3] > camera.height_px - 2 or box[1] < 2:
                continue
            foot, head = camera.to_plane(np.array([[box[[0, 2]].mean(), y] for y in box[[3, 1]]]))
            # by similar triangles: the head hides the floor point behind it
            near, far = (float(np.hypot(*(p - camera.position_m[:2]))) for p in (foot, head))
            tall.append(float(camera.position_m[2]) * (1.0 - near / far))
    known = [h for h in tall if np.isfinite(h)]
    return float(np.median(known)) if known else float("nan")


def fused_places(
    case: Case, seen: Mapping[str, Sequence[Seen]], fps: float
) -> tuple[list[Array], int]:
    """Per instant the places (N, 2) of the floor tracker, and how many tracks it made.

    The tracker knows how tall people are in metres; a map in other units is stretched to that, and
    its places are shrunk back.
    """
    metres = BODY_M / body_height(case, seen)
    metres = metres if np.isfinite(metres) else 1.0
    cameras = [case.poses[name].camera for name in seen]
    views = {
        k: replace(camera, position_m=camera.position_m * metres)
        for k, camera in enumerate(cameras)
    }
    count = min(len(frames) for frames in seen.values())
    frames = [{k: seen[name][i] for k, name in enumerate(seen)} for i in range(count)]
    run = track_floor(views, frames, _floor(case, metres), fps)
    ids = {int(i) for places in run.places.values() for i in places.ids}
    return [run.places[i].xy_m / metres for i in range(count)], len(ids)


def errors_of(
    case: Case, places: Sequence[Array], fps: float, cameras: Sequence[str]
) -> PlaceErrors:
    """Compare places with the people who stand in the picture of at least one of `cameras`,
    matched one to one within a metre."""
    rig = Rig([case.poses[name].camera for name in cameras])
    ways: list[Array] = []
    found = missed = extra = 0
    for k in range(len(places)):
        frame = round(k * _TRUTH_FPS / fps)
        if frame >= len(case.truth):
            break
        people = case.truth[frame]
        spots = places[k][np.isfinite(places[k]).all(axis=1)]
        apart = np.linalg.norm(people[:, None] - spots[None], axis=2)
        rows, columns = linear_sum_assignment(np.minimum(apart, NEAR_M))
        near = apart[rows, columns] < NEAR_M
        ways += list(spots[columns[near]] - people[rows[near]])
        lost = [p for p in range(len(people)) if p not in rows[near]]
        found += int(near.sum())
        missed += sum(_in_view(rig, people[p]) for p in lost)
        extra += len(spots) - int(near.sum())
    if not ways:
        nothing = float("nan")
        return PlaceErrors(0, missed, extra, nothing, nothing, (nothing, nothing))
    off = np.array(ways)
    length = np.hypot(off[:, 0], off[:, 1])
    bias = off.mean(axis=0)
    return PlaceErrors(
        found,
        missed,
        extra,
        float(np.median(length)),
        float(np.quantile(length, 0.9)),
        (float(bias[0]), float(bias[1])),
    )


def _in_view(rig: Rig, xy: Array) -> bool:
    """Whether somebody who stands there is in a picture from the feet to the shoulders."""
    body = np.array([[*xy, 0.0], [*xy, 1.4]])
    for c in range(len(rig)):
        pixels = rig.project(c, body)
        if ((pixels > 0) & (pixels < rig.size_px[c])).all():
            return True
    return False


def _floor(case: Case, metres: float) -> Floor:
    marks = [mark.point_m[:2] for pose in case.poses.values() for mark in pose.marks]
    points = np.concatenate([np.array(marks), case.truth[0]]) * metres
    low, high = points.min(axis=0) - _ROOM_M, points.max(axis=0) + _ROOM_M
    return Floor(x_min_m=low[0], y_min_m=low[1], x_max_m=high[0], y_max_m=high[1])


def _lens(name: str, sensor: Mapping[str, Any]) -> CameraModel:
    fx, fy, cx, cy = (float(v) for v in sensor["intrinsics"])
    wide, high = int(sensor["width"]), int(sensor["height"])
    return CameraModel(name, wide, high, fx, fy, cx, cy, np.eye(3), np.zeros(3))


def _marks(sensor: Mapping[str, Any]) -> list[Mark]:
    pairs = zip(sensor["camera points"], sensor["map points"], strict=True)
    return [
        Mark(str(k), np.array(pixel, dtype=np.float64), np.array(point, dtype=np.float64))
        for k, (pixel, point) in enumerate(pairs, 1)
    ]


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FootageError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise FootageError(f"{path}: is no JSON: {error}") from error
