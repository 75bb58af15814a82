"""Pictures one after the other from a folder, a single picture, a video file or a stream's URL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from vision.frame import Picture

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
_UNKNOWN_FPS = 10.0


class FilmError(Exception):
    """Pictures cannot be read; the message names the file and says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Still:
    """One picture (H, W, 3): `number` counts from 0, `at_s` is seconds since the first one."""

    name: str
    number: int
    at_s: float
    rgb: Picture


def stills(source: str) -> Iterator[Still]:
    """All pictures of a folder (by name), of a picture file, a video file or a URL.

    Raises FilmError where there is nothing, or where it cannot be read to its end.
    """
    path = Path(source)
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in _PICTURES)
        if not files:
            raise FilmError(f"{source}: no pictures in it ({', '.join(_PICTURES)})")
        for number, file in enumerate(files):
            yield Still(file.name, number, number / _UNKNOWN_FPS, read_picture(file))
    elif path.suffix.lower() in _PICTURES:
        yield Still(path.name, 0, 0.0, read_picture(path))
    elif "://" in source or path.is_file():
        yield from _film(source)
    else:
        raise FilmError(f"{source}: no such folder, picture or video")


def read_picture(path: Path) -> Picture:
    """A picture file as (H, W, 3) RGB. Raises FilmError."""
    if not path.is_file():
        raise FilmError(f"{path}: no such picture")
    bgr = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if bgr is None:
        raise FilmError(f"{path}: is no picture that can be read")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _film(source: str) -> Iterator[Still]:
    try:
        with av.open(source) as container:
            if not container.streams.video:
                raise FilmError(f"{source}: there is no video in it")
            stream = container.streams.video[0]
            stream.thread_type = "NONE"
            fps = float(stream.average_rate or _UNKNOWN_FPS)
            first_s: float | None = None
            for number, frame in enumerate(container.decode(stream)):
                time_s = frame.time if frame.time is not None else number / fps
                first_s = time_s if first_s is None else first_s
                rgb = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
                yield Still(f"frame {number}", number, time_s - first_s, rgb)
    except (av.FFmpegError, OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise FilmError(f"{source}: cannot be read as a video: {why}") from error


def write_picture(path: Path, rgb: Picture) -> None:
    """Write a PNG or JPEG, by the file's name. Raises FilmError."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    done, packed = False, None
    try:
        done, packed = cv2.imencode(path.suffix or ".png", bgr)
    except cv2.error as error:
        raise FilmError(f"{path}: pictures are written as .png or .jpg") from error
    if not done or packed is None:
        raise FilmError(f"{path}: the picture cannot be encoded")
    try:
        path.write_bytes(packed.tobytes())
    except OSError as error:
        raise FilmError(f"{path}: cannot be written: {error.strerror}") from error
