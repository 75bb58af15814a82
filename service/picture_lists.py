"""Labelled pictures of products from disk: list files, and folders with one folder per product.

A list has lines `FILE, NUMBER[, GROUP]`, as the Grocery Store Dataset (Klasson et al. 2019) has
them: the file relative to the list, the product's number (its GTIN will do), and the number of its
coarser group.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.store import why_unreadable

Bytes = NDArray[np.uint8]
Labels = NDArray[np.intp]

KEPT_PX = 256
SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}


class PicturesError(Exception):
    """Pictures cannot be used; the message names the file or folder."""


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Pictures, the product of each as a number 0…K-1, what products are called (K,), and the
    coarser group of each product (K,), if groups are known."""

    pictures: list[Bytes]
    labels: Labels
    names: list[str]
    groups: Labels | None = None


def read_picture(path: Path, kept_px: int = KEPT_PX) -> Bytes:
    """A picture (H, W, 3) RGB, its shorter side at most `kept_px`. Raises PicturesError."""
    try:
        content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise PicturesError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        found = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    except cv2.error:
        found = None
    if found is None:
        raise PicturesError(f"{path}: not a picture (expected JPEG, PNG, BMP or WebP)")
    ratio = kept_px / min(found.shape[:2])
    if ratio < 1:
        size = (round(found.shape[1] * ratio), round(found.shape[0] * ratio))
        found = cv2.resize(found, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_labelled(path: Path, kept_px: int = KEPT_PX) -> Labelled:
    """The pictures of a list file, or of a folder of folders that are called as the products.

    Raises PicturesError naming the line, the file or the empty folder.
    """
    return _of_folder(path, kept_px) if path.is_dir() else _of_list(path, kept_px)


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder, by name. Raises PicturesError where there is none."""
    try:
        found = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise PicturesError(f"{folder}: cannot be read: {error.strerror}") from error
    if not found:
        raise PicturesError(f"{folder}: there are no pictures (.jpg, .png, .bmp, .webp) in it")
    return found


def _of_folder(folder: Path, kept_px: int) -> Labelled:
    own = sorted(p for p in folder.iterdir() if p.is_dir())
    if not own:
        raise PicturesError(f"{folder}: expected one folder of pictures for each product in it")
    files = [(f, k) for k, product in enumerate(own) for f in pictures_in(product)]
    pictures = [read_picture(f, kept_px) for f, _ in files]
    return Labelled(pictures, np.array([k for _, k in files], np.intp), [p.name for p in own])


def _of_list(path: Path, kept_px: int) -> Labelled:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = why_unreadable(error)
        raise PicturesError(f"{path}: cannot be read as a list of pictures: {why}") from error
    files, labels, groups = [], [], {}
    for number, line in enumerate(lines, 1):
        parts = [part.strip() for part in line.split(",")]
        if parts == [""]:
            continue
        try:
            name, label, *rest = parts
            labels.append(int(label))
            groups[labels[-1]] = int(rest[0]) if rest else -1
        except ValueError:
            labels.append(-1)
        if labels[-1] < 0 or len(parts) > 3:
            raise PicturesError(f"{path}, line {number}: expected FILE, NUMBER[, GROUP]")
        files.append(path.parent / name)
    if not files:
        raise PicturesError(f"{path}: lists no pictures")
    numbers = sorted(set(labels))
    place = {number: k for k, number in enumerate(numbers)}
    return Labelled(
        [read_picture(file, kept_px) for file in files],
        np.array([place[label] for label in labels], np.intp),
        [str(number) for number in numbers],
        np.array([groups[n] for n in numbers], np.intp) if min(groups.values()) >= 0 else None,
    )
