"""Trains the network that finds joints and edges of people in crops, on rendered pictures alone and
from random weights, and files it beside the detector's.

The target is a Gaussian on the heat map, as a probability; a second term pulls the map's mean to
the joint (integral regression, Sun et al., ECCV 2018). No body may be taken for its mirror image:
left and right are learnt. Boxes are taught by their edges and by generalised IoU (Rezatofighi et
al., CVPR 2019), and that there is somebody, on places where there is nobody besides.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.joint_crops import Crop, People, plain_crop, read_people, varied_crop
from service.joint_net import build_joint_net, export_joint_net, shrink_joint_net
from service.model_card import file_joint_weights
from service.pose_score import MIRROR, WRISTS
from service.product_net import need_torch
from service.train_pose import CORNER, write_pictures
from vision.detection import Array, iou_of_pairs
from vision.joints import COLUMNS, ROOM, ROWS, STRIDE, JointRefiner

WEIGHTS = "person-pose.joints.onnx"
BATCH = 32
PEAK_RATE, DECAY, WARM_STEPS = 2e-3, 0.02, 300
TARGET_PX = 2.6  # standard deviation of a target's Gaussian, in pixels of the crop
PULL = 0.04  # weight of a pixel of the mean's distance beside the cross entropy
HIDDEN = 0.4  # weight of a joint that is not seen
EDGE, COVER, PERSON = 0.05, 1.0, 0.5  # weights of an edge's pixel, of 1 − GIoU, of being somebody
OUTSIDE_PX = 4.0  # joints further outside the crop teach nothing
OF_JOINT = [0.6] * 5 + [1.0, 1.0, 1.2, 1.2, 1.6, 1.6, 1.0, 1.0, 1.0, 1.0, 1.2, 1.2]
SAY_EVERY_S = 60.0
SHOWN = 512  # crops that tell the ranges of the numbers when the weights are made small


@dataclass(frozen=True, slots=True)
class JointScore:
    """How well joints are placed in crops around true boxes; shares 0…1.

    PCK counts a wrist as right within a share of the height that a crop has for a person; pixels
    are those of the frame. `sides` is the share of people whose left is not taken for their right.
    `box_iou` is the median overlap of boxes with the true ones, where crops are cut around boxes
    that are wrong by as much as training's, and `box_iou_before` of those boxes themselves.
    `person_auroc` tells people from places where there are none.
    """

    people: int
    wrist_median_px: float
    wrist_pck_05: float
    wrist_pck_10: float
    wrist_pck_10_hidden: float
    ankle_median_px: float
    seen_median_px: float
    sides: float
    visible_accuracy: float
    box_iou: float
    box_iou_before: float
    person_auroc: float


def train_joints(
    out: Path,
    pictures: int = 6500,
    steps: int = 12_000,
    seed: int = 1,
    *,
    minutes: float | None = None,
    threads: int = 1,
    models: Path = Path("models"),
    report_store: Path = CORNER,
    say: Callable[[str], None] = print,
) -> JointScore:
    """Write pictures, train, export and file `person-pose.joints.onnx`; the score on held-out
    stores. `minutes` overrides `steps` by a limit of time to which the learning rate is fitted.

    Raises TrainingUnavailableError without the extra `train`.
    """
    need_torch()
    folder = write_pictures(out / "pictures", pictures, seed, report_store, say).parent
    people = read_people(folder / "crops" / "train")
    say(f"{len(people)} people to train on")
    net = fit_joints(people, steps, seed, minutes=minutes, threads=threads, say=say)
    command = f"openaisle train joints --pictures {pictures} --seed {seed} " + (
        f"--steps {steps}" if minutes is None else f"--minutes {minutes:g}"
    )
    return publish_joints(net, folder, models, command, say)


def fit_joints(
    people: People,
    steps: int,
    seed: int,
    *,
    minutes: float | None = None,
    threads: int = 1,
    say: Callable[[str], None] = print,
) -> Any:
    """A network trained on `people`: the moving average of its weights (Polyak)."""
    torch = need_torch()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    rng = np.random.default_rng([seed, 17])
    net = build_joint_net().to(memory_format=torch.channels_last)
    kept = build_joint_net()
    kept.load_state_dict(net.state_dict())
    optimizer = torch.optim.AdamW(net.parameters(), lr=PEAK_RATE, weight_decay=DECAY)
    began = told = time.monotonic()
    losses: list[float] = []
    done = 0.0
    while done < 1.0:
        rate = PEAK_RATE * min(1.0, (len(losses) + 1) / WARM_STEPS)
        for group in optimizer.param_groups:
            group["lr"] = rate * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))
        batch = _batch(people, rng)
        pictures = np.stack([crop.picture for crop in batch])
        image = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255.0
        with torch.autocast("cpu", dtype=torch.bfloat16):
            said = net(image.contiguous(memory_format=torch.channels_last))
        loss = _loss(torch, [one.float() for one in said], batch)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        _follow(torch, kept, net, len(losses))
        now = time.monotonic()
        done = len(losses) / steps if minutes is None else (now - began) / (60 * minutes)
        if now - told > SAY_EVERY_S:
            told = now
            say(f"{done:.0%}, step {len(losses)}: loss {np.mean(losses[-200:]):.3f}")
    kept.eval()
    return kept


def publish_joints(
    net: Any, pictures: Path, models: Path, command: str, say: Callable[[str], None] = print
) -> JointScore:
    """Export a network, score the file on held-out pictures, write weights, manifest and card."""
    weights = models / WEIGHTS
    export_joint_net(net, weights)
    shrink_joint_net(weights, _batches(read_people(pictures / "crops" / "train")))
    refiner = JointRefiner(weights)
    held_out = score_joints(refiner, read_people(pictures / "crops" / "val"))
    corner = score_joints(refiner, read_people(pictures / "crops" / "report"))
    figures = {
        name: {key: round(value, 4) for key, value in asdict(score).items()}
        for name, score in (("held_out", held_out), ("corner", corner))
    }
    parameters = sum(p.numel() for p in net.parameters())
    file_joint_weights(models, weights, parameters, command, figures, (ROWS, COLUMNS))
    say(json.dumps(figures, indent=2))
    return held_out


def _batches(people: People) -> list[NDArray[np.uint8]]:
    """Some crops from all over `people`, as vision would cut them, in batches."""
    some = np.linspace(0, len(people) - 1, min(len(people), SHOWN)).astype(int)
    crops = np.stack([plain_crop(people, int(i)).picture for i in some])
    return [crops[k : k + BATCH] for k in range(0, len(crops), BATCH)]


def score_joints(refiner: JointRefiner, everybody: People) -> JointScore:
    """Score weights on `everybody`, whose true boxes are cropped as vision crops."""
    there = everybody.shares > 0
    people = everybody.some(there)
    cut = [plain_crop(people, i) for i in range(len(people))]
    truth = np.stack([crop.keypoints for crop in cut])
    looks = refiner.look(np.stack([crop.picture for crop in cut]))
    guesses = looks.keypoints
    seen, hidden = truth[..., 2] == 2, truth[..., 2] == 1
    away = np.hypot(*(guesses - truth)[..., :2].transpose(2, 0, 1))
    turned = np.hypot(*(guesses[:, MIRROR] - truth)[..., :2].transpose(2, 0, 1))
    sizes = people.boxes[:, 2:] - people.boxes[:, :2]
    scale = ROWS / (ROOM * np.maximum(sizes[:, 1], sizes[:, 0] * ROWS / COLUMNS))
    frame = away * (people.px_of_frame / scale)[:, None]
    wrists, ankles = np.array(WRISTS), np.array([15, 16])
    share = away[:, wrists] / (ROWS / ROOM)
    known = seen | hidden
    sure = np.abs(np.where(seen, away - turned, 0.0).sum(axis=1))
    right = np.where(seen, away - turned, 0.0).sum(axis=1) <= 0
    rng = np.random.default_rng(1)
    wrong = [varied_crop(people, i, rng, recoloured=False) for i in range(len(people))]
    boxes = np.stack([crop.box for crop in wrong])
    said = np.stack([crop.said for crop in wrong])
    level = np.isfinite(boxes[:, 0])
    found = refiner.look(np.stack([crop.picture for crop in wrong])).boxes
    nobody = everybody.some(~there)
    empty = [plain_crop(nobody, i).picture for i in range(len(nobody))]
    chances = refiner.look(np.stack(empty)).person if empty else np.zeros(0)
    return JointScore(
        people=len(people),
        wrist_median_px=_median(frame[:, wrists][seen[:, wrists]]),
        wrist_pck_05=_share(share[seen[:, wrists]] < 0.05),
        wrist_pck_10=_share(share[seen[:, wrists]] < 0.10),
        wrist_pck_10_hidden=_share(share[hidden[:, wrists]] < 0.10),
        ankle_median_px=_median(frame[:, ankles][seen[:, ankles]]),
        seen_median_px=_median(frame[seen]),
        sides=_share(right[sure > 0]),
        visible_accuracy=_share(((guesses[..., 2] > 0.5) == seen)[known]),
        box_iou=_median(iou_of_pairs(found[level], boxes[level])),
        box_iou_before=_median(iou_of_pairs(said[level], boxes[level])),
        person_auroc=_auroc(looks.person, chances),
    )


def _batch(people: People, rng: np.random.Generator) -> list[Crop]:
    return [varied_crop(people, int(i), rng) for i in rng.integers(0, len(people), BATCH)]


def _loss(torch: Any, said: Sequence[Any], batch: Sequence[Crop]) -> Any:
    """One number for what the network says of a batch of crops: heat maps (N, 17, 32, 24), log
    odds (N, 17) of being visible, boxes (N, 4) and log odds (N,) of being somebody."""
    heat, visible, boxes, person = said
    points = torch.from_numpy(np.stack([one.keypoints for one in batch]).astype(np.float32))
    edges = torch.from_numpy(np.stack([one.box for one in batch]).astype(np.float32))
    somebody = torch.tensor([one.person for one in batch], dtype=torch.float32)
    known = ~edges.isnan().any(1)
    doubt = torch.nn.functional.binary_cross_entropy_with_logits(person, somebody)
    return (
        _loss_of_joints(torch, heat, visible, points)
        + _loss_of_boxes(torch, boxes[known], edges[known])
        + PERSON * doubt
    )


def _loss_of_boxes(torch: Any, boxes: Any, edges: Any) -> Any:
    """For boxes (N, 4) against true edges (N, 4), of which the crop shows those within it."""
    most = torch.tensor([COLUMNS, ROWS] * 2) - 0.5
    edges = torch.minimum(edges.clamp(min=-0.5), most)
    # Boxes whose sides have crossed have no area: they are pulled right by their edges.
    sides = torch.minimum(boxes[:, 2:], edges[:, 2:]) - torch.maximum(boxes[:, :2], edges[:, :2])
    shared = sides.clamp(min=0).prod(1)
    area = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
    union = area + (edges[:, 2:] - edges[:, :2]).prod(1) - shared
    hull = torch.maximum(boxes[:, 2:], edges[:, 2:]) - torch.minimum(boxes[:, :2], edges[:, :2])
    around = hull.prod(1).clamp(min=1e-6)
    cover = shared / union.clamp(min=1e-6) - (around - union) / around
    off = EDGE * (boxes - edges).abs().sum(1) + COVER * (1 - cover)
    return off.sum() / max(1, len(off))


def _loss_of_joints(torch: Any, heat: Any, visible: Any, points: Any) -> Any:
    """For heat maps (N, 17, 32, 24) and log odds (N, 17) against points (N, 17, 3)."""
    across = torch.arange(COLUMNS // STRIDE) * STRIDE + (STRIDE - 1) / 2
    down = torch.arange(ROWS // STRIDE) * STRIDE + (STRIDE - 1) / 2
    x, y, state = points.unbind(dim=2)
    squared = ((down - y[..., None]) ** 2)[..., :, None] + ((across - x[..., None]) ** 2)[
        ..., None, :
    ]
    target = torch.exp(-squared / (2 * TARGET_PX**2)).flatten(2)
    target = target / target.sum(2, keepdim=True).clamp(min=1e-6)
    logs = torch.log_softmax(heat.flatten(2), 2)
    entropy = -(target * logs).sum(2)
    shares = logs.exp().view_as(heat)
    mean_x, mean_y = (shares.sum(2) * across).sum(2), (shares.sum(3) * down).sum(2)
    inside = (state > 0) & (x > -OUTSIDE_PX) & (x < COLUMNS + OUTSIDE_PX)
    inside = inside & (y > -OUTSIDE_PX) & (y < ROWS + OUTSIDE_PX)
    weight = torch.where(state > 1.5, 1.0, HIDDEN) * inside * torch.tensor(OF_JOINT)
    placed = entropy + PULL * ((mean_x - x).abs() + (mean_y - y).abs())
    said = torch.nn.functional.binary_cross_entropy_with_logits(
        visible, (state > 1.5).float(), reduction="none"
    )
    return (weight * placed).sum() / weight.sum().clamp(min=1) + 0.5 * (said * (state > 0)).mean()


def _follow(torch: Any, kept: Any, net: Any, step: int) -> None:
    """Move the average a little towards the weights, at first by more."""
    memory = min(0.998, step / (step + 20))
    with torch.no_grad():
        for old, new in zip(kept.state_dict().values(), net.state_dict().values(), strict=True):
            if old.dtype.is_floating_point:
                old.mul_(memory).add_(new, alpha=1 - memory)
            else:
                old.copy_(new)


def _median(errors: Array) -> float:
    return float(np.median(errors)) if len(errors) else float("nan")


def _share(right: NDArray[np.bool_]) -> float:
    return float(right.mean()) if len(right) else float("nan")


def _auroc(people: Array, nobody: Array) -> float:
    """How often somebody is said to be likelier than nobody (the area under the ROC curve)."""
    if not len(people) or not len(nobody):
        return float("nan")
    higher = (people[:, None] > nobody).mean() + (people[:, None] == nobody).mean() / 2
    return float(higher)
