"""Somebody who takes goods with their hands, carries them, and gives them up again."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterator

import numpy as np

from simulator.figure import Figure, Point3
from simulator.guest import Guest, Outing
from simulator.hands import Hand
from simulator.shelves import Place, Unit
from simulator.shopping import Plan
from simulator.stage import Stage
from simulator.truth import TrueMove
from simulator.visitor import STEP_NS


class Carrier(Guest):
    """A guest with hands and a cart.

    `offers` are those who want to hand something over, `attending` whom they turn to for it;
    `given` counts by name what they have handed over or given up, `met` the words they waited for.
    """

    def __init__(
        self, plan: Plan, figure: Figure, stage: Stage, start_ns: int, rng: np.random.Generator
    ) -> None:
        super().__init__(plan, figure, stage, start_ns, rng)
        self.cart: list[Unit] = []
        self.used_up: list[Unit] = []
        self.outings: list[Outing] = []
        self.done = False
        self.last_facing: str | None = None
        self.offers: list[Carrier] = []
        self.attending: Carrier | None = None
        self.met: dict[str, int] = {}
        self.given: Counter[str] = Counter()
        self._home: dict[int, str] = {}  # facing that a unit was taken from, by identity

    def carried(self, gtin: str | None) -> Unit | None:
        """A unit of a product in the cart, the one that was taken last."""
        return next((u for u in reversed(self.cart) if u.gtin == gtin), None)

    def home_of(self, unit: Unit) -> str:
        """The facing to which a unit in the cart belongs."""
        known = self._home.get(id(unit))
        if known is not None:
            return known
        shelves = self.stage.shelves
        return next(name for name in shelves.places if shelves.meant_for(name) == unit.gtin)

    def receive(self, unit: Unit, home: str) -> None:
        """Have a unit from now on."""
        self.cart.append(unit)
        self._home[id(unit)] = home

    def end_outing(self) -> None:
        """What they have leaves the store with them."""
        if self.entered_ns is not None and self.left_ns is not None:
            self.outings.append(
                Outing(
                    self.entered_ns,
                    self.left_ns,
                    tuple(unit.gtin for unit in self.cart),
                    tuple(unit.gtin for unit in self.used_up),
                )
            )
        self.entered_ns, self.left_ns = None, None
        self.cart, self.used_up, self._home = [], [], {}
        self.vanish()

    def note(
        self,
        kind: str,
        gtin: str,
        units: int = 1,
        *,
        facing: str = "",
        to: str = "",
        left_share: float = 1.0,
        concealed: bool = False,
    ) -> None:
        """Write a move into the truth."""
        move = TrueMove(
            at_ns=self.stage.now_ns,
            shopper=self.name,
            kind=kind,  # type: ignore[arg-type]
            gtin=gtin,
            units=units,
            facing=facing,
            to=to,
            left_share=left_share,
            concealed=concealed,
        )
        self.stage.moves.append(move)

    def lift(
        self,
        facing: str,
        column: int,
        gtin: str | None,
        units: int,
        conceal: bool = False,
        noted: bool = True,
    ) -> int:
        """Take up to `units` off a facing, from `column` first; how many there were."""
        shelves = self.stage.shelves
        taken: list[str] = []
        while len(taken) < units:
            if not shelves.holds(facing, column, gtin):
                other = shelves.choose(facing, gtin)
                if other is None:
                    break
                column = other
            unit, grams = shelves.take(facing, column)
            self.stage.plates.change(self.soon_ns(), shelves.places[facing].shelf.id, grams)
            unit.concealed = conceal
            self.receive(unit, facing)
            taken.append(unit.gtin)
        for one in dict.fromkeys(taken) if noted else ():
            self.note("pick", one, taken.count(one), facing=facing, concealed=conceal)
        if taken:
            self.last_facing = facing
        return len(taken)

    def find(self, gtin: str, wanted: str | None = None) -> str | None:
        """The facing to take a product from: the one asked for if it is there, or the nearest."""
        shelves = self.stage.shelves
        facings = shelves.facings_of(gtin)
        if wanted in facings:
            return wanted
        x, y = self.body.at

        def distance(name: str) -> float:
            place = shelves.places[name]
            px, py = place.gondola.to_floor(place.middle_m, -0.5)
            return math.hypot(px - x, py - y)

        return min(facings, key=distance, default=None)

    def free_hand(self, target: Point3) -> Generator[None, None, Hand]:
        """The hand for a target; waits while both still carry something."""
        while self.hands.left.holds is not None and self.hands.right.holds is not None:
            yield
        return self.hands.nearest(target, self.right_handed)

    def in_hand(self, unit: Unit, target: Point3) -> Generator[None, None, Hand]:
        """The hand that holds a unit from the cart, fetched out of the bag if it lies there."""
        hand = self.hands.holding(unit.gtin)
        if hand is None:
            hand = yield from self.free_hand(target)
            hip, before = self.hands.hanging(hand), self.hands.carrying(hand)
            yield from self.hands.move(hand, hip, hip, 0.4)
            hand.holds = unit.gtin
            yield from self.hands.move(hand, before, hip, 0.5)
        return hand

    def reach(self, hand: Hand, place: Place, target: Point3) -> Iterator[None]:
        """Bring a hand to a target on a shelf."""
        seconds = float(self.rng.uniform(0.5, 0.9))
        yield from self.hands.move(hand, target, _before(place, target), seconds)

    def grasp(self, place: Place, target: Point3, eagerness: float) -> Iterator[None]:
        """Close the hand, perhaps pressing on the plate."""
        seconds = float(self.rng.uniform(0.2, 0.4))
        if self.rng.random() < eagerness * self.stage.plates.press_share:
            along = place.gondola.to_local(target[0], target[1])[0]
            shelf = place.shelf
            self.stage.plates.press(self.soon_ns(), shelf.id, along, shelf.plate_width_m, seconds)
        yield from self.wait(seconds)

    def draw_back(self, hand: Hand, place: Place, target: Point3) -> Iterator[None]:
        """Take a hand out of the shelf to where it rests."""
        seconds = float(self.rng.uniform(0.5, 0.8))
        rest = self.hands.carrying(hand) if hand.holds else self.hands.hanging(hand)
        yield from self.hands.move(hand, rest, _before(place, target), seconds)
        self.hands.rest(hand)

    def soon_ns(self) -> int:
        """A moment within the current step."""
        return self.stage.now_ns + int(self.rng.integers(STEP_NS))


def _before(place: Place, target: Point3) -> Point3:
    """A point before the shelf at the height of `target`: hands go in and out past it."""
    along, _ = place.gondola.to_local(target[0], target[1])
    x, y = place.gondola.to_floor(along, -0.15)
    return x, y, target[2] + 0.04
