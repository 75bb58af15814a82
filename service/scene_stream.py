"""A simulated camera as a stream: what one camera of a scene would see, rendered as it is read.

All cameras of a scene that are given the same seed see the same people at the same moments.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from sensors.store import StoreFileError
from service.eyes import Painter
from service.simulate import player_of, stage
from simulator.player import Exposure
from simulator.world import realise
from vision.frame import Picture
from vision.source import StreamFacts
from vision.stream import ArrayPicture, Shot, StreamError


class SceneStream:
    """The pictures of `camera` in the scene file `scene`, from its beginning to its end."""

    recorded = True

    def __init__(self, scene: Path, seed: int, camera: str) -> None:
        self._scene, self._seed, self._camera = scene, seed, camera
        self._shots: Iterator[Shot] = iter(())

    def open(self) -> StreamFacts:
        """Stage the scene. Raises StreamError where it cannot be, or has no such camera."""
        try:
            staged = stage(self._scene)
        except StoreFileError as error:
            raise StreamError(str(error)) from None
        true = realise(staged.store, staged.world, self._seed)
        if self._camera not in true.cameras:
            raise StreamError(
                f"{self._scene}: store {staged.store.id} has no camera {self._camera!r}, "
                f"only {', '.join(true.cameras) or 'none'}"
            )
        camera = true.cameras[self._camera]
        alone = replace(true, cameras={self._camera: camera})
        size_px = (camera.width_px, camera.height_px)
        painter = Painter(staged.store, alone, self._seed)
        player, _ = player_of(staged, self._seed, 0)

        def paint() -> Iterator[Shot]:
            for happening in player:
                if isinstance(happening, Exposure) and self._camera not in happening.out:
                    picture = _Unpainted(painter, happening, self._camera, size_px)
                    yield Shot(time.time_ns(), happening.at_ns, picture=picture)

        self._shots = paint()
        fps = next(c.fps for c in staged.store.cameras if c.id == self._camera)
        return StreamFacts("simulated", camera.width_px, camera.height_px, fps)

    def read(self) -> Shot | None:
        """The next picture; None when the scene is over."""
        return next(self._shots, None)

    def hurry(self, behind: bool) -> None:
        """Nothing to do: what is too late is never painted."""

    def close(self) -> None:
        """Nothing is held open."""
        self._shots = iter(())


@dataclass(frozen=True, slots=True, eq=False)
class _Unpainted:
    """One camera's view of an exposure, painted where somebody wants it before the next one."""

    painter: Painter
    exposure: Exposure
    camera: str
    size_px: tuple[int, int]

    def rgb(self, size_px: tuple[int, int]) -> Picture:
        frame = self.painter.paint(self.exposure).frames[self.camera]
        return ArrayPicture(frame.rgb).rgb(size_px)
