"""Folders of people seen by calibrated cameras: `cameras.json`, boxes, true places on the floor.

The layout is that of WILDTRACK as converted by OpenTraj: poses as OpenCV writes them, in
centimetres; a box a line, `frame,view,xmin,ymin,xmax,ymax,conf`, in pixels; the truth
`frame,person_id,position_id,x_cm,y_cm`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel

Array = NDArray[np.float64]

BOX_COLUMNS = ("frame", "view", "xmin", "ymin", "xmax", "ymax", "conf")
TRUTH_COLUMNS = ("frame", "person_id", "x_cm", "y_cm")
PLACE_COLUMNS = ("frame", "id", "x_m", "y_m")
CAMERAS = "cameras.json"
_LATEST_FRAME = 10_000_000


class FloorFileError(Exception):
    """A file of cameras, boxes or places is unusable; the message names it and the line."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one camera shows in one frame: boxes (N, 4) in pixels and scores (N,)."""

    boxes: Array
    scores: Array


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Who stands where in one frame: `ids` (N,) and `xy_m` (N, 2)."""

    ids: NDArray[np.intp]
    xy_m: Array


def read_cameras(path: Path) -> dict[int, CameraModel]:
    """The cameras of a file by their view number. Raises FloorFileError."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FloorFileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FloorFileError(f"{path}: is not a text file") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise FloorFileError(f"{path}: is no JSON: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise FloorFileError(f"{path}: expected a list of cameras")
    cameras: dict[int, CameraModel] = {}
    for number, entry in enumerate(entries):
        view, camera = _camera(entry, f"{path}, camera {number}")
        if view in cameras:
            raise FloorFileError(f"{path}, camera {number}: view {view} is there twice")
        cameras[view] = camera
    return cameras


def _camera(entry: Any, where: str) -> tuple[int, CameraModel]:
    if not isinstance(entry, dict):
        raise FloorFileError(f"{where}: expected an object with view, K, rvec, tvec_cm, …")
    view, width, height = (
        int(_numbers(entry, k, 1, where)[0]) for k in ("view", "width", "height")
    )
    matrix = _numbers(entry, "K", 9, where).reshape(3, 3)
    turn = cv2.Rodrigues(_numbers(entry, "rvec", 3, where))[0]
    rotation: Array = np.asarray(turn, dtype=np.float64)
    shift_m = _numbers(entry, "tvec_cm", 3, where) / 100.0
    lens = np.zeros(5)
    if "dist" in entry:
        lens = _numbers(entry, "dist", 5, where)
    if lens[2:].any():
        raise FloorFileError(f"{where}: dist: only k1 and k2 are known here; straighten the boxes")
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0 or width <= 0 or height <= 0:
        raise FloorFileError(f"{where}: focal lengths, width and height must be above 0")
    return view, CameraModel(
        id=f"view{view}",
        width_px=width,
        height_px=height,
        fx=matrix[0, 0],
        fy=matrix[1, 1],
        cx=matrix[0, 2],
        cy=matrix[1, 2],
        rotation=rotation,
        position_m=-rotation.T @ shift_m,
        k1=float(lens[0]),
        k2=float(lens[1]),
    )


def _numbers(entry: dict[str, Any], key: str, count: int, where: str) -> Array:
    if key not in entry:
        raise FloorFileError(f"{where}: {key} is missing")
    try:
        numbers = np.asarray(entry[key], dtype=np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise FloorFileError(f"{where}: {key}: expected {count} numbers") from error
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise FloorFileError(f"{where}: {key}: expected {count} numbers")
    return numbers


def read_boxes(path: Path, views: Sequence[int]) -> list[dict[int, Seen]]:
    """Per frame, from 0 on, what each of `views` shows. Raises FloorFileError."""
    rows = _rows(path, BOX_COLUMNS)
    for line, row in rows:
        if int(row[1]) not in views:
            raise FloorFileError(f"{path}, line {line}: view {row[1]:g} has no camera")
        if row[4] <= row[2] or row[5] <= row[3]:
            raise FloorFileError(f"{path}, line {line}: the box is empty or inside out")
    table = np.array([row for _, row in rows]).reshape(-1, len(BOX_COLUMNS))
    frames = []
    for frame in range(int(table[:, 0].max(initial=-1)) + 1):
        own = table[table[:, 0] == frame]
        frames.append({v: Seen(*np.split(own[own[:, 1] == v][:, 2:], [4], axis=1)) for v in views})
    return [
        {view: Seen(seen.boxes, seen.scores[:, 0]) for view, seen in frame.items()}
        for frame in frames
    ]


def read_truth(path: Path) -> dict[int, Places]:
    """Where people truly stand, by frame. Raises FloorFileError."""
    table = np.array([row for _, row in _rows(path, TRUTH_COLUMNS)])
    table = table.reshape(-1, len(TRUTH_COLUMNS))
    places = {}
    for frame in sorted(set(table[:, 0].astype(int).tolist())):
        own = table[table[:, 0] == frame]
        places[frame] = Places(own[:, 1].astype(np.intp), own[:, 2:4] / 100.0)
    return places


def write_places(path: Path, places: dict[int, Places]) -> None:
    """Write `frame,id,x_m,y_m`, a person a line. Raises FloorFileError."""
    lines = [",".join(PLACE_COLUMNS)]
    for frame, here in places.items():
        for person, (x_m, y_m) in zip(here.ids.tolist(), here.xy_m.tolist(), strict=True):
            lines.append(f"{frame},{person},{x_m:.3f},{y_m:.3f}")
    try:
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise FloorFileError(f"{path}: cannot be written: {error.strerror}") from error


def _rows(path: Path, columns: Sequence[str]) -> list[tuple[int, list[float]]]:
    """The wanted columns of a CSV file with a header, a frame first, with line numbers."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FloorFileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FloorFileError(f"{path}: is not a text file") from error
    header = [name.strip() for name in lines[0].split(",")] if lines else []
    for name in columns:
        if name not in header:
            raise FloorFileError(f"{path}, line 1: no column {name}; expected {','.join(columns)}")
    wanted = [header.index(name) for name in columns]
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells = line.split(",")
        if len(cells) != len(header):
            raise FloorFileError(
                f"{path}, line {number}: {len(cells)} columns, expected {len(header)}"
            )
        row = []
        for at, name in zip(wanted, columns, strict=True):
            try:
                row.append(float(cells[at]))
            except ValueError:
                row.append(math.nan)
            if not math.isfinite(row[-1]):
                raise FloorFileError(f"{path}, line {number}: {name}: no number: {cells[at]!r}")
        if row[0] != int(row[0]) or not 0 <= row[0] <= _LATEST_FRAME:
            raise FloorFileError(f"{path}, line {number}: frame: expected 0, 1, 2 …: {row[0]:g}")
        rows.append((number, row))
    return rows
