"""What shoppers do with each other: hand things over, meet, stand close.

Nobody waits for ever: whoever does not find the other in time goes on with their script.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

from simulator.carrier import Carrier
from simulator.hands import together
from simulator.routes import Point2
from simulator.tasks import Beside, Give, Meet
from simulator.walker import APART_M, STEP_S

PATIENCE_S = 30.0
_ARMS_M = 0.8  # near enough to hand something over
_ANGLES = [math.radians(a) for a in (0, 20, -20, 45, -45, 70, -70, 100, -100, 140, -140, 180)]
_SIDES = [math.radians(a) for a in (75, -75, 60, -60, 90, -90, 110, -110, 135, -135, 180)]


def give(actor: Carrier, task: Give) -> Iterator[None]:
    """Walk to another shopper and hand a unit over to them."""
    other = actor.stage.cast[task.to]
    if actor.carried(task.gtin) is None:
        return
    other.offers.append(actor)
    left_s = PATIENCE_S
    while other.attending is not actor or actor.gap_m(other) > _ARMS_M:
        yield
        left_s -= STEP_S
        if left_s < 0 or other.done:
            break
        first = next((o for o in actor.offers if o.name < actor.name), None)
        if first is not None:
            yield from accept(actor, first)
        elif other.walker is not None and actor.gap_m(other) > _ARMS_M:
            left_s -= yield from _walk_up(actor, other)
    else:
        yield from _hand_over(actor, other, task.gtin)
    actor.given[task.to] += 1
    if actor in other.offers:
        other.offers.remove(actor)
    if other.attending is actor:
        other.attending = None


def accept(actor: Carrier, giver: Carrier) -> Iterator[None]:
    """Stop and turn to somebody who has something to hand over, until they have."""
    actor.attending = giver
    left_s = PATIENCE_S / 2
    while actor.attending is giver and left_s > 0:
        if giver.walker is not None:
            x, y = giver.walker.at
            actor.body.turn(math.atan2(y - actor.body.y, x - actor.body.x))
        left_s -= STEP_S if actor.gap_m(giver) > _ARMS_M else 0.0
        yield
    actor.attending = None
    if giver in actor.offers:
        actor.offers.remove(giver)


def wait_about(actor: Carrier, seconds: float) -> Iterator[None]:
    """Stand for a while, open to whoever has something to hand over."""
    for _ in range(round(seconds / STEP_S)):
        if actor.offers:
            yield from accept(actor, actor.offers[0])
        yield


def await_gifts(actor: Carrier) -> Iterator[None]:
    """Before leaving, wait for those who are still to hand something over."""
    name = actor.plan.name
    due = {
        other: sum(isinstance(t, Give) and t.to == name for t in other.plan.tasks)
        for other in actor.stage.cast.values()
    }
    left_s = PATIENCE_S
    while left_s > 0 and any(
        times > other.given[name] and not other.done for other, times in due.items()
    ):
        yield from wait_about(actor, STEP_S)
        left_s -= STEP_S


def meet(actor: Carrier, task: Meet) -> Iterator[None]:
    """Wait until all who have this word in their scripts as often are here too."""
    actor.met[task.word] = time = actor.met.get(task.word, 0) + 1
    arrived = actor.stage.meetings.setdefault((task.word, time), set())
    arrived.add(actor.name)
    left_s = PATIENCE_S
    while left_s > 0 and not all(
        other.name in arrived or other.done
        for other in actor.stage.cast.values()
        if sum(isinstance(t, Meet) and t.word == task.word for t in other.plan.tasks) >= time
    ):
        if actor.offers:
            yield from accept(actor, actor.offers[0])
        yield
        left_s -= STEP_S


def stand_beside(actor: Carrier, task: Beside) -> Iterator[None]:
    """Stand close to another shopper, following where they go."""
    other = actor.stage.cast[task.shopper]
    left_s, patience_s = task.seconds, PATIENCE_S
    while left_s > 0 and patience_s > 0 and not other.done:
        if actor.gap_m(other) > 0.62:
            spot = None if other.walker is None else _spot_beside(actor, other)
            if spot is not None:
                actor.place = spot
                patience_s -= yield from _walk_for(actor, spot)
            yield
            patience_s -= STEP_S
            continue
        x, y = other.body.x + math.cos(other.body.heading), other.body.y
        actor.body.turn(
            math.atan2(y + math.sin(other.body.heading) - actor.body.y, x - actor.body.x)
        )
        yield
        left_s -= STEP_S


def _hand_over(actor: Carrier, other: Carrier, gtin: str | None) -> Iterator[None]:
    """Both bring a hand to the middle between them, and the unit changes hands."""
    unit = actor.carried(gtin)
    if unit is None:
        return
    (ax, ay), (bx, by) = actor.body.at, other.body.at
    low = min(actor.figure.height_m, other.figure.height_m)
    middle = ((ax + bx) / 2, (ay + by) / 2, 0.66 * low)
    yield from actor.face((bx, by))
    mine = yield from actor.in_hand(unit, middle)
    theirs = yield from other.free_hand(middle)
    yield from together(
        actor.hands.move(mine, middle, actor.hands.carrying(mine), 0.7),
        other.hands.move(theirs, middle, other.hands.carrying(theirs), 0.8),
    )
    yield from actor.wait(0.2)
    home = actor.home_of(unit)
    actor.cart.remove(unit)
    other.receive(unit, home)
    mine.holds, theirs.holds = None, unit.gtin
    actor.note("hand_over", unit.gtin, to=other.name)
    yield from together(
        actor.hands.move(mine, actor.hands.hanging(mine), middle, 0.6),
        other.hands.move(theirs, other.hands.carrying(theirs), middle, 0.6),
    )
    actor.hands.rest(mine)
    other.hands.rest(theirs)


def _walk_up(actor: Carrier, other: Carrier) -> Generator[None, None, float]:
    """Walk within arm's reach; the seconds that it took."""
    x, y = other.body.at
    towards = math.atan2(actor.body.y - y, actor.body.x - x)
    for angle in _ANGLES:
        c, s = math.cos(towards + angle), math.sin(towards + angle)
        spot = (x + 0.65 * c, y + 0.65 * s)
        if _is_open(actor, spot):
            actor.place = None
            return (yield from _walk_for(actor, spot))
    return 0.0


def _spot_beside(actor: Carrier, other: Carrier) -> Point2 | None:
    """Beside a shopper, rather before them than behind them."""
    x, y = other.body.at
    spots = [
        (x + 0.47 * math.cos(other.body.heading + a), y + 0.47 * math.sin(other.body.heading + a))
        for a in _SIDES
    ]
    return next((spot for spot in spots if _is_open(actor, spot)), None)


def _is_open(actor: Carrier, spot: Point2) -> bool:
    return actor.stage.floorplan.has_room(spot) and actor.is_free(spot, APART_M + 0.02)


def _walk_for(actor: Carrier, spot: Point2) -> Generator[None, None, float]:
    """Walk to a spot unless the way is barred; the seconds that it took."""
    began_ns = actor.stage.now_ns
    yield from actor.walk(spot, patience_s=1.0, squeeze=True)
    return (actor.stage.now_ns - began_ns) / 1e9
