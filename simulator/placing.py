"""What else shoppers and staff do at shelves: put back, restock, touch, look, hold, lean.

Each deed is a generator of which each `yield` lets STEP_S pass; grams on plates and the truth
change at the moment it happens.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulator.carrier import Carrier
from simulator.figure import Point3
from simulator.own_deeds import eat_from
from simulator.shelves import Place, spread
from simulator.tasks import Browse, Hold, Lean, PutBack, Restock, SetDown, Touch

_HAND_M = 0.1  # how wide somebody leans
_BAG_M = 0.28
_EACH_S = 0.35  # for every further unit that is set on a shelf


def put_back(actor: Carrier, task: PutBack) -> Iterator[None]:
    """Put units back, one by one; what is eaten of them is eaten first."""
    for _ in range(task.units):
        unit = actor.carried(task.gtin)
        if unit is None:
            return
        facing = task.facing or actor.home_of(unit)
        place = actor.stage.shelves.places[facing]
        yield from actor.approach(place)
        column = actor.stage.shelves.room(facing)
        target = actor.stage.shelves.point(facing, column, empty=True)
        hand = yield from actor.in_hand(unit, target)
        if task.left_share < 1.0:
            yield from eat_from(actor, hand)
            unit.grams *= task.left_share
            unit.left_share = task.left_share
        yield from actor.reach(hand, place, target)
        unit.concealed = False
        grams = actor.stage.shelves.put(facing, column, unit)
        actor.stage.plates.change(actor.soon_ns(), place.shelf.id, grams)
        actor.cart.remove(unit)
        if task.left_share < 1.0:
            actor.used_up.append(unit)
        hand.holds = None
        actor.note("put_back", unit.gtin, facing=facing, left_share=unit.left_share)
        yield from actor.wait(float(actor.rng.uniform(0.15, 0.35)))
        yield from actor.draw_back(hand, place, target)


def restock(actor: Carrier, task: Restock) -> Iterator[None]:
    """Set new units on a facing, one after the other."""
    shelves = actor.stage.shelves
    gtin = task.gtin or shelves.meant_for(task.facing)
    place = shelves.places[task.facing]
    yield from actor.approach(place)
    hand = yield from actor.free_hand(shelves.point(task.facing, 0, empty=True))
    for k in range(task.units):
        column = shelves.room(task.facing)
        target = shelves.point(task.facing, column, empty=True)
        hand.holds = gtin
        if k == 0 or actor.rng.random() < 0.5:
            yield from actor.reach(hand, place, target)
        else:
            before = _out_of(place, target)
            yield from actor.hands.move(hand, before, before, _EACH_S)
            yield from actor.hands.move(hand, target, before, _EACH_S)
        grams = shelves.put(task.facing, column, shelves.fresh(gtin))
        actor.stage.plates.change(actor.soon_ns(), place.shelf.id, grams)
        actor.note("restock", gtin, facing=task.facing)
        hand.holds = None
        yield from actor.wait(float(actor.rng.uniform(0.1, 0.3)))
    yield from actor.draw_back(
        hand, place, _out_of(place, actor.stage.shelves.point(task.facing, 0))
    )


def touch(actor: Carrier, task: Touch) -> Iterator[None]:
    """Reach for a facing, perhaps press, take nothing."""
    place = actor.stage.shelves.places[task.facing]
    yield from actor.approach(place)
    column = actor.stage.shelves.choose(task.facing, None)
    target = actor.stage.shelves.point(task.facing, column or 0, empty=column is None)
    hand = yield from actor.free_hand(target)
    yield from actor.reach(hand, place, target)
    yield from actor.grasp(place, target, 1.5)
    yield from actor.wait(float(actor.rng.uniform(0.0, 0.6)))
    yield from actor.draw_back(hand, place, target)


def browse(actor: Carrier, task: Browse) -> Iterator[None]:
    """Stand before a facing and look, hands down."""
    yield from actor.approach(actor.stage.shelves.places[task.facing])
    yield from actor.wait(task.seconds)


def hold(actor: Carrier, task: Hold) -> Iterator[None]:
    """Hold what was picked last before its shelf; above another facing, fetch it if need be."""
    facing = task.facing or actor.last_facing
    hand = next((h for h in (actor.hands.right, actor.hands.left) if h.holds), None)
    if facing is None or (hand is None and task.facing is None) or not actor.cart:
        yield from actor.wait(task.seconds)
        return
    place = actor.stage.shelves.places[facing]
    if task.facing is not None:
        yield from actor.approach(place)
    x, y = place.gondola.to_floor(place.middle_m, 0.02)
    above = (x, y, place.shelf.z_m + min(0.3, place.height_m + 0.12))
    if hand is None or task.facing is not None:
        hand = yield from actor.in_hand(actor.cart[-1], above)
    yield from actor.reach(hand, place, above)
    yield from actor.wait(task.seconds)
    yield from actor.draw_back(hand, place, above)


def lean(actor: Carrier, task: Lean) -> Iterator[None]:
    """Rest one's weight on the front of a shelf, not quite still."""
    place = actor.stage.shelves.places[task.facing]
    x, y = place.gondola.to_floor(place.middle_m, 0.04)
    edge = (x, y, place.shelf.z_m + 0.02)
    yield from actor.approach(place)
    hand = yield from actor.free_hand(edge)
    yield from actor.reach(hand, place, edge)
    weight = task.grams * spread(place.shelf, place.middle_m, _HAND_M, 1.0)
    actor.stage.plates.change(actor.soon_ns(), place.shelf.id, weight)
    on, left_s = 1.0, task.seconds
    while left_s > 0:
        yield from actor.wait(min(left_s, 0.5))
        left_s -= 0.5
        share = float(np.clip(actor.rng.normal(1.0, 0.08), 0.7, 1.3))
        actor.stage.plates.change(actor.soon_ns(), place.shelf.id, (share - on) * weight)
        on = share
    actor.stage.plates.change(actor.soon_ns(), place.shelf.id, -on * weight)
    yield from actor.draw_back(hand, place, edge)


def set_down(actor: Carrier, task: SetDown) -> Iterator[None]:
    """Stand one's bag on the front of a shelf and take it away again."""
    place = actor.stage.shelves.places[task.facing]
    x, y = place.gondola.to_floor(place.middle_m, 0.08)
    spot = (x, y, place.shelf.z_m + 0.2)
    grams = spread(place.shelf, place.middle_m, _BAG_M, task.grams)
    yield from actor.approach(place)
    hand = yield from actor.free_hand(spot)
    for load, seconds in ((grams, task.seconds), (-grams, 0.0)):
        yield from actor.reach(hand, place, spot)
        actor.stage.plates.change(actor.soon_ns(), place.shelf.id, load)
        yield from actor.wait(0.2)
        yield from actor.draw_back(hand, place, spot)
        yield from actor.wait(seconds)


def _out_of(place: Place, target: Point3) -> Point3:
    along, _ = place.gondola.to_local(target[0], target[1])
    x, y = place.gondola.to_floor(along, -0.2)
    return x, y, target[2]
