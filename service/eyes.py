"""Two ways to see a simulated store: rendered frames through real vision, or emulated vision."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from sensors.wire import VisionReport
from simulator.emulated import EmulatedVision
from simulator.people import Figure, Stance
from simulator.player import Exposure
from simulator.render import Renderer
from simulator.world import TrueStore, as_it_is
from vision.detector import PoseDetector
from vision.pipeline import VisionPipeline

MODEL = Path(__file__).resolve().parent.parent / "models" / "person-pose.onnx"
WORKER = "vision-1"


class Eyes(Protocol):
    """Turns what cameras are exposed to into what a vision worker reports."""

    def see(self, exposure: Exposure) -> VisionReport: ...


class FrameEyes:
    """Renders every camera's frame of the true store, detects and tracks people in them."""

    def __init__(self, store: Store, true: TrueStore, seed: int, boot: str) -> None:
        self._renderer = Renderer(as_it_is(store, true), list(true.cameras.values()), seed)
        self._cameras = list(true.cameras)
        self._numbers: dict[str, int] = {}
        self._store = store
        self._detector = PoseDetector(MODEL)
        self.vision = VisionPipeline(store, self._detector, WORKER, boot)
        self.frames: dict[str, NDArray[np.uint8]] = {}

    def warm_up(self) -> None:
        """Compile and load what the first frames with somebody in them would wait for."""
        floor = self._store.floor
        gtin = self._store.products[0].gtin
        stance = Stance(
            x_m=(floor.x_min_m + floor.x_max_m) / 2,
            y_m=(floor.y_min_m + floor.y_max_m) / 2,
            heading_rad=0.0,
            stride_rad=0.0,
            speed_m_s=0.0,
            left_hand_m=None,
            right_hand_m=None,
            right_holds=gtin,
        )
        people = [(1, Figure.random(np.random.default_rng(0)), stance)]
        trial = VisionPipeline(self._store, self._detector, WORKER, "warm-up")
        for at_ns in range(0, 1_000_000_000, 100_000_000):
            frames = {c: self._renderer.render(c, people).rgb for c in self._cameras}
            trial.see(at_ns, frames)

    def see(self, exposure: Exposure) -> VisionReport:
        """The report of one instant."""
        people = [
            (self._numbers.setdefault(name, len(self._numbers) + 1), figure, stance)
            for name, figure, stance in exposure.people
        ]
        self._renderer.set_stock(exposure.units)
        self.frames = {c: self._renderer.render(c, people).rgb for c in self._cameras}
        return self.vision.see(exposure.at_ns, self.frames)


class EmulatedEyes:
    """Makes reports from the people's true stances, with errors like those of real vision."""

    def __init__(self, store: Store, seed: int, boot: str) -> None:
        self._vision = EmulatedVision(store, WORKER, boot, seed)

    def see(self, exposure: Exposure) -> VisionReport:
        """The report of one instant."""
        return self._vision.see(exposure.at_ns, exposure.people)
