"""Train the person-and-pose weights from rendered pictures alone, and file them under `models/`.

Nothing is downloaded: the net starts from random weights. Ultralytics claims AGPL-3.0 for weights
that its package trains; the manifest and the model card say so.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import yaml

from sensors.store import load_store
from service.box_score import score_boxes
from service.boxes_only import boxes_only
from service.model_card import file_boxes, file_weights, rounded
from service.pose_score import MIRROR, PoseScore, score_pose
from service.warm_start import restore
from simulator.training_pictures import write_split, write_store

INPUT_PX = (256, 320)  # rows, columns
CORNER = Path(__file__).resolve().parent.parent / "datasets" / "stores" / "corner.yaml"
PER_STORE = 12
LEARNING = {
    "optimizer": "AdamW",
    "lr0": 0.0018,
    "lrf": 0.02,
    "cos_lr": True,
    "warmup_epochs": 0.5,
    "weight_decay": 0.01,
    "batch": 8,
    "nbs": 8,
    "mosaic": 0.0,
    "scale": 0.3,
    "translate": 0.1,
    "hsv_h": 0.02,
    "hsv_s": 0.4,
    "hsv_v": 0.25,
    "erasing": 0.0,
    "pose": 16.0,
    "kobj": 2.0,
}
LEARNING_ON = {  # joints are known better by the net that sees crops: boxes matter most here
    "lr0": 0.001,
    "warmup_epochs": 0.1,
    "batch": 16,
    "nbs": 16,
    "pose": 6.0,
    "kobj": 1.0,
}
MEASURED_ON = 96  # pictures for batch norms to be put back


class TrainingUnavailableError(Exception):
    """The packages that training needs are not installed."""


def train_pose(
    out: Path,
    pictures: int = 6500,
    epochs: int = 12,
    seed: int = 1,
    *,
    hours: float | None = None,
    threads: int = 1,
    models: Path = Path("models"),
    start: Path | None = None,
    report_store: Path = CORNER,
    say: Callable[[str], None] = print,
) -> PoseScore:
    """Write pictures, train, export and file `person-pose.onnx`; the score on held-out stores.

    `hours` overrides `epochs` by a time limit to which the learning rate is fitted. `start` are
    weights of ours to go on from. `out` keeps pictures and runs; pictures of the same number and
    seed are written once.
    Raises TrainingUnavailableError without the extra `train`.
    """
    _need_ultralytics()
    dataset = write_pictures(out / "pictures", pictures, seed, report_store, say)
    best = fit(out, dataset, epochs, seed, hours, threads, start)
    command = f"openaisle train pose --pictures {pictures} --seed {seed} " + (
        f"--epochs {epochs}" if hours is None else f"--hours {hours:g}"
    )
    command += "" if start is None else f" --start {start}"
    return publish(best, dataset, models, command, threads, say)


def write_pictures(
    out: Path, pictures: int, seed: int, report_store: Path, say: Callable[[str], None] = print
) -> Path:
    """Write the splits `train`, `val` (other random stores) and `report` (a store of ours, for
    figures only); the path of the dataset file. What is complete already is left as it is."""
    config = {
        "path": str(out.resolve()),
        "train": "images/train",
        "val": "images/val",
        "names": {0: "person"},
        "kpt_shape": [17, 3],
        "flip_idx": MIRROR,
        "pictures": pictures,
        "seed": seed,
        "crops": "shares and empty ones too",  # what is written beside the pictures
    }
    dataset = out / "pose.yaml"
    if dataset.exists() and yaml.safe_load(dataset.read_text(encoding="utf-8")) == config:
        return dataset
    shutil.rmtree(out, ignore_errors=True)
    stores = -(-pictures // PER_STORE)
    for first in range(0, stores, 50):
        people = write_split(out, "train", range(first, min(stores, first + 50)), PER_STORE, seed)
        say(f"pictures: {min(stores, first + 50)} of {stores} stores, {people} people in the last")
    write_split(out, "val", range(max(4, stores // 10)), 8, seed)
    rng = np.random.default_rng([seed, 3])
    write_store(out, "report", load_store(report_store), 240, rng)
    dataset.write_text(yaml.safe_dump(config), encoding="utf-8")
    return dataset


def fit(
    out: Path,
    dataset: Path,
    epochs: int,
    seed: int,
    hours: float | None,
    threads: int,
    start: Path | None = None,
) -> Path:
    """Train from random weights, or on from `start`, a checkpoint (.pt) or our export (.onnx);
    the path of the best checkpoint. Raises StartUnusable where `start` does not fit."""
    _need_ultralytics()
    import torch  # noqa: PLC0415
    from ultralytics import YOLO  # noqa: PLC0415

    torch.set_num_threads(threads)
    net = out / "person-pose.yaml"
    net.write_text(yaml.safe_dump(_narrow_net()), encoding="utf-8")
    if start is not None and start.suffix == ".onnx":
        start = _thawed(start, net, dataset, seed)
    with _our_keypoint_loss(), _half_precision():
        YOLO(str(start or net), task="pose").train(
            data=str(dataset),
            epochs=epochs,
            time=hours,
            imgsz=max(INPUT_PX),
            rect=True,
            pretrained=start is not None,
            cache="ram",
            workers=1,
            device="cpu",
            amp=False,
            plots=False,
            patience=0,
            seed=seed,
            project=str(out.resolve()),
            name="run",
            exist_ok=True,
            **(LEARNING if start is None else LEARNING | LEARNING_ON),
        )
    return out / "run" / "weights" / "best.pt"


def _thawed(export: Path, net: Path, dataset: Path, seed: int) -> Path:
    """A checkpoint beside `net` (the network's description) with the weights of an export."""
    import torch  # noqa: PLC0415
    from ultralytics import YOLO  # noqa: PLC0415

    model = YOLO(str(net), task="pose").model
    pictures = sorted((dataset.parent / "images" / "train").glob("*.jpg"))
    order = np.random.default_rng(seed).permutation(len(pictures))[:MEASURED_ON]
    restore(model, export, [pictures[i] for i in order], INPUT_PX)
    checkpoint = net.parent / "start.pt"
    torch.save({"model": model, "epoch": -1, "train_args": {"task": "pose"}}, checkpoint)
    return checkpoint


def publish(
    checkpoint: Path,
    dataset: Path,
    models: Path,
    command: str,
    threads: int = 1,
    say: Callable[[str], None] = print,
) -> PoseScore:
    """Export a checkpoint, score it on held-out pictures, and write weights, manifest and card."""
    _need_ultralytics()
    import torch  # noqa: PLC0415
    from ultralytics import YOLO  # noqa: PLC0415

    torch.set_num_threads(threads)
    pictures = dataset.parent
    copy = pictures.parent / "export" / "person-pose.pt"
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(checkpoint, copy)
    net = YOLO(str(copy))
    parameters = sum(p.numel() for p in net.model.parameters())
    measured = net.val(
        data=str(dataset),
        imgsz=max(INPUT_PX),
        rect=True,
        batch=16,
        workers=0,
        plots=False,
        device="cpu",
        project=str(pictures.parent.resolve()),
        name="validation",
        exist_ok=True,
    )
    exported = Path(
        YOLO(str(copy)).export(
            format="onnx", imgsz=list(INPUT_PX), opset=17, dynamic=False, nms=False, batch=1
        )
    )
    models.mkdir(exist_ok=True)
    weights = models / "person-pose.onnx"
    shutil.copy(exported, weights)
    file_boxes(models, boxes_only(weights))
    held_out = score_pose(weights, pictures / "images/val", pictures / "labels/val")
    report = score_pose(weights, pictures / "images/report", pictures / "labels/report")
    boxes = score_boxes(weights, pictures, "val")
    figures: dict[str, Any] = {
        "box_map50": round(float(measured.box.map50), 4),
        "box_map50_95": round(float(measured.box.map), 4),
        "clear_box_map50": round(boxes.clear_map50, 4),
        "clear_box_map50_95": round(boxes.clear_map50_95, 4),
        "pose_map50": round(float(measured.pose.map50), 4),
        "pose_map50_95": round(float(measured.pose.map), 4),
        "held_out": rounded(held_out),
        "corner": rounded(report),
    }
    file_weights(models, weights, parameters, command, figures, INPUT_PX)
    say(json.dumps(figures, indent=2))
    return held_out


def _narrow_net() -> dict[str, Any]:
    """The yolo11-pose graph at an eighth of its full width."""
    from ultralytics.utils import ROOT  # noqa: PLC0415

    path = ROOT / "cfg" / "models" / "11" / "yolo11-pose.yaml"
    net: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {**net, "nc": 1, "kpt_shape": [17, 3], "scales": {"n": [0.5, 0.125, 1024]}, "scale": "n"}


def _distance(guess: Any, truth: Any) -> Any:
    """Summed distance (N,) of known joints, to tell which side of a body a guess took for left."""
    return ((guess[..., :2] - truth[..., :2]).abs().sum(-1) * (truth[..., 2] != 0)).sum(-1).detach()


@contextmanager
def _our_keypoint_loss() -> Iterator[None]:
    """Train the third number of a keypoint to say *visible* (2), not merely *labelled* (1 or 2),
    while hidden joints still teach where they are. A term linear in the distance is added:
    that of object keypoint similarity has no slope far from the joint, where a new net starts.
    A body may be taken for its mirror image: a small picture of a back or a profile often does not
    tell left from right, and a net that must choose puts both hands in the middle."""
    from ultralytics.utils.loss import v8PoseLoss, xyxy2xywh  # noqa: PLC0415

    def keypoint_losses(
        self: Any, masks: Any, index: Any, points: Any, strides: Any, boxes: Any, guesses: Any
    ) -> tuple[Any, Any]:
        if not masks.any():
            return 0, 0
        boxes = boxes / strides
        truth = points[masks.nonzero(as_tuple=True)[0], index[masks]].clone()
        truth[..., :2] /= strides.view(1, -1).expand(masks.shape[0], -1)[masks][:, None, None]
        area = xyxy2xywh(boxes[masks])[:, 2:].prod(1, keepdim=True)
        guess = guesses[masks]
        mirrored = truth[:, MIRROR]
        nearer = _distance(guess, mirrored) < _distance(guess, truth)
        truth = truth.where(~nearer[:, None, None], mirrored)
        known = truth[..., 2] != 0
        place = self.keypoint_loss(guess, truth, known, area)
        away = (guess[..., :2] - truth[..., :2]).abs().sum(-1) / area.sqrt()
        place = place + (away * known).sum() / known.sum().clamp(min=1)
        return place, self.bce_pose(guess[..., 2], (truth[..., 2] > 1.5).float())

    with mock.patch.object(v8PoseLoss, "calculate_keypoints_loss", keypoint_losses):
        yield


@contextmanager
def _half_precision() -> Iterator[None]:
    """Train the network, not its losses, in bfloat16, for which processors have instructions."""
    import torch  # noqa: PLC0415
    from ultralytics.nn.tasks import BaseModel  # noqa: PLC0415

    whole = BaseModel.predict

    def widened(output: Any) -> Any:
        if isinstance(output, dict):
            return {key: widened(value) for key, value in output.items()}
        if isinstance(output, list | tuple):
            return type(output)(widened(value) for value in output)
        return output.float() if isinstance(output, torch.Tensor) else output

    def predict(self: Any, *given: Any, **named: Any) -> Any:
        if not self.training:
            return whole(self, *given, **named)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = whole(self, *given, **named)
        return widened(output)

    with mock.patch.object(BaseModel, "predict", predict):
        yield


def _need_ultralytics() -> None:
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("YOLO_OFFLINE", "1")
    try:
        import onnx  # noqa: F401, PLC0415
        import torch  # noqa: F401, PLC0415
        import ultralytics  # noqa: F401, PLC0415
    except ImportError as error:
        raise TrainingUnavailableError(
            f"training needs PyTorch, Ultralytics and ONNX ({error.name} is missing): "
            "pip install 'openaisle[train]'"
        ) from error
