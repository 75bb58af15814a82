"""The two hands of a simulated person: their path through the air, and what they hold when."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from simulator.figure import Point3
from simulator.people import Side
from simulator.routes import Point2
from simulator.walker import STEP_S, Walker

CARRY_S = 1.5  # how long a picked product stays in the hand before it goes into the bag
_STOW_S = 0.5
_ENDED = object()


@dataclass(slots=True)
class Hand:
    """One hand. `at` None hangs, swings, or carries `holds` before the body."""

    side: Side
    at: Point3 | None = None
    holds: str | None = None
    busy: bool = False
    carried_s: float = 0.0


@dataclass(slots=True)
class Hands:
    """Both hands of one person, moved step by step."""

    height_m: float
    walker: Walker
    left: Hand = field(default_factory=lambda: Hand("left"))
    right: Hand = field(default_factory=lambda: Hand("right"))

    def other(self, hand: Hand) -> Hand:
        """The other hand."""
        return self.left if hand is self.right else self.right

    def nearest(self, target: Point3, right_handed: bool) -> Hand:
        """The free hand for a target: of its side, or else the one that is used more."""
        dx, dy = target[0] - self.walker.x, target[1] - self.walker.y
        aside = -math.sin(self.walker.heading) * dx + math.cos(self.walker.heading) * dy
        hand = self.right if right_handed else self.left
        if abs(aside) > 0.09:
            hand = self.left if aside > 0 else self.right
        return hand if hand.holds is None else self.other(hand)

    def holding(self, gtin: str) -> Hand | None:
        """The hand that holds a product, if one does."""
        return next((h for h in (self.right, self.left) if h.holds == gtin), None)

    def hanging(self, hand: Hand) -> Point3:
        """Where a hand hangs."""
        return hanging_at(self.height_m, self.walker.at, self.walker.heading, hand.side)

    def carrying(self, hand: Hand) -> Point3:
        """Where a hand carries something before the body."""
        return carrying_at(self.height_m, self.walker.at, self.walker.heading, hand.side)

    def move(self, hand: Hand, to: Point3, via: Point3, seconds: float) -> Iterator[None]:
        """Move a hand along a curve that bends through `via`, starting and ending gently."""
        hand.busy = True
        start = hand.at or (self.hanging(hand) if hand.holds is None else self.carrying(hand))
        steps = max(1, round(seconds / STEP_S))
        for k in range(1, steps + 1):
            u = k / steps
            u = u * u * (3 - 2 * u)
            a, b, c = (1 - u) ** 2, 2 * u * (1 - u), u * u
            hand.at = (
                a * start[0] + b * via[0] + c * to[0],
                a * start[1] + b * via[1] + c * to[1],
                a * start[2] + b * via[2] + c * to[2],
            )
            yield

    def rest(self, hand: Hand) -> None:
        """Let a hand hang, or carry what it holds."""
        hand.at, hand.busy, hand.carried_s = None, False, 0.0

    def stow(self) -> None:
        """One step of what hands do by themselves: put what they carry into the bag."""
        for hand in (self.left, self.right):
            if hand.holds is None or hand.busy:
                continue
            hand.carried_s += STEP_S
            share = (hand.carried_s - CARRY_S) / _STOW_S
            if share >= 1:
                hand.at, hand.holds = None, None
            elif share > 0:
                a, b = self.carrying(hand), self.hanging(hand)
                hand.at = (
                    a[0] + share * (b[0] - a[0]),
                    a[1] + share * (b[1] - a[1]),
                    a[2] + share * (b[2] - a[2]),
                )


def together(*motions: Iterator[None]) -> Iterator[None]:
    """Several motions at once, until the last has ended."""
    running = list(motions)
    while running := [motion for motion in running if next(motion, _ENDED) is not _ENDED]:
        yield


def hanging_at(height_m: float, at: Point2, heading_rad: float, side: Side) -> Point3:
    """Where the hand of a body that is `height_m` tall hangs, about."""
    return _beside(at, heading_rad, side, 0.02, 0.2, 0.42 * height_m)


def carrying_at(height_m: float, at: Point2, heading_rad: float, side: Side) -> Point3:
    """Where a hand carries something before the body, as `people.pose_body` holds it."""
    return _beside(at, heading_rad, side, 0.30, 0.17, 0.62 * height_m)


def _beside(
    at: Point2, heading_rad: float, side: Side, ahead_m: float, aside_m: float, z_m: float
) -> Point3:
    c, s = math.cos(heading_rad), math.sin(heading_rad)
    aside = aside_m if side == "left" else -aside_m
    return at[0] + c * ahead_m - s * aside, at[1] + s * ahead_m + c * aside, z_m
