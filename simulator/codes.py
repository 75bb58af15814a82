"""Pictures that a gate's reader takes of a shopper's QR code: aslant, unsharp and noisy."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

_ATTEMPTS = 6
_MODULE_PX = 5
_QUIET_MODULES = 4
_SLANT = 0.025  # how far the corners move, of the picture's side


def hold_code(text: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The picture by which a reader reads a code that somebody holds up until it does.

    Grey (side, side). OpenCV's reader fails on some 8 % of single pictures of long codes; people
    hold on, so this is the first readable picture, or the last of a few.
    """
    reader = cv2.QRCodeDetector()
    picture = draw_code(text, rng)
    for _ in range(_ATTEMPTS):
        try:
            if reader.detectAndDecode(picture)[0] == text:
                break
        except cv2.error:  # the reader stumbles over some corners that are no code
            pass
        picture = draw_code(text, rng)
    return picture


def draw_code(text: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One picture of `text` as a QR code on a telephone's screen, grey (side, side)."""
    clean = _clean(text)
    edge = round(clean.shape[0] * 2 * _SLANT)
    framed = np.pad(clean, edge, constant_values=230)
    full = framed.shape[0]
    corners = np.array([[0, 0], [full, 0], [full, full], [0, full]], dtype=np.float32)
    slanted = corners + rng.uniform(-_SLANT, _SLANT, (4, 2)).astype(np.float32) * full
    warp = cv2.getPerspectiveTransform(corners, slanted)
    seen = cv2.warpPerspective(framed, warp, (full, full), borderValue=(230.0,))
    seen = cv2.GaussianBlur(seen, (3, 3), 0.8)
    noisy = seen.astype(np.float64) * rng.uniform(0.8, 0.95) + rng.normal(0.0, 5.0, seen.shape)
    picture: NDArray[np.uint8] = np.clip(noisy + rng.uniform(5.0, 25.0), 0, 255).astype(np.uint8)
    return picture


@lru_cache(maxsize=16)
def _clean(text: str) -> NDArray[np.uint8]:
    """The code as it is; kept, since somebody who holds one up is read more than once."""
    code = segno.make_qr(text, error="l", boost_error=False)
    modules = np.array([[not dark for dark in row] for row in code.matrix], dtype=np.uint8) * 255
    modules = np.pad(modules, _QUIET_MODULES, constant_values=255)
    return np.kron(modules, np.ones((_MODULE_PX, _MODULE_PX), dtype=np.uint8))
