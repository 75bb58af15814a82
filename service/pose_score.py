"""How well exported pose weights find people and wrists in labelled pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

Array = NDArray[np.float64]

WRISTS = (9, 10)
MIRROR = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
PAD_RGB = 114


@dataclass(frozen=True, slots=True)
class PoseScore:
    """Shares 0…1 over people of the pictures (wrist shares: over wrists of the people found).

    A person is found by a box of score ≥ `at_score` and IoU ≥ 0.5. PCK counts a wrist as right
    within a share of the height of the person's box. A guess that takes a body for its mirror image
    counts against `sides` alone: wrists are compared after it is turned.
    """

    pictures: int
    people: int
    at_score: float
    recall: float
    precision: float
    sides: float
    wrist_pck_05_seen: float
    wrist_pck_10_seen: float
    wrist_pck_10_hidden: float
    wrist_median_px_seen: float


def detect(session: ort.InferenceSession, picture: NDArray[np.uint8], least: float) -> Array:
    """Run weights on an RGB picture (240, 320, 3): rows (N, 56) of box x0 y0 x1 y1, score,
    17 × (u, v, seen) in pixels of the picture, after non-maximum suppression."""
    given = session.get_inputs()[0]
    rows = given.shape[2]
    top = (rows - picture.shape[0]) // 2
    canvas = np.full((rows, picture.shape[1], 3), PAD_RGB, np.uint8)
    canvas[top : top + picture.shape[0]] = picture
    tensor = canvas.transpose(2, 0, 1)[None].astype(np.float32) / 255.0
    found = np.asarray(session.run(None, {given.name: tensor})[0], dtype=np.float64)[0].T
    found = found[found[:, 4] >= least]
    centre, half = found[:, :2].copy(), found[:, 2:4] / 2
    found[:, :2], found[:, 2:4] = centre - half, centre + half
    found[:, [1, 3]] -= top
    found[:, 6::3] -= top
    kept: list[int] = []
    for i in np.argsort(-found[:, 4]):
        if not kept or float(_iou(found[i], found[kept]).max()) < 0.6:
            kept.append(int(i))
    best: Array = found[kept]
    return best


def score_pose(
    weights: Path, pictures: Path, labels: Path, at_score: float = 0.3, threads: int = 1
) -> PoseScore:
    """Score ONNX weights on a folder of pictures and its folder of YOLO labels."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    count = people = found_people = claimed = turned = 0
    seen_errors: list[tuple[float, float]] = []
    hidden_errors: list[float] = []
    for picture, boxes, keypoints in _labelled(pictures, labels):
        found = detect(session, picture, at_score)
        count, people, claimed = count + 1, people + len(boxes), claimed + len(found)
        free = list(range(len(found)))
        for box, points in zip(boxes, keypoints, strict=True):
            overlaps = _iou(box, found[free]) if free else np.zeros(0)
            if not len(overlaps) or overlaps.max() < 0.5:
                continue
            match = found[free.pop(int(overlaps.argmax()))]
            found_people += 1
            guesses = match[5:].reshape(17, 3)
            if _distance(guesses[MIRROR], points) < _distance(guesses, points):
                guesses, turned = guesses[MIRROR], turned + 1
            for wrist in WRISTS:
                u, v, seen = points[wrist]
                error = float(np.hypot(guesses[wrist, 0] - u, guesses[wrist, 1] - v))
                share = error / float(box[3] - box[1])
                if seen == 2:
                    seen_errors.append((share, error))
                elif seen == 1:
                    hidden_errors.append(share)
    shares = np.array([s for s, _ in seen_errors] or [np.nan])
    return PoseScore(
        pictures=count,
        people=people,
        at_score=at_score,
        recall=found_people / max(1, people),
        precision=found_people / max(1, claimed),
        sides=1.0 - turned / max(1, found_people),
        wrist_pck_05_seen=float((shares < 0.05).mean()),
        wrist_pck_10_seen=float((shares < 0.10).mean()),
        wrist_pck_10_hidden=float((np.array(hidden_errors or [np.nan]) < 0.10).mean()),
        wrist_median_px_seen=float(np.median([e for _, e in seen_errors] or [np.nan])),
    )


def _labelled(pictures: Path, labels: Path) -> Iterator[tuple[NDArray[np.uint8], Array, Array]]:
    for path in sorted(pictures.glob("*.jpg")):
        bgr = cv2.imread(str(path))
        if bgr is None:
            raise OSError(f"{path}: not a picture")
        h, w = bgr.shape[:2]
        text = (labels / f"{path.stem}.txt").read_text(encoding="utf-8")
        rows = np.array([line.split() for line in text.splitlines()], float).reshape(-1, 56)
        centre, half = rows[:, 1:3] * [w, h], rows[:, 3:5] * [w, h] / 2
        points = rows[:, 5:].reshape(-1, 17, 3) * [w, h, 1] - [0.5, 0.5, 0]
        rgb = np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8)
        yield rgb, np.concatenate([centre - half, centre + half], axis=1), points


def _distance(guesses: Array, points: Array) -> float:
    return float((np.abs(guesses - points)[:, :2].sum(axis=1) * (points[:, 2] > 0)).sum())


def _iou(box: Array, others: Array) -> Array:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:4], others[:, 2:4])
    inner = np.clip(high - low, 0, None).prod(axis=1)
    area = (box[2:4] - box[:2]).prod() + (others[:, 2:4] - others[:, :2]).prod(axis=1)
    overlap: Array = inner / np.maximum(area - inner, 1e-9)
    return overlap
