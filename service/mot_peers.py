"""Runs other people's trackers on the same boxes, for the tables beside ours.

Each peer gets boxes (K, 5) of one frame (left, top, width, height, score ≥ 0.1), put into its own
type by `ready`, and gives rows (M, 6) of id, left, top, width, height, score. No pictures and no
appearance for anybody.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.mot_sort import Sort

Array = NDArray[np.float64]
Ready = Callable[[Array], Any]
Step = Callable[[Any], Array]

LEAST_SCORE = 0.1
_SURE_SCORE = 0.5  # norfair and SORT know no doubtful boxes


@dataclass(frozen=True, slots=True)
class Peer:
    """A tracker to compare with: `make` builds a fresh one for a frame rate in Hz, as what makes
    its input (not timed) and its step, and raises ImportError where its package is missing."""

    name: str
    package: str
    make: Callable[[float], tuple[Ready, Step]]


def _ultralytics(kind: str) -> Callable[[float], tuple[Ready, Step]]:
    def make(frame_rate_hz: float) -> tuple[Ready, Step]:
        os.environ.setdefault("YOLO_AUTOINSTALL", "false")
        os.environ.setdefault("YOLO_OFFLINE", "1")
        from ultralytics.engine.results import Boxes  # noqa: PLC0415
        from ultralytics.trackers import BOTSORT, BYTETracker  # noqa: PLC0415
        from ultralytics.utils import YAML, IterableSimpleNamespace  # noqa: PLC0415
        from ultralytics.utils.checks import check_yaml  # noqa: PLC0415

        settings = YAML.load(check_yaml(f"{kind}.yaml"))
        settings |= {"track_high_thresh": 0.5, "new_track_thresh": 0.6, "track_low_thresh": 0.1}
        if kind == "botsort":
            settings["gmc_method"] = "none"
        tracker = {"bytetrack": BYTETracker, "botsort": BOTSORT}[kind](
            IterableSimpleNamespace(**settings)
        )

        def ready(boxes: Array) -> Any:
            table = np.zeros((len(boxes), 6), dtype=np.float32)
            table[:, :2], table[:, 2:4] = boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]
            table[:, 4] = boxes[:, 4]
            return Boxes(table, (1, 1))

        def step(boxes: Any) -> Array:
            found = np.asarray(tracker.update(boxes), dtype=np.float64)
            if not len(found):
                return np.zeros((0, 6))
            return np.column_stack(
                [found[:, 4], found[:, :2], found[:, 2:4] - found[:, :2], found[:, 5]]
            )

        return ready, step

    return make


def _roboflow(frame_rate_hz: float) -> tuple[Ready, Step]:
    import supervision  # noqa: PLC0415
    from trackers import ByteTrackTracker  # noqa: PLC0415

    tracker = ByteTrackTracker(frame_rate=frame_rate_hz)

    def ready(boxes: Array) -> Any:
        corners = np.column_stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]])
        return supervision.Detections(xyxy=corners.reshape(-1, 4), confidence=boxes[:, 4])

    def step(boxes: Any) -> Array:
        found: Any = tracker.update(boxes)
        if not len(found):
            return np.zeros((0, 6))
        rows = np.column_stack(
            [
                found.tracker_id,
                found.xyxy[:, :2],
                found.xyxy[:, 2:] - found.xyxy[:, :2],
                found.confidence,
            ]
        )
        return rows[rows[:, 0] >= 0]

    return ready, step


def _norfair(frame_rate_hz: float) -> tuple[Ready, Step]:
    from norfair import Detection, Tracker  # noqa: PLC0415

    tracker = Tracker(
        distance_function="iou",
        distance_threshold=0.7,
        hit_counter_max=30,
        initialization_delay=2,
    )

    def ready(boxes: Array) -> Any:
        return [
            Detection(points=np.array([box[:2], box[:2] + box[2:4]]), scores=np.repeat(box[4], 2))
            for box in boxes[boxes[:, 4] >= _SURE_SCORE]
        ]

    def step(boxes: Any) -> Array:
        here = {id(box) for box in boxes}  # it shows tracks for a second after they are lost
        rows = [
            [one.id, *one.estimate[0], *(one.estimate[1] - one.estimate[0]), 1.0]
            for one in tracker.update(boxes)
            if id(one.last_detection) in here
        ]
        return np.array(rows, dtype=np.float64).reshape(-1, 6)

    return ready, step


def _sort(frame_rate_hz: float) -> tuple[Ready, Step]:
    tracker = Sort()
    return lambda boxes: boxes[boxes[:, 4] >= _SURE_SCORE], tracker.step


PEERS = (
    Peer("ultralytics BoT-SORT (0.5/0.6)", "ultralytics", _ultralytics("botsort")),
    Peer("ultralytics ByteTrack (0.5/0.6)", "ultralytics", _ultralytics("bytetrack")),
    Peer("roboflow trackers ByteTrack", "trackers", _roboflow),
    Peer("SORT with filterpy, max age 30", "filterpy", _sort),
    Peer("norfair", "--no-deps norfair", _norfair),  # it asks for an older numpy than it needs
)
