"""The store's geometry and catalogue as the live page draws them: sent once, JSON-ready."""

from __future__ import annotations

from typing import Any

from sensors.store import Camera, Facing, Gondola, Shelf, Store, facing_id


def layout(store: Store) -> dict[str, Any]:
    """Floor, gondolas with the outline of every facing, gates, cameras and products; metres."""
    floor = store.floor
    return {
        "store": {"id": store.id, "name": store.name, "currency": store.currency},
        "floor": [floor.x_min_m, floor.y_min_m, floor.x_max_m, floor.y_max_m],
        "gondolas": [_gondola(g) for g in store.gondolas],
        "gates": [
            {"id": gate.id, "kind": gate.kind, "a": gate.a_m, "b": gate.b_m} for gate in store.gates
        ],
        "cameras": [_camera(c) for c in store.cameras],
        "products": {
            p.gtin: {
                "name": p.name,
                "brand": p.brand,
                "price_cents": p.price_cents,
                "base": p.picture.base,
                "accent": p.picture.accent,
            }
            for p in store.products
        },
    }


def facings_by_id(store: Store) -> dict[str, Facing]:
    """All facings of the store under the names that events use."""
    return {
        facing_id(shelf.id, facing): facing
        for gondola in store.gondolas
        for shelf in gondola.shelves
        for facing in shelf.facings
    }


def _gondola(gondola: Gondola) -> dict[str, Any]:
    return {
        "id": gondola.id,
        "outline": _rectangle(gondola, 0.0, gondola.width_m, 0.0, gondola.depth_m),
        "facings": [
            _facing(gondola, row, shelf, facing)
            for row, shelf in enumerate(gondola.shelves)
            for facing in shelf.facings
        ],
    }


def _facing(gondola: Gondola, row: int, shelf: Shelf, facing: Facing) -> dict[str, Any]:
    """A facing as a cell of the gondola seen from above: the lowest shelf lies at the front."""
    deep = gondola.depth_m / len(gondola.shelves)
    left = (min(facing.plates) - 1) * shelf.plate_width_m
    right = max(facing.plates) * shelf.plate_width_m
    return {
        "id": facing_id(shelf.id, facing),
        "shelf": shelf.id,
        "plates": facing.plates,
        "gtin": facing.gtin,
        "capacity": facing.capacity,
        "outline": _rectangle(gondola, left, right, row * deep, (row + 1) * deep),
    }


def _rectangle(
    gondola: Gondola, left: float, right: float, front: float, back: float
) -> list[list[float]]:
    """Corners front-left, front-right, back-right, back-left on the floor."""
    corners = ((left, front), (right, front), (right, back), (left, back))
    return [[round(v, 3) for v in gondola.to_floor(*corner)] for corner in corners]


def _camera(camera: Camera) -> dict[str, Any]:
    return {
        "id": camera.id,
        "position": camera.position_m[:2],
        "look_at": camera.look_at_m[:2],
        "aspect": round(camera.width_px / camera.height_px, 4),
    }
