"""Random stores and crowds for training: no two alike, and none of them a store of `datasets/`.

Bodies, clothes, colours and marks are of training's half (`simulator.halves`), so that nothing
that is scored was ever trained on.
"""

from __future__ import annotations

import colorsys
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sensors.store import (
    Camera,
    Facing,
    Floor,
    Gate,
    Gondola,
    Picture,
    Product,
    Shelf,
    Store,
    StoreFileError,
)
from simulator.generate import Wish, generate_store
from simulator.generate_cameras import Layout
from simulator.halves import Half, settle_colour
from simulator.people import Figure, Stance

MOTIFS = ("band", "disc", "stripes", "split", "checks")
FORMS = ("box", "can", "bottle", "bag")
KINDS = ("Bread", "Juice", "Sauce", "Snack", "Soap", "Tea")
CAMERAS = 3
LAYOUTS: tuple[Layout, ...] = ("auto", "auto", "rows", "corners")
BODY_M = 0.28  # a person keeps at least this far from a gondola's edge


def any_store(rng: np.random.Generator, name: str) -> Store:
    """By halves a `random_store` and one of the generator's (`simulator.generate`), whose cameras
    hang under the ceiling too and whose shelves hold articles of a catalogue."""
    if rng.random() < 0.5:
        return random_store(rng, name)
    wish = Wish(
        id=name,
        seed=int(rng.integers(10**9, 2 * 10**9)),  # beyond what anybody asks for by hand
        size_m=(round(float(rng.uniform(5.0, 10.0)), 1), round(float(rng.uniform(4.0, 8.5)), 1)),
        gondolas=int(rng.integers(2, 7)),
        gates=1,
        density=float(rng.uniform(0.4, 1.0)),
        cameras=LAYOUTS[int(rng.integers(len(LAYOUTS)))],
    )
    try:
        return generate_store(wish)
    except StoreFileError:  # a wish that does not fit its floor
        return random_store(rng, name)


def random_store(rng: np.random.Generator, name: str) -> Store:
    """A furnished store with cameras in its corners and stocked shelves."""
    wide, long = float(rng.uniform(4.0, 9.5)), float(rng.uniform(3.8, 8.0))
    products = [_product(rng, i) for i in range(int(rng.integers(12, 26)))]
    gondolas = _gondolas(rng, wide, long, [p.gtin for p in products])
    corners = [(0.0, 0.0), (wide, 0.0), (wide, long), (0.0, long)]
    picked = rng.permutation(4)[:CAMERAS]
    cameras = [_camera(rng, f"cam{i}", corners[c], wide, long) for i, c in enumerate(picked)]
    gate = Gate(id="gate", kind="both", a_m=(0.4, 0.0), b_m=(1.4, 0.0))
    return Store(
        id=name,
        name=name,
        floor=Floor(x_min_m=0.0, y_min_m=0.0, x_max_m=wide, y_max_m=long),
        gondolas=gondolas,
        cameras=cameras,
        gates=[gate],
        products=products,
    )


def random_crowd(
    rng: np.random.Generator, store: Store, most: int = 6, half: Half = "training"
) -> list[tuple[Figure, Stance]]:
    """Up to `most` people who walk, stand, reach, carry, or keep close to one another."""
    count = int(rng.choice(most + 1, p=_shares(most)))
    people: list[tuple[Figure, Stance]] = []
    for _ in range(count):
        figure = _figure(rng, [f for f, _ in people], half)
        near = people[int(rng.integers(len(people)))][1] if people and rng.random() < 0.4 else None
        stance = _reaching(rng, store, near) if rng.random() < 0.5 else _roaming(rng, store, near)
        if stance is not None and all(_apart(stance, other) for _, other in people):
            people.append((figure, stance))
    return people


def _figure(rng: np.random.Generator, others: list[Figure], half: Half) -> Figure:
    """Mostly adults; some children, some in coats or with bags, some dressed like another one."""
    child, coat, bag, backpack, alike = rng.random(5) < (0.15, 0.2, 0.2, 0.05, 0.1)
    return Figure.looking(
        rng,
        child=bool(child),
        clothes_of=others[int(rng.integers(len(others)))] if others and alike else None,
        backpack=bool(backpack),
        bag=bool(bag),
        coat=bool(coat),
        half=half,
    )


def _shares(most: int) -> NDArray[np.float64]:
    weights = np.array([0.4, 1.6, 2.0, *([2.5] * (most - 2))])
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def _apart(a: Stance, b: Stance) -> bool:
    return math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) > 0.38


def _reaching(rng: np.random.Generator, store: Store, near: Stance | None) -> Stance | None:
    """Someone before a gondola with one or both hands at a shelf."""
    for _ in range(12):
        gondola = store.gondolas[int(rng.integers(len(store.gondolas)))]
        shelf = gondola.shelves[int(rng.integers(len(gondola.shelves)))]
        along = float(rng.uniform(0.08, gondola.width_m - 0.08))
        x, y = gondola.to_floor(along + float(rng.normal(0, 0.2)), -float(rng.uniform(0.22, 0.55)))
        if not _free(store, x, y) or (
            near is not None and math.hypot(near.x_m - x, near.y_m - y) > 1.1
        ):
            near = near if rng.random() < 0.7 else None
            continue
        hands: list[tuple[float, float, float] | None] = [None, None]
        for i in (0, 1):
            side = (0.12 if i else -0.12) + float(rng.normal(0, 0.06))
            into = float(rng.uniform(-0.18, 0.25))
            to = gondola.to_floor(along + side, into)
            hands[i] = (*to, shelf.z_m + float(rng.uniform(0.02, 0.25)))
        used = rng.random()
        if used < 0.42:
            hands[0] = None
        elif used < 0.84:
            hands[1] = None
        heading = math.radians(gondola.yaw_deg) + math.pi / 2 + float(rng.normal(0, 0.35))
        left, right = _held(rng, store, 0.3), _held(rng, store, 0.3)
        return Stance(x, y, heading, 0.0, 0.0, hands[0], hands[1], left, right)
    return None


def _roaming(rng: np.random.Generator, store: Store, near: Stance | None) -> Stance | None:
    """Someone who walks or stands anywhere, perhaps carrying, holding a phone or pointing."""
    f = store.floor
    for _ in range(30):
        if near is not None:
            angle, away = rng.uniform(0, 2 * math.pi), rng.uniform(0.4, 0.9)
            x, y = near.x_m + away * math.cos(angle), near.y_m + away * math.sin(angle)
        else:
            x, y = rng.uniform(f.x_min_m, f.x_max_m), rng.uniform(f.y_min_m, f.y_max_m)
        if not _free(store, float(x), float(y)):
            continue
        speed = float(rng.uniform(0.4, 1.5)) if rng.random() < 0.55 else 0.0
        heading = float(rng.uniform(0, 2 * math.pi))
        hands: list[tuple[float, float, float] | None] = [None, None]
        for i in (0, 1):
            if rng.random() < 0.2:
                turn = heading + (0.4 if i == 0 else -0.4) + float(rng.normal(0, 0.4))
                out = float(rng.uniform(0.15, 0.6))
                height = float(rng.uniform(0.7, 1.75))
                hands[i] = (
                    float(x) + out * math.cos(turn),
                    float(y) + out * math.sin(turn),
                    height,
                )
        left, right = _held(rng, store, 0.22), _held(rng, store, 0.3)
        stride = float(rng.uniform(0, 2 * math.pi))
        phone: Literal["left", "right"] | None = None
        if rng.random() < 0.2:
            phone = "right" if rng.random() < 0.7 else "left"
        return Stance(
            float(x), float(y), heading, stride, speed, hands[0], hands[1], left, right, phone
        )
    return None


def _held(rng: np.random.Generator, store: Store, share: float) -> str | None:
    if rng.random() >= share:
        return None
    return store.products[int(rng.integers(len(store.products)))].gtin


def _free(store: Store, x: float, y: float) -> bool:
    f = store.floor
    if not (f.x_min_m + 0.2 < x < f.x_max_m - 0.2 and f.y_min_m + 0.2 < y < f.y_max_m - 0.2):
        return False
    for gondola in store.gondolas:
        along, into = gondola.to_local(x, y)
        if -BODY_M < along < gondola.width_m + BODY_M and -0.2 < into < gondola.depth_m + BODY_M:
            return False
    return True


def _camera(
    rng: np.random.Generator, id: str, corner: tuple[float, float], wide: float, long: float
) -> Camera:
    inset = rng.uniform(0.08, 0.5, 2)
    x = corner[0] + (inset[0] if corner[0] == 0.0 else -inset[0])
    y = corner[1] + (inset[1] if corner[1] == 0.0 else -inset[1])
    focal = float(rng.uniform(320.0, 520.0))
    bent = float(rng.uniform(-0.3, 0.03)) if rng.random() < 0.6 else 0.0
    reach = rng.uniform(0.3, 0.65, 2)
    target = (
        float(corner[0] + (wide - 2 * corner[0]) * reach[0]),
        float(corner[1] + (long - 2 * corner[1]) * reach[1]),
        float(rng.uniform(0.4, 1.2)),
    )
    return Camera(
        id=id,
        width_px=640,
        height_px=480,
        fx=focal,
        fy=focal,
        cx=319.5,
        cy=239.5,
        k1=bent,
        k2=max(0.0, -0.3 * bent),
        position_m=(float(x), float(y), float(rng.uniform(2.3, 3.05))),
        look_at_m=target,
    )


def _gondolas(
    rng: np.random.Generator, wide: float, long: float, gtins: list[str]
) -> list[Gondola]:
    gondolas: list[Gondola] = []
    for k in range(int(rng.integers(2, 7))):
        plates = int(rng.choice([8, 10, 12, 16]))
        width, depth = plates * 0.1, float(rng.uniform(0.38, 0.55))
        yaw = float(rng.choice([0.0, 90.0, 180.0, -90.0]))
        if rng.random() < 0.6:  # its back at a wall
            along = float(
                rng.uniform(0.4, max(0.5, (wide if yaw in (0.0, 180.0) else long) - width))
            )
            x, y = {
                0.0: (along, long - depth),
                180.0: (wide - along, depth),
                90.0: (depth, along),
                -90.0: (wide - depth, long - along),
            }[yaw]
        else:
            x, y = float(rng.uniform(0.8, wide - 0.8)), float(rng.uniform(1.0, long - 0.8))
            yaw += float(rng.normal(0, 4))
        low, count = float(rng.uniform(0.15, 0.5)), int(rng.integers(2, 5))
        pitch = float(rng.uniform(0.28, 0.45))
        shelves = [
            _shelf(rng, f"g{k}s{i}", low + i * pitch, depth - 0.05, plates, gtins)
            for i in range(count)
        ]
        gondolas.append(
            Gondola(
                id=f"g{k}",
                x_m=x,
                y_m=y,
                yaw_deg=yaw,
                width_m=width,
                depth_m=depth,
                height_m=low + count * pitch + float(rng.uniform(-0.1, 0.15)),
                shelves=shelves,
            )
        )
    return gondolas


def _shelf(
    rng: np.random.Generator, id: str, z_m: float, depth_m: float, plates: int, gtins: list[str]
) -> Shelf:
    facings, first = [], 1
    while first <= plates:
        last = min(plates, first + int(rng.integers(1, 4)))
        gtin = gtins[int(rng.integers(len(gtins)))]
        units = int(rng.integers(0, 16))
        facings.append(Facing(gtin=gtin, plates=list(range(first, last + 1)), units=units))
        first = last + 1
    return Shelf(id=id, z_m=z_m, depth_m=depth_m, plate_count=plates, facings=facings)


def _product(rng: np.random.Generator, index: int) -> Product:
    hue, saturation, value = rng.random(), rng.uniform(0.1, 0.95), rng.uniform(0.15, 0.95)
    red, green, blue = (int(255 * c) for c in colorsys.hsv_to_rgb(hue, saturation, value))
    base = "#" + "".join(f"{c:02x}" for c in settle_colour((red, green, blue), "training"))
    size = (
        float(rng.uniform(0.04, 0.17)),
        float(rng.uniform(0.03, 0.1)),
        float(rng.uniform(0.05, 0.3)),
    )
    picture = Picture(
        base=base,
        accent=str(rng.choice(["#ffffff", "#22303a", "#f4d03f", "#c0392b"])),
        motif=MOTIFS[int(rng.integers(len(MOTIFS)))],
        form=FORMS[int(rng.integers(len(FORMS)))],
    )
    brand = int(rng.integers(6))
    return Product(
        gtin=f"{int(rng.integers(10**9)) * 100 + index}",
        name=f"{KINDS[int(rng.integers(len(KINDS)))]} {index}",
        brand=f"Trade {brand}-{rng.integers(10**6) if brand < 2 else 0}",
        price_cents=100,
        weight_g=float(rng.uniform(30, 1200)),
        size_m=size,
        picture=picture,
    )
