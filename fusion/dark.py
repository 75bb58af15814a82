"""Reaches into shelves that do not weigh: something may have been taken that no plate could tell.

A hand was in a shelf if it was seen within the rack's width, between the shelf and `ABOVE_M` over
it, and past its front edge less `SHORT_M`, for vision pulls hands that reach towards the body; in
`LEAST` pictures, without a pause of more than `PAUSE_NS`. A camera cannot tell what it took.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sensors.observations import HandPoint
from sensors.store import Gondola, Shelf, Store

SHORT_M = 0.2
BELOW_M, ABOVE_M = 0.2, 0.5
LEAST = 3  # pictures
PAUSE_NS = 600_000_000


@dataclass(slots=True)
class _Reach:
    last_ns: int
    pictures: int = 1


class Dark:
    """Which shelves do not weigh, and which tracklets' hands were in them."""

    def __init__(self, store: Store) -> None:
        self._shelves = {s.id: (g, s) for g in store.gondolas for s in g.shelves}
        self._dark: dict[str, tuple[Gondola, Shelf]] = {}
        self._open: dict[tuple[str, str], _Reach] = {}

    def now(self, down: Collection[str]) -> None:
        """These devices are down now."""
        self._dark = {name: self._shelves[name] for name in sorted(down) if name in self._shelves}

    def hand(self, hand: HandPoint) -> list[str]:
        """The shelves that do not weigh and that this hand has just been found to be in."""
        if not self._dark or hand.occluded:
            return []
        found = []
        for name, (gondola, shelf) in self._dark.items():
            if not _within(gondola, shelf, hand):
                continue
            reach = self._open.get((hand.tracklet, name))
            if reach is None or hand.at_ns - reach.last_ns > PAUSE_NS:
                self._open[hand.tracklet, name] = _Reach(hand.at_ns)
            elif hand.at_ns > reach.last_ns:
                reach.last_ns, reach.pictures = hand.at_ns, reach.pictures + 1
                if reach.pictures == LEAST:
                    found.append(name)
        if len(self._open) > 100:
            self._open = {
                key: reach
                for key, reach in self._open.items()
                if hand.at_ns - reach.last_ns <= PAUSE_NS
            }
        return found


def _within(gondola: Gondola, shelf: Shelf, hand: HandPoint) -> bool:
    along, inwards = gondola.to_local(hand.x_m, hand.y_m)
    return (
        0.0 <= along <= gondola.width_m
        and -SHORT_M <= inwards <= gondola.depth_m
        and -BELOW_M <= hand.z_m - shelf.z_m <= ABOVE_M
    )
