"""Shopping lists: a scene's scripts with everything drawn, as tasks that a walker can carry out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensors.store import Store
from simulator.scene import LAST, Action, RandomShoppers, Scene, Shopper, find_product
from simulator.world import TrueStore, stream

SEVERAL = (2, 2, 2, 3)  # units of a line that has more than one


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Put a hand to a shelf. `facing` None: where the product truly stands (or came from)."""

    kind: Literal["pick", "put_back", "touch"]
    gtin: str | None = None
    units: int = 1
    facing: str | None = None


@dataclass(frozen=True, slots=True)
class Dwell:
    """Stand for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep what was picked last in the hand before its shelf for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Walk:
    """Go to a point of the floor, metres."""

    x_m: float
    y_m: float


Task = Reach | Dwell | Hold | Walk


@dataclass(frozen=True, slots=True)
class Plan:
    """One shopper's whole visit. With a forged code and no tasks they are turned away."""

    name: str
    enters_s: float
    tasks: tuple[Task, ...]
    forged_code: bool = False


def draw_plans(store: Store, true: TrueStore, scene: Scene, seed: int) -> list[Plan]:
    """Every shopper's plan, ordered by time; the same seed draws the same plans."""
    world = true.world.seed
    plans = [
        _scripted(store, shopper, stream(world, seed, "script", shopper.name))
        for shopper in scene.shoppers
    ]
    if scene.random_shoppers is not None:
        drawn = scene.random_shoppers
        gaps = stream(world, seed, "arrivals").exponential(1.0, drawn.count)
        at_s = drawn.first_at_s
        for i in range(drawn.count):
            name = f"{drawn.name}-{i + 1}"
            tasks = _basket(store, true, drawn, stream(world, seed, "basket", name))
            plans.append(Plan(name, at_s, tuple(tasks)))
            at_s += drawn.every_s * (0.6 + 0.4 * min(float(gaps[i]), 3.0))
    return sorted(plans, key=lambda plan: (plan.enters_s, plan.name))


def _scripted(store: Store, shopper: Shopper, rng: np.random.Generator) -> Plan:
    tasks: list[Task] = []
    last: str | None = None
    forged = False
    for action in shopper.script:
        if action.forged_code is not None:
            forged = forged or action.forged_code
            continue
        task = _task(store, action, last, rng)
        if isinstance(task, Reach) and task.kind == "pick":
            last = task.gtin
        tasks.append(task)
    return Plan(shopper.name, shopper.enters_at_s, tuple(tasks), forged)


def _task(store: Store, action: Action, last: str | None, rng: np.random.Generator) -> Task:
    if action.pick is not None:
        product = action.pick.product[int(rng.integers(len(action.pick.product)))]
        gtin = find_product(store, product)
        return Reach(kind="pick", gtin=gtin, units=action.pick.units, facing=action.pick.facing)
    if action.put_back is not None:
        back = action.put_back
        gtin_back = last if back.product == LAST else find_product(store, back.product)
        return Reach(kind="put_back", gtin=gtin_back, units=back.units, facing=back.to)
    if action.touch is not None:
        return Reach(kind="touch", facing=action.touch)
    if action.walk is not None:
        return Walk(*action.walk)
    if action.hold is not None:
        return Hold(action.hold)
    return Dwell(action.dwell or 0.0)


def _basket(
    store: Store, true: TrueStore, drawn: RandomShoppers, rng: np.random.Generator
) -> list[Task]:
    """A shopping list in the order of a round through the store, with the hesitations of people."""
    wanted = {find_product(store, product) for product in drawn.products}
    gondola_of = {
        f"{shelf.id}.{min(facing.plates)}": gondola.id
        for gondola in store.gondolas
        for shelf in gondola.shelves
        for facing in shelf.facings
    }
    facings = [
        name
        for name, gtin in true.gtin_at.items()
        if true.stock[name] >= 2
        and (not wanted or gtin in wanted)
        and (not drawn.gondolas or gondola_of[name] in drawn.gondolas)
    ]
    if not facings:
        return [Dwell(3.0)]
    count = min(len(facings), int(rng.integers(drawn.lines[0], drawn.lines[1] + 1)))
    rounds = list(dict.fromkeys(gondola_of.values()))
    if rng.random() < 0.5:
        rounds.reverse()
    chosen = sorted(
        (str(f) for f in rng.choice(facings, count, replace=False)),
        key=lambda f: (rounds.index(gondola_of[f]), f),
    )
    tasks: list[Task] = []
    for facing in chosen:
        gtin = true.gtin_at[facing]
        if rng.random() < drawn.touch_share:
            near = [f for f in gondola_of if gondola_of[f] == gondola_of[facing]]
            tasks.append(Reach(kind="touch", facing=str(rng.choice(near))))
        several = rng.random() < drawn.several_share
        units = min(int(rng.choice(SEVERAL)) if several else 1, true.stock[facing])
        tasks.append(Reach(kind="pick", gtin=gtin, units=units, facing=facing))
        if rng.random() < drawn.put_back_share:
            tasks += [Dwell(float(rng.uniform(0.5, 2.0))), Reach(kind="put_back", gtin=gtin)]
        elif rng.random() < 0.3:
            tasks.append(Dwell(float(rng.uniform(0.5, 2.5))))
    return tasks
