"""Decisions of the last seconds that a late observation may still change, as they were booked.

A weight settles within a second; what the hand took is clear only when it has come out of the rack
and pictures of it are pooled, a second or two later. The decision is told at once and looked at
again when the sighting comes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from fusion.account import Doubt
from fusion.hypotheses import Hypothesis
from fusion.shelves import Part
from sensors.observations import WeightStep

OPEN_NS = 6_000_000_000
PUT_BACK = 0.02  # a put-back that is at least so likely belongs to a decision as it was booked


@dataclass(frozen=True, slots=True)
class Take:
    """One decision on what was taken: its hypotheses without sightings, and what came of them.

    `present` are the visits that may have done it, `doubts` what was booked by visit; `told`
    whether carts show the line.
    """

    step: WeightStep
    part: Part
    present: tuple[str, ...]
    found: tuple[Hypothesis, ...]
    best: Hypothesis
    line: str
    told: bool
    doubts: dict[str, Doubt]

    def is_open(self, now_ns: int, visits: Collection[str]) -> bool:
        """Whether it may be decided anew: lately made, all visits open, nothing put back since."""
        return (
            now_ns - self.step.at_ns < OPEN_NS
            and all(visit in visits for visit in self.present)
            and all(doubt.returned < PUT_BACK for doubt in self.doubts.values())
        )


def reversed_moves(hypothesis: Hypothesis) -> Hypothesis:
    """The hypothesis with every move the other way."""
    return replace(
        hypothesis, moves=tuple(replace(move, units=-move.units) for move in hypothesis.moves)
    )
