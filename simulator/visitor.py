"""A person on the floor: a body that goes to places and stands there."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

import numpy as np

from simulator.figure import Figure, Stance
from simulator.hands import Hands
from simulator.people import Side
from simulator.routes import Point2
from simulator.shelves import Place
from simulator.stage import Stage
from simulator.walker import APART_M, STEP_S, Walker

STEP_NS = int(STEP_S * 1e9)
_POLITE_S = 8.0  # who has waited so long before a shelf squeezes in
_SIDESTEPS = (0.0, 0.12, -0.12, 0.25, -0.25, 0.38, -0.38)
_WIDE_SIDESTEPS = (*_SIDESTEPS, 0.5, -0.5)


class Visitor:
    """Somebody on the stage. `walker` is None while they are outside.

    What they do are generators: each `yield` lets STEP_S pass.
    """

    def __init__(self, name: str, figure: Figure, stage: Stage, rng: np.random.Generator) -> None:
        self.name = name
        self.figure = figure
        self.walker: Walker | None = None
        self.place: Point2 | None = None
        self.phone: Side | None = None
        self._hands: Hands | None = None
        self._squeezed_in: Place | None = None  # they stand aside of its middle, and stay
        self.stage = stage
        self.rng = rng
        self._pace = float(rng.uniform(0.9, 1.2))
        self.right_handed = bool(rng.random() < 0.88)

    @property
    def body(self) -> Walker:
        """The walker of somebody who is there."""
        assert self.walker is not None
        return self.walker

    @property
    def hands(self) -> Hands:
        """The hands of somebody who is there."""
        assert self._hands is not None
        return self._hands

    def stance(self) -> Stance:
        """How they stand now."""
        return Stance(
            x_m=self.body.x,
            y_m=self.body.y,
            heading_rad=self.body.heading,
            stride_rad=self.body.stride % (2 * math.pi),
            speed_m_s=self.body.speed,
            left_hand_m=self.hands.left.at,
            right_hand_m=self.hands.right.at,
            left_holds=self.hands.left.holds,
            right_holds=self.hands.right.holds,
            phone=self.phone,
        )

    def appear(self, at: Point2, heading_rad: float) -> None:
        """Come on to the stage."""
        plan = self.stage.floorplan
        self.walker = Walker(plan, at, heading_rad, self._pace, self.figure.stride_m)
        self._hands = Hands(self.figure.height_m, self.walker)

    def vanish(self) -> None:
        """Go off the stage."""
        self.walker, self.place, self._hands = None, None, None

    def wait(self, seconds: float) -> Iterator[None]:
        """Stand for a while."""
        for _ in range(round(seconds / STEP_S)):
            yield

    def walk(
        self, goal: Point2, patience_s: float = math.inf, squeeze: bool = False
    ) -> Generator[None, None, bool]:
        """Go to a point; False where the way stayed barred for longer than one's patience."""
        self.body.head_for(goal, self.stage.others(self), squeeze)
        left_s = patience_s
        while not self.body.step(self.stage.others(self)):
            yield
            left_s -= STEP_S if self.body.speed < 0.3 else 0.0
            if left_s < 0:
                self.body.halt()
                return False
        return True

    def approach(self, place: Place) -> Iterator[None]:
        """Go and stand before a facing, beside whoever is there already, and face it."""
        along, into = place.gondola.to_local(*self.body.at)
        there = abs(along - place.middle_m) <= 0.2 or self._squeezed_in is place
        if self.place is None or not there or not -0.6 < into < -0.4:
            polite_until_ns = self.stage.now_ns + int(_POLITE_S * 1e9)
            while not (yield from self._take_place(place, polite_until_ns)):
                pass
        x, y = place.gondola.to_floor(place.middle_m, 0.1)
        yield from self.face((x, y))

    def face(self, point: Point2) -> Iterator[None]:
        """Turn to a point."""
        while not self.body.turn(math.atan2(point[1] - self.body.y, point[0] - self.body.x)):
            yield

    def gap_m(self, other: Visitor) -> float:
        """How far somebody else is; infinite where one of both is outside."""
        if self.walker is None or other.walker is None:
            return math.inf
        return math.dist(self.walker.at, other.walker.at)

    def _take_place(self, place: Place, polite_until_ns: int) -> Generator[None, None, bool]:
        """Go to a place before a facing; False where somebody was in the way for too long."""
        self.place = None
        waited_s = 0.0
        while (goal := self._standing_place(place, self._squeezes(polite_until_ns))) is None:
            yield from self.wait(0.4)
            waited_s += 0.4
            if waited_s > 2.0:
                waited_s = 0.0
                aside = place.middle_m + float(self.rng.uniform(-0.9, 0.9))
                yield from self.walk(place.gondola.to_floor(aside, -1.3), patience_s=2.0)
        self.place = goal
        squeeze = self._squeezes(polite_until_ns)
        self._squeezed_in = place if squeeze else None
        return (yield from self.walk(goal, patience_s=3.0, squeeze=squeeze))

    def _squeezes(self, polite_until_ns: int) -> bool:
        return self.stage.now_ns >= polite_until_ns

    def _standing_place(self, place: Place, squeeze: bool) -> Point2 | None:
        distance = float(self.rng.uniform(0.45, 0.55))
        for sidestep in _WIDE_SIDESTEPS if squeeze else _SIDESTEPS:
            goal = place.gondola.to_floor(place.middle_m + sidestep, -distance)
            if self.stage.floorplan.has_room(goal) and self.is_free(goal, APART_M + 0.06):
                return goal
        return None

    def is_free(self, point: Point2, radius_m: float) -> bool:
        """Whether nobody stands there, or is about to, within the radius."""
        x, y = point
        for other in self.stage.people:
            body, place = other.walker, other.place
            if other is self or body is None:
                continue
            if place is not None and math.hypot(place[0] - x, place[1] - y) < radius_m:
                return False
            if math.hypot(body.x - x, body.y - y) < radius_m and body.speed < 0.1:
                return False
        return True
