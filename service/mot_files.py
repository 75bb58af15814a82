"""Reads MOT-style folders (det.txt, seqinfo.ini, cam_para.txt, gt.txt) and writes MOT results.

The text format is MOTChallenge's: frame, id, left, top, width, height, score, in pixels, one box a
line, frames from 1. `cam_para.txt` is UCMCTrack's: rotation, translation in mm, intrinsics.
"""

from __future__ import annotations

import configparser
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision.ground import Ground

Array = NDArray[np.float64]

_COLUMNS = 7  # frame, id, left, top, width, height, score; MOT's 3D columns after them are unused


class MotFileError(Exception):
    """A file of a MOT-style folder that cannot be used; names the file, the line and why."""


@dataclass(frozen=True, slots=True)
class MotSequence:
    """One folder: what its seqinfo.ini says, all detections (K, 6), sorted by frame, as
    frame, left, top, width, height, score, and the ground plane if cam_para.txt is there."""

    name: str
    folder: Path
    frame_rate_hz: float
    frames: int
    width_px: int
    height_px: int
    detections: Array
    ground: Ground | None

    def by_frame(self) -> Iterator[tuple[int, Array]]:
        """Each frame from 1 with its boxes (K, 5): left, top, width, height, score."""
        cuts = np.searchsorted(self.detections[:, 0], np.arange(1, self.frames + 2))
        for frame in range(1, self.frames + 1):
            yield frame, self.detections[cuts[frame - 1] : cuts[frame], 1:]


def read_sequence(folder: Path) -> MotSequence:
    """Read det.txt, seqinfo.ini and, if there, cam_para.txt of a folder. Raises MotFileError."""
    if not folder.is_dir():
        raise MotFileError(f"{folder}: is not a folder; expected one with det.txt and seqinfo.ini")
    ini = folder / "seqinfo.ini"
    facts = _read_ini(ini)
    frames = int(_number(ini, facts, "seqLength", whole=True))
    ground = folder / "cam_para.txt"
    return MotSequence(
        name=facts.get("name", folder.name).strip() or folder.name,
        folder=folder,
        frame_rate_hz=_number(ini, facts, "frameRate"),
        frames=frames,
        width_px=int(_number(ini, facts, "imWidth", whole=True)),
        height_px=int(_number(ini, facts, "imHeight", whole=True)),
        detections=read_boxes(folder / "det.txt", frames)[:, [0, 2, 3, 4, 5, 6]],
        ground=read_ground(ground) if ground.exists() else None,
    )


def read_boxes(path: Path, frames: int) -> Array:
    """The rows (K, 7) of a det.txt, gt.txt or result, sorted by frame. Raises MotFileError."""
    rows: list[list[float]] = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        cells = line.split(",")
        if len(cells) < _COLUMNS:
            raise MotFileError(
                f"{path}, line {number}: {len(cells)} columns; expected at least {_COLUMNS}: "
                "frame, id, left, top, width, height, score"
            )
        try:
            row = [float(cell) for cell in cells[:_COLUMNS]]
        except ValueError as error:
            raise MotFileError(f"{path}, line {number}: {error}") from error
        if not all(map(math.isfinite, row)):
            raise MotFileError(f"{path}, line {number}: a number is not finite: {line.strip()}")
        if row[0] != int(row[0]) or not 1 <= row[0] <= frames:
            raise MotFileError(
                f"{path}, line {number}: frame {row[0]:g} is not one of 1 to {frames} "
                "(seqLength in seqinfo.ini)"
            )
        if row[4] <= 0 or row[5] <= 0:
            raise MotFileError(
                f"{path}, line {number}: a box of {row[4]:g} × {row[5]:g} px has no area"
            )
        rows.append(row)
    boxes = np.array(rows, dtype=np.float64).reshape(-1, _COLUMNS)
    return boxes[np.argsort(boxes[:, 0], kind="stable")]


def read_ground(path: Path) -> Ground:
    """The ground plane of a cam_para.txt. Raises MotFileError."""
    blocks: dict[str, list[list[float]]] = {}
    name = ""
    for number, line in enumerate(_lines(path), 1):
        words = line.split()
        if not words:
            continue
        if words[0] in ("RotationMatrices", "TranslationVectors", "IntrinsicMatrix"):
            name = words[0]
            blocks[name] = []
            continue
        try:
            numbers = [float(word) for word in words]
        except ValueError as error:
            raise MotFileError(f"{path}, line {number}: {error}") from error
        if not name or len(numbers) != 3 or not all(map(math.isfinite, numbers)):
            raise MotFileError(f"{path}, line {number}: expected three numbers under a heading")
        blocks[name].append(numbers)
    shapes = {"RotationMatrices": 3, "TranslationVectors": 1, "IntrinsicMatrix": 3}
    for block, lines in shapes.items():
        if len(blocks.get(block, [])) != lines:
            raise MotFileError(f"{path}: expected {lines} line(s) of three numbers under {block}")
    camera = np.array(blocks["IntrinsicMatrix"])
    pose = np.column_stack(
        [
            np.array(blocks["RotationMatrices"])[:, :2],
            np.array(blocks["TranslationVectors"][0]) / 1000,
        ]
    )
    try:
        return Ground.from_plane_to_image(camera @ pose)
    except ValueError as error:
        raise MotFileError(f"{path}: {error}") from error


def write_results(path: Path, rows: Sequence[Sequence[float]]) -> None:
    """Write rows of frame, id, left, top, width, height, score. Raises MotFileError."""
    lines = [
        f"{int(frame)},{int(track)},{x:.2f},{y:.2f},{w:.2f},{h:.2f},{score:.3f},-1,-1,-1\n"
        for frame, track, x, y, w, h, score in rows
    ]
    try:
        path.write_text("".join(lines))
    except OSError as error:
        raise MotFileError(f"{path}: cannot be written: {error.strerror}") from error


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise MotFileError(f"{path}: is missing") from error
    except OSError as error:
        raise MotFileError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise MotFileError(f"{path}: is not a text file") from error


def _read_ini(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string("\n".join(_lines(path)), source=str(path))
    except configparser.Error as error:
        raise MotFileError(f"{path}: {' '.join(str(error).split())}") from error
    if not parser.has_section("Sequence"):
        raise MotFileError(f"{path}: the section [Sequence] is missing")
    return dict(parser["Sequence"])


def _number(path: Path, facts: dict[str, str], key: str, whole: bool = False) -> float:
    text = facts.get(key.lower())
    if text is None:
        raise MotFileError(f"{path}: {key} is missing")
    try:
        number = float(text)
    except ValueError as error:
        raise MotFileError(f"{path}: {key} = {text!r} is not a number") from error
    if not (0 < number < math.inf) or (whole and number != int(number)):
        raise MotFileError(f"{path}: {key} = {text} cannot be; expected a positive number")
    return number
