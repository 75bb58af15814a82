"""Lines of sight past racks: exact, by clipping each line against a rack's box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.store import Gondola, Store, facing_id

Array = NDArray[np.float64]

BEFORE_M = 0.05  # a facing's front is looked at from so far before the shelf's edge
ABOVE_M = 0.1  # and so far above its board
LEAST_PX_PER_M = 45.0  # what is pictured smaller is not counted as seen: a head is 10 px wide


def hidden(gondolas: list[Gondola], eye_m: Array, points_m: Array) -> NDArray[np.bool_]:
    """Whether a rack stands between an eye (3,) and points (N, 3)."""
    blocked = np.zeros(len(points_m), dtype=np.bool_)
    for gondola in gondolas:
        c, s = np.cos(np.radians(gondola.yaw_deg)), np.sin(np.radians(gondola.yaw_deg))
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        corner = np.array([gondola.x_m, gondola.y_m, 0.0])
        start = turn @ (eye_m - corner)
        way = (points_m - corner) @ turn.T - start
        far = np.array([gondola.width_m, gondola.depth_m, gondola.height_m])
        way = np.where(np.abs(way) < 1e-12, 1e-12, way)
        first, last = (0.0 - start) / way, (far - start) / way
        enters = np.minimum(first, last).max(axis=1)
        leaves = np.maximum(first, last).min(axis=1)
        blocked |= (enters < leaves) & (leaves > 1e-9) & (enters < 1 - 1e-9)
    return blocked


def pictured(camera: CameraModel, points_m: Array, margin_px: float = 0.0) -> NDArray[np.bool_]:
    """Whether points (N, 3) lie in a camera's picture, at least `margin_px` from its edges."""
    pixels, depth = camera.project(points_m)
    size = np.array([camera.width_px, camera.height_px])
    inside = (pixels > margin_px) & (pixels < size - margin_px)
    within: NDArray[np.bool_] = (depth > 0) & inside[:, 0] & inside[:, 1]
    return within


def near_enough(camera: CameraModel, points_m: Array) -> NDArray[np.bool_]:
    """Whether a camera pictures points (N, 3) large enough to tell what happens there."""
    near: NDArray[np.bool_] = (
        np.linalg.norm(points_m - camera.position_m, axis=1) < camera.fx / LEAST_PX_PER_M
    )
    return near


def sees(camera: CameraModel, gondolas: list[Gondola], points_m: Array) -> NDArray[np.bool_]:
    """Whether a camera sees points (N, 3): in the picture, near enough, no rack between."""
    seen = pictured(camera, points_m) & near_enough(camera, points_m)
    seen[seen] = ~hidden(gondolas, camera.position_m, points_m[seen])
    return seen


def facing_fronts(store: Store) -> tuple[list[str], Array]:
    """Names of all facings, and the points (N, 3) where hands reach for them."""
    names, points = [], []
    for gondola in store.gondolas:
        for shelf in gondola.shelves:
            for facing in shelf.facings:
                along = (sum(facing.plates) / len(facing.plates) - 0.5) * shelf.plate_width_m
                names.append(facing_id(shelf.id, facing))
                points.append((*gondola.to_floor(along, -BEFORE_M), shelf.z_m + ABOVE_M))
    return names, np.array(points, dtype=np.float64).reshape(-1, 3)
