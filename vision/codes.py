"""QR codes in pictures of a gate's camera."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

_MOST_PX = 1600


def read_code(picture: NDArray[np.uint8]) -> str | None:
    """The text of the QR code in a picture, grey (H, W) or RGB (H, W, 3); None if there is none.

    Small, noisy and unevenly lit codes are tried again enlarged, smoothed and thresholded.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 else picture
    readers = (cv2.QRCodeDetectorAruco(), cv2.QRCodeDetector())  # each reads what the other cannot
    for version in _versions(np.ascontiguousarray(grey, dtype=np.uint8)):
        for reader in readers:
            try:
                text, _, _ = reader.detectAndDecode(version)
            except cv2.error:  # the decoder stumbles over some corners that are no code
                continue
            if text:
                return str(text)
    return None


def _versions(grey: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    yield grey
    scale = min(2.0, _MOST_PX / max(grey.shape))
    large = grey
    if scale > 1.0:
        large = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).astype(
            np.uint8
        )
        yield large
    smooth = cv2.GaussianBlur(large, (0, 0), 1.5).astype(np.uint8)
    yield smooth
    yield cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1].astype(np.uint8)
    block = max(31, min(smooth.shape) // 8 | 1)
    yield cv2.adaptiveThreshold(
        smooth, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, block, 5
    ).astype(np.uint8)
