"""Pictures of a store with people in it, as each camera sees them, with exact ids and depth.

Every camera keeps a drawn background; a frame copies it and draws people and what they hold.
Equal stores, cameras, seeds and arguments give equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.store import Facing, Gondola, Product, Shelf, Store, facing_id
from simulator.artwork import package_art
from simulator.halves import Half
from simulator.lens import Electronics
from simulator.packages import mip_levels, stocked, unit
from simulator.people import Body, Figure, Stance, pose_body
from simulator.raster import (
    CYLINDER_COLUMNS,
    QUAD_COLUMNS,
    draw_capsules,
    draw_cylinders,
    draw_quads,
    draw_shadow,
    lens,
    pixel_rays,
)
from simulator.scenery import FLOOR_ID, GONDOLA_ID, Look, build_shell
from simulator.world import Pictures

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Window = NDArray[np.int64]
Posed = tuple[int, Figure, Stance, Body]

THING_ID = 10_000  # ids below are people
PRODUCT_ID = 20_000  # + place of the product in the store, standing on a shelf
HELD_ID = 30_000  # + place of the product in the store, in a hand

SLOW_M_S = 0.15  # who is slower is drawn sharp
LEAST_SMEAR_PX = 0.5


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
    rays: Array
    shell: Frame
    background: Frame
    scratch: Frame
    electronics: Electronics
    whole: Window


@dataclass(frozen=True, slots=True)
class _Place:
    number: int
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
        pictures: Pictures | None = None,
        half: Half = "scoring",
    ) -> None:
        rng = np.random.default_rng(look_seed)
        drawn = Look.random(rng, half)
        self._look = drawn if look is None else look
        self._pictures = Pictures() if pictures is None else pictures
        self._products = store.products
        self._product_at = {p.gtin: i for i, p in enumerate(store.products)}
        count = len(store.products)
        art = [package_art(p, half) for p in store.products]
        art += [self._look.floor_tile, self._look.wall_tile]
        self._atlas = np.ascontiguousarray(np.stack([mip_levels(a) for a in art]))
        shell = _rows(build_shell(store, self._look, count, count + 1), QUAD_COLUMNS)
        self._places = {
            facing_id(s.id, f): _Place(n, g, s, f, self._product_at[f.gtin])
            for n, g in enumerate(store.gondolas)
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

    def render_bodies(self, camera_id: str, bodies: Sequence[Posed], at_ns: int = 0) -> Frame:
        """`render` with bodies that are posed already, to share them between cameras."""
        view = self._views[camera_id]
        back = view.background
        frame = Frame(back.rgb.copy(), back.ids.copy(), back.depth.copy())
        self._paint(view, frame, bodies, view.whole)
        self._smear(view, frame, bodies)
        return replace(frame, rgb=view.electronics.take(frame.rgb, at_ns))

    def _paint(self, view: _View, on: Frame, bodies: Sequence[Posed], window: Window) -> None:
        """Draw people, their shadows and what they hold over what is there."""
        seen, light = (view.lens, view.rays), self._look.light
        for _, figure, stance, _ in bodies:
            radius = 0.42 * figure.girth
            draw_shadow(on.rgb, on.ids, *seen, stance.x_m, stance.y_m, radius, FLOOR_ID, window)
        for person, _, stance, body in bodies:
            draw_capsules(on.rgb, on.ids, on.depth, *seen, light, body.capsules, person, window)
            for hand, gtin in enumerate((stance.left_holds, stance.right_holds)):
                if gtin is not None:
                    quads, cylinders = self._held(gtin, body, hand, stance.heading_rad)
                    self._draw(view, on, quads, cylinders, window)

    def _smear(self, view: _View, frame: Frame, bodies: Sequence[Posed]) -> None:
        """Blur those who walk along their way while the shutter was open; ids and depth stay."""
        shutter_s = view.electronics.shutter_s
        moved_px, window = _movement(view, bodies, shutter_s)
        if window is None or moved_px < LEAST_SMEAR_PX:
            return
        looks = min(4, 2 + int(moved_px / 3.0))
        x0, y0, x1, y1 = window
        cut = (slice(y0, y1), slice(x0, x1))
        total = frame.rgb[cut].astype(np.uint16)
        for look in range(1, looks):
            ago_s = shutter_s * look / (looks - 1)
            for name in ("rgb", "ids", "depth"):
                getattr(view.scratch, name)[cut] = getattr(view.background, name)[cut]
            earlier = [_earlier(one, ago_s) for one in bodies]
            self._paint(view, view.scratch, earlier, window)
            total += view.scratch.rgb[cut]
        frame.rgb[cut] = (total + looks // 2) // looks

    def silhouette(self, camera_id: str, body: Body) -> NDArray[np.bool_]:
        """The pixels (H, W) that a body would fill were nothing before it."""
        view = self._views[camera_id]
        ids = np.zeros_like(view.background.ids)
        depth = np.full_like(view.background.depth, np.inf)
        rgb = np.empty_like(view.background.rgb)
        light = self._look.light
        draw_capsules(rgb, ids, depth, view.lens, view.rays, light, body.capsules, 1, view.whole)
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
        board = (self._look.rack * 0.55, GONDOLA_ID + place.number)
        found = stocked(
            place.gondola, place.shelf, place.facing, product, units, place.product, id, board
        )
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
        view = _View(
            camera,
            lens(camera),
            pixel_rays(camera),
            empty,
            Frame(empty.rgb.copy(), empty.ids.copy(), empty.depth.copy()),
            Frame(empty.rgb.copy(), empty.ids.copy(), empty.depth.copy()),
            Electronics.of(camera, self._pictures, look_seed),
            whole,
        )
        self._draw(view, empty, shell, _rows([], CYLINDER_COLUMNS), whole)
        return view

    def _restock(self, view: _View, window: Window) -> None:
        """Draw a window of the background anew: the shell, and every stand over it."""
        x0, y0, x1, y1 = window
        for name in ("rgb", "ids", "depth"):
            getattr(view.background, name)[y0:y1, x0:x1] = getattr(view.shell, name)[y0:y1, x0:x1]
        for stand in self._stands.values():
            self._draw(view, view.background, stand.quads, stand.cylinders, window)

    def _draw(self, view: _View, on: Frame, quads: Array, cylinders: Array, window: Window) -> None:
        target = (on.rgb, on.ids, on.depth, view.lens, view.rays, self._look.light)
        draw_quads(*target, quads, self._atlas, window)
        draw_cylinders(*target, cylinders, self._atlas, window)


def _rows(rows: Sequence[Sequence[float]], columns: int) -> Array:
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def _window(view: _View, *stands: _Stand) -> Window | None:
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
    low = np.maximum(np.floor(pixels.min(axis=0)).astype(np.int64) - 4, 0)
    high = np.minimum(np.ceil(pixels.max(axis=0)).astype(np.int64) + 5, view.whole[2:])
    return np.concatenate([low, high]) if (low < high).all() else None


def _earlier(one: Posed, ago_s: float) -> Posed:
    """Somebody as they were a moment ago."""
    person, figure, stance, _ = one
    if stance.speed_m_s < SLOW_M_S:
        return one
    way = stance.speed_m_s * ago_s
    then = replace(
        stance,
        x_m=stance.x_m - way * math.cos(stance.heading_rad),
        y_m=stance.y_m - way * math.sin(stance.heading_rad),
        stride_rad=stance.stride_rad - 2 * math.pi * way / figure.stride_m,
    )
    return person, figure, then, pose_body(figure, then)


def _movement(
    view: _View, bodies: Sequence[Posed], shutter_s: float
) -> tuple[float, Window | None]:
    """How many pixels people's swinging limbs go at most, and the window that shows who walks."""
    most_px, points = 0.0, []
    for _, _, stance, body in bodies:
        if stance.speed_m_s >= SLOW_M_S:
            ends = np.concatenate([body.capsules[:, :3], body.capsules[:, 3:6]])
            pixels, depth = view.camera.project(ends)
            if depth.min() < 0.3:
                return 0.0, None
            px_per_m = view.camera.fx / float(depth.min())
            most_px = max(most_px, 1.6 * stance.speed_m_s * shutter_s * px_per_m)
            points += [pixels - 0.2 * px_per_m, pixels + 0.2 * px_per_m]
    if not points:
        return 0.0, None
    cloud = np.concatenate(points)
    low = np.maximum(np.floor(cloud.min(axis=0)).astype(np.int64), 0)
    high = np.minimum(np.ceil(cloud.max(axis=0)).astype(np.int64) + 1, view.whole[2:])
    return most_px, np.concatenate([low, high]) if (low < high).all() else None
