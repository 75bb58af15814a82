"""What shoppers do by themselves: walk, eat, drop things, look at a phone, turn their backs."""

from __future__ import annotations

import math
from collections.abc import Iterator

from simulator.carrier import Carrier
from simulator.hands import Hand
from simulator.tasks import Drop, Eat, Phone, TurnAway, Walk

_WAY_S = 20.0  # somebody whose way is barred for so long stays where they are


def go(actor: Carrier, task: Walk) -> Iterator[None]:
    """Go to a point of the floor."""
    actor.place = None
    yield from actor.walk((task.x_m, task.y_m), patience_s=_WAY_S)


def eat(actor: Carrier, task: Eat) -> Iterator[None]:
    """Consume a unit out of the cart."""
    unit = actor.carried(task.gtin)
    if unit is None:
        return
    hand = yield from actor.in_hand(unit, actor.hands.carrying(actor.hands.right))
    yield from eat_from(actor, hand)
    actor.cart.remove(unit)
    actor.used_up.append(unit)
    hand.holds = None
    actor.hands.rest(hand)
    actor.note("eat", unit.gtin)


def eat_from(actor: Carrier, hand: Hand) -> Iterator[None]:
    """Bring what a hand holds to the mouth for some seconds."""
    x, y = actor.body.at
    c, s = math.cos(actor.body.heading), math.sin(actor.body.heading)
    mouth = (x + 0.2 * c, y + 0.2 * s, 0.87 * actor.figure.height_m)
    yield from actor.hands.move(hand, mouth, actor.hands.carrying(hand), 0.7)
    yield from actor.wait(float(actor.rng.uniform(1.5, 3.0)))
    yield from actor.hands.move(hand, actor.hands.carrying(hand), mouth, 0.6)


def drop(actor: Carrier, task: Drop) -> Iterator[None]:
    """Leave a unit out of the cart on the floor."""
    unit = actor.carried(task.gtin)
    if unit is None:
        return
    hand = yield from actor.in_hand(unit, actor.hands.carrying(actor.hands.right))
    x, y, z = actor.hands.carrying(hand)
    yield from actor.hands.move(hand, (x, y, 0.15), (x, y, z), 0.9)
    actor.cart.remove(unit)
    hand.holds = None
    actor.note("drop", unit.gtin)
    yield from actor.hands.move(hand, actor.hands.hanging(hand), (x, y, z), 0.8)
    actor.hands.rest(hand)


def look_at_phone(actor: Carrier, task: Phone) -> Iterator[None]:
    """Hold a phone before the face with the hand that is used less."""
    before = actor.phone
    actor.phone = "left" if actor.right_handed else "right"
    yield from actor.wait(task.seconds)
    actor.phone = before


def turn_away(actor: Carrier, task: TurnAway) -> Iterator[None]:
    """Turn the back to where one looked."""
    heading = actor.body.heading + math.pi + float(actor.rng.uniform(-0.5, 0.5))
    while not actor.body.turn(heading):
        yield
    yield from actor.wait(task.seconds)
