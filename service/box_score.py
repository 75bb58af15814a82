"""Average precision of people's boxes in labelled pictures, with hardly visible people left aside.

Average precision is the area under the precision–recall curve, interpolated at 101 recalls as COCO
does. People of whom less than a share is seen are neither missed nor found: a box that answers one
of them, or a person too hidden to be labelled, is not counted at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from service.pose_score import detect
from vision.detection import Array, iou

LEAST_SCORE = 0.01
IOUS = np.linspace(0.5, 0.95, 10)
CLEAR_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class BoxScore:
    """Average precision 0…1 at IoU 0.5 and averaged over 0.5…0.95: of all labelled people, and
    (`clear`) of those of whom a quarter or more is seen."""

    map50: float
    map50_95: float
    clear_map50: float
    clear_map50_95: float


def score_boxes(weights: Path, folder: Path, split: str, threads: int = 1) -> BoxScore:
    """Score ONNX weights on `folder`/images/`split`, with the shares beside them."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    found: list[Array] = []
    truth: list[Array] = []
    for path in sorted((folder / "images" / split).glob("*.jpg")):
        bgr = cv2.imread(str(path))
        if bgr is None:
            raise OSError(f"{path}: not a picture")
        height, width = bgr.shape[:2]
        text = (folder / "shares" / split / f"{path.stem}.json").read_text(encoding="utf-8")
        rows = [[*one["box"], one["share"] if one["plain"] else -1.0] for one in json.loads(text)]
        truth.append(np.array(rows).reshape(-1, 5) * [width, height, width, height, 1])
        rgb = np.ascontiguousarray(bgr[..., ::-1]).astype(np.uint8)
        found.append(detect(session, rgb, LEAST_SCORE)[:, :5])
    every = [average_precision(found, truth, at, 0.0) for at in IOUS]
    clear = [average_precision(found, truth, at, CLEAR_SHARE) for at in IOUS]
    return BoxScore(every[0], float(np.mean(every)), clear[0], float(np.mean(clear)))


def average_precision(
    found: list[Array], truth: list[Array], at_iou: float, least_share: float
) -> float:
    """Of boxes with scores (N, 5) against boxes with the share seen (M, 5), picture by picture;
    people below `least_share` are left aside."""
    scores: list[float] = []
    right: list[bool] = []
    people = 0
    for claims, boxes in zip(found, truth, strict=True):
        counts = boxes[:, 4] >= least_share
        people += int(counts.sum())
        overlap = iou(claims[:, :4], boxes[:, :4])
        free = np.ones(len(boxes), np.bool_)
        for n in np.argsort(-claims[:, 4], kind="stable"):
            fits = overlap[n] >= at_iou
            due = np.flatnonzero(fits & free & counts)
            if len(due):
                free[due[np.argmax(overlap[n, due])]] = False
            elif (fits & free & ~counts).any():
                continue
            scores.append(float(claims[n, 4]))
            right.append(len(due) > 0)
    order = np.argsort(-np.array(scores), kind="stable")
    hits: NDArray[np.intp] = np.cumsum(np.array(right, dtype=np.intp)[order])
    if not people or not len(hits):
        return 0.0
    precision = hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    recall = hits / people
    at = np.searchsorted(recall, np.linspace(0, 1, 101))
    return float(np.where(at < len(best), best[np.minimum(at, len(best) - 1)], 0.0).mean())
