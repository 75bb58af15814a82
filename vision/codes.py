"""QR codes in pictures of a gate's camera: one picture, a stream of them, and showings."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

SHOWING_GAP_S = 3.0
_MOST_PX = 1600
_VERSIONS = 5
_MORE_WAYS = 3

Grey = NDArray[np.uint8]


def read_code(picture: NDArray[np.uint8]) -> str | None:
    """The text of the QR code in a picture, grey (H, W) or RGB (H, W, 3); None if there is none.

    Small, noisy and unevenly lit codes are tried again enlarged, smoothed and thresholded.
    """
    grey = _grey(picture)
    readers = _readers()
    for version in range(_VERSIONS):
        changed = _changed(grey, version)
        for reader in readers:
            text = _read(reader, changed)
            if text:
                return text
    return None


class CodeReader:
    """Reads codes from the pictures of one camera, of which most show none.

    Who holds up a code does so for many pictures. So each is tried as it is and in one more way,
    in three more where the corners of a code are seen but not its text; in others each time. An
    empty picture costs a fifth of what `read_code` does.
    """

    def __init__(self) -> None:
        self._readers = _readers()
        self._turn = 0

    def look(self, picture: NDArray[np.uint8]) -> str | None:
        """The text of the code in the next picture, grey (H, W) or RGB (H, W, 3), if it is read."""
        grey = _grey(picture)
        text, cornered = _try(self._readers[0], grey)
        for _ in range(_MORE_WAYS if cornered else 1):
            if text:
                break
            self._turn = self._turn % (2 * _VERSIONS - 1) + 1
            version, which = divmod(self._turn, 2)
            text, _ = _try(self._readers[which], _changed(grey, version))
        return text or None


class Showings:
    """Tells the showings of codes apart: a code that is seen again within 3 s is still shown."""

    def __init__(self) -> None:
        self._seen_ns: dict[str, int] = {}

    def begins(self, at_ns: int, text: str) -> bool:
        """Whether a code that is read at `at_ns` is shown anew."""
        gap_ns = round(SHOWING_GAP_S * 1e9)
        self._seen_ns = {t: seen for t, seen in self._seen_ns.items() if at_ns - seen <= gap_ns}
        fresh = text not in self._seen_ns
        self._seen_ns[text] = at_ns
        return fresh


def _readers() -> tuple[cv2.QRCodeDetectorAruco, cv2.QRCodeDetector]:
    """Each reads what the other cannot; the first is the quicker one."""
    return cv2.QRCodeDetectorAruco(), cv2.QRCodeDetector()


def _read(reader: cv2.QRCodeDetectorAruco | cv2.QRCodeDetector, grey: Grey) -> str:
    try:
        return str(reader.detectAndDecode(grey)[0])
    except (cv2.error, UnicodeDecodeError):  # corners that are no code; bytes that are no text
        return ""


def _try(reader: cv2.QRCodeDetectorAruco | cv2.QRCodeDetector, grey: Grey) -> tuple[str, bool]:
    """What a reader reads, and whether it has found the corners of a code."""
    found = False
    try:
        found, corners = reader.detect(grey)
        return (str(reader.decode(grey, corners)[0]) if found else ""), found
    except (cv2.error, UnicodeDecodeError):
        return "", found


def _grey(picture: NDArray[np.uint8]) -> Grey:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 else picture
    return np.ascontiguousarray(grey, dtype=np.uint8)


def _changed(grey: Grey, version: int) -> Grey:
    """The picture as it is, enlarged, smoothed, and with one or many thresholds."""
    if version == 0:
        return grey
    scale = min(2.0, _MOST_PX / max(grey.shape))
    large = grey
    if scale > 1.0:
        large = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC).astype(
            np.uint8, copy=False
        )
    if version == 1:
        return large
    smooth = cv2.GaussianBlur(large, (0, 0), 1.5).astype(np.uint8, copy=False)
    if version == 2:
        return smooth
    if version == 3:
        sharp = cv2.threshold(smooth, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]
    else:
        block = max(31, min(smooth.shape) // 8 | 1)
        sharp = cv2.adaptiveThreshold(
            smooth, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, block, 5
        )
    return sharp.astype(np.uint8, copy=False)
