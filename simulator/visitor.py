"""A person in the store: comes in by a gate, goes to places, stands there, and leaves."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

import numpy as np

from simulator.figure import Figure, Stance
from simulator.hands import Hands
from simulator.routes import Doorway, Point2
from simulator.shelves import Place
from simulator.stage import Crossing, Showing, Stage
from simulator.walker import APART_M, STEP_S, Walker

OUTSIDE_M = 0.8  # where people appear and vanish
STEP_NS = int(STEP_S * 1e9)
_SIDESTEPS = (0.0, 0.12, -0.12, 0.25, -0.25, 0.38, -0.38)


class Visitor:
    """Somebody on the stage. `walker` is None while they are outside.

    What they do are generators: each `yield` lets STEP_S pass.
    """

    def __init__(self, name: str, stage: Stage, rng: np.random.Generator) -> None:
        self.name = name
        self.figure = Figure.random(rng)
        self.walker: Walker | None = None
        self.place: Point2 | None = None
        self.entered_ns: int | None = None
        self.left_ns: int | None = None
        self._hands: Hands | None = None
        self._stage = stage
        self._rng = rng
        self._pace = float(rng.uniform(0.9, 1.2))
        self._right_handed = bool(rng.random() < 0.88)

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
        )

    def cross_gates(self, before: Point2) -> None:
        """Note the gates whose line was passed on the way from `before`."""
        for name, door in self._stage.floorplan.doorways.items():
            was, now = door.outside_m(*before), door.outside_m(*self.body.at)
            if (was > 0) == (now > 0) or door.aside_m(*self.body.at) > door.half_m:
                continue
            at_ns = self._stage.now_ns + int(STEP_NS * abs(was) / (abs(was) + abs(now)))
            if was > 0:
                self.entered_ns = at_ns if self.entered_ns is None else self.entered_ns
            else:
                self.left_ns = at_ns
            self._stage.crossings.append(Crossing(at_ns, name, "in" if was > 0 else "out"))

    def wait(self, seconds: float) -> Iterator[None]:
        """Stand for a while."""
        for _ in range(round(seconds / STEP_S)):
            yield

    def walk(self, goal: Point2, patience_s: float = math.inf) -> Generator[None, None, bool]:
        """Go to a point; False where the way stayed barred for longer than one's patience."""
        self.body.head_for(goal, self._stage.others(self))
        left_s = patience_s
        while not self.body.step(self._stage.others(self)):
            yield
            left_s -= STEP_S if self.body.speed < 0.3 else 0.0
            if left_s < 0:
                self.body.halt()
                return False
        return True

    def come_in(self) -> Iterator[None]:
        """Appear before an entry gate as soon as it is free."""
        door = self.door("entry")
        at = door.point(OUTSIDE_M)
        while not self._is_free(at, 0.7) or not self._stage.take_gate(door.gate.id, self):
            yield
        heading = math.atan2(-door.outward[1], -door.outward[0])
        self.walker = Walker(self._stage.floorplan, at, heading, self._pace)
        self._hands = Hands(self.figure.height_m, self.walker)
        yield from self.wait(0.3)

    def show_code(self, forged: bool) -> Iterator[None]:
        """Hold a code to the gate's reader."""
        door = self.door("entry")
        hand = self.hands.right if self._right_handed else self.hands.left
        x, y, z = self.hands.carrying(hand)
        x, y = x - 0.2 * door.outward[0], y - 0.2 * door.outward[1]
        yield from self.hands.move(hand, (x, y, z), (x, y, z - 0.1), 0.4)
        yield from self.wait(float(self._rng.uniform(0.2, 0.5)))
        showing = Showing(self._stage.now_ns, door.gate.id, self.name, forged)
        self._stage.showings.append(showing)
        yield from self.wait(float(self._rng.uniform(0.5, 0.9)))
        yield from self.hands.move(hand, self.hands.hanging(hand), (x, y, z - 0.2), 0.4)
        self.hands.rest(hand)

    def pass_in(self) -> Iterator[None]:
        """Walk through the entry gate and free it."""
        door = self.door("entry")
        while not (yield from self.walk(door.point(-0.9), patience_s=2.0)):
            if door.outside_m(*self.body.at) < -0.4:
                break
        self._stage.leave_gate(door.gate.id)

    def go_out(self) -> Iterator[None]:
        """Walk out by an exit gate."""
        self.place = None
        door = self.door("exit")
        before = door.point(-1.2)
        while not (yield from self.walk(before, patience_s=2.0)):
            if math.dist(self.body.at, before) < 1.0:
                break
        side = 0.9 if self._rng.random() < 0.5 else -0.9
        aside = before[0] + side * door.across[0], before[1] + side * door.across[1]
        while not self._stage.take_gate(door.gate.id, self):
            yield from self.walk(aside, patience_s=1.0)
            yield
        yield from self.walk(door.point(OUTSIDE_M))
        self._stage.leave_gate(door.gate.id)

    def turn_away(self) -> None:
        """Vanish before the gate."""
        self._stage.leave_gate(self.door("entry").gate.id)

    def approach(self, place: Place) -> Iterator[None]:
        """Go and stand before a facing, beside whoever is there already, and face it."""
        along, into = place.gondola.to_local(*self.body.at)
        if self.place is None or abs(along - place.middle_m) > 0.2 or not -0.6 < into < -0.4:
            while not (yield from self._take_place(place)):
                pass
        x, y = place.gondola.to_floor(place.middle_m, 0.1)
        while not self.body.turn(math.atan2(y - self.body.y, x - self.body.x)):
            yield

    def door(self, kind: str) -> Doorway:
        """The gate that serves for coming in or going out: the nearest one of that kind."""
        doors = [
            d for d in self._stage.floorplan.doorways.values() if d.gate.kind in (kind, "both")
        ]
        if self.walker is None:
            return doors[0]
        x, y = self.walker.at
        return min(doors, key=lambda d: math.hypot(d.point(0)[0] - x, d.point(0)[1] - y))

    def _take_place(self, place: Place) -> Generator[None, None, bool]:
        self.place = None
        waited_s = 0.0
        while (goal := self._standing_place(place)) is None:
            yield from self.wait(0.4)
            waited_s += 0.4
            if waited_s > 2.0:
                waited_s = 0.0
                aside = place.middle_m + float(self._rng.uniform(-0.9, 0.9))
                yield from self.walk(place.gondola.to_floor(aside, -1.3), patience_s=2.0)
        self.place = goal
        return (yield from self.walk(goal, patience_s=3.0))

    def _standing_place(self, place: Place) -> Point2 | None:
        distance = float(self._rng.uniform(0.45, 0.55))
        for sidestep in _SIDESTEPS:
            goal = place.gondola.to_floor(place.middle_m + sidestep, -distance)
            walkable = self._stage.floorplan.nearest_free(goal) == goal
            if walkable and self._is_free(goal, APART_M + 0.06):
                return goal
        return None

    def _is_free(self, point: Point2, radius_m: float) -> bool:
        """Whether nobody stands there, or is about to, within the radius."""
        for other in self._stage.people:
            if other is self or other.walker is None:
                continue
            spots = [other.walker.at] if other.walker.speed < 0.1 else []
            spots += [other.place] if other.place is not None else []
            if any(math.hypot(x - point[0], y - point[1]) < radius_m for x, y in spots):
                return False
        return True
