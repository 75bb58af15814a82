"""Labelled pictures of people in random stores, in the folders that YOLO pose training reads, and
crops of the same people for training joints.

Labels come from the truth: boxes from the pixels that show a person, and 17 COCO keypoints that are
2 visible, 1 hidden, 0 outside the picture, by the depth of what is seen there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.store import Store
from simulator.halves import Half
from simulator.people import Body, Figure, Stance, pose_body
from simulator.render import Frame, Renderer
from simulator.training_crops import Crops
from simulator.training_stores import any_store, random_crowd
from simulator.world import Pictures

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

PICTURE_PX = (320, 240)  # frames of 640×480 are halved, as the detector halves them
LEAST_SHARE, LEAST_PX = 0.08, 220  # of a silhouette, and pixels at 640×480, to be labelled at all
NEAREST_PX = 4  # of whom less is seen, nobody could say that they are there
JOINT_DEPTH_M = np.array([0.06] * 3 + [0.1] * 2 + [0.16] * 2 + [0.1] * 4 + [0.2] * 2 + [0.14] * 4)
MOST_CAMERAS = 4  # of one store: each more is a background to draw
PICTURES_OF: dict[Half, Pictures] = {
    "training": Pictures(noise=(0.5, 5.0), shutter_ms=(0.0, 30.0), jpeg_share=0.3),
    "scoring": Pictures(),
}
SEED_OF_SPLIT = {"train": 1, "val": 2}


@dataclass(frozen=True, slots=True, eq=False)
class PersonLabel:
    """One person in a picture: `box` (4,) x0, y0, x1, y1 in pixels; `keypoints` (17, 3) u, v and
    visibility 0, 1 or 2; `share` of the silhouette that is seen; `seen_px` how many pixels."""

    id: int
    box: Array
    keypoints: Array
    share: float
    seen_px: int

    @property
    def plain(self) -> bool:
        """Whether enough is seen that the person is to be found; finding others is no fault."""
        return self.seen_px >= LEAST_PX and self.share >= LEAST_SHARE


def label_people(
    frame: Frame, camera: CameraModel, bodies: dict[int, Body], silhouettes: dict[int, int]
) -> list[PersonLabel]:
    """Labels of the people of whom anything is seen; `silhouettes` are their pixels were nothing
    before them."""
    labels = []
    for person, body in bodies.items():
        rows, columns = np.nonzero(frame.ids == person)
        share = len(rows) / max(1, silhouettes[person])
        if len(rows) < NEAREST_PX:
            continue
        box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float64)
        pixels, depth = camera.project(body.joints)
        at = np.rint(pixels).astype(np.int64)
        inside = (depth > 0.1) & (at >= 0).all(axis=1)
        inside &= (at[:, 0] < camera.width_px) & (at[:, 1] < camera.height_px)
        keypoints = np.zeros((17, 3))
        keypoints[inside, :2] = pixels[inside]
        u, v = at[inside].T
        seen = (frame.ids[v, u] == person) & (frame.depth[v, u] > (depth - JOINT_DEPTH_M)[inside])
        keypoints[inside, 2] = np.where(seen, 2.0, 1.0)
        labels.append(PersonLabel(person, box, keypoints, share, len(rows)))
    return labels


def yolo_lines(labels: list[PersonLabel], size_px: tuple[int, int]) -> str:
    """The label file of plain people: class, box centre and size, then 17 × (u, v, visibility),
    all normalised."""
    w, h = size_px
    lines = []
    for label in (one for one in labels if one.plain):
        x0, y0, x1, y1 = label.box / np.array([w, h, w, h])
        cells = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
        text = ["0", *(f"{c:.5f}" for c in cells)]
        for u, v, seen in label.keypoints:
            place = ((u + 0.5) / w, (v + 0.5) / h) if seen else (0.0, 0.0)
            text += [f"{place[0]:.5f}", f"{place[1]:.5f}", str(int(seen))]
        lines.append(" ".join(text))
    return "\n".join(lines)


def shares_json(labels: list[PersonLabel], size_px: tuple[int, int]) -> str:
    """Of everybody: the box, normalised (x0, y0, x1, y1), the share seen, and whether they are
    plain; the plain ones in the order of the label file."""
    w, h = size_px
    rows = [
        {
            "box": [round(float(c), 5) for c in one.box / np.array([w, h, w, h])],
            "share": round(one.share, 4),
            "plain": one.plain,
        }
        for one in labels
    ]
    return json.dumps(rows)


def weather(rgb: Bytes, rng: np.random.Generator) -> Bytes:
    """What lenses, sensors and encoders do to a picture, drawn at random; same shape."""
    picture = rgb.astype(np.float32)
    picture *= rng.uniform(0.55, 1.45) * rng.normal(1.0, 0.045, 3).astype(np.float32)
    picture += rng.normal(0, 8, 3).astype(np.float32)
    mean = float(picture.mean())
    picture = (picture - mean) * rng.uniform(0.65, 1.3) + mean
    if rng.random() < 0.35:  # a lamp or a window brightens one side
        ramp = np.linspace(rng.uniform(0.6, 1.0), rng.uniform(1.0, 1.4), picture.shape[1])
        picture *= (ramp if rng.random() < 0.5 else ramp[::-1]).astype(np.float32)[None, :, None]
    if rng.random() < 0.12:
        picture[:] = picture.mean(axis=2, keepdims=True)
    picture = np.clip(picture, 0, 255)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 1.6))).astype(np.float32)
    if rng.random() < 0.5:
        picture += rng.normal(0, rng.uniform(1, 10), picture.shape).astype(np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def write_split(out: Path, split: str, stores: range, per_store: int, seed: int) -> int:
    """Write `per_store` pictures of each random store under `out`/images and `out`/labels.

    `stores` numbers the stores, so that parts may be written apart; a split, a seed and a number
    always give the same store. Returns the number of people labelled.
    """
    people = 0
    for number in stores:
        rng = np.random.default_rng([seed, SEED_OF_SPLIT[split], number])
        store = any_store(rng, f"{split}{number}")
        people += write_store(out, split, store, per_store, rng, half="training")
    return people


def write_store(
    out: Path,
    split: str,
    store: Store,
    pictures: int,
    rng: np.random.Generator,
    half: Half = "scoring",
) -> int:
    """Write labelled pictures of one store and random people; the number of people labelled.

    Looks are of one `half`: pictures to be trained on are of training's.
    """
    for kind in ("images", "labels", "shares", "crops"):
        (out / kind / split).mkdir(parents=True, exist_ok=True)
    cameras = [c.model() for c in store.cameras]
    seed = int(rng.integers(2**31))
    cameras = [cameras[i] for i in rng.permutation(len(cameras))[:MOST_CAMERAS]]
    renderer = Renderer(store, cameras, seed, pictures=PICTURES_OF[half], half=half)
    crops = Crops()
    people = 0
    for k in range(pictures):
        camera = cameras[int(rng.integers(len(cameras)))]
        crowd = random_crowd(rng, store, half=half)
        rgb, labels = labelled_picture(renderer, camera, crowd, int(rng.integers(2**31)))
        picture = weather(rgb, rng)
        small = cv2.resize(picture, PICTURE_PX, interpolation=cv2.INTER_AREA)
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 97))]
        name = f"{store.id}-{k:04d}"
        cv2.imwrite(str(out / "images" / split / f"{name}.jpg"), small[..., ::-1], quality)
        size_px = (camera.width_px, camera.height_px)
        lines, shares = yolo_lines(labels, size_px), shares_json(labels, size_px)
        (out / "labels" / split / f"{name}.txt").write_text(lines, encoding="utf-8")
        (out / "shares" / split / f"{name}.json").write_text(shares, encoding="utf-8")
        plain = [one for one in labels if one.plain]
        for one in plain:
            crops.add(picture, one.box, one.keypoints, one.share)
        crops.add_empty(picture, np.array([one.box for one in labels]).reshape(-1, 4), rng)
        people += len(plain)
    crops.write(out / "crops" / split / f"{store.id}.npz")
    return people


def labelled_picture(
    renderer: Renderer, camera: CameraModel, crowd: list[tuple[Figure, Stance]], at_ns: int
) -> tuple[Bytes, list[PersonLabel]]:
    """One frame (H, W, 3) of a crowd, whose people are numbered from 1, and its labels."""
    bodies = [(i + 1, f, s, pose_body(f, s)) for i, (f, s) in enumerate(crowd)]
    frame = renderer.render_bodies(camera.id, bodies, at_ns)
    alone = {i: int(renderer.silhouette(camera.id, body).sum()) for i, _, _, body in bodies}
    labels = label_people(frame, camera, {i: body for i, _, _, body in bodies}, alone)
    return frame.rgb, labels
