"""Generates whole stores, as installers believe them to be, and worlds that deviate from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sensors.store import Antenna, Store, StoreFileError
from simulator.catalogue import TAX_PERCENT, Confusables, blocks
from simulator.generate_cameras import Layout, place_cameras
from simulator.generate_floor import FloorLayout, lay_out
from simulator.generate_planogram import stock
from simulator.world import World, stream

LEAST_MOST = 100  # g or ml; every category sells something smaller
DEVIATIONS = (
    "camera_angle_sigma_deg",
    "camera_position_sigma_m",
    "plate_gain_sigma",
    "product_weight_sigma",
    "wrong_facings",
    "stock_off_by_one",
    "clock_skew_ms",
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a generated store is to be like.

    `density` is the share of plates in use, `tagged` that of articles with RFID tags (antennas
    come with them); `camera_count` 0 takes what the floor needs; `deviation` scales how far the
    world lies from the belief.
    """

    id: str
    seed: int = 0
    name: str = ""
    size_m: tuple[float, float] = (8.0, 6.0)
    gondolas: int = 6
    gates: int = 2
    density: float = 0.8
    tagged: float = 0.0
    confusables: Confusables = field(default_factory=Confusables)
    net_most: int = 2000
    cameras: Layout = "auto"
    camera_count: int = 0
    deviation: float = 1.0


def generate_store(wish: Wish) -> Store:
    """A store; the same wish gives the same one. Raises StoreFileError where it cannot be."""
    if not 0 < wish.density <= 1:
        raise StoreFileError(f"--density {wish.density}: expected above 0 and up to 1")
    if wish.net_most < LEAST_MOST:
        raise StoreFileError(f"--most {wish.net_most}: expected at least {LEAST_MOST}")
    if not 0 <= wish.tagged <= 1:
        raise StoreFileError(f"--tagged {wish.tagged}: expected a share from 0 to 1")
    key = ("generate", wish.seed)
    layout = lay_out(stream(*key, "floor"), *wish.size_m, wish.gondolas, wish.gates)
    articles = blocks(stream(*key, "catalogue"), wish.confusables, wish.net_most)
    gondolas, products = stock(stream(*key, "planogram"), layout.gondolas, articles, wish.density)
    tags = stream(*key, "tags")
    products = [
        p.model_copy(update={"tagged": bool(tags.random() < wish.tagged)}) for p in products
    ]
    store = Store(
        id=wish.id,
        name=wish.name or wish.id.capitalize(),
        tax_percent=TAX_PERCENT,
        floor=layout.floor,
        gondolas=gondolas,
        gates=list(layout.gates),
        antennas=_antennas(layout) if wish.tagged > 0 else [],
        products=sorted(products, key=lambda product: product.gtin),
    )
    wide, long = wish.size_m
    count = wish.camera_count or max(4, round(wide * long / 15))
    cameras = place_cameras(store, layout, wish.cameras, count)
    return store.model_copy(update={"cameras": cameras})


def _antennas(layout: FloorLayout) -> list[Antenna]:
    """One for each rack, and one at each gate that people leave by."""
    racks = [
        Antenna(id=f"rfid-{g.id}", kind="shelf", covers=[s.id for s in g.shelves])
        for g in layout.gondolas
    ]
    ways_out = [gate for gate in layout.gates if gate.kind != "entry"]
    return racks + [Antenna(id=f"rfid-{g.id}", kind="gate", gate=g.id) for g in ways_out]


def generate_world(wish: Wish) -> World:
    """The world of a generated store: every usual deviation, times `wish.deviation`."""
    if not wish.deviation >= 0:
        raise StoreFileError(f"--deviation {wish.deviation}: expected 0 or more")
    usual = World(id=wish.id)
    scaled: dict[str, Any] = {
        key: round(getattr(usual, key) * wish.deviation, 6) for key in DEVIATIONS
    }
    for share in ("wrong_facings", "stock_off_by_one"):
        scaled[share] = min(1.0, scaled[share])
    missing = min(1.0, round(usual.rfid.missing_share * wish.deviation, 6))
    scaled["rfid"] = {"missing_share": missing}
    return World.model_validate({"id": wish.id, "seed": wish.seed, **scaled})
