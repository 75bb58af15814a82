"""Landmarks of each camera's view, kept over restarts in the store's data directory.

So that a camera that was moved while nobody looked is noticed. A file belongs to one calibration:
with another size, lens or pose in the store file it counts no more. It holds places and
descriptors of corners (vision/landmarks.py), no picture.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import structlog

from sensors.store import Camera, Store
from vision.landmarks import MOST, Landmarks

log = structlog.get_logger(__name__)

VERSION = 1
FOLDER = "landmarks"


class KeptLandmarks:
    """The landmarks' files of one store in `folder`, which need not be there yet."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._calibrations = {camera.id: calibration_hash(camera) for camera in store.cameras}

    def load(self, camera: str) -> Landmarks | None:
        """What is kept of a camera; None where that is nothing, damaged or of another calibration.

        A damaged file is told in the log.
        """
        path = self.path(camera)
        try:
            with np.load(path, allow_pickle=False) as kept:
                version, calibration = int(kept["version"]), str(kept["calibration"])
                places_px, bits = kept["places_px"], kept["bits"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
            log.warning("landmarks cannot be read: learning anew", file=str(path), why=str(error))
            return None
        if version != VERSION or calibration != self._calibrations[camera]:
            return None
        if not _sound(places_px, bits):
            log.warning("landmarks are damaged: learning anew", file=str(path))
            return None
        return Landmarks(places_px.astype(np.float64), bits)

    def save(self, camera: str, landmarks: Landmarks) -> bool:
        """Keep them, whole or not at all; False, told in the log, where they cannot be written."""
        path = self.path(camera)
        partial = path.with_suffix(".partial")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                np.savez(
                    file,
                    version=VERSION,
                    calibration=self._calibrations[camera],
                    places_px=landmarks.places_px.astype(np.float32),
                    bits=landmarks.bits,
                )
            partial.replace(path)
        except OSError as error:
            log.warning("landmarks cannot be kept", file=str(path), why=str(error.strerror))
            return False
        return True

    def forget(self, camera: str) -> bool:
        """Take the camera's next view for right; whether anything was kept of it."""
        try:
            self.path(camera).unlink()
        except FileNotFoundError:
            return False
        return True

    def path(self, camera: str) -> Path:
        """A camera's file."""
        return self._folder / f"{camera}.npz"


def calibration_hash(camera: Camera) -> str:
    """What changes with a camera's size, lens or pose, and with nothing else of it."""
    calibrated = camera.model_dump_json(exclude={"id", "fps"})
    return hashlib.sha256(calibrated.encode()).hexdigest()


def _sound(places_px: np.ndarray, bits: np.ndarray) -> bool:
    return (
        places_px.ndim == 2
        and places_px.shape[1] == 2
        and len(places_px) <= MOST
        and np.issubdtype(places_px.dtype, np.floating)
        and bool(np.isfinite(places_px).all())
        and bits.shape == (len(places_px), 32)
        and bits.dtype == np.uint8
    )
