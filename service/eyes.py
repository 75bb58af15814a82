"""Two ways to see a simulated store: rendered frames through real vision, or emulated vision.

A `Painter` makes the pictures, for real vision, for videos, or for both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from sensors.wire import VisionReport
from service.known_products import gallery_of, known_products
from simulator.emulated import EmulatedVision
from simulator.emulation import load_emulation
from simulator.people import Figure, Stance, pose_body
from simulator.picture_truth import Posed, TrueExposure, TruePerson, seen_people, true_person
from simulator.player import Exposure
from simulator.render import Frame, Renderer
from simulator.world import TrueStore, as_it_is
from vision.detector import load_eyes
from vision.pipeline import VisionPipeline

MODEL = Path(__file__).resolve().parent.parent / "models" / "person-pose.onnx"
EMULATION = MODEL.with_name("emulated-vision.json")
WORKER = "vision-1"


class Cast:
    """Everybody who appears in a scene: numbered from 1 on, posed once an exposure."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._posed: tuple[int, list[Posed]] = (-1, [])

    def pose(self, exposure: Exposure) -> list[Posed]:
        """The bodies of an exposure, in its order."""
        if self._posed[0] != exposure.at_ns:
            posed = [
                (self._number(name), figure, stance, pose_body(figure, stance))
                for name, figure, stance in exposure.people
            ]
            self._posed = exposure.at_ns, posed
        return self._posed[1]

    def truth(self, exposure: Exposure) -> list[TruePerson]:
        """Who they are, where they stand, what their hands do."""
        return [
            true_person(number, name, stance, body)
            for (name, _, _), (number, _, stance, body) in zip(
                exposure.people, self.pose(exposure), strict=True
            )
        ]

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers) + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """One exposure and the picture that each camera took of it."""

    exposure: Exposure
    frames: dict[str, Frame]


class Painter:
    """Takes every camera's picture of the true store, and knows what is truly in it."""

    def __init__(self, store: Store, true: TrueStore, seed: int) -> None:
        self.cameras = true.cameras
        self.cast = Cast()
        self._renderer = Renderer(
            as_it_is(store, true), list(true.cameras.values()), seed, pictures=true.world.pictures
        )

    def paint(self, exposure: Exposure) -> Sight:
        """The pictures of one instant; none of a camera that is out."""
        posed = self.cast.pose(exposure)
        self._renderer.set_stock(exposure.units)
        working = [c for c in self.cameras if c not in exposure.out]
        frames = {c: self._renderer.render_bodies(c, posed) for c in working}
        return Sight(exposure, frames)

    def rehearse(self, people: list[tuple[int, Figure, Stance]]) -> dict[str, NDArray[np.uint8]]:
        """Pictures of the store with people who are not of the scene."""
        return {c: self._renderer.render(c, people).rgb for c in self.cameras}

    def truth(self, sight: Sight) -> TrueExposure:
        """What the pictures truly show; to be asked for before the next ones are painted."""
        posed = self.cast.pose(sight.exposure)
        seen = {
            camera: seen_people(self._renderer, self.cameras[camera], frame, posed)
            for camera, frame in sight.frames.items()
        }
        people = self.cast.truth(sight.exposure)
        return TrueExposure(at_ns=sight.exposure.at_ns, people=people, cameras=seen)


class FrameEyes:
    """Paints every camera's picture, detects and tracks people in them; `sight` is the last."""

    def __init__(
        self, store: Store, true: TrueStore, seed: int, boot: str, weights: Path = MODEL
    ) -> None:
        self.painter = Painter(store, true, seed)
        self._store = store
        self._detector = load_eyes(weights)
        products = known_products(gallery_of(store.id))
        self.vision = VisionPipeline(store, self._detector, WORKER, boot, products=products)
        self.sight: Sight | None = None
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
            trial.see(at_ns, self.painter.rehearse(people))

    def see(self, exposure: Exposure) -> VisionReport:
        """The report of one instant."""
        self.sight = self.painter.paint(exposure)
        self.frames = {camera: frame.rgb for camera, frame in self.sight.frames.items()}
        return self.vision.see(exposure.at_ns, self.frames)


class EmulatedEyes:
    """Makes reports from the people's true stances, with errors like those of real vision."""

    def __init__(self, store: Store, true: TrueStore, seed: int, boot: str) -> None:
        cameras, emulation = list(true.cameras.values()), load_emulation(EMULATION)
        self._vision = EmulatedVision(store, cameras, emulation, WORKER, boot, seed)

    def see(self, exposure: Exposure) -> VisionReport:
        """The report of one instant."""
        return self._vision.see(exposure.at_ns, exposure.people, tuple(exposure.out))
