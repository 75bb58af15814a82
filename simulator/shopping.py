"""Shopping plans: a scene's scripts with everything drawn, as tasks that shoppers can carry out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from sensors.store import Store
from simulator.baskets import draw_basket, draw_company
from simulator.scene import Scene
from simulator.scene_checks import find_product
from simulator.scene_script import LAST, STAFF_PREFIX, Action, Looks, Shopper
from simulator.tasks import (
    Beside,
    Drop,
    Dwell,
    Eat,
    Give,
    Hold,
    Lean,
    Leave,
    Meet,
    Phone,
    Pick,
    PickTogether,
    PutBack,
    Restock,
    SetDown,
    Slide,
    Sweep,
    Task,
    Touch,
    TurnAway,
    Walk,
)
from simulator.world import TrueStore, stream

Code = Literal["own", "none", "staff", "forged", "forged then own"]


@dataclass(frozen=True, slots=True)
class Plan:
    """One shopper's whole visit. `leader` is the name of whom they are with.

    With a forged code and no tasks they are turned away.
    """

    name: str
    enters_s: float
    tasks: tuple[Task, ...]
    code: Code = "own"
    leader: str | None = None
    looks: Looks = field(default_factory=Looks)

    @property
    def shopper(self) -> str:
        """Who they are to the store."""
        return f"{STAFF_PREFIX}{self.name}" if self.code == "staff" else self.name

    @property
    def outside_s(self) -> float:
        """How long they are away between their visits."""
        return sum(task.for_s for task in self.tasks if isinstance(task, Leave))


def draw_plans(store: Store, true: TrueStore, scene: Scene, seed: int) -> list[Plan]:
    """Every shopper's plan, ordered by time; the same seed draws the same plans."""
    world = true.world.seed
    plans = [
        _scripted(store, true, shopper, stream(world, seed, "script", shopper.name))
        for shopper in scene.shoppers
    ]
    entries = {plan.name: plan.enters_s for plan in plans}
    plans = [
        plan
        if plan.leader is None
        else Plan(plan.name, entries[plan.leader], plan.tasks, plan.code, plan.leader, plan.looks)
        for plan in plans
    ]
    if scene.random_shoppers is not None:
        drawn = scene.random_shoppers
        gaps = stream(world, seed, "arrivals").exponential(1.0, drawn.count)
        at_s = led_at_s = drawn.first_at_s
        for i, (name, leader, looks) in enumerate(draw_company(drawn, world, seed)):
            tasks = tuple(draw_basket(store, true, drawn, seed, name))
            if leader is None:
                led_at_s = at_s
            plans.append(Plan(name, led_at_s, tasks, leader=leader, looks=looks))
            at_s += drawn.every_s * (0.6 + 0.4 * min(float(gaps[i]), 3.0))
    return sorted(plans, key=lambda plan: (plan.enters_s, plan.leader is not None, plan.name))


def _scripted(store: Store, true: TrueStore, shopper: Shopper, rng: np.random.Generator) -> Plan:
    tasks: list[Task] = []
    last: str | None = None
    code: Code = shopper.code
    for action in shopper.script:
        if action.forged_code is not None:
            if action.forged_code and code == "own":
                code = "forged then own"
            continue
        task = _task(store, action, last, rng)
        last = _taken_last(task, true) or last
        tasks.append(task)
    if code == "forged then own" and not tasks:
        code = "forged"
    return Plan(
        shopper.name, shopper.enters_at_s or 0.0, tuple(tasks), code, shopper.with_, shopper.looks
    )


def _taken_last(task: Task, true: TrueStore) -> str | None:
    match task:
        case Pick() | Slide():
            return task.gtin
        case PickTogether():
            return task.gtins[-1]
        case Sweep():
            return true.gtin_at[task.facing]
    return None


def _task(store: Store, action: Action, last: str | None, rng: np.random.Generator) -> Task:
    def gtin(text: str) -> str | None:
        return last if text == LAST else find_product(store, text)

    (key,) = action.model_fields_set
    part = getattr(action, key)
    match key:
        case "pick":
            product = part.product[int(rng.integers(len(part.product)))]
            return Pick(
                find_product(store, product),
                part.units,
                part.facing,
                part.hover_s,
                part.slow_s,
                part.conceal,
            )
        case "pick_together":
            return PickTogether(tuple(find_product(store, text) for text in part))
        case "put_back":
            return PutBack(gtin(part.product) or "", part.units, part.to, part.left_share)
        case "touch":
            return Touch(part)
        case "walk":
            return Walk(*part)
        case "hold":
            return Hold(part)
        case "hold_over":
            return Hold(part.seconds, part.facing)
        case "give":
            return Give(gtin(part.product), part.to)
        case "meet":
            return Meet(part)
        case "beside":
            return Beside(part.shopper, part.seconds)
        case "lean":
            return Lean(part.facing, part.seconds, part.grams)
        case "set_down":
            return SetDown(part.facing, part.grams, part.seconds)
        case "sweep":
            return Sweep(part.facing, part.units)
        case "slide":
            return Slide(find_product(store, part.product), part.to, part.units)
        case "drop":
            return Drop(gtin(part))
        case "eat":
            return Eat(gtin(part))
        case "restock":
            new = None if part.product is None else find_product(store, part.product)
            return Restock(part.facing, part.units, new)
        case "leave":
            return Leave(part.for_s)
        case "turn_away":
            return TurnAway(part)
        case "phone":
            return Phone(part)
    return Dwell(part)
