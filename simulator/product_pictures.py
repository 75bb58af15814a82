"""Pictures of single products: as somebody photographs them to enrol them, and as they are seen in
a hand from a store's ceiling, cut out around the hand.

Training's products are drawn here too, like the generated catalogues but of training's half: their
colours, marks, brands and skins are of cells that no scored store uses (`simulator.halves`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.store import Product
from simulator.artwork import package_art, rgb_of
from simulator.catalogue import Confusables, blocks
from simulator.figure import Figure
from simulator.halves import Half, settle_colour
from simulator.packages import mip_levels, unit
from simulator.raster import (
    CYLINDER_COLUMNS,
    QUAD_COLUMNS,
    draw_capsules,
    draw_cylinders,
    draw_quads,
    lens,
)
from simulator.scenery import Look

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

SHOP_PX = 160
SHOP_VIEWS = 4
CROP_M = (0.24, 0.42)  # what a crop around a hand spans
FOCAL_PX = (300.0, 900.0)
AWAY_M = (1.2, 4.5)
CROP_PX = (16, 96)
LOOKS = 48  # of stores and of people, from which pictures draw
LEAST_SHARE, TRIES = 0.03, 6  # of the crop that shows the product, and how often to try for it
SHELF_ID, HELD_ID, PERSON_ID = 1, 2, 3


@dataclass(frozen=True, slots=True, eq=False)
class _Canvas:
    """A square picture in the making, and the camera that it is drawn for."""

    rgb: Bytes
    ids: NDArray[np.int32]
    depth: NDArray[np.float32]
    cam: Array
    rays: Array
    window: NDArray[np.int64]


class Studio:
    """Draws pictures of `products`, whose art is of one half."""

    def __init__(self, products: Sequence[Product], half: Half = "scoring") -> None:
        self.products = tuple(products)
        self._half: Half = half
        levels = [mip_levels(package_art(p, half)) for p in self.products]
        self._atlas = np.ascontiguousarray(np.stack(levels))
        rng = np.random.default_rng(len(self.products))
        self._looks = [Look.random(rng, half) for _ in range(LOOKS)]
        self._figures = [Figure.looking(rng, half=half) for _ in range(LOOKS)]

    def shop_picture(self, index: int, turn_rad: float, rng: np.random.Generator) -> Bytes:
        """A product standing before a plain ground, its front turned by `turn_rad` from the
        camera; (160, 160, 3), as a phone takes it."""
        product = self.products[index]
        high = product.size_m[2]
        span = 1.25 * max(high, math.hypot(*product.size_m[:2]))
        up = math.radians(rng.uniform(8.0, 30.0))
        ground = rng.uniform(150.0, 240.0) + rng.normal(0, 6, 3)
        on = _canvas(SHOP_PX, span, 2.2, up, rng.uniform(-0.02, 0.02, 2) * span, ground)
        light = np.array([0.1, -0.45, 0.88, rng.uniform(0.65, 0.85)])
        light[:3] /= np.linalg.norm(light[:3])
        self._draw(on, light, [(index, np.array([0.0, 0.0, -high / 2]), turn_rad)], HELD_ID)
        return on.rgb

    def hand_crop(self, index: int, rng: np.random.Generator) -> Bytes:
        """A product in somebody's hand as a ceiling camera sees it, (n, n, 3) with n of 16…96:
        turned anyhow, partly hidden, before people and shelves, blurred and noisy."""
        for _ in range(TRIES):
            on = self._in_hand(index, rng, rng)
            if np.mean(on.ids == HELD_ID) > LEAST_SHARE:
                break
        return _taken(on.rgb, rng)

    def sighting(self, index: int | None, count: int, rng: np.random.Generator) -> list[Bytes]:
        """Crops of one hand that holds a product, or nothing, two frames from each of `count` / 2
        cameras around it."""
        scene, found = int(rng.integers(2**32)), []
        for k in range(count):
            if k % 2 == 0:
                camera, around = int(rng.integers(2**32)), float(rng.uniform(-math.pi, math.pi))
            on = self._in_hand(
                index,
                np.random.default_rng(scene),
                np.random.default_rng(camera),
                around + float(rng.normal(0, 0.1)),
            )
            found.append(_taken(on.rgb, rng))
        return found

    def empty_crop(self, rng: np.random.Generator) -> Bytes:
        """A hand that holds nothing, cut out like `hand_crop`."""
        return _taken(self._in_hand(None, rng, rng).rgb, rng)

    def _in_hand(
        self,
        index: int | None,
        rng: np.random.Generator,
        camera: np.random.Generator,
        around_rad: float = 0.0,
    ) -> _Canvas:
        """Draw what `rng` says is there as `camera` says it is seen, from `around_rad` aside."""
        span, away = float(camera.uniform(*CROP_M)), float(camera.uniform(*AWAY_M))
        side = round(float(camera.uniform(*FOCAL_PX)) * span / away)
        up = math.radians(camera.uniform(12.0, 65.0))
        look = self._looks[int(rng.integers(LOOKS))]
        ground = (look.floor, look.wall, look.rack * 0.8)[int(rng.integers(3))]
        off = camera.normal(0, 0.07, 2) * span
        on = _canvas(int(np.clip(side, *CROP_PX)), span, away, up, off, ground)
        turn = float(rng.uniform(-math.pi, math.pi)) + around_rad
        grip = np.array([math.sin(turn), -math.cos(turn), 0.0])  # from the palm to the product
        self._draw(on, look.light, self._behind(rng), SHELF_ID)
        if index is not None:
            size_m = self.products[index].size_m
            foot = grip * (0.02 + size_m[1] / 2) - np.array([0.0, 0.0, size_m[2] * 0.45])
            held = (index, foot, turn + float(rng.normal(0, 0.15)))
            self._draw(on, look.light, [held], HELD_ID)
        _person(on, look.light, self._figures[int(rng.integers(LOOKS))], grip, rng)
        return on

    def _behind(self, rng: np.random.Generator) -> list[tuple[int, Array, float]]:
        """What stands on the shelf behind, if there is one: a few products in a row."""
        if rng.random() < 0.5:
            return []
        other = int(rng.integers(len(self.products)))
        away, level = float(rng.uniform(0.15, 0.45)), float(rng.uniform(-0.35, 0.05))
        turn = float(rng.normal(0, 0.5))
        along = np.array([math.cos(turn), math.sin(turn), 0.0])
        middle = np.array([-math.sin(turn) * away, math.cos(turn) * away, level])
        found = []
        for k in range(-2, 3):
            if rng.random() < 0.3:
                other = int(rng.integers(len(self.products)))
            step = self.products[other].size_m[0] + 0.01
            found.append((other, middle + k * step * along, turn))
        return found

    def _draw(
        self, on: _Canvas, light: Array, units: list[tuple[int, Array, float]], id: int
    ) -> None:
        quads: list[list[float]] = []
        cylinders: list[list[float]] = []
        for index, foot, yaw in units:
            one = unit(self.products[index], index, foot, yaw, id)
            quads.extend(one.quads)
            cylinders.extend(one.cylinders)
        target = (on.rgb, on.ids, on.depth, on.cam, on.rays, light)
        rows = np.array(quads, dtype=np.float64).reshape(-1, QUAD_COLUMNS)
        draw_quads(*target, rows, self._atlas, on.window)
        rows = np.array(cylinders, dtype=np.float64).reshape(-1, CYLINDER_COLUMNS)
        draw_cylinders(*target, rows, self._atlas, on.window)


def shop_pictures(studio: Studio, index: int, count: int, seed: int) -> list[Bytes]:
    """`count` pictures of a product from all around, its front first, the same for a seed."""
    rng = np.random.default_rng([seed, index])
    turns = [2 * math.pi * k / count for k in range(count)]
    return [studio.shop_picture(index, t + float(rng.normal(0, 0.2)), rng) for t in turns]


def training_products(count: int, seed: int) -> list[Product]:
    """Products with the families of generated catalogues and looks of training's half."""
    rng = np.random.default_rng([seed, 29])
    found: list[Product] = []
    for block in itertools.islice(blocks(rng, Confusables(0.5, 0.2)), count):
        found += [_of_training(rng, p) for p in block.products]
        if len(found) >= count:
            break
    return found[:count]


def training_pictures(products: int, crops: int, seed: int) -> Iterator[tuple[int, Bytes]]:
    """Pictures of training's products with their numbers: SHOP_VIEWS as enrolled of each, and
    `crops` as held."""
    studio = Studio(training_products(products, seed), "training")
    for index in range(products):
        rng = np.random.default_rng([seed, 31, index])
        for picture in shop_pictures(studio, index, SHOP_VIEWS, seed):
            yield index, picture
        for _ in range(crops):
            yield index, studio.hand_crop(index, rng)


def _of_training(rng: np.random.Generator, product: Product) -> Product:
    """The product in colours and of a brand that no scored store has."""
    red, green, blue = (int(v) for v in rgb_of(product.picture.base))
    settled = settle_colour((red, green, blue), "training")
    base = "#" + "".join(f"{c:02x}" for c in settled)
    picture = product.picture.model_copy(update={"base": base})
    return product.model_copy(update={"brand": f"Trade {product.brand}", "picture": picture})


def _canvas(
    side: int, span_m: float, away_m: float, up_rad: float, off: Array, rgb: Array
) -> _Canvas:
    """A camera `away_m` from the origin, `up_rad` above the horizon, in front (−y) of it, whose
    picture spans `span_m` there; `off` (2,) shifts it, metres right and down."""
    focal = side * away_m / span_m
    centre = (side - 1) / 2 + off * side / span_m
    camera = CameraModel.looking_at(
        "studio",
        (side, side),
        (focal, focal),
        (float(centre[0]), float(centre[1])),
        (0.0, -away_m * math.cos(up_rad), away_m * math.sin(up_rad)),
        (0.0, 0.0, 0.0),
    )
    at = np.arange(side)
    right = np.broadcast_to((at - centre[0]) / focal, (side, side))
    down = np.broadcast_to(((at - centre[1]) / focal)[:, None], (side, side))
    picture = np.empty((side, side, 3), np.uint8)
    picture[:] = np.clip(rgb, 0, 255).astype(np.uint8)
    return _Canvas(
        picture,
        np.zeros((side, side), np.int32),
        np.full((side, side), np.inf, np.float32),
        lens(camera),
        np.ascontiguousarray(np.stack([right, down], axis=2)),
        np.array([0, 0, side, side], dtype=np.int64),
    )


def _person(
    on: _Canvas, light: Array, figure: Figure, grip: Array, rng: np.random.Generator
) -> None:
    """A hand at the origin, its arm, and often the body that it belongs to."""
    palm = np.zeros(3)
    skin, shirt = np.array(figure.skin, float), np.array(figure.shirt, float)
    elbow = palm - grip * rng.uniform(0.12, 0.26) + np.array([0.0, 0.0, rng.uniform(-0.22, 0.1)])
    elbow[:2] += rng.normal(0, 0.05, 2)
    wrist = palm + 0.35 * (elbow - palm)
    sleeve = shirt if figure.long_sleeves else skin
    fingers = palm + grip * rng.uniform(0.02, 0.06)
    rows = [
        [*palm, *fingers, 0.038, *skin, 0.0],
        [*palm, *wrist, 0.032, *skin, 0.0],
        [*wrist, *elbow, 0.042, *sleeve, 0.0],
    ]
    if rng.random() < 0.6:
        hip = elbow - grip * rng.uniform(0.1, 0.25) - np.array([0.0, 0.0, 0.3])
        rows.append([*hip, *(hip + np.array([0.0, 0.0, 0.6])), 0.15, *shirt, figure.stripes_per_m])
    capsules = np.array(rows, dtype=np.float64)
    draw_capsules(on.rgb, on.ids, on.depth, on.cam, on.rays, light, capsules, PERSON_ID, on.window)


def _taken(rgb: Bytes, rng: np.random.Generator) -> Bytes:
    """The picture through a cheap camera: movement, focus, tone, noise."""
    picture: NDArray[np.floating] = rgb.astype(np.float32)
    if rng.random() < 0.4:
        length, angle = rng.uniform(0.5, 4.0), rng.uniform(0, math.pi)
        kernel = np.zeros((7, 7), np.float32)
        for t in np.linspace(-0.5, 0.5, 15):
            x = round(3 + t * length * math.cos(angle))
            kernel[round(3 + t * length * math.sin(angle)), x] += 1
        picture = np.asarray(cv2.filter2D(picture, -1, kernel / kernel.sum()), np.float32)
    if rng.random() < 0.5:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.9)), np.float32)
    tone = rng.uniform(0.7, 1.2) * np.exp(rng.normal(0, 0.03, 3))
    picture = picture * tone + rng.normal(0, rng.uniform(0.5, 6.0), picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)
