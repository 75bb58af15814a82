"""The engine in a big store at its fullest: how much of one core it needs to keep up.

Everybody is seen ten times a second with both hands, reaches for something every ten seconds or
so, and half of them stand shoulder to shoulder with another. The observations are made up as they
are needed; only the engine's own time counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
import numpy as np

from cart.events import Picked
from fusion.engine import Engine
from sensors.observations import HandPoint, Observation, TrackPoint
from sensors.store import Gondola, Store
from service.bench_fusion import NS, enters, step

PICK_EVERY_S = 10.0
APART_M = 30.0  # from one copy of the racks to the next
_TENTH_NS = NS // 10


class BigStore(msgspec.Struct, frozen=True, kw_only=True):
    """`load` is the share of one core that the engine needs to keep up with the store."""

    shoppers: int
    shelves: int
    seconds: float
    observations: int
    picks: int
    engine_cpu_s: float
    load: float


def bench_big_store(
    store: Store, shoppers: int, shelves: int, seconds: float, seed: int
) -> BigStore:
    """Time the engine through so many seconds of a store that is `store` many times over."""
    big = repeated(store, shelves)
    engine = Engine(big)
    picks = heard = 0
    cpu_s = 0.0
    for tick, observations in enumerate(crowd(big, shoppers, seconds, seed)):
        began_s = time.process_time()
        events = [event for one in observations for event in engine.step(one)]
        if tick > 0:  # the first is everybody's coming in
            cpu_s += time.process_time() - began_s
            heard += len(observations)
        picks += sum(isinstance(event, Picked) for event in events)
    return BigStore(
        shoppers=shoppers,
        shelves=sum(len(gondola.shelves) for gondola in big.gondolas),
        seconds=seconds,
        observations=heard,
        picks=picks,
        engine_cpu_s=round(cpu_s, 2),
        load=round(cpu_s / seconds, 3),
    )


def repeated(store: Store, shelves: int) -> Store:
    """The store with its racks again and again, side by side, until it has so many shelves."""
    gondolas: list[Gondola] = []
    copy = count = 0
    while count < shelves:
        for gondola in store.gondolas:
            again = [s.model_copy(update={"id": f"c{copy}{s.id}"}) for s in gondola.shelves]
            found = again[: shelves - count]
            if found:
                place = {"id": f"c{copy}{gondola.id}", "x_m": gondola.x_m + copy * APART_M}
                gondolas.append(gondola.model_copy(update={**place, "shelves": found}))
            count += len(found)
        copy += 1
    floor = store.floor.model_copy(update={"x_max_m": store.floor.x_max_m + copy * APART_M})
    return store.model_copy(update={"gondolas": gondolas, "floor": floor})


def crowd(store: Store, shoppers: int, seconds: float, seed: int) -> Iterator[list[Observation]]:
    """What is heard in each tenth of a second; at first, everybody comes in."""
    rng = np.random.default_rng([seed, shoppers])
    spots = [
        (gondola, shelf, facing)
        for gondola in store.gondolas
        for shelf in gondola.shelves
        for facing in shelf.facings
    ]
    weights = {product.gtin: product.weight_g for product in store.products}
    now_ns = NS
    first: list[Observation] = []
    for n in range(shoppers):
        first += enters(store, n, now_ns)
        now_ns += NS
    yield first
    at = [spots[int(rng.integers(len(spots)))] for _ in range(shoppers)]
    for n in range(1, shoppers, 4):  # every second one has a neighbour
        at[n] = at[n - 1]
    due_s = rng.uniform(0.5, PICK_EVERY_S, shoppers)
    for tenth in range(round(10 * seconds)):
        at_ns = now_ns + tenth * _TENTH_NS
        found: list[Observation] = []
        for n, (gondola, shelf, facing) in enumerate(at):
            along = (sum(facing.plates) / len(facing.plates) - 0.5) * shelf.plate_width_m
            x_m, y_m = gondola.to_floor(along + 0.35 * (n % 2), -0.4)
            found.append(
                TrackPoint(
                    at_ns=at_ns, tracklet=f"t{n}", x_m=x_m, y_m=y_m, covariance=(0.01, 0.0, 0.01)
                )
            )
            for side in ("left", "right"):
                off = rng.normal(0, 0.1, 3)
                hand_x_m, hand_y_m = gondola.to_floor(along + 0.2 * (n % 2) + off[0], 0.1 + off[1])
                found.append(
                    HandPoint(
                        at_ns=at_ns,
                        tracklet=f"t{n}",
                        side="left" if side == "left" else "right",
                        x_m=hand_x_m,
                        y_m=hand_y_m,
                        z_m=shelf.z_m + 0.1 + off[2],
                        sigma_m=0.1,
                        views=2,
                    )
                )
            if tenth / 10 >= due_s[n]:
                due_s[n] += rng.uniform(0.5, 1.5) * PICK_EVERY_S
                grams = -weights[facing.gtin] * float(rng.normal(1, 0.003))
                found.append(step(shelf, facing, grams, at_ns - 7 * _TENTH_NS))
                other = gondola.shelves[int(rng.integers(len(gondola.shelves)))]
                if other.facings:
                    chosen = other.facings[int(rng.integers(len(other.facings)))]
                    at[n] = (gondola, other, chosen)
        yield found
