"""How fast the engine is through a whole day, and whether what it remembers stays of one size.

Playing a day costs far more than deciding it, so some minutes of a generated scene are played,
several times with other shoppers, and follow each other in turn until the day is full: at other
times, with new names and tracklets. In between shelves are counted and reviews answered.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path

import msgspec
import psutil

from cart.events import Event, Exited, ReviewRequested
from fusion.engine import Engine
from sensors.observations import ExitReads, Observation, ReviewDecided, StockCounted
from sensors.store import Store, facing_id
from service.heard import Heard, hear
from service.simulate import DATASETS, stage
from simulator.scene import RandomShoppers

NS = 1_000_000_000
STRETCHES = 3
STRETCH_SHOPPERS, EVERY_S = 12, 40.0  # as many come in eight minutes
STORE_SCENE = DATASETS / "scenes" / "demo.yaml"  # of whose store and world the day is
BETWEEN_NS = 20 * NS
_NAMED = ("tracklet", "earlier", "later", "shopper")


class Hour(msgspec.Struct, frozen=True, kw_only=True):
    """After so many hours: visits until then, bytes of the engine's state when it is written down,
    and of the whole process's memory."""

    hour: int
    visits: int
    state_bytes: int
    process_bytes: int


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """`times_real_time` is store time over processor time of the engine alone."""

    store: str
    hours: float
    visits: int
    engine_cpu_s: float
    times_real_time: float
    memory: list[Hour]


def bench_day(
    hours: float, seed: int, told: Callable[[str], None], scene: Path = STORE_SCENE
) -> Day:
    """Play stretches of a day and time the engine through all its hours."""
    staged = stage(scene)
    crowd = RandomShoppers(count=STRETCH_SHOPPERS, every_s=EVERY_S)
    drawn = staged.scene.model_copy(update={"shoppers": [], "random_shoppers": crowd})
    heard = []
    for n in range(STRETCHES):
        told(f"stretch {n + 1} of {STRETCHES} of a day")
        heard.append(hear(replace(staged, scene=drawn), seed + n))
    told(f"a day of {hours:g} hours")
    return through_the_day(heard, hours)


def through_the_day(heard: list[Heard], hours: float) -> Day:
    """Feed the stretches in turn to one engine until the hours are over."""
    store = heard[0].store
    engine, process = Engine(store), psutil.Process()
    now_ns = start_ns = heard[0].observations[0].at_ns
    visits, cpu_s, memory = 0, 0.0, list[Hour]()
    turn = 0
    while now_ns - start_ns < hours * 3600 * NS:
        one = heard[turn % len(heard)].observations
        began_ns = min(observation.at_ns for observation in one)
        later = [
            *_counts(store, now_ns),
            *(moved(observation, now_ns - began_ns, f"d{turn}-") for observation in one),
        ]
        began_s = time.process_time()
        events = [event for observation in later for event in engine.step(observation)]
        now_ns = max(observation.at_ns for observation in later) + BETWEEN_NS
        for verdict in _verdicts(events, now_ns):
            engine.step(verdict)
        cpu_s += time.process_time() - began_s
        visits += sum(isinstance(event, Exited) for event in events)
        turn += 1
        hour = int((now_ns - start_ns) // (3600 * NS))
        if hour > (memory[-1].hour if memory else 0):
            memory.append(
                Hour(
                    hour=hour,
                    visits=visits,
                    state_bytes=len(pickle.dumps(engine)),
                    process_bytes=process.memory_info().rss,
                )
            )
    played_s = (now_ns - start_ns) / NS
    return Day(
        store=store.id,
        hours=round(played_s / 3600, 2),
        visits=visits,
        engine_cpu_s=round(cpu_s, 2),
        times_real_time=round(played_s / cpu_s, 1),
        memory=memory,
    )


def moved(observation: Observation, shift_ns: int, prefix: str) -> Observation:
    """An observation at another time, of shoppers and tracklets with other names."""
    changes: dict[str, object] = {}
    for one in fields(observation):
        value = getattr(observation, one.name)
        if one.name.endswith("_ns") and one.name != "time_sigma_ns":
            changes[one.name] = value + shift_ns
        elif one.name in _NAMED:
            changes[one.name] = prefix + value
    if isinstance(observation, ExitReads):
        changes["tracklets"] = tuple(
            (prefix + name, away_m) for name, away_m in observation.tracklets
        )
    return replace(observation, **changes)  # type: ignore[arg-type]


def _verdicts(events: list[Event], at_ns: int) -> Iterator[ReviewDecided]:
    """Every review is answered, as the engine thought likeliest."""
    for event in events:
        if isinstance(event, ReviewRequested):
            best = max(event.candidates, key=lambda one: one.probability)
            yield ReviewDecided(at_ns=at_ns, review=event.review, lines=best.lines, actor="labeler")


def _counts(store: Store, at_ns: int) -> Iterator[StockCounted]:
    """The shelves are filled and counted, as the store file says."""
    for gondola in store.gondolas:
        for shelf in gondola.shelves:
            for facing in shelf.facings:
                yield StockCounted(
                    at_ns=at_ns,
                    facing=facing_id(shelf.id, facing),
                    units=facing.units,
                    actor="staff",
                )
