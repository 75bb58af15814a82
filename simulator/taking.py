"""How shoppers take goods off shelves: one by one, together, by the armful, or pushed aside first.

Each deed is a generator of which each `yield` lets STEP_S pass; grams on plates and the truth
change at the moment it happens.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

import numpy as np

from simulator.carrier import Carrier
from simulator.figure import Point3
from simulator.hands import Hand, together
from simulator.shelves import Place, Unit
from simulator.tasks import Pick, PickTogether, Slide, Sweep
from simulator.walker import STEP_S

_ONE_HAND_M = 0.1  # two units this wide can be taken in one grasp
_HOVER_M = 0.12
_SLIDE_M_S = 0.25


def pick(actor: Carrier, task: Pick) -> Iterator[None]:
    """Take units, one or two at a time."""
    left = task.units
    while left > 0 and (facing := actor.find(task.gtin, task.facing)) is not None:
        place = actor.stage.shelves.places[facing]
        yield from actor.approach(place)
        column = actor.stage.shelves.choose(facing, task.gtin)
        if column is None:
            continue
        target = actor.stage.shelves.point(facing, column)
        hand = yield from actor.free_hand(target)
        if task.hover_s > 0:
            above = (target[0], target[1], target[2] + _HOVER_M)
            yield from actor.reach(hand, place, above)
            yield from actor.wait(task.hover_s)
            yield from actor.hands.move(hand, target, above, 0.3)
        else:
            yield from actor.reach(hand, place, target)
        yield from actor.grasp(place, target, 1.0)
        if task.slow_s > 0:
            taken = yield from _lift_slowly(actor, hand, facing, column, task)
        else:
            both = 1
            if left >= 2 and place.column_width_m < _ONE_HAND_M and actor.rng.random() < 0.5:
                both = 2
            taken = actor.lift(facing, column, task.gtin, both, task.conceal)
        if taken:
            hand.holds = None if task.conceal else task.gtin
            left -= taken
        yield from actor.draw_back(hand, place, target)


def pick_together(actor: Carrier, task: PickTogether) -> Iterator[None]:
    """Take one of each at the same moment, each hand those on its side."""
    shelves = actor.stage.shelves
    wanted: list[tuple[str, str]] = []
    for gtin in task.gtins:
        facing = _nearest_to(actor, wanted[0][0], gtin) if wanted else actor.find(gtin)
        if facing is not None:
            wanted.append((facing, gtin))
    if not wanted:
        return
    places = sorted((shelves.places[facing] for facing, _ in wanted), key=lambda p: p.middle_m)
    yield from actor.approach(places[(len(places) - 1) // 2])
    while actor.hands.left.holds is not None or actor.hands.right.holds is not None:
        yield
    goods = []
    for facing, gtin in wanted:
        column = shelves.choose(facing, gtin)
        if column is not None:
            goods.append((shelves.places[facing].column_m(column), facing, column, gtin))
    goods.sort()
    half = (len(goods) + 1) // 2 if len(goods) > 1 else 0
    grasps = []
    for hand, part in ((actor.hands.left, goods[:half]), (actor.hands.right, goods[half:])):
        if part:
            points = [shelves.point(facing, column) for _, facing, column, _ in part]
            grasps.append((hand, shelves.places[part[0][1]], _middle(points), part))
    if not grasps:
        return
    yield from together(*(actor.reach(hand, place, aim) for hand, place, aim, _ in grasps))
    yield from actor.grasp(grasps[0][1], grasps[0][2], 1.0)
    for hand, _, _, part in grasps:
        for _, facing, column, gtin in part:
            if actor.lift(facing, column, gtin, 1):
                hand.holds = gtin
    yield from together(*(actor.draw_back(hand, place, aim) for hand, place, aim, _ in grasps))


def sweep(actor: Carrier, task: Sweep) -> Iterator[None]:
    """Take many units in one reach, from one end of the facing to the other."""
    shelves = actor.stage.shelves
    place = shelves.places[task.facing]
    yield from actor.approach(place)
    column = shelves.choose(task.facing, None)
    if column is None:
        return
    target = shelves.point(task.facing, column)
    hand = yield from actor.free_hand(target)
    yield from actor.reach(hand, place, target)
    yield from actor.grasp(place, target, 1.0)
    last = shelves.point(task.facing, len(place.columns) - 1 if column == 0 else 0)
    raking = actor.hands.move(hand, last, _middle([target, last]), 0.15 + 0.04 * task.units)
    steps = max(1, round((0.15 + 0.04 * task.units) / STEP_S))
    before = len(actor.cart)
    for k, _ in enumerate(raking):
        due = math.ceil(task.units * (k + 1) / steps) - (len(actor.cart) - before)
        actor.lift(task.facing, column, None, max(0, due), noted=False)
        yield
    actor.lift(task.facing, column, None, task.units - (len(actor.cart) - before), noted=False)
    swept = [unit.gtin for unit in actor.cart[before:]]
    for gtin in dict.fromkeys(swept):  # one reach is one move of each product
        actor.note("pick", gtin, swept.count(gtin), facing=task.facing)
    hand.holds = swept[-1] if swept else None
    yield from actor.draw_back(hand, place, last)


def slide(actor: Carrier, task: Slide) -> Iterator[None]:
    """Push units along the shelf on to another facing's plates, and lift them there.

    What stands on another shelf cannot be pushed there: it is picked where it stands.
    """
    shelves = actor.stage.shelves
    goal = shelves.places[task.to]
    for _ in range(task.units):
        facing = _nearest_to(actor, task.to, task.gtin)
        if facing is None:
            return
        place = shelves.places[facing]
        if place.shelf is not goal.shelf or facing == task.to:
            yield from pick(actor, Pick(task.gtin, 1, facing))
            continue
        yield from actor.approach(place)
        column = shelves.choose(facing, task.gtin)
        if column is None:
            continue
        target = shelves.point(facing, column)
        hand = yield from actor.free_hand(target)
        yield from actor.reach(hand, place, target)
        yield from actor.grasp(place, target, 1.0)
        if not shelves.holds(facing, column, task.gtin):
            yield from actor.draw_back(hand, place, target)
            continue
        unit, _ = shelves.take(facing, column)
        yield from _push(actor, hand, unit, place, goal, target)
        to = goal.column_m(shelves.room(task.to))
        actor.note("slide", unit.gtin, facing=facing, to=task.to)
        yield from actor.wait(float(actor.rng.uniform(0.2, 0.5)))
        actor.stage.plates.change(actor.soon_ns(), goal.shelf.id, -shelves.load(goal, unit))
        actor.receive(unit, facing)
        actor.last_facing = task.to
        hand.holds = unit.gtin
        actor.note("pick", unit.gtin, facing=task.to)
        x, y = goal.gondola.to_floor(to, 0.05)
        yield from actor.draw_back(hand, goal, (x, y, target[2]))


def _lift_slowly(
    actor: Carrier, hand: Hand, facing: str, column: int, task: Pick
) -> Generator[None, None, int]:
    """Lift one unit little by little; how many there were."""
    shelves = actor.stage.shelves
    if not shelves.holds(facing, column, task.gtin):
        return 0
    place = shelves.places[facing]
    unit, grams = shelves.take(facing, column)
    x, y, z = shelves.point(facing, column)
    steps = max(1, round(task.slow_s / STEP_S))
    for _ in actor.hands.move(hand, (x, y, z + 0.1), (x, y, z), task.slow_s):
        actor.stage.plates.change(actor.soon_ns(), place.shelf.id, grams / steps)
        yield
    unit.concealed = task.conceal
    actor.receive(unit, facing)
    actor.last_facing = facing
    actor.note("pick", unit.gtin, facing=facing, concealed=task.conceal)
    return 1


def _push(
    actor: Carrier, hand: Hand, unit: Unit, place: Place, goal: Place, start: Point3
) -> Iterator[None]:
    """Move a unit over the plates from one facing to another; its mass goes with it."""
    shelves = actor.stage.shelves
    begin, end = unit.along_m, goal.middle_m
    dx, dy = place.gondola.to_floor(end, 0.0)
    ox, oy = place.gondola.to_floor(begin, 0.0)
    there = (start[0] + dx - ox, start[1] + dy - oy, start[2])
    seconds = 0.4 + abs(end - begin) / _SLIDE_M_S
    steps = max(1, round(seconds / STEP_S))
    before = shelves.load(place, unit)
    for k, _ in enumerate(actor.hands.move(hand, there, _middle([start, there]), seconds), 1):
        u = k / steps
        unit.along_m = begin + (end - begin) * u * u * (3 - 2 * u)
        after = shelves.load(place, unit)
        actor.stage.plates.change(actor.soon_ns(), place.shelf.id, after - before)
        before = after
        yield


def _nearest_to(actor: Carrier, facing: str | None, gtin: str) -> str | None:
    """The facing with a product that is nearest to another facing, on its shelf if one is."""
    shelves = actor.stage.shelves
    if facing is None:
        return None
    here = shelves.places[facing]

    def distance(name: str) -> tuple[bool, bool, float]:
        place = shelves.places[name]
        away = abs(place.middle_m - here.middle_m)
        return place.gondola is not here.gondola, place.shelf is not here.shelf, away

    return min(shelves.facings_of(gtin), key=distance, default=None)


def _middle(points: list[Point3]) -> Point3:
    x, y, z = np.mean(points, axis=0)
    return float(x), float(y), float(z)
