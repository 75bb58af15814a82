"""Synthetic detections: posed bodies seen by cameras whose poses are a little wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.sightlines import hidden
from sensors.store import Store, load_store
from simulator.people import Body, Figure, Stance, pose_body
from vision.detector import Detection, iou
from vision.frame import check_frame

MIRROR = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"


@pytest.fixture(scope="session")
def store() -> Store:
    return load_store(CORNER)


def turned(
    camera: CameraModel, rng: np.random.Generator, degrees: float, metres: float
) -> CameraModel:
    """The camera as it truly hangs: a random turn and shift off what is believed."""
    axis = rng.normal(size=3)
    angle = math.radians(degrees) * rng.normal()
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    turn = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return CameraModel(
        camera.id,
        camera.width_px,
        camera.height_px,
        camera.fx,
        camera.fy,
        camera.cx,
        camera.cy,
        turn @ camera.rotation,
        camera.position_m + rng.normal(0, metres, 3),
    )


class Stage:
    """Bodies in, frames and detections out, with noise, misses and occlusion."""

    def __init__(
        self,
        store: Store,
        seed: int,
        *,
        noise_px: float = 2.5,
        miss: float = 0.05,
        off: float = 1.0,
        mirrored: float = 0.0,
    ) -> None:
        self.store = store
        self._rng = np.random.default_rng(seed)
        self._noise_px, self._miss, self._mirrored = noise_px, miss, mirrored
        self.cameras = [turned(c.model(), self._rng, 0.3 * off, 0.02 * off) for c in store.cameras]
        self._found: dict[str, list[Detection]] = {}

    def frames(self, bodies: Sequence[tuple[Figure, Body]]) -> dict[str, NDArray[np.uint8]]:
        """One frame per camera in which each body is a painted box; sets what `detect` answers."""
        frames = {}
        for camera in self.cameras:
            frame = np.full((camera.height_px, camera.width_px, 3), 120, dtype=np.uint8)
            self._found[camera.id] = self._detect(camera, bodies, frame)
            frames[camera.id] = frame
        return frames

    def detect_all(self, frames: Mapping[str, NDArray[np.uint8]]) -> dict[str, list[Detection]]:
        for camera, rgb in frames.items():
            check_frame(rgb, camera)
        return {camera: self._found[camera] for camera in frames}

    def _detect(
        self,
        camera: CameraModel,
        bodies: Sequence[tuple[Figure, Body]],
        frame: NDArray[np.uint8],
    ) -> list[Detection]:
        rng = self._rng
        size = np.array([camera.width_px, camera.height_px])
        order = sorted(
            bodies,
            key=lambda one: float(np.linalg.norm(one[1].joints[11] - camera.position_m)),
        )
        found: list[Detection] = []
        boxes: list[NDArray[np.float64]] = []
        for _, body in order:
            pixels, depth = camera.project(body.joints)
            if (depth < 0.3).any():
                continue
            inside = ((pixels > 0) & (pixels < size)).all(axis=1)
            behind = hidden(self.store.gondolas, camera.position_m, body.joints)
            covered = np.zeros(17, dtype=bool)
            for box in boxes:
                covered |= ((pixels > box[:2]) & (pixels < box[2:])).all(axis=1)
            shown = inside & ~behind
            if shown.sum() < 5:
                continue
            low, high = pixels[shown].min(axis=0), pixels[shown].max(axis=0)
            margin = 0.07 * (high - low).max()
            box = np.concatenate(
                [np.clip(low - margin, 0, size), np.clip(high + margin, 0, size)]
            ) + rng.normal(0, self._noise_px, 4)
            blocked = any(iou(box[None], b[None])[0, 0] > 0.45 for b in boxes)
            boxes.append(box)
            if blocked or rng.random() < self._miss:
                continue
            sigma = self._noise_px * np.where(covered | behind, 3.0, 1.0)
            keypoints = np.zeros((17, 3))
            keypoints[:, :2] = pixels + rng.normal(0, 1, (17, 2)) * sigma[:, None]
            keypoints[:, 2] = np.where(inside, np.where(covered | behind, 0.45, 0.9), 0.1)
            if rng.random() < self._mirrored:
                keypoints = keypoints[MIRROR]
            score = 0.85 - 0.4 * float((covered | ~shown).mean())
            found.append(Detection(box, score, keypoints))
        for figure, body in reversed(order):
            pixels, depth = camera.project(body.joints)
            if (depth < 0.3).any():
                continue
            for rows, colour in ((slice(5, 13), figure.shirt), (slice(11, 17), figure.trousers)):
                low = np.clip(pixels[rows].min(axis=0), 0, size - 1).astype(int)
                high = np.clip(pixels[rows].max(axis=0), 0, size - 1).astype(int)
                frame[low[1] : high[1] + 1, low[0] : high[0] + 1] = colour
        return found


@pytest.fixture
def stage(store: Store):
    """Make a stage from a seed."""
    return lambda seed, **options: Stage(store, seed, **options)


def walk(
    figure: Figure, points: Sequence[tuple[float, float]], speed: float, ticks: int
) -> list[Body]:
    """A person who walks through `points` at `speed` m/s, one body per tenth of a second."""
    corners = np.asarray(points, dtype=np.float64)
    legs = np.linalg.norm(np.diff(corners, axis=0), axis=1)
    ends = np.concatenate([[0.0], np.cumsum(legs)])
    bodies = []
    for tick in range(ticks):
        at = min(speed * tick / 10, ends[-1] - 1e-6)
        leg = int(np.searchsorted(ends, at, side="right")) - 1
        way = (corners[leg + 1] - corners[leg]) / legs[leg]
        x, y = corners[leg] + way * (at - ends[leg])
        moving = speed if at < ends[-1] - 1e-3 else 0.0
        bodies.append(
            pose_body(
                figure,
                Stance(float(x), float(y), math.atan2(way[1], way[0]), at * 4.2, moving),
            )
        )
    return bodies


@pytest.fixture(name="walk")
def _walk():
    return walk
