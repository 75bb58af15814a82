"""What one camera's optics and electronics do to its pictures: tones, noise, shutter, compression.

Drawn once per camera from the world's `pictures`; where in the noise a frame begins follows from
the camera and the frame's time, so that equal frames give equal bytes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from simulator.raster import develop
from simulator.world import Pictures

Bytes = NDArray[np.uint8]

NOISE_STEPS = 24.0  # of the noise tile's numbers to one standard deviation


@dataclass(frozen=True, slots=True, eq=False)
class Electronics:
    """One camera's: `curves` (3, 256), `grain` (256,), `noise` (h, w), the time that its shutter is
    open, and the quality of its JPEG compression, None for none."""

    camera_id: str
    curves: Bytes
    grain: NDArray[np.float32]
    noise: NDArray[np.int8]
    shutter_s: float
    jpeg_quality: int | None

    @staticmethod
    def of(camera: CameraModel, pictures: Pictures, look_seed: int) -> Electronics:
        """Draw those of a camera; the same arguments give the same."""
        rng = _generator(f"{look_seed}:{camera.id}")
        curves = _tone_curves(rng, pictures)
        sigma = rng.uniform(*pictures.noise)
        tile = rng.normal(0.0, NOISE_STEPS, (camera.height_px + 37, 3 * camera.width_px + 101))
        light = np.arange(256) / 127.5
        grain = sigma / NOISE_STEPS * np.sqrt(1 - pictures.shot_share + pictures.shot_share * light)
        own = _generator(f"{look_seed}:{camera.id}:shutter")
        shutter_s = float(own.uniform(*pictures.shutter_ms)) / 1000.0
        quality = int(own.integers(pictures.jpeg_quality[0], pictures.jpeg_quality[1] + 1))
        return Electronics(
            camera.id,
            curves,
            grain.astype(np.float32),
            np.clip(np.rint(tile), -127, 127).astype(np.int8),
            shutter_s,
            quality if own.random() < pictures.jpeg_share else None,
        )

    def take(self, rgb: Bytes, at_ns: int) -> Bytes:
        """The picture that leaves the camera of what its sensor got (H, W, 3), which is used up."""
        shift = hashlib.blake2b(f"{self.camera_id}:{at_ns}".encode(), digest_size=4).digest()
        x, y = int.from_bytes(shift[:2], "little"), int.from_bytes(shift[2:], "little")
        develop(rgb, self.curves, self.grain, self.noise, x, y)
        if self.jpeg_quality is None:
            return rgb
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        _, packed = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality])
        unpacked = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        assert unpacked is not None
        return np.asarray(cv2.cvtColor(unpacked, cv2.COLOR_BGR2RGB), np.uint8)


def _generator(key: str) -> np.random.Generator:
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def _tone_curves(rng: np.random.Generator, pictures: Pictures) -> Bytes:
    """Exposure, gamma and white balance of one camera: (3, 256)."""
    x = np.linspace(0.0, 1.0, 256)
    gain, gamma = rng.uniform(*pictures.exposure), rng.uniform(*pictures.gamma)
    balance = rng.normal(1.0, pictures.white_balance_sigma, 3)
    curves = np.stack([255.0 * (gain * np.maximum(b, 0.0) * x) ** gamma for b in balance])
    return np.asarray(np.clip(curves, 0, 255), dtype=np.uint8)
