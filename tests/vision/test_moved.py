"""A camera that was turned, shifted or covered is noticed; people and lights raise no alarm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.store import Store
from simulator.people import Figure, Stance
from simulator.render import Renderer
from vision.calibration import turn
from vision.moved import Moved, MovedCheck

S = 1_000_000_000
AXES = {"tilt": (1.0, 0.0, 0.0), "pan": (0.0, 1.0, 0.0), "roll": (0.0, 0.0, 1.0)}
Frame = NDArray[np.uint8]
SEED = 4
STEADY = 5  # looks before anything happens


def turned(camera: CameraModel, axis: str, degrees: float) -> CameraModel:
    rotation = turn(math.radians(degrees) * np.array(AXES[axis])) @ camera.rotation
    return replace(camera, id=f"{camera.id} {axis} {degrees}", rotation=rotation)


def shifted(camera: CameraModel, by_m: tuple[float, float, float]) -> CameraModel:
    return replace(camera, id=f"{camera.id} {by_m}", position_m=camera.position_m + by_m)


@pytest.fixture(scope="module")
def camera(store: Store) -> CameraModel:
    return store.cameras[0].model()


@pytest.fixture(scope="module")
def renderer(store: Store, camera: CameraModel) -> Renderer:
    moved = [turned(camera, axis, d) for axis in AXES for d in (1.0, 3.0)]
    moved += [turned(camera, "pan", 30.0), shifted(camera, (0.05, 0.0, 0.0))]
    return Renderer(store, [camera, *moved], SEED)


def people(look: int) -> list[tuple[int, Figure, Stance]]:
    """Three shoppers, elsewhere at every look; one stays long enough to be in the reference."""
    rng = np.random.default_rng(look)
    places = [*rng.uniform((1.0, 1.0), (5.5, 4.2), (2, 2)), np.array([2.6, 2.2])]
    return [
        (
            n + 1,
            Figure.random(np.random.default_rng(n)),
            Stance(float(x), float(y), float(rng.uniform(0, 6)), 0.3, 0.0, None, None, None),
        )
        for n, (x, y) in enumerate(places[: 3 if look < 3 else 2])
    ]


def pictures(renderer: Renderer, name: str, looks: range) -> list[Frame]:
    return [renderer.render(name, people(k), k).rgb for k in looks]


def watch(camera: CameraModel, frames: Sequence[Frame]) -> list[Moved | None]:
    check = MovedCheck([camera])
    return [check.look(camera.id, frame, k * 10 * S) for k, frame in enumerate(frames)]


@pytest.mark.parametrize("axis", list(AXES))
@pytest.mark.parametrize("degrees", [1.0, 3.0])
def test_a_turn_is_noticed_and_measured(
    renderer: Renderer, camera: CameraModel, axis: str, degrees: float
):
    before = pictures(renderer, camera.id, range(STEADY))
    after = pictures(renderer, turned(camera, axis, degrees).id, range(STEADY, STEADY + 3))
    findings = watch(camera, before + after)
    assert findings[: STEADY + 1] == [None] * (STEADY + 1), "one odd look is none"
    last = findings[-1]
    assert last is not None and last.state == "moved"
    assert last.turn_deg == pytest.approx(degrees, abs=0.15)
    assert last.shift_px is not None and last.shift_px > 3
    assert last.since_ns == STEADY * 10 * S


def test_a_shift_by_a_hands_breadth_is_noticed(renderer: Renderer, camera: CameraModel):
    before = pictures(renderer, camera.id, range(STEADY))
    name = shifted(camera, (0.05, 0.0, 0.0)).id
    last = watch(camera, before + pictures(renderer, name, range(STEADY, STEADY + 2)))[-1]
    assert last is not None and last.state == "moved"


def test_a_camera_that_looks_elsewhere_is_noticed(renderer: Renderer, camera: CameraModel):
    before = pictures(renderer, camera.id, range(STEADY))
    name = turned(camera, "pan", 30.0).id
    last = watch(camera, before + pictures(renderer, name, range(STEADY, STEADY + 3)))[-1]
    assert last is not None and last.state == "moved"


def test_people_alone_raise_no_alarm(renderer: Renderer, camera: CameraModel):
    assert watch(camera, pictures(renderer, camera.id, range(30))) == [None] * 30


@pytest.mark.parametrize(
    "light",
    [
        lambda rgb: rgb * 0.3,
        lambda rgb: rgb * 1.5 + 20,
        lambda rgb: 255 * (rgb / 255) ** 1.8,
        lambda rgb: rgb * np.linspace(0.4, 1.4, rgb.shape[1])[:, None],
        lambda rgb: rgb * (1.15, 1.0, 0.75),
    ],
    ids=["dim", "bright", "contrast", "from one side", "warm"],
)
def test_changed_lights_raise_no_alarm(renderer: Renderer, camera: CameraModel, light):
    frames = pictures(renderer, camera.id, range(STEADY + 4))
    frames[STEADY:] = [np.clip(light(f), 0, 255).astype(np.uint8) for f in frames[STEADY:]]
    assert watch(camera, frames) == [None] * len(frames)


@pytest.mark.parametrize(
    "cover",
    [lambda rgb: (rgb * 0.02).astype(np.uint8), lambda rgb: cv2.GaussianBlur(rgb, (0, 0), 30)],
    ids=["dark", "something before the lens"],
)
def test_a_covered_lens_is_noticed_and_the_alarm_ends(
    renderer: Renderer, camera: CameraModel, cover
):
    frames = pictures(renderer, camera.id, range(STEADY + 5))
    frames[STEADY : STEADY + 4] = [cover(f) for f in frames[STEADY : STEADY + 4]]
    findings = watch(camera, frames)
    assert findings[: STEADY + 2] == [None] * (STEADY + 2)
    assert all(f is not None and f.state == "covered" for f in findings[STEADY + 2 : -1])
    assert findings[-1] is None


def test_a_lens_covered_from_the_start_is_noticed(camera: CameraModel):
    black = np.zeros((480, 640, 3), np.uint8)
    last = watch(camera, [black] * 4)[-1]
    assert last is not None and last.state == "covered"


def test_looks_between_the_looks_cost_nothing(renderer: Renderer, camera: CameraModel):
    check = MovedCheck([camera])
    frame = renderer.render(camera.id, [], 0).rgb
    for k in range(4):
        check.look(camera.id, frame, k * 10 * S)
    broken = np.zeros((480, 640, 3), np.uint8)
    assert check.look(camera.id, broken, 30 * S + 9 * S) is None
    for k in range(4, 8):
        check.look(camera.id, broken, k * 10 * S)
    assert check.look(camera.id, frame, 79 * S) is not None, "a finding stands until the next look"
    check.relearn(camera.id)
    assert check.look(camera.id, frame, 79 * S) is None
