"""Entry codes as a gate's camera sees them."""

import io

import cv2
import numpy as np
import pytest
import segno
from numpy.typing import NDArray

from vision.codes import read_code

TEXT = "OA1.kq3Zx8-visit-0042.9f3cQ2"


def picture_of(text: str, module_px: int) -> NDArray[np.uint8]:
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="png", scale=module_px, border=4)
    code = cv2.imdecode(np.frombuffer(out.getvalue(), np.uint8), cv2.IMREAD_GRAYSCALE)
    canvas = np.full((480, 640), 90, dtype=np.uint8)
    top, left = (480 - code.shape[0]) // 2, (640 - code.shape[1]) // 2
    canvas[top : top + code.shape[0], left : left + code.shape[1]] = code
    return canvas


@pytest.mark.parametrize("module_px", [3, 5, 8])
def test_reads_grey_and_colour(module_px: int) -> None:
    grey = picture_of(TEXT, module_px)
    assert read_code(grey) == TEXT
    assert read_code(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)) == TEXT


def test_reads_tilted_noisy_dim_codes() -> None:
    rng = np.random.default_rng(0)
    read = 0
    for _ in range(10):
        grey = picture_of(TEXT, 6)
        corners = np.float32([[0, 0], [639, 0], [639, 479], [0, 479]])
        moved = corners + rng.uniform(-35, 35, (4, 2)).astype(np.float32)
        tilted = cv2.warpPerspective(
            grey, cv2.getPerspectiveTransform(corners, moved), (640, 480), borderValue=90
        )
        light = np.linspace(0.35, 0.9, 640)[None, :]
        noisy = tilted * light + rng.normal(0, 10, tilted.shape)
        read += read_code(np.clip(noisy, 0, 255).astype(np.uint8)) == TEXT
    assert read >= 9


def test_no_code_is_none() -> None:
    rng = np.random.default_rng(1)
    assert read_code(rng.integers(0, 255, (240, 320, 3), dtype=np.uint8)) is None
    assert read_code(np.zeros((48, 64), dtype=np.uint8)) is None
