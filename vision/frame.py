"""What a usable picture is, and the error for one that is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

_SMALLEST_PX = 16


class FrameError(Exception):
    """A picture cannot be used; the message names the camera and what was expected."""


def check_frame(frame: object, camera: str, size_px: tuple[int, int] | None = None) -> Picture:
    """Return `frame` if it is a picture (H, W, 3) of uint8, of `size_px` (width, height) if given.

    Raises FrameError naming `camera` otherwise.
    """
    if not isinstance(frame, np.ndarray):
        raise FrameError(f"camera {camera}: expected a picture, found {type(frame).__name__}")
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise FrameError(
            f"camera {camera}: expected uint8 of shape (height, width, 3), "
            f"found {frame.dtype} of {frame.shape}"
        )
    if min(frame.shape[:2]) < _SMALLEST_PX:
        raise FrameError(f"camera {camera}: a picture of {frame.shape[1]}×{frame.shape[0]} pixels")
    if size_px is not None and (frame.shape[1], frame.shape[0]) != size_px:
        raise FrameError(
            f"camera {camera}: calibrated for {size_px[0]}×{size_px[1]} pixels, "
            f"found {frame.shape[1]}×{frame.shape[0]}"
        )
    return frame
