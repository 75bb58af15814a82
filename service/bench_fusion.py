"""Measures how long the engine takes to decide an incident, by how many shoppers are within reach.

All stand before one gondola, shoulder to shoulder, their hands at its shelves, so that each of them
may have done each thing: the worst that fusion meets. Units are taken, and now and then put back,
sometimes where they do not belong. The same observations go to the plain rule (the nearest hand,
the likeliest weight, no doubts), the yardstick.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from fusion.engine import Engine
from sensors.observations import (
    CodeScanned,
    GateCrossing,
    HandPoint,
    Observation,
    TrackPoint,
    WeightStep,
)
from sensors.store import Facing, Gondola, Shelf, Store
from simulator.plain_rule import PlainRule

NS = 1_000_000_000
EVERY_NS = 3 * NS // 2  # between two incidents
SETTLES_NS = 7 * NS // 10
_PUT_BACK, _ASTRAY = 0.3, 0.3  # shares: of incidents, and of those
_HAND_SIGMA_M = 0.1
_WITHOUT = 5  # incidents that are not counted: caches fill


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds of processor time an incident, of the engine and of the plain rule; the most
    states that a beam kept, and the probability that it gave up in each incident, on average."""

    shoppers: int
    incidents: int
    p50_ms: float
    p99_ms: float
    plain_p50_ms: float
    times_plain: float
    most_states: int
    dropped: float


class FusionBench(msgspec.Struct, frozen=True, kw_only=True):
    """All figures, and how busy the machine was."""

    paces: list[Pace]
    cores: int
    load: tuple[float, float]


def bench_fusion(
    store: Store, shoppers: Sequence[int], incidents: int, seed: int, told: Callable[[str], None]
) -> FusionBench:
    """Time `incidents` for each number of shoppers; `told` hears what is being measured."""
    load = os.getloadavg()
    paces = []
    for count in shoppers:
        told(f"{count} within reach")
        paces.append(_pace(store, count, incidents, seed))
    return FusionBench(paces=paces, cores=os.cpu_count() or 1, load=load[:2])


def _pace(store: Store, shoppers: int, incidents: int, seed: int) -> Pace:
    engine, plain = Engine(store), PlainRule(store)
    ours: list[float] = []
    theirs: list[float] = []
    for observation in story(store, shoppers, incidents + _WITHOUT, seed):
        began = time.process_time()
        engine.step(observation)
        between = time.process_time()
        plain(observation)
        if isinstance(observation, WeightStep):
            ours.append(1000 * (between - began))
            theirs.append(1000 * (time.process_time() - between))
    ours, theirs = ours[_WITHOUT:], theirs[_WITHOUT:]
    p50, plain_p50 = float(np.median(ours)), float(np.median(theirs))
    return Pace(
        shoppers=shoppers,
        incidents=len(ours),
        p50_ms=round(p50, 3),
        p99_ms=round(float(np.percentile(ours, 99)), 3),
        plain_p50_ms=round(plain_p50, 3),
        times_plain=round(p50 / max(plain_p50, 1e-9), 1),
        most_states=engine.belief.most_states,
        dropped=round(engine.belief.dropped / (incidents + _WITHOUT), 4),
    )


def story(store: Store, shoppers: int, incidents: int, seed: int) -> Iterator[Observation]:
    """What the engine hears of a crowd before one gondola, in the order of time."""
    rng = np.random.default_rng([seed, shoppers])
    gondola = max(store.gondolas, key=lambda g: sum(len(s.facings) for s in g.shelves))
    spots = [(shelf, facing) for shelf in gondola.shelves for facing in shelf.facings]
    weights = {product.gtin: product.weight_g for product in store.products}
    at_ns = NS
    for n in range(shoppers):
        yield from enters(store, n, at_ns)
        at_ns += NS
    held: Counter[str] = Counter()
    for _ in range(incidents):
        at_ns += EVERY_NS
        shelf, facing = spots[int(rng.integers(len(spots)))]
        back = [gtin for gtin, units in held.items() if units > 0]
        gtin, sign = facing.gtin, -1
        if back and rng.random() < _PUT_BACK:
            gtin, sign = back[int(rng.integers(len(back)))], 1
            if rng.random() >= _ASTRAY:
                shelf, facing = next((s, f) for s, f in spots if f.gtin == gtin)
        held[gtin] -= sign
        yield from _stand(gondola, shelf, facing, shoppers, at_ns, rng)
        yield step(shelf, facing, sign * weights[gtin] * float(rng.normal(1, 0.003)), at_ns)


def enters(store: Store, number: int, at_ns: int) -> Iterator[Observation]:
    """Somebody comes in on a good code."""
    gate = next(gate for gate in store.gates if gate.kind != "exit")
    x_m, y_m = gate.centre_m
    yield _point(f"t{number}", x_m, y_m, at_ns - NS // 10)
    yield CodeScanned(at_ns=at_ns - 5, gate=gate.id, shopper=f"shopper-{number}")
    yield GateCrossing(at_ns=at_ns, gate=gate.id, direction="in")


def _stand(
    gondola: Gondola,
    shelf: Shelf,
    facing: Facing,
    shoppers: int,
    at_ns: int,
    rng: np.random.Generator,
) -> Iterator[Observation]:
    """Everybody before the facing, with both hands near it, around the moment `at_ns`."""
    along = (sum(facing.plates) / len(facing.plates) - 0.5) * shelf.plate_width_m
    for tenth in range(-4, 5):
        now_ns = at_ns + tenth * NS // 10
        for n in range(shoppers):
            aside = 0.35 * (n - (shoppers - 1) / 2)
            yield _point(f"t{n}", *gondola.to_floor(along + aside, -0.4), now_ns)
            for side in ("left", "right"):
                off = rng.normal(0, _HAND_SIGMA_M, 3)
                x_m, y_m = gondola.to_floor(along + 0.5 * aside + off[0], 0.1 + off[1])
                yield HandPoint(
                    at_ns=now_ns,
                    tracklet=f"t{n}",
                    side="left" if side == "left" else "right",
                    x_m=x_m,
                    y_m=y_m,
                    z_m=shelf.z_m + 0.1 + off[2],
                    sigma_m=_HAND_SIGMA_M,
                    views=2,
                )


def _point(tracklet: str, x_m: float, y_m: float, at_ns: int) -> TrackPoint:
    return TrackPoint(
        at_ns=at_ns, tracklet=tracklet, x_m=x_m, y_m=y_m, covariance=(0.01, 0.0, 0.01)
    )


def step(shelf: Shelf, facing: Facing, delta_g: float, at_ns: int) -> WeightStep:
    """A weight that began to move at `at_ns`, on the middle plate of a facing."""
    plates = tuple(facing.plates)
    middle = len(plates) // 2
    return WeightStep(
        at_ns=at_ns + SETTLES_NS,
        began_ns=at_ns,
        shelf=shelf.id,
        plates=plates,
        delta_g=tuple(delta_g if n == middle else 0.0 for n in range(len(plates))),
        sigma_g=(0.8,) * len(plates),
    )
