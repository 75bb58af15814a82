"""Whatever a detector says and however time goes, the pipeline gives reports that can be sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from sensors.store import Store, load_store
from sensors.wire import decode, encode, topic
from vision.detection import JOINTS, Array, Detection
from vision.frame import Picture
from vision.pipeline import VisionPipeline
from vision.rig import Rig

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
INSTANTS = 200
# Of joints: from the nose to the ankles.
HEIGHTS_M = np.array([1.6] * 5 + [1.4] * 2 + [1.1] * 2 + [0.9] * 4 + [0.5] * 2 + [0.1] * 2)
SURE = (0.1, 0.1, 0.8)  # shares of joints with confidence 0, 0.3 and 0.9
WILD = (np.nan, np.inf, -np.inf, 1e30, -1e9, 0.0)


class Liar:
    """Finds three people who walk about, things anywhere, and, if `wild`, what no picture shows."""

    def __init__(self, store: Store, rng: np.random.Generator, *, poses: bool, wild: bool) -> None:
        self._rng, self._poses, self._wild = rng, poses, wild
        self._rig = Rig([camera.model() for camera in store.cameras])
        self._walkers_m = np.array([[1.5, 1.2], [3.5, 3.3], [5.0, 1.3]])

    def detect_all(self, frames: Mapping[str, Picture]) -> dict[str, list[Detection]]:
        self._walkers_m += self._rng.normal(0, 0.02, self._walkers_m.shape)
        return {camera: list(self._people(self._rig.index[camera])) for camera in frames}

    def _people(self, c: int) -> Iterator[Detection]:
        rng, size = self._rng, self._rig.size_px[c]
        for x, y in self._walkers_m:
            points = np.column_stack([np.tile((x, y), (JOINTS, 1)), HEIGHTS_M])
            pixels = self._rig.project(c, points) + rng.normal(0, 2, (JOINTS, 2))
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            half = np.array([0.15 * (high - low)[1], 0.0])
            if rng.random() < 0.85 and (low > 0).all() and (high < size).all():
                yield self._told(np.concatenate([low - half, high + half]), pixels, 0.9)
        for centre in rng.uniform(-0.1, 1.1, (rng.integers(0, 3), 2)) * size:
            half = np.array([0.15, 0.5]) * rng.choice([0.0, 1.0, 120.0, 2000.0])
            box = np.concatenate([centre - half, centre + half])
            pixels = rng.uniform(box[:2], box[2:] + 1e-9, (JOINTS, 2))
            yield self._told(box, pixels, float(rng.uniform()))

    def _told(self, box: Array, pixels: Array, score: float) -> Detection:
        rng = self._rng
        joints, sigma = np.zeros((JOINTS, 3)), None
        if self._poses:
            joints[:, :2], joints[:, 2] = pixels, rng.choice([0.0, 0.3, 0.9], JOINTS, p=SURE)
            sigma = rng.uniform(0.0, 10.0, JOINTS) if rng.random() < 0.5 else None
        if self._wild and rng.random() < 0.3:
            for array in (box, joints, sigma):
                if array is not None and rng.random() < 0.5:
                    array.flat[rng.integers(0, array.size, 2)] = rng.choice(WILD)
            if rng.random() < 0.3:
                score = float(rng.choice(WILD))
        return Detection(box, score, joints, sigma)


def _steps_ns(rng: np.random.Generator) -> Iterator[int]:
    """Tenths of a second for the most part; no time at all, hours, and back again besides."""
    for _ in range(INSTANTS):
        odd = rng.choice(
            [0, 1, 2_000_000_000, 30_000_000_000, 36_000_000_000_000, -3_600_000_000_000]
        )
        yield int(odd) if rng.random() < 0.05 else 100_000_000


@pytest.mark.parametrize(
    ("cameras", "poses", "wild", "gate"),
    [
        (1, True, True, False),
        (1, False, False, True),
        (4, False, True, False),
        (4, True, True, False),
        (4, True, False, True),
    ],
)
@pytest.mark.filterwarnings("error")
def test_any_detections_give_reports(cameras: int, poses: bool, wild: bool, gate: bool) -> None:
    store = load_store(CORNER)
    store.cameras[cameras:] = []
    rng = np.random.default_rng([7, cameras, poses, wild])
    pipeline = VisionPipeline(store, Liar(store, rng, poses=poses, wild=wild), "v", "b", gate=gate)
    pictures = {
        c.id: rng.integers(0, 255, (c.height_px, c.width_px, 3), dtype=np.uint8)
        for c in store.cameras
    }
    at_ns, ended, before = 10**17, set[str](), set[str]()
    reported = hands = 0
    for step_ns in _steps_ns(rng):
        at_ns += step_ns
        frames = {c: picture for c, picture in pictures.items() if rng.random() < 0.9}
        report = pipeline.see(at_ns, {} if rng.random() < 0.03 else frames)
        body = encode(report)
        assert decode(topic(store.id, "vision", "v"), body, store.id) == report
        for track in report.tracks:
            xx, xy, yy = track.covariance
            values = [track.x_m, track.y_m, track.vx_m_s, track.vy_m_s, xx, xy, yy]
            assert np.isfinite(values).all()
            assert xx > 0 and xx * yy - xy * xy > 0
        for hand in report.hands:
            assert np.isfinite([hand.x_m, hand.y_m, hand.z_m, hand.sigma_m]).all()
            assert hand.covariance is not None
            a, b, c, d, e, f = hand.covariance
            assert np.linalg.eigvalsh([[a, b, c], [b, d, e], [c, e, f]])[0] > 0
        for link in report.links:
            assert np.isfinite(link.log_likelihood_ratio)
        named = {track.tracklet for track in report.tracks}
        assert len(named) == len(report.tracks)
        assert not named & ended
        assert {hand.tracklet for hand in report.hands} <= named
        ended |= before - named
        before = named
        reported += len(named)
        hands += len(report.hands)
    assert reported > INSTANTS / 2 or cameras == 1
    assert hands > 0 if poses else hands == 0
