"""Pictures of a store with people in it, as each camera sees them, with exact ids and depth.

Every camera keeps a drawn background; a frame copies it and draws people and what they hold.
Equal stores, cameras, seeds and arguments give equal bytes.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.store import Facing, Gondola, Product, Shelf, Store, facing_id
from simulator.packages import mip_levels, package_art, stocked, unit
from simulator.people import Body, Figure, Stance, pose_body
from simulator.raster import (
    CYLINDER_COLUMNS,
    QUAD_COLUMNS,
    develop,
    draw_capsules,
    draw_cylinders,
    draw_quads,
    draw_shadow,
    lens,
)
from simulator.scenery import FLOOR_ID, Look, build_shell

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

THING_ID = 10_000  # ids below are people
PRODUCT_ID = 20_000  # + place of the product in the store, standing on a shelf
HELD_ID = 30_000  # + place of the product in the store, in a hand


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture: `rgb` (H, W, 3) uint8; `ids` (H, W) int32, a person's id or ≥ 10000 for things
    (see `THING_ID`, `PRODUCT_ID`, `HELD_ID`); `depth` (H, W) float32 metres along the axis."""

    rgb: Bytes
    ids: NDArray[np.int32]
    depth: NDArray[np.float32]


@dataclass(slots=True, eq=False)
class _View:
    """What belongs to one camera."""

    camera: CameraModel
    lens: Array
    shell: Frame
    background: Frame
    curves: Bytes
    noise: NDArray[np.int8]
    whole: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Place:
    gondola: Gondola
    shelf: Shelf
    facing: Facing
    product: int


@dataclass(frozen=True, slots=True, eq=False)
class _Stand:
    """What stands on one facing."""

    units: int
    quads: Array
    cylinders: Array


class Renderer:
    """Draws one store through its cameras, which may be the true ones, off from the belief."""

    def __init__(
        self,
        store: Store,
        cameras: Sequence[CameraModel],
        look_seed: int,
        *,
        look: Look | None = None,
    ) -> None:
        rng = np.random.default_rng(look_seed)
        drawn = Look.random(rng)
        self._look = drawn if look is None else look
        self._products = store.products
        self._product_at = {p.gtin: i for i, p in enumerate(store.products)}
        count = len(store.products)
        art = [package_art(p) for p in store.products]
        art += [self._look.floor_tile, self._look.wall_tile]
        self._atlas = np.ascontiguousarray(np.stack([mip_levels(a) for a in art]))
        shell = _rows(build_shell(store, self._look, count, count + 1), QUAD_COLUMNS)
        self._places = {
            facing_id(s.id, f): _Place(g, s, f, self._product_at[f.gtin])
            for g in store.gondolas
            for s in g.shelves
            for f in s.facings
        }
        self._stands = {key: self._stand(p, p.facing.units) for key, p in self._places.items()}
        self._views = {c.id: self._view(c, shell, look_seed) for c in cameras}
        for view in self._views.values():
            self._restock(view, view.whole)

    def set_stock(self, units: Mapping[str, int]) -> None:
        """Say how many units stand on facings (by facing id); the others stay as they are.

        Raises KeyError for a facing that the store does not have.
        """
        for key, count in units.items():
            place = self._places[key]
            if self._stands[key].units == count:
                continue
            old, self._stands[key] = self._stands[key], self._stand(place, count)
            for view in self._views.values():
                window = _window(view, old, self._stands[key])
                if window is not None:
                    self._restock(view, window)

    def render(
        self,
        camera_id: str,
        people: Sequence[tuple[int, Figure, Stance]],
        at_ns: int = 0,
    ) -> Frame:
        """The picture of a camera; `people` are (id, figure, stance) with 0 ≤ id < 10000.

        `at_ns` only chooses the noise. Raises KeyError for an unknown camera or held GTIN.
        """
        bodies = [(i, f, s, pose_body(f, s)) for i, f, s in people]
        return self.render_bodies(camera_id, bodies, at_ns)

    def render_bodies(
        self,
        camera_id: str,
        bodies: Sequence[tuple[int, Figure, Stance, Body]],
        at_ns: int = 0,
    ) -> Frame:
        """`render` with bodies that are posed already, to share them between cameras."""
        view, light = self._views[camera_id], self._look.light
        back = view.background
        rgb, ids, depth = back.rgb.copy(), back.ids.copy(), back.depth.copy()
        for _, figure, stance, _ in bodies:
            radius = 0.42 * figure.girth
            draw_shadow(rgb, ids, view.lens, stance.x_m, stance.y_m, radius, FLOOR_ID, view.whole)
        for person, _, stance, body in bodies:
            draw_capsules(rgb, ids, depth, view.lens, light, body.capsules, person, view.whole)
            for hand, gtin in enumerate((stance.left_holds, stance.right_holds)):
                if gtin is not None:
                    quads, cylinders = self._held(gtin, body, hand, stance.heading_rad)
                    self._draw(view, Frame(rgb, ids, depth), quads, cylinders, view.whole)
        shift = hashlib.blake2b(f"{camera_id}:{at_ns}".encode(), digest_size=4).digest()
        x, y = int.from_bytes(shift[:2], "little"), int.from_bytes(shift[2:], "little")
        develop(rgb, view.curves, view.noise, x, y)
        return Frame(rgb, ids, depth)

    def silhouette(self, camera_id: str, body: Body) -> NDArray[np.bool_]:
        """The pixels (H, W) that a body would fill were nothing before it."""
        view = self._views[camera_id]
        ids = np.zeros_like(view.background.ids)
        depth = np.full_like(view.background.depth, np.inf)
        rgb = np.empty_like(view.background.rgb)
        light = self._look.light
        draw_capsules(rgb, ids, depth, view.lens, light, body.capsules, 1, view.whole)
        return np.asarray(ids == 1)

    def _held(self, gtin: str, body: Body, hand: int, heading_rad: float) -> tuple[Array, Array]:
        at = self._product_at[gtin]
        product = self._products[at]
        foot = body.palms[hand] + body.grips[hand] * (0.02 + product.size_m[1] / 2)
        foot[2] -= product.size_m[2] * 0.45
        one = unit(product, at, foot, heading_rad + math.pi / 2, HELD_ID + at)
        return _rows(one.quads, QUAD_COLUMNS), _rows(one.cylinders, CYLINDER_COLUMNS)

    def _stand(self, place: _Place, units: int) -> _Stand:
        product: Product = self._products[place.product]
        id = PRODUCT_ID + place.product
        found = stocked(place.gondola, place.shelf, place.facing, product, units, place.product, id)
        return _Stand(
            units, _rows(found.quads, QUAD_COLUMNS), _rows(found.cylinders, CYLINDER_COLUMNS)
        )

    def _view(self, camera: CameraModel, shell: Array, look_seed: int) -> _View:
        h, w = camera.height_px, camera.width_px
        empty = Frame(
            np.zeros((h, w, 3), np.uint8),
            np.full((h, w), FLOOR_ID + 1, np.int32),
            np.full((h, w), np.inf, np.float32),
        )
        whole = np.array([0, 0, w, h], dtype=np.int64)
        seed = hashlib.blake2b(f"{look_seed}:{camera.id}".encode(), digest_size=8).digest()
        rng = np.random.default_rng(int.from_bytes(seed, "little"))
        view = _View(
            camera,
            lens(camera),
            empty,
            Frame(empty.rgb.copy(), empty.ids.copy(), empty.depth.copy()),
            _tone_curves(rng),
            _noise_tile(rng, h + 37, 3 * w + 101),
            whole,
        )
        self._draw(view, empty, shell, _rows([], CYLINDER_COLUMNS), whole)
        return view

    def _restock(self, view: _View, window: NDArray[np.int64]) -> None:
        """Draw a window of the background anew: the shell, and every stand over it."""
        x0, y0, x1, y1 = window
        for name in ("rgb", "ids", "depth"):
            getattr(view.background, name)[y0:y1, x0:x1] = getattr(view.shell, name)[y0:y1, x0:x1]
        for stand in self._stands.values():
            self._draw(view, view.background, stand.quads, stand.cylinders, window)

    def _draw(
        self, view: _View, on: Frame, quads: Array, cylinders: Array, window: NDArray[np.int64]
    ) -> None:
        target = (on.rgb, on.ids, on.depth, view.lens, self._look.light)
        draw_quads(*target, quads, self._atlas, window)
        draw_cylinders(*target, cylinders, self._atlas, window)


def _rows(rows: Sequence[Sequence[float]], columns: int) -> Array:
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def _window(view: _View, *stands: _Stand) -> NDArray[np.int64] | None:
    """Pixels (x0, y0, x1, y1) that may show the stands; None where the camera sees none of them."""
    points = []
    for stand in stands:
        q, c = stand.quads, stand.cylinders
        points += [q[:, :3] + i * q[:, 3:6] + j * q[:, 6:9] for i in (0, 1) for j in (0, 1)]
        for i, j, k in ((a, b, h) for a in (-1, 1) for b in (-1, 1) for h in (0, 1)):
            reach = np.stack([i * c[:, 4], j * c[:, 4], k * c[:, 3]], axis=1)
            points.append(c[:, :3] + reach)
    cloud = np.concatenate(points)
    if not len(cloud):
        return None
    pixels, depth = view.camera.project(cloud)
    if depth.min() < 0.1:
        return view.whole
    low = np.maximum(np.floor(pixels.min(axis=0)).astype(np.int64) - 2, 0)
    high = np.minimum(np.ceil(pixels.max(axis=0)).astype(np.int64) + 3, view.whole[2:])
    return np.concatenate([low, high]) if (low < high).all() else None


def _tone_curves(rng: np.random.Generator) -> Bytes:
    """Mild exposure, gamma and white balance of one camera: (3, 256)."""
    x = np.linspace(0.0, 1.0, 256)
    gain, gamma = rng.uniform(0.92, 1.1), rng.uniform(0.9, 1.12)
    balance = rng.normal(1.0, 0.02, 3)
    curves = np.stack([255.0 * (gain * b * x) ** gamma for b in balance])
    return np.asarray(np.clip(curves, 0, 255), dtype=np.uint8)


def _noise_tile(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.int8]:
    sigma = rng.uniform(1.5, 4.0)
    return np.clip(np.rint(rng.normal(0.0, sigma, (rows, columns))), -127, 127).astype(np.int8)
