"""Draws what a calibration left over: a lens's corners and residuals, a pose's marks and floor."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from service.calibrate_lens import LensRun
from service.calibrate_marks import PoseRun
from vision.frame import Picture

Array = NDArray[np.float64]
Colour = tuple[int, int, int]

_INK, _QUIET, _PAPER = (24, 33, 29), (150, 158, 153), (253, 252, 249)
_GREEN, _BLUE, _RED = (24, 128, 80), (30, 90, 200), (200, 40, 40)
_SIDE_PX, _PAD_PX = 460, 34
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FINE = 4  # fractional bits of coordinates


def draw_lens(run: LensRun, times: float = 40.0) -> Picture:
    """Every corner that was seen, its residual `times` longer than it is, and each picture's rms;
    over the last picture with the board."""
    fit = run.fit
    canvas = _faint(run.shown)
    for k, left in zip(fit.used, fit.residuals_px, strict=True):
        for pixel, off in zip(run.views[k].pixels, left, strict=True):
            _line(canvas, pixel, pixel + times * off, _RED)
            _dot(canvas, pixel, 2.0, _GREEN)
    for k in fit.dropped:
        for pixel in run.views[k].pixels:
            _dot(canvas, pixel, 2.0, _QUIET)
    side = np.full((canvas.shape[0], _SIDE_PX, 3), _PAPER, np.uint8)
    _write(side, (_PAD_PX, 30), f"rms {fit.rms_px:.2f} px, corners in {fit.covered:.0%}", _INK)
    _write(side, (_PAD_PX, 52), f"residuals drawn {times:g} times", _RED)
    rms = fit.rms_of_views_px
    step = min(22.0, (canvas.shape[0] - 90) / max(1, len(rms)))
    for row, (k, value) in enumerate(zip(fit.used, rms, strict=True)):
        y = int(78 + row * step)
        wide = int(180 * value / max(*rms, 1e-6))
        cv2.rectangle(side, (_PAD_PX + 170, y - 9), (_PAD_PX + 170 + wide, y), _BLUE, -1)
        _write(side, (_PAD_PX, y), run.names[k][-20:], _INK, 0.4)
        _write(side, (_PAD_PX + 176 + wide, y), f"{value:.2f}", _INK, 0.4)
    return np.hstack([canvas, side])


def draw_pose(run: PoseRun, rgb: Picture | None, times: float = 10.0) -> Picture:
    """The floor's metres and the marks over the picture, and beside it the plan: where each mark
    is, and `times` longer than it is the way to where the camera sees it."""
    fit, camera = run.fit, run.fit.camera
    if rgb is None:
        canvas = np.full((camera.height_px, camera.width_px, 3), _PAPER, np.uint8)
    else:
        canvas = _faint(rgb)
    points = np.array([mark.point_m for mark in fit.marks])
    low = np.floor(points[:, :2].min(axis=0)) - 1
    high = np.ceil(points[:, :2].max(axis=0)) + 1
    _grid(canvas, camera, low, high)
    for mark, left in zip(fit.marks, fit.residuals_px, strict=True):
        colour = _RED if mark.name in fit.left_out else _GREEN
        seen, drawn = mark.pixel, mark.pixel - left
        _line(canvas, drawn, drawn + times * left, _RED)
        _dot(canvas, seen, 5.0, colour, hollow=True)
        _line(canvas, drawn - (4, 0), drawn + np.array([4, 0]), _BLUE)
        _line(canvas, drawn - (0, 4), drawn + np.array([0, 4]), _BLUE)
        if len(fit.marks) <= 24:
            _write(canvas, (int(seen[0]) + 7, int(seen[1]) - 6), mark.name, colour, 0.42)
    return np.hstack([canvas, _plan(run, low, high, canvas.shape[0], times)])


def _plan(run: PoseRun, low: Array, high: Array, tall_px: int, times: float) -> Picture:
    fit, camera = run.fit, run.fit.camera
    low = np.minimum(low, camera.position_m[:2] - 0.5)
    high = np.maximum(high, camera.position_m[:2] + 0.5)
    side = np.full((tall_px, _SIDE_PX, 3), _PAPER, np.uint8)
    room = np.array([_SIDE_PX - 2 * _PAD_PX, tall_px - 2 * _PAD_PX - 40])
    scale = float((room / (high - low)).min())

    def at(xy: Array) -> Array:
        x, y = (xy - low) * scale
        return np.array([_PAD_PX + x, tall_px - _PAD_PX - y])

    for x in range(int(np.ceil(low[0])), int(np.floor(high[0])) + 1):
        _line(side, at(np.array([x, low[1]])), at(np.array([x, high[1]])), (225, 226, 220))
    for y in range(int(np.ceil(low[1])), int(np.floor(high[1])) + 1):
        _line(side, at(np.array([low[0], y])), at(np.array([high[0], y])), (225, 226, 220))
    centre = camera.position_m[:2]
    forward = camera.rotation[2, :2] / max(float(np.hypot(*camera.rotation[2, :2])), 1e-9)
    _dot(side, at(centre), 6.0, _BLUE)
    _line(side, at(centre), at(centre + 0.08 * float((high - low).max()) * forward), _BLUE, 2)
    for mark, off in zip(fit.marks, fit.floor_m, strict=True):
        colour = _RED if mark.name in fit.left_out else _GREEN
        here = mark.point_m[:2]
        if np.isfinite(off).all():
            _line(side, at(here), at(here + times * off), _RED)
        _dot(side, at(here), 4.0, colour)
        if len(fit.marks) <= 24:
            x, y = at(here)
            _write(side, (int(x) + 6, int(y) - 5), mark.name, colour, 0.4)
    used = [mark.name not in fit.left_out for mark in fit.marks]
    off_cm = 100 * np.hypot(*fit.floor_m[used].T)
    said = f"rms {fit.rms_px:.2f} px, on the floor {np.nanmedian(off_cm):.1f} cm (median)"
    _write(side, (_PAD_PX, 24), said, _INK, 0.42)
    _write(side, (_PAD_PX, 42), f"squares of 1 m; red: errors, {times:g} times", _RED, 0.42)
    return side


def _grid(canvas: Picture, camera: CameraModel, low: Array, high: Array) -> None:
    """The floor's metre lines as the camera sees them, piecewise, for a lens bends them."""
    for axis in (0, 1):
        for fixed in range(int(low[axis]), int(high[axis]) + 1):
            along = np.linspace(low[1 - axis], high[1 - axis], 60)
            line = np.zeros((len(along), 3))
            line[:, axis], line[:, 1 - axis] = fixed, along
            pixels, depth = camera.project(line)
            near = (np.abs(pixels) < 4 * camera.width_px).all(axis=1) & (depth > 0.2)
            for k in range(len(along) - 1):
                if near[k] and near[k + 1]:
                    _line(canvas, pixels[k], pixels[k + 1], _QUIET)


def _faint(rgb: Picture) -> Picture:
    """The picture, half way to white."""
    return np.asarray(128 + rgb // 2, np.uint8)


def _line(canvas: Picture, start: Array, end: Array, colour: Colour, wide: int = 1) -> None:
    ends = [tuple(int(v) for v in np.round(p * (1 << _FINE))) for p in (start, end)]
    cv2.line(canvas, ends[0], ends[1], colour, wide, cv2.LINE_AA, _FINE)


def _dot(canvas: Picture, at: Array, radius: float, colour: Colour, hollow: bool = False) -> None:
    x, y = (int(v) for v in np.round(at * (1 << _FINE)))
    size = int(radius * (1 << _FINE))
    cv2.circle(canvas, (x, y), size, colour, 1 if hollow else -1, cv2.LINE_AA, _FINE)


def _write(
    canvas: Picture, at: tuple[int, int], text: str, colour: Colour, size: float = 0.5
) -> None:
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(canvas, plain, at, _FONT, size, colour, 1, cv2.LINE_AA)
