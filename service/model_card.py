"""Files trained pose weights under `models/`: the manifest's entry and the model card."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from service.pose_score import PoseScore

TERMS = (
    "Trained with the Ultralytics package, which claims AGPL-3.0 for weights that it trains. "
    "The training code, the pictures and this repository are Apache-2.0."
)
CARD = """# person-pose

Finds people and their 17 COCO keypoints in frames of oblique store cameras.

- Net: yolo11-pose graph at width 0.125, {parameters} M parameters, trained from random weights.
- Input: RGB, 320×240 padded to 320×256 with 8 rows of 114 above and below, 0…1, batch 1.
- Output: 1×56×1680, without NMS. The third number of a keypoint says how likely it is *visible*.
- Trained on: pictures rendered by `simulator/training_pictures.py`: random stores, people, cameras
  and light. No photograph and no other weights went in. The corner shop was never trained on.
- Command: `{command}`
- Terms: {terms}

## Measured

On 320×240 pictures of random stores that training never saw, though the best epoch was chosen on
them (by Ultralytics' validator: {maps}), and, for report only, of the corner shop with its light,
weather and people drawn at random:

{table}

`wrist_pck_10_seen` is the share of visible wrists of found people that lie within 10 % of the
height of the person's box; `hidden` ones are guesses from the rest of the body. `sides` is the
share of people whose left is not taken for their right: training forgives that mistake, which a
small picture of a back invites, so a reader must settle sides from other views and from motion.
Wrists are compared after turning such bodies; the validator's figures do not turn them. Where
`person-pose.joints.onnx` lies beside these weights, joints come from that network instead, and
boxes from `person-pose.boxes.onnx`: these weights without their keypoints, cut off by
`service/boxes_only.py`, whose output 1×5×128 has the best boxes and scores, equal to the last bit.
`clear_…` leaves aside people of whom less than a quarter is seen: neither missed nor found.

## Limits

It knows rendered people only: capsule bodies, cameras at 2.3–3.05 m. Figures on photographs or real
cameras have not been measured and will be lower; train on pictures of the real store before relying
on it there. People seen by less than 8 % or smaller than about 55 pixels of area at 320×240 were
not labelled.
"""


def file_weights(
    models: Path,
    weights: Path,
    parameters: int,
    command: str,
    figures: dict[str, Any],
    input_px: tuple[int, int],
) -> None:
    """Write the entry of `person-pose` in the manifest, and its card."""
    entry = {
        "file": weights.name,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "parameters": parameters,
        "input": {"shape": [1, 3, *input_px], "layout": "NCHW RGB 0…1", "pad_value": 114},
        "output": "1×56×1680: box centre and size, score, 17 × (u, v, visible); no NMS inside",
        "trained_by": command,
        "trained_on": "pictures rendered by simulator/training_pictures.py, random stores",
        "terms": TERMS,
        "figures": figures,
    }
    enter(models, "person-pose", entry)
    card = CARD.format(
        parameters=f"{parameters / 1e6:.2f}", command=command, terms=TERMS, **_table(figures)
    )
    (models / "person-pose.md").write_text(card, encoding="utf-8")


def file_boxes(models: Path, boxes: Path) -> None:
    """Write the manifest's entry of the weights without keypoints."""
    entry = {
        "file": boxes.name,
        "sha256": hashlib.sha256(boxes.read_bytes()).hexdigest(),
        "output": "1×5×128: box centre and size, score, best first; no NMS inside",
        "trained_by": "openaisle train pose (person-pose, cut by service/boxes_only.py)",
        "trained_on": "pictures rendered by simulator/training_pictures.py, random stores",
        "terms": TERMS,
    }
    enter(models, boxes.name.removesuffix(".onnx"), entry)


JOINT_CARD = """# person-pose.joints

Finds the 17 COCO keypoints of one person in a crop, where what is seen of the person ends, and
whether there is a person at all: a second look at everybody whom `person-pose` finds.

- Net: {parameters} M parameters (`service/joint_net.py`), trained from random weights with PyTorch.
  Its convolutions count in 8 bits.
- Input: `crops` (N, 128, 96, 3) RGB uint8, the person's box with a quarter more room around.
- Output: `heat` (N, 17, 32, 24), a map for each joint before its softmax, `visible` (N, 17),
  `box` (N, 4) in pixels of the crop, and `person` (N,), the probability that there is one.
- Trained on: pictures rendered by `simulator/training_pictures.py`, as those of `person-pose`.
  No photograph and no other weights went in. The corner shop was never trained on.
- Command: `{command}`
- Terms: {terms}

## Measured

On crops around the true boxes of people in random stores that training never saw, and, for report
only, in the corner shop:

{table}

Pixels are those of frames of 640×480. `wrist_pck_10` is the share of visible wrists within 10 % of
the height that a crop has for a person; `hidden` ones are guesses from the rest of the body.
`sides` is the share of people whose left is not taken for their right, of those with a joint seen.
`box_iou` is the median overlap of boxes with the true ones where crops are cut around boxes that
are wrong by as much as training's, and `box_iou_before` of those. `person_auroc` tells people from
boxes drawn at random where there are none, which is easier than from a detector's mistakes.

## Limits

It knows rendered people only. Figures on photographs have not been measured and will be lower.
"""
JOINT_TERMS = "Trained by this repository's code on its own pictures; Apache-2.0 as the repository."


def file_joint_weights(
    models: Path,
    weights: Path,
    parameters: int,
    command: str,
    figures: dict[str, Any],
    input_px: tuple[int, int],
) -> None:
    """Write the manifest's entry of the network that finds joints in crops, and its card."""
    entry = {
        "file": weights.name,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "parameters": parameters,
        "input": {"shape": ["n", *input_px, 3], "layout": "NHWC RGB uint8"},
        "output": "n×17×32×24 heat maps before their softmax, n×17 probabilities of being visible, "
        "n×4 boxes in the crop's pixels, n probabilities of being a person",
        "trained_by": command,
        "trained_on": "pictures rendered by simulator/training_pictures.py, random stores",
        "terms": JOINT_TERMS,
        "figures": figures,
    }
    enter(models, weights.name.removesuffix(".onnx"), entry)
    card = JOINT_CARD.format(
        parameters=f"{parameters / 1e6:.2f}",
        command=command,
        terms=JOINT_TERMS,
        table=_table(figures)["table"],
    )
    (models / weights.name).with_suffix(".md").write_text(card, encoding="utf-8")


def enter_emulation(path: Path, command: str, person_seconds: float) -> None:
    """Write the manifest's entry of the emulation's figures at `path`, if a manifest is there."""
    if not (path.parent / "manifest.json").exists():
        return
    entry = {
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "trained_by": command,
        "trained_on": "what person-pose and the tracker reported of scenes that the simulator "
        f"rendered: {person_seconds:.0f} person-seconds",
        "terms": "Figures that we measured; Apache-2.0 as the repository.",
    }
    enter(path.parent, path.stem, entry)


def enter(models: Path, name: str, entry: dict[str, Any]) -> None:
    """Write the manifest's entry of the weights `name`; the others stay as they are."""
    manifest = models / "manifest.json"
    entries = json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else {}
    entries[name] = entry
    manifest.write_text(
        json.dumps(entries, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _table(figures: dict[str, Any]) -> dict[str, str]:
    rows = ["| figure | held-out random stores | corner shop |", "| --- | --- | --- |"]
    for key in figures["held_out"]:
        rows.append(f"| {key} | {figures['held_out'][key]} | {figures['corner'][key]} |")
    maps = ", ".join(f"{k} {v}" for k, v in figures.items() if isinstance(v, float))
    return {"maps": maps, "table": "\n".join(rows)}


def rounded(score: PoseScore) -> dict[str, float]:
    """The figures of a score, four digits each."""
    return {k: round(v, 4) for k, v in asdict(score).items()}
