"""Where a camera hangs and looks, from marks at known places of the store: fit, errors, doubts.

Start: the planar solution with two candidates (Collins & Bartoli, IPPE, IJCV 2014) or SQPnP
(Terzakis & Lourakis, ECCV 2020); then least squares of the pixel residuals through the lens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.lens import bending
from vision.calibration import turn

Array = NDArray[np.float64]

LEAST_MARKS = 4
CLICK_PX = 1.0  # how well a mark is pointed at, where residuals say no more than that
_FLAT_M = 1e-3  # marks that lie this near to one plane are on it
_IN_LINE = 0.05  # of the longest spread: a narrower field of marks is a line
_HUBER_PX = 2.0
_MOST_STEPS, _CLOSE, _STIFF = 40, 1e-6, 1e6
_ODD_PX, _ODD_TIMES = 4.0, 5.0  # a mark off by so much, and by so many times the others' errors


class PoseFitError(Exception):
    """No pose follows from the marks; the message says what is wrong with them."""


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A place of the store, `point_m` (3,), and its `pixel` (2,) in the picture."""

    name: str
    pixel: Array
    point_m: Array


@dataclass(frozen=True, slots=True, eq=False)
class PoseFit:
    """A fitted pose and its errors, one row per mark in the given order.

    `residuals_px` (N, 2): seen less projected. `floor_m` (N, 2): where the pixel's ray meets the
    mark's height, less the mark; NaN above the horizon. `left_out_m` (N,): the same length when
    the mark is not fitted to, NaN where the others do not suffice. `left_out` names marks that
    contradict the others and were not fitted to. `covariance` (6, 6): of the turn about the
    camera's own axes (rad) and of its place (m).
    """

    camera: CameraModel
    marks: Sequence[Mark]
    residuals_px: Array
    floor_m: Array
    left_out_m: Array
    left_out: tuple[str, ...]
    covariance: Array

    @property
    def rms_px(self) -> float:
        """Root mean square residual of the marks that were fitted to."""
        kept = [mark.name not in self.left_out for mark in self.marks]
        return float(np.sqrt((self.residuals_px[kept] ** 2).sum(axis=1).mean()))

    @property
    def turn_sigma_deg(self) -> float:
        """Standard deviation of the direction, of the worst axis."""
        return float(np.degrees(np.sqrt(np.linalg.eigvalsh(self.covariance[:3, :3])[-1])))

    @property
    def place_sigma_m(self) -> float:
        """Standard deviation of the place, along the worst direction."""
        return float(np.sqrt(np.linalg.eigvalsh(self.covariance[3:, 3:])[-1]))


def fit_pose(lens: CameraModel, marks: Sequence[Mark]) -> PoseFit:
    """The pose of a camera with the intrinsics of `lens`, whose own pose is not looked at.

    From five marks on, one that contradicts all others is named and left out. Raises
    PoseFitError for fewer than four marks, marks in a line, or marks that fit no pose.
    """
    _check(marks)
    kept = list(range(len(marks)))
    camera = _fit(lens, marks)
    while len(kept) > LEAST_MARKS:
        odd = _odd_one(camera, [marks[k] for k in kept])
        if odd is None:
            break
        del kept[odd]
        camera = _fit(lens, [marks[k] for k in kept])
    used = [marks[k] for k in kept]
    left_out = np.full(len(marks), np.nan)
    for k in range(len(marks)):
        others = [m for m in used if m is not marks[k]]
        if len(others) >= LEAST_MARKS and not _in_line(others):
            left_out[k] = np.hypot(*_floor_error(_refined(camera, others), marks[k]))
    return PoseFit(
        camera,
        tuple(marks),
        _residuals(camera, marks),
        np.array([_floor_error(camera, mark) for mark in marks]),
        left_out,
        tuple(m.name for k, m in enumerate(marks) if k not in kept),
        _covariance(camera, used),
    )


def look_at(camera: CameraModel, reach_m: float = 3.0) -> tuple[Array, float]:
    """A point (3,) on the optical axis, on the floor or `reach_m` away, and the roll in degrees:
    how far the camera is turned clockwise, seen from behind it, from upright."""
    forward = camera.rotation[2]
    fall = -camera.position_m[2] / forward[2] if forward[2] < 0 else np.inf
    target = camera.position_m + forward * min(fall, reach_m)
    upright = np.cross(forward, (0.0, 0.0, 1.0))
    upright /= max(float(np.linalg.norm(upright)), 1e-12)
    right, down = camera.rotation[0], np.cross(forward, upright)
    return target, float(np.degrees(np.arctan2(right @ down, right @ upright)))


def _check(marks: Sequence[Mark]) -> None:
    if len(marks) < LEAST_MARKS:
        raise PoseFitError(
            f"{len(marks)} marks: at least {LEAST_MARKS} are needed, and 8 spread over the floor"
            " are good"
        )
    names = [mark.name for mark in marks]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PoseFitError(f"two marks are called {twice[0]!r}")
    if _in_line(marks):
        raise PoseFitError("the marks lie in a line: put some to the side of it")


def _in_line(marks: Sequence[Mark]) -> bool:
    points = np.array([mark.point_m for mark in marks])
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[1] < _IN_LINE * spread[0])


def _fit(lens: CameraModel, marks: Sequence[Mark]) -> CameraModel:
    fits = [_refined(start, marks) for start in _starts(lens, marks)]
    if not fits:
        raise PoseFitError("no pose of the camera shows the marks where they are in the picture")
    # of two that fit alike, cameras hang above the floor
    return min(fits, key=lambda c: (c.position_m[2] <= 0, _cost(c, marks)))


def _starts(lens: CameraModel, marks: Sequence[Mark]) -> list[CameraModel]:
    """Candidates with every mark before the camera."""
    points = np.array([mark.point_m for mark in marks])
    flat = lens.flat(np.array([mark.pixel for mark in marks]))
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    planar = len(spread) < 3 or spread[2] < _FLAT_M * np.sqrt(len(marks))
    method = cv2.SOLVEPNP_IPPE if planar else cv2.SOLVEPNP_SQPNP
    try:
        _, turns, shifts, _ = cv2.solvePnPGeneric(
            points[:, None], flat[:, None], np.eye(3), None, flags=method
        )
    except cv2.error as error:
        raise PoseFitError(f"the marks allow no pose: {error.err}") from error
    starts = []
    for vector, shift in zip(turns, shifts, strict=True):
        rotation = np.asarray(cv2.Rodrigues(vector)[0], dtype=np.float64)
        place = -rotation.T @ np.asarray(shift, dtype=np.float64).ravel()
        camera = replace(lens, rotation=rotation, position_m=place)
        if np.isfinite(place).all() and (camera.project(points)[1] > 0).all():
            starts.append(camera)
    return starts


def _moved(camera: CameraModel, by: Array) -> CameraModel:
    """The camera turned by `by[:3]` about its own axes and shifted by `by[3:]`."""
    return replace(
        camera, rotation=turn(by[:3]) @ camera.rotation, position_m=camera.position_m + by[3:]
    )


def _refined(start: CameraModel, marks: Sequence[Mark]) -> CameraModel:
    """The least squares pose, large residuals weighted down (Huber), by Levenberg–Marquardt."""
    camera, damping = start, 1e-3
    left, weights = _weighed(camera, marks)
    for _ in range(_MOST_STEPS):
        slopes = _slopes(camera, marks)
        normal = np.einsum("nij,nik,n->jk", slopes, slopes, weights)
        pull = np.einsum("nij,ni,n->j", slopes, left, weights)
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), pull)
        trial = _moved(camera, step)
        missed, doubts = _weighed(trial, marks)
        gain = _robust(left) - _robust(missed)
        if gain >= 0.0:
            camera, left, weights, damping = trial, missed, doubts, damping / 10
            if gain <= _CLOSE * _robust(missed):
                break
        else:
            damping *= 10
            if damping > _STIFF:
                break
    return camera


def _weighed(camera: CameraModel, marks: Sequence[Mark]) -> tuple[Array, Array]:
    """Residuals (N, 2) and what Huber's loss makes of their weights (N,)."""
    left = _residuals(camera, marks)
    return left, _HUBER_PX / np.maximum(np.hypot(left[:, 0], left[:, 1]), _HUBER_PX)


def _robust(left: Array) -> float:
    length = np.hypot(left[:, 0], left[:, 1])
    far = 2 * _HUBER_PX * length - _HUBER_PX**2
    return float(np.where(length <= _HUBER_PX, length**2, far).sum())


def _slopes(camera: CameraModel, marks: Sequence[Mark]) -> Array:
    """How pixels follow a turn about the camera's axes and a shift of its place: (N, 2, 6)."""
    points = np.array([mark.point_m for mark in marks])
    local = (points - camera.position_m) @ camera.rotation.T
    depth = np.where(np.abs(local[:, 2]) > 1e-6, local[:, 2], 1e-6)
    flat = local[:, :2] / depth[:, None]
    of_local = np.zeros((len(points), 2, 3))
    of_local[:, 0, 0] = of_local[:, 1, 1] = 1.0 / depth
    of_local[:, :, 2] = -flat / depth[:, None]
    of_local = bending(flat, camera.radial) @ of_local * np.array([camera.fx, camera.fy])[:, None]
    x, y, z, none = *local.T, np.zeros(len(points))
    turning = np.stack([none, z, -y, -z, none, x, y, -x, none], axis=1).reshape(-1, 3, 3)
    return np.concatenate([of_local @ turning, -of_local @ camera.rotation], axis=2)


def _residuals(camera: CameraModel, marks: Sequence[Mark]) -> Array:
    pixels, _ = camera.project(np.array([mark.point_m for mark in marks]))
    return np.array([mark.pixel for mark in marks]) - pixels


def _cost(camera: CameraModel, marks: Sequence[Mark]) -> float:
    return float((_residuals(camera, marks) ** 2).sum())


def _floor_error(camera: CameraModel, mark: Mark) -> Array:
    met = camera.to_plane(mark.pixel[None], float(mark.point_m[2]))[0]
    return np.asarray(met - mark.point_m[:2])


def _odd_one(start: CameraModel, marks: Sequence[Mark]) -> int | None:
    """The mark without which the others fit far better, if there is one."""
    best: tuple[float, int] | None = None
    for k, mark in enumerate(marks):
        others = [m for m in marks if m is not mark]
        if _in_line(others):
            continue
        camera = _refined(start, others)
        spare = max(1, 2 * len(others) - 6)
        rest = float(np.sqrt(_cost(camera, others) / spare))
        off = float(np.hypot(*_residuals(camera, [mark])[0]))
        # four marks nearly always fit: with them alone a wrong one cannot be told
        odd = off > max(_ODD_PX, _ODD_TIMES * max(rest, CLICK_PX / 2)) and len(others) > LEAST_MARKS
        if odd and (best is None or rest < best[0]):
            best = rest, k
    return None if best is None else best[1]


def _covariance(camera: CameraModel, marks: Sequence[Mark]) -> Array:
    slopes = _slopes(camera, marks).reshape(-1, 6)
    spare = 2 * len(marks) - 6
    variance = max(CLICK_PX**2, _cost(camera, marks) / max(spare, 1))
    return np.asarray(variance * np.linalg.inv(slopes.T @ slopes))
