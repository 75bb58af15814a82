"""Training pictures of products as a camera might have taken them: a random view of each, in light
and colour, and mixed with one another.

Mixing is that of Zhang et al. 2018 (mixup) and Yun et al. 2019 (cutmix); labels are mixed alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.products import PAD_GREY

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Augment:
    """How far views may differ: share of the picture's area that is seen, its stretch, turn in
    degrees, mirroring, light and colour as shares, coarsest size in pixels, and how many batches
    are mixed."""

    area: tuple[float, float] = (0.25, 1.15)
    stretch: float = 1.33
    turn_deg: float = 12.0
    mirror: bool = True
    light: float = 0.4
    contrast: float = 0.4
    colour: float = 0.4
    tint: float = 0.06
    coarsest_px: int = 0
    erased: float = 0.25
    cut_share: float = 0.5
    blend_share: float = 0.25


def views(pictures: list[Bytes], side_px: int, how: Augment, rng: np.random.Generator) -> Floats:
    """A random view of each picture: (N, S, S, 3) of 0…255."""
    out = np.empty((len(pictures), side_px, side_px, 3), dtype=np.uint8)
    for i, picture in enumerate(pictures):
        out[i] = _view(picture, side_px, how, rng)
    return _lit(out, how, rng)


def mix(
    x: Floats, labels: NDArray[np.intp], how: Augment, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.intp], float]:
    """Mix a batch with itself in another order: pictures, the others' labels, and the share of
    the first ones."""
    order = rng.permutation(len(x))
    draw = rng.random()
    if draw < how.cut_share:
        share = float(rng.random())
        height, width = x.shape[1:3]
        h, w = (int(n * math.sqrt(1 - share)) for n in (height, width))
        top, left = int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1))
        mixed = x.copy()
        mixed[:, top : top + h, left : left + w] = x[order, top : top + h, left : left + w]
        return mixed, labels[order], 1 - h * w / (height * width)
    if draw < how.cut_share + how.blend_share:
        share = float(rng.beta(0.4, 0.4))
        mixed = np.float32(share) * x + np.float32(1 - share) * x[order]
        return mixed, labels[order], share
    return x, labels, 1.0


def _view(picture: Bytes, side_px: int, how: Augment, rng: np.random.Generator) -> Bytes:
    height, width = picture.shape[:2]
    seen = math.sqrt(rng.uniform(*how.area)) * max(height, width)
    ratio = math.exp(rng.uniform(-1, 1) * math.log(how.stretch) / 2)
    angle = math.radians(rng.uniform(-how.turn_deg, how.turn_deg))
    across, down = seen * ratio, seen / ratio
    slack_x, slack_y = abs(width - across) / 2, abs(height - down) / 2
    x = width / 2 + rng.uniform(-slack_x, slack_x)
    y = height / 2 + rng.uniform(-slack_y, slack_y)
    to = side_px
    if how.coarsest_px:
        to = round(math.exp(rng.uniform(math.log(how.coarsest_px), math.log(side_px * 1.5))))
        to = min(to, side_px)
    while min(across, down) > 2.2 * to and min(picture.shape[:2]) > 2 * to:
        picture = np.asarray(
            cv2.resize(
                picture,
                (picture.shape[1] // 2, picture.shape[0] // 2),
                interpolation=cv2.INTER_AREA,
            ),
            dtype=np.uint8,
        )
        x, y, across, down = x / 2, y / 2, across / 2, down / 2
    mirrored = -1.0 if how.mirror and rng.random() < 0.5 else 1.0
    c, s = math.cos(angle), math.sin(angle)
    a, b = mirrored * across / to, down / to
    middle = (to - 1) / 2
    back = np.array(
        [
            [a * c, -b * s, x - 0.5 - middle * (a * c - b * s)],
            [a * s, b * c, y - 0.5 - middle * (a * s + b * c)],
        ]
    )
    view = cv2.warpAffine(
        picture,
        back,
        (to, to),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderValue=(PAD_GREY, PAD_GREY, PAD_GREY),
    )
    if to != side_px:
        view = cv2.resize(view, (side_px, side_px), interpolation=cv2.INTER_LINEAR)
    if rng.random() < how.erased:
        h, w = (int(n) for n in side_px * np.sqrt(rng.uniform(0.02, 0.2, 2)))
        top, left = int(rng.integers(side_px - h + 1)), int(rng.integers(side_px - w + 1))
        view[top : top + h, left : left + w] = rng.integers(0, 256, 3)
    return np.asarray(view, dtype=np.uint8)


def _lit(pictures: Bytes, how: Augment, rng: np.random.Generator) -> Floats:
    """Gain, contrast, saturation and tint, each picture its own."""
    n = len(pictures)
    x = pictures.astype(np.float32)
    grey = np.array([0.3, 0.59, 0.11], dtype=np.float32)

    def drawn(spread: float, *shape: int) -> Floats:
        return np.exp(rng.uniform(-spread, spread, (n, *shape))).astype(np.float32)

    gain = drawn(how.light, 1) * drawn(how.tint, 3)
    colour = drawn(how.colour, 1)
    matrix = (
        colour[:, :, None] * np.eye(3, dtype=np.float32)
        + (1 - colour[:, :, None]) * (grey[None, :, None])
    )
    x = np.matmul(x.reshape(n, -1, 3), matrix * gain[:, None, :])
    contrast = drawn(how.contrast, 1)[:, :, None]
    middle = x.mean(axis=1, keepdims=True)
    x = (x - middle) * contrast + middle
    lit: Floats = np.clip(x, 0, 255).reshape(pictures.shape).astype(np.float32)
    return lit
