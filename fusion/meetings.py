"""Two hands of two people that meet between them: something may be handed over.

Whoever hands something over stands before the other, and both bring a hand to the middle between
them, at about the height of the waist. A meeting is seen where a hand of each is, in one picture,

- within `APART_M` of the other,
- between the bodies along the line that joins them, and not beside it,
- between `LOW_M` and `HIGH_M` above the floor,
- not within `RACK_M` of the front of a rack, where hands of neighbours cross.

It is told when it has been over for `OVER_NS`, if pictures showed it `LEAST` times or more. At the
eight hand-overs of played scenes that was so each time, and seldom where nothing changed hands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fusion.states import State
from sensors.observations import HandPoint, TrackPoint
from sensors.store import Gondola

APART_M = 0.3
LOW_M, HIGH_M = 0.85, 1.45
NEAR_M, FAR_M = 0.35, 1.1  # between the bodies
BETWEEN = (0.2, 0.8)  # of the way from one body to the other
BESIDE_M = 0.25
RACK_M, RACK_BESIDE_M = 0.35, 0.2  # before a rack's front, and to either side of it
OVER_NS = 600_000_000
LEAST = 2  # pictures
HANDED = 0.3  # P(a unit changed hands as two hands met so)


@dataclass(slots=True)
class Meeting:
    """Two tracklets' hands, in so many `pictures` from `began_ns` to `ended_ns`."""

    tracklets: tuple[str, str]
    began_ns: int
    ended_ns: int
    pictures: int = 1


class Meetings:
    """Watches hands and bodies, in the order of their time."""

    def __init__(self, racks: Sequence[Gondola] = ()) -> None:
        self._racks = racks
        self._at_ns = 0
        self._bodies: dict[str, TrackPoint] = {}
        self._hands: list[HandPoint] = []
        self._open: dict[tuple[str, str], Meeting] = {}

    def body(self, point: TrackPoint) -> None:
        """Somebody stands there."""
        self._turn_to(point.at_ns)
        self._bodies[point.tracklet] = point

    def hand(self, hand: HandPoint) -> None:
        """A hand was seen, or guessed where it is `occluded`."""
        self._turn_to(hand.at_ns)
        body = self._bodies.get(hand.tracklet)
        if hand.occluded or body is None or not LOW_M < hand.z_m < HIGH_M:
            return
        if any(_is_before(hand, rack) for rack in self._racks):
            return
        for other in self._hands:
            if other.tracklet != hand.tracklet and self._meet(hand, other):
                first, second = sorted((hand.tracklet, other.tracklet))
                met = self._open.get((first, second))
                if met is None:
                    self._open[first, second] = Meeting((first, second), hand.at_ns, hand.at_ns)
                elif met.ended_ns < hand.at_ns:
                    met.ended_ns, met.pictures = hand.at_ns, met.pictures + 1
        self._hands.append(hand)

    def over(self, now_ns: int) -> list[Meeting]:
        """The meetings that are over by now, each once, in the order of their beginning."""
        over = [met for met in self._open.values() if now_ns - met.ended_ns > OVER_NS]
        for met in over:
            del self._open[met.tracklets]
        return sorted(
            (met for met in over if met.pictures >= LEAST),
            key=lambda met: (met.began_ns, met.tracklets),
        )

    def _turn_to(self, at_ns: int) -> None:
        """Forget the last picture when the next one comes."""
        if at_ns != self._at_ns:
            self._at_ns = at_ns
            self._bodies.clear()
            self._hands.clear()

    def _meet(self, one: HandPoint, other: HandPoint) -> bool:
        a, b = self._bodies[one.tracklet], self._bodies[other.tracklet]
        gap = math.hypot(b.x_m - a.x_m, b.y_m - a.y_m)
        apart = math.dist((one.x_m, one.y_m, one.z_m), (other.x_m, other.y_m, other.z_m))
        if apart > APART_M or not NEAR_M < gap < FAR_M:
            return False
        ux, uy = (b.x_m - a.x_m) / gap, (b.y_m - a.y_m) / gap
        for hand in (one, other):
            x, y = hand.x_m - a.x_m, hand.y_m - a.y_m
            along, beside = (x * ux + y * uy) / gap, abs(y * ux - x * uy)
            if not BETWEEN[0] < along < BETWEEN[1] or beside > BESIDE_M:
                return False
        return True


def _is_before(hand: HandPoint, rack: Gondola) -> bool:
    along, inwards = rack.to_local(hand.x_m, hand.y_m)
    beside = -RACK_BESIDE_M <= along <= rack.width_m + RACK_BESIDE_M
    return beside and -RACK_M <= inwards <= rack.depth_m


def handed(states: Sequence[State], deed: int, first: str, second: str) -> list[State]:
    """All ways in which a unit may have gone from one of two visits to the other as their hands
    met, of each state; or nothing did. Empty where neither holds anything in any of them."""
    grown = []
    for state in states:
        ways = [
            (giver, taker, one)
            for giver, taker in ((first, second), (second, first))
            for one in state.carts[giver]
        ]
        none = State(
            state.log_weight + (math.log(1 - HANDED) if ways else 0.0),
            state.carts,
            state.astray,
            {**state.story, deed: ()},
        )
        grown.append(none)
        for giver, taker, one in ways:
            other = state.handed(deed, giver, taker, one)
            log_weight = state.log_weight + math.log(HANDED / len(ways))
            grown.append(replace(other, log_weight=log_weight))
    return grown if len(grown) > len(states) else []
