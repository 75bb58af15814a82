"""Which kinds of evidence an engine weighs: all of them, unless a measurement leaves some out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Switches:
    """What speaks in decisions; what is off adds 0 to every hypothesis.

    `planogram`: what belongs on a facing, where on the shelf, and how many. `hand`: whose hand was
    there. `sight`: what hands were seen with. `tags`: what the exit gate read. `history`: what
    shoppers bought before. `joint`: several states of the accounts are followed; off, only the
    likeliest after each decision. `late`: sightings and the exit gate move earlier decisions.
    """

    planogram: bool = True
    hand: bool = True
    sight: bool = True
    tags: bool = True
    history: bool = True
    joint: bool = True
    late: bool = True


EVERYTHING = Switches()
