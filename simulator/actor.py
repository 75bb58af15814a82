"""A simulated shopper: a visitor who carries out a shopping plan, as a person would."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

import numpy as np

from simulator.figure import Point3
from simulator.hands import Hand
from simulator.shelves import Place, Unit
from simulator.shopping import Dwell, Hold, Plan, Reach, Walk
from simulator.stage import Stage
from simulator.truth import TrueMove
from simulator.visitor import STEP_NS, Visitor

_ONE_HAND_M = 0.1  # two units this wide can be taken in one grasp


class Actor(Visitor):
    """A shopper; `cart` is what they have, `done` whether they have gone."""

    def __init__(self, plan: Plan, stage: Stage, start_ns: int, rng: np.random.Generator) -> None:
        super().__init__(plan.name, stage, rng)
        self.cart: list[Unit] = []
        self.done = False
        self._plan = plan
        self._enters_ns = start_ns + int(plan.enters_s * 1e9)
        self._home: dict[int, str] = {}  # facing that a unit was taken from, by identity
        self._last_facing: str | None = None
        self._life = self._live()

    def step(self) -> None:
        """Live through STEP_S."""
        before = self.walker.at if self.walker is not None else None
        try:
            next(self._life)
        except StopIteration:
            self.done = True
        if self.walker is not None:
            self.hands.stow()
            if before is not None:
                self.cross_gates(before)
        if self.done:
            self.walker, self.place = None, None

    def _live(self) -> Iterator[None]:
        while self._stage.now_ns < self._enters_ns:
            yield
        yield from self.come_in()
        if self._plan.forged_code:
            yield from self.show_code(forged=True)
            if not self._plan.tasks:
                self.turn_away()
                return
        yield from self.show_code(forged=False)
        yield from self.pass_in()
        for task in self._plan.tasks:
            if isinstance(task, Walk):
                self.place = None
                yield from self.walk((task.x_m, task.y_m))
            elif isinstance(task, Dwell):
                yield from self.wait(task.seconds)
            elif isinstance(task, Hold):
                yield from self._hold(task.seconds)
            elif task.kind == "pick":
                yield from self._pick(task)
            elif task.kind == "put_back":
                yield from self._put_back(task)
            else:
                yield from self._touch(task)
        yield from self.go_out()

    def _pick(self, task: Reach) -> Iterator[None]:
        left = task.units
        while left > 0 and (facing := self._find(task)) is not None:
            place = self._stage.shelves.places[facing]
            yield from self.approach(place)
            column = self._stage.shelves.choose(facing, task.gtin)
            if column is None:
                continue
            target = self._stage.shelves.point(facing, column)
            hand = yield from self._free_hand(target)
            yield from self._reach(hand, place, target)
            yield from self._grasp(place, target, 1.0)
            together = 1
            if left >= 2 and place.column_width_m < _ONE_HAND_M and self._rng.random() < 0.5:
                together = 2
            taken = self._lift(facing, column, task.gtin, together)
            if taken:
                hand.holds = task.gtin
                left -= taken
                self._last_facing = facing
            yield from self._draw_back(hand, place, target)

    def _lift(self, facing: str, column: int, gtin: str | None, units: int) -> int:
        """Take up to `units` off a facing, from `column` first; how many there were."""
        shelves = self._stage.shelves
        taken = 0
        while taken < units:
            if not shelves.holds(facing, column, gtin):
                other = shelves.choose(facing, gtin)
                if other is None:
                    break
                column = other
            unit, grams = shelves.take(facing, column)
            self._stage.plates.change(self._soon_ns(), shelves.places[facing].shelf.id, grams)
            self.cart.append(unit)
            self._home[id(unit)] = facing
            taken += 1
        if taken and gtin is not None:
            self._stage.moves.append(
                TrueMove(
                    at_ns=self._stage.now_ns,
                    shopper=self.name,
                    kind="pick",
                    gtin=gtin,
                    units=taken,
                    facing=facing,
                )
            )
        return taken

    def _put_back(self, task: Reach) -> Iterator[None]:
        for _ in range(task.units):
            unit = next((u for u in reversed(self.cart) if u.gtin == task.gtin), None)
            if unit is None:
                return
            facing = task.facing or self._home[id(unit)]
            place = self._stage.shelves.places[facing]
            yield from self.approach(place)
            column = self._stage.shelves.room(facing)
            target = self._stage.shelves.point(facing, column, empty=True)
            hand = self.hands.holding(unit.gtin)
            if hand is None:
                hand = yield from self._free_hand(target)
                hip, before = self.hands.hanging(hand), self.hands.carrying(hand)
                yield from self.hands.move(hand, hip, hip, 0.4)
                hand.holds = unit.gtin
                yield from self.hands.move(hand, before, hip, 0.5)
            yield from self._reach(hand, place, target)
            grams = self._stage.shelves.put(facing, column, unit)
            self._stage.plates.change(self._soon_ns(), place.shelf.id, grams)
            self.cart.remove(unit)
            hand.holds = None
            self._stage.moves.append(
                TrueMove(
                    at_ns=self._stage.now_ns,
                    shopper=self.name,
                    kind="put_back",
                    gtin=unit.gtin,
                    units=1,
                    facing=facing,
                )
            )
            yield from self.wait(float(self._rng.uniform(0.15, 0.35)))
            yield from self._draw_back(hand, place, target)

    def _touch(self, task: Reach) -> Iterator[None]:
        facing = task.facing or self._find(task)
        if facing is None:
            return
        place = self._stage.shelves.places[facing]
        yield from self.approach(place)
        column = self._stage.shelves.choose(facing, None)
        target = self._stage.shelves.point(facing, column or 0, empty=column is None)
        hand = yield from self._free_hand(target)
        yield from self._reach(hand, place, target)
        yield from self._grasp(place, target, 1.5)
        yield from self.wait(float(self._rng.uniform(0.0, 0.6)))
        yield from self._draw_back(hand, place, target)

    def _hold(self, seconds: float) -> Iterator[None]:
        hand = next((h for h in (self.hands.right, self.hands.left) if h.holds), None)
        if hand is None or self._last_facing is None:
            yield from self.wait(seconds)
            return
        place = self._stage.shelves.places[self._last_facing]
        x, y = place.gondola.to_floor(place.middle_m, 0.02)
        above = (x, y, place.shelf.z_m + min(0.3, place.height_m + 0.12))
        yield from self._reach(hand, place, above)
        yield from self.wait(seconds)
        yield from self._draw_back(hand, place, above)

    def _find(self, task: Reach) -> str | None:
        """The facing to take a product from: the one asked for if it is there, or the nearest."""
        shelves = self._stage.shelves
        facings = shelves.facings_of(task.gtin) if task.gtin is not None else []
        if task.facing in facings:
            return task.facing
        x, y = self.body.at

        def distance(name: str) -> float:
            place = shelves.places[name]
            px, py = place.gondola.to_floor(place.middle_m, -0.5)
            return math.hypot(px - x, py - y)

        return min(facings, key=distance, default=None)

    def _free_hand(self, target: Point3) -> Generator[None, None, Hand]:
        """The hand for a target; waits while both still carry something."""
        while self.hands.left.holds is not None and self.hands.right.holds is not None:
            yield
        return self.hands.nearest(target, self._right_handed)

    def _reach(self, hand: Hand, place: Place, target: Point3) -> Iterator[None]:
        seconds = float(self._rng.uniform(0.5, 0.9))
        yield from self.hands.move(hand, target, _before(place, target), seconds)

    def _grasp(self, place: Place, target: Point3, eagerness: float) -> Iterator[None]:
        """Close the hand, perhaps pressing on the plate."""
        seconds = float(self._rng.uniform(0.2, 0.4))
        if self._rng.random() < eagerness * self._stage.plates.press_share:
            along = place.gondola.to_local(target[0], target[1])[0]
            shelf = place.shelf
            self._stage.plates.press(self._soon_ns(), shelf.id, along, shelf.plate_width_m, seconds)
        yield from self.wait(seconds)

    def _draw_back(self, hand: Hand, place: Place, target: Point3) -> Iterator[None]:
        seconds = float(self._rng.uniform(0.5, 0.8))
        rest = self.hands.carrying(hand) if hand.holds else self.hands.hanging(hand)
        yield from self.hands.move(hand, rest, _before(place, target), seconds)
        self.hands.rest(hand)

    def _soon_ns(self) -> int:
        """A moment within the current step."""
        return self._stage.now_ns + int(self._rng.integers(STEP_NS))


def _before(place: Place, target: Point3) -> Point3:
    """A point before the shelf at the height of `target`: hands go in and out past it."""
    along, _ = place.gondola.to_local(target[0], target[1])
    x, y = place.gondola.to_floor(along, -0.15)
    return x, y, target[2] + 0.04
