"""From marks on the floor to a camera's pose: reading the marks, and what the fit says of them."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from sensors.camera import CameraModel
from sensors.store import (
    LEAST_SIDEWAYS_M,
    Finite,
    Point2,
    StoreFileError,
    parse_file,
    why_unreadable,
)
from service.calibrate_lens import CalibrationError
from vision.board import Board
from vision.frame import Picture
from vision.pose_fit import Mark, PoseFit, PoseFitError, fit_pose, look_at

_GOOD_MARKS = 6
_GOOD_SPREAD = 0.08  # of the picture that the marks' outline encloses
_MOST_RMS_PX = 3.0
_TURN_DEG, _PLACE_M, _FLOOR_M = 0.5, 0.1, 0.10
_COLUMNS = ("u_px", "v_px", "x_m", "y_m")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MarkEntry(_Part):
    """One mark of a marks file."""

    name: str | None = None
    pixel: Point2
    floor_m: tuple[Finite, Finite] | tuple[Finite, Finite, Finite]


class MarksFile(_Part):
    """A marks file: what was measured on the floor and clicked at in the picture."""

    marks: list[MarkEntry]


@dataclass(frozen=True, slots=True, eq=False)
class PoseRun:
    """A camera's fitted pose, and what to say of it."""

    fit: PoseFit

    def values(self) -> dict[str, float | list[float]]:
        """The keys of a store file's camera."""
        target, roll = look_at(self.fit.camera)
        return {
            "position_m": [float(v) for v in self.fit.camera.position_m],
            "look_at_m": [float(v) for v in target],
            "roll_deg": roll,
        }

    def warnings(self) -> list[str]:
        """What an installer should mend, a sentence each."""
        fit, found = self.fit, []
        for name in fit.left_out:
            k = [m.name for m in fit.marks].index(name)
            off = float(np.hypot(*fit.floor_m[k]))
            found.append(
                f"mark {name} contradicts the others by {100 * off:.0f} cm and was left out: was it"
                " measured or clicked at wrongly, or taken for another?"
            )
        if len(fit.marks) < _GOOD_MARKS:
            found.append(
                f"{len(fit.marks)} marks: with fewer than {_GOOD_MARKS} a wrong one cannot be named"
            )
        spread = _outline(fit)
        if spread < _GOOD_SPREAD:
            found.append(
                f"the marks lie in {spread:.0%} of the picture: put some far apart, near and far"
            )
        if fit.rms_px > _MOST_RMS_PX:
            found.append(
                f"the marks fit to {fit.rms_px:.1f} px only: are the intrinsics (fx, fy, k1, k2)"
                " those of this camera at this size?"
            )
        if fit.turn_sigma_deg > _TURN_DEG or fit.place_sigma_m > _PLACE_M:
            found.append(
                f"the pose is known to ± {fit.turn_sigma_deg:.2f}° and ±"
                f" {100 * fit.place_sigma_m:.0f} cm only: more marks, farther apart, help"
            )
        alone = fit.left_out_m.copy()
        alone[[m.name in fit.left_out for m in fit.marks]] = np.nan
        if np.isfinite(alone).any() and np.nanmax(alone) > _FLOOR_M:
            name = fit.marks[int(np.nanargmax(alone))].name
            found.append(
                f"without mark {name} its place would be {100 * np.nanmax(alone):.0f} cm off:"
                " measure it again, or put more marks near it"
            )
        return found

    def facts(self) -> dict[str, Any]:
        """The result for machines."""
        fit = self.fit
        rows = zip(fit.marks, fit.residuals_px, fit.floor_m, fit.left_out_m, strict=True)
        return {
            "values": self.values(),
            "rms_px": fit.rms_px,
            "turn_sigma_deg": fit.turn_sigma_deg,
            "place_sigma_m": fit.place_sigma_m,
            "covariance": fit.covariance.tolist(),
            "marks": [
                {
                    "name": mark.name,
                    "residual_px": left.tolist(),
                    "floor_m": _known(float(np.hypot(*floor))),
                    "left_out_m": _known(float(alone)),
                    "used": mark.name not in fit.left_out,
                }
                for mark, left, floor, alone in rows
            ],
            "warnings": self.warnings(),
        }


def load_marks(path: Path) -> list[Mark]:
    """Read a .yaml or .csv file of marks. Raises CalibrationError naming the file and the key."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CalibrationError(f"{path}: cannot be read: {why_unreadable(error)}") from error
    if path.suffix.lower() == ".csv":
        return _of_csv(path, text)
    try:
        entries = parse_file(MarksFile, text, str(path)).marks
    except StoreFileError as error:
        raise CalibrationError(str(error)) from error
    return [
        Mark(
            entry.name or str(number),
            np.array(entry.pixel),
            np.array([*entry.floor_m, 0.0][:3], dtype=np.float64),
        )
        for number, entry in enumerate(entries, 1)
    ]


def marks_of_board(board: Board, rgb: Picture, at: tuple[float, float, float]) -> list[Mark]:
    """The corners of a board that lies face up on the floor: lower left corner x and y in metres,
    and the turn of its lower edge in degrees. Raises CalibrationError where it is not seen."""
    view = board.find(rgb)
    if view is None:
        raise CalibrationError(
            "the board is not found in the picture: are --columns and --rows those of the print?"
            " Its squares must be some 15 pixels wide"
        )
    points = board.on_floor(view.corners_m, *at)
    return [
        Mark(f"corner {i}", pixel, point)
        for i, pixel, point in zip(view.ids.tolist(), view.pixels, points, strict=True)
    ]


def calibrate_pose(lens: CameraModel, marks: list[Mark]) -> PoseRun:
    """Fit the pose. Raises CalibrationError."""
    outside = [
        m.name
        for m in marks
        if not (0 <= m.pixel[0] < lens.width_px and 0 <= m.pixel[1] < lens.height_px)
    ]
    if outside:
        raise CalibrationError(
            f"mark {outside[0]}: its pixel lies outside the picture of {lens.width_px}×"
            f"{lens.height_px}"
        )
    try:
        fit = fit_pose(lens, marks)
    except PoseFitError as error:
        raise CalibrationError(str(error)) from error
    if math.hypot(*fit.camera.rotation[2, :2]) * 3.0 < LEAST_SIDEWAYS_M:
        raise CalibrationError(
            "the camera looks straight down, which a store file cannot say, and which people"
            " detectors do not do well with: tilt it"
        )
    return PoseRun(fit)


def _of_csv(path: Path, text: str) -> list[Mark]:
    rows = csv.DictReader(text.splitlines())
    missing = [c for c in _COLUMNS if c not in (rows.fieldnames or [])]
    if missing:
        raise CalibrationError(
            f"{path}: no column {missing[0]}; expected {', '.join(_COLUMNS)} and, if you like,"
            " z_m and name"
        )
    marks = []
    for number, row in enumerate(rows, 1):
        try:
            u, v, x, y = (float(row[c]) for c in _COLUMNS)
            z = float(row.get("z_m") or 0.0)
        except (TypeError, ValueError):
            raise CalibrationError(f"{path}, line {number + 1}: expected numbers") from None
        if not np.isfinite([u, v, x, y, z]).all():
            raise CalibrationError(f"{path}, line {number + 1}: expected finite numbers")
        name = row.get("name") or str(number)
        marks.append(Mark(name, np.array([u, v]), np.array([x, y, z])))
    return marks


def _outline(fit: PoseFit) -> float:
    """The share of the picture inside the marks' convex outline."""
    pixels = np.array([m.pixel for m in fit.marks if m.name not in fit.left_out], np.float32)
    area = cv2.contourArea(cv2.convexHull(pixels))
    return float(area) / (fit.camera.width_px * fit.camera.height_px)


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
