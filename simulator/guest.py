"""Somebody who comes in by a gate and goes out by one: alone, with a group, or behind others."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np

from simulator.figure import Figure
from simulator.routes import Doorway, Point2
from simulator.shopping import Plan
from simulator.stage import Crossing, Showing, Stage
from simulator.visitor import STEP_NS, Visitor
from simulator.walker import APART_M

OUTSIDE_M = 0.8  # where people appear and vanish
_APART_M = 0.7  # between those who come in
_INSIDE_M = 0.9  # so far in, the gate is free for the next one
_TAIL_S = 60.0  # a tailgater who waited so long goes in alone


@dataclass(frozen=True, slots=True)
class Outing:
    """One stay in the store, from passing the gate inwards to passing it outwards."""

    entered_ns: int
    left_ns: int
    carried: tuple[str, ...]
    used_up: tuple[str, ...]


class Guest(Visitor):
    """A visitor with a plan. `leader` is whom they are with, `party` those who are with them."""

    def __init__(
        self, plan: Plan, figure: Figure, stage: Stage, start_ns: int, rng: np.random.Generator
    ) -> None:
        super().__init__(plan.shopper, figure, stage, rng)
        self.plan = plan
        self.leader: Guest | None = None
        self.party: list[Guest] = []
        self.entered_ns: int | None = None
        self.left_ns: int | None = None
        self._enters_ns = start_ns + int(plan.enters_s * 1e9)
        self._inside = 0  # of one's party, oneself among them

    def cross_gates(self, before: Point2) -> None:
        """Note the gates whose line was passed on the way from `before`."""
        for name, door in self.stage.floorplan.doorways.items():
            was, now = door.outside_m(*before), door.outside_m(*self.body.at)
            if (was > 0) == (now > 0) or door.aside_m(*self.body.at) > door.half_m:
                continue
            at_ns = self.stage.now_ns + int(STEP_NS * abs(was) / (abs(was) + abs(now)))
            if was > 0:
                self.entered_ns = at_ns if self.entered_ns is None else self.entered_ns
            else:
                self.left_ns = at_ns
            self.stage.crossings.append(Crossing(at_ns, name, "in" if was > 0 else "out"))

    def come_in(self) -> Generator[None, None, bool]:
        """Enter as the plan says; False where the gate turns them away."""
        if self.leader is not None:
            yield from self._follow(self.leader)
            return True
        if self.plan.code == "none":
            yield from self._tailgate()
            return True
        door = yield from self._queue()
        if self.plan.code in ("forged", "forged then own"):
            yield from self._show_code(door, forged=True)
            if self.plan.code == "forged" and not self.plan.tasks:
                self.stage.leave_gate(door.gate.id, self)
                return False
        if self.plan.code != "forged":
            yield from self._show_code(door, forged=False)
        self._inside = 1
        yield from self._pass_in(door)
        if not self.party:
            self.stage.leave_gate(door.gate.id, self)
        return True

    def go_out(self) -> Iterator[None]:
        """Walk out by an exit gate."""
        self.place = None
        door = self._nearest_door("exit")
        before = door.point(-1.2)
        while not (yield from self.walk(before, patience_s=2.0)):
            if math.dist(self.body.at, before) < 1.0:
                break
        side = 0.9 if self.rng.random() < 0.5 else -0.9
        aside = before[0] + side * door.across[0], before[1] + side * door.across[1]
        while not self.stage.take_gate(door.gate.id, self):
            if self.is_free(aside, 2 * APART_M):
                yield from self.walk(aside, patience_s=1.0)
            else:  # a queue forms where people are, not a knot around one spot
                yield from self.wait(0.5)
            yield
        yield from self.walk(door.point(OUTSIDE_M))
        self.stage.leave_gate(door.gate.id, self)

    def _queue(self) -> Generator[None, None, Doorway]:
        """Appear before an entry gate as soon as one is free."""
        doors = self._doors("entry")
        while (door := next((d for d in doors if self._is_my_turn(d)), None)) is None:
            yield
        self._stand_before(door)
        yield from self.wait(0.3)
        return door

    def _is_my_turn(self, door: Doorway) -> bool:
        free = self.is_free(door.point(OUTSIDE_M), _APART_M)
        return free and self.stage.take_gate(door.gate.id, self)

    def _tailgate(self) -> Iterator[None]:
        """Go in right behind the next one who does."""
        doors = self._doors("entry")
        waited_s = 0.0
        while (door := next((d for d in doors if self._can_slip_in(d)), None)) is None:
            waited_s += STEP_NS / 1e9
            if waited_s > _TAIL_S:
                door = yield from self._queue()
                break
            yield
        if self.walker is None:
            self.stage.gate_taken_by[door.gate.id] = self
            self._stand_before(door)
        yield from self._pass_in(door)
        self.stage.leave_gate(door.gate.id, self)

    def _can_slip_in(self, door: Doorway) -> bool:
        """Whether the last of those who come in on a code passes the gate now."""
        host = self.stage.gate_taken_by.get(door.gate.id)
        if not isinstance(host, Guest) or host.walker is None or host.plan.code == "none":
            return False
        if host.left_ns is not None or (host.party and host._inside < len(host.party)):
            return False
        last = host.party[-1] if host.party else host
        passing = last.walker is not None and door.outside_m(*last.walker.at) < 0.3
        return passing and self.is_free(door.point(OUTSIDE_M), 0.5)

    def _follow(self, leader: Guest) -> Iterator[None]:
        """Come in behind one's leader and those of the party who are before oneself."""
        turn = leader.party.index(self) + 1
        while leader._inside < turn:
            yield
        door = self.stage.floorplan.doorways[self._held_by(leader)]
        while not self.is_free(door.point(OUTSIDE_M), _APART_M):
            yield
        self._stand_before(door)
        yield from self._pass_in(door)
        leader._inside = turn + 1
        if turn == len(leader.party):
            self.stage.leave_gate(door.gate.id, leader)

    def _held_by(self, leader: Guest) -> str:
        return next(gate for gate, who in self.stage.gate_taken_by.items() if who is leader)

    def _stand_before(self, door: Doorway) -> None:
        self.appear(door.point(OUTSIDE_M), math.atan2(-door.outward[1], -door.outward[0]))

    def _show_code(self, door: Doorway, forged: bool) -> Iterator[None]:
        """Hold a code to the gate's reader."""
        hand = self.hands.right if self.right_handed else self.hands.left
        x, y, z = self.hands.carrying(hand)
        x, y = x - 0.2 * door.outward[0], y - 0.2 * door.outward[1]
        yield from self.hands.move(hand, (x, y, z), (x, y, z - 0.1), 0.4)
        yield from self.wait(float(self.rng.uniform(0.2, 0.5)))
        size = 1 + len(self.party)
        showing = Showing(self.stage.now_ns, door.gate.id, self.name, forged, size)
        self.stage.showings.append(showing)
        yield from self.wait(float(self.rng.uniform(0.5, 0.9)))
        yield from self.hands.move(hand, self.hands.hanging(hand), (x, y, z - 0.2), 0.4)
        self.hands.rest(hand)

    def _pass_in(self, door: Doorway) -> Iterator[None]:
        """Walk through the entry gate, far enough for those who come behind."""
        behind = len(self.party)
        if self.leader is not None:
            behind = len(self.leader.party) - self.leader.party.index(self) - 1
        while not (yield from self.walk(door.point(-_INSIDE_M - 0.5 * behind), patience_s=2.0)):
            if door.outside_m(*self.body.at) < -0.4:
                break

    def _doors(self, kind: str) -> list[Doorway]:
        """The gates that serve for coming in, or for going out."""
        doors = self.stage.floorplan.doorways.values()
        return [door for door in doors if door.gate.kind in (kind, "both")]

    def _nearest_door(self, kind: str) -> Doorway:
        x, y = self.body.at
        return min(
            self._doors(kind), key=lambda d: math.hypot(d.point(0)[0] - x, d.point(0)[1] - y)
        )
