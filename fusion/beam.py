"""The likeliest states of some visits' accounts, decided together: a beam.

Visits that may have done the same thing, or that touched the same misplaced units, are weighed in
one beam; others have beams of their own, so that their doubts do not multiply. States with equal
accounts are merged (Reid's multiple hypotheses, IEEE TAC 1979, merged as in Cox & Hingorani, PAMI
1996); of the rest the likeliest are kept, and what is dropped is counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fusion.states import Holdings, State, Told

MOST_STATES = 96
LEAST_SHARE = 1e-5  # of the likeliest state's weight


@dataclass(slots=True)
class Beam:
    """States of `visits` and of the `facings` where units of theirs may stand astray.

    The weights of the states add up to 1. `dropped` is the probability that was given up in each
    decision, added up over all of them.
    """

    visits: set[str]
    facings: set[str]
    states: list[State]
    dropped: float = 0.0
    deeds: set[int] = field(default_factory=set)

    def shares(self) -> list[tuple[float, State]]:
        """Each state with its probability, likeliest first."""
        return [(math.exp(state.log_weight), state) for state in self.states]

    def carts(self, visit: str) -> list[tuple[float, Holdings]]:
        """What a visit may hold, with probabilities, likeliest first."""
        found: dict[Holdings, float] = {}
        for share, state in self.shares():
            held = state.carts[visit]
            found[held] = found.get(held, 0.0) + share
        return sorted(((p, held) for held, p in found.items()), key=lambda one: -one[0])

    def told(self, deed: int) -> list[tuple[float, Told]]:
        """What a decision may have been, with probabilities: first as the likeliest state has it,
        so that all decisions are told of one state, then likeliest first."""
        found: dict[Told, float] = {}
        for share, state in self.shares():
            told = state.story.get(deed, ())
            found[told] = found.get(told, 0.0) + share
        told = self.states[0].story.get(deed, ())
        return sorted(
            ((p, one) for one, p in found.items()), key=lambda one: (one[1] != told, -one[0])
        )

    def replace(self, states: Sequence[State]) -> None:
        """Go on with other states, whose weights need not add up to 1."""
        self.states, dropped = _kept(states)
        self.dropped += dropped

    def forget(self, visit: str) -> None:
        """Leave a visit out that is over, and decisions that concern no other: nobody is left to
        be told how they turn out."""
        self.visits.discard(visit)
        self.deeds = {
            deed
            for deed in self.deeds
            if any(one[0] in self.visits for s in self.states for one in s.story.get(deed, ()))
        }
        self.replace(
            [
                replace(
                    state,
                    carts={v: c for v, c in state.carts.items() if v != visit},
                    story={d: told for d, told in state.story.items() if d in self.deeds},
                )
                for state in self.states
            ]
        )

    def settled(self) -> set[int]:
        """The decisions on which all states agree; they are not followed any longer."""
        done = {
            deed
            for deed in self.deeds
            if len({state.story.get(deed, ()) for state in self.states}) == 1
        }
        if done:
            self.deeds -= done
            self.states = [
                replace(state, story={d: t for d, t in state.story.items() if d not in done})
                for state in self.states
            ]
        return done


def joined(beams: Sequence[Beam]) -> Beam:
    """One beam of several that know nothing of each other."""
    first = beams[0]
    for other in beams[1:]:
        products = [
            State(
                one.log_weight + two.log_weight,
                {**one.carts, **two.carts},
                {**one.astray, **two.astray},
                {**one.story, **two.story},
            )
            for one in first.states
            for two in other.states
        ]
        states, dropped = _kept(products)
        first = Beam(
            first.visits | other.visits,
            first.facings | other.facings,
            states,
            first.dropped + other.dropped + dropped,
            first.deeds | other.deeds,
        )
    return first


def parted(beam: Beam) -> list[Beam]:
    """The beam without the visits and facings of which all its states say the same, and a beam of
    one state for each such visit. Facings with nothing astray are left out."""
    first = beam.states[0]
    agreed = [
        visit
        for visit in sorted(beam.visits)
        if all(state.carts[visit] == first.carts[visit] for state in beam.states)
        and not _spoken_of(visit, beam)
    ]
    if len(beam.states) == 1:
        agreed = sorted(beam.visits)
    alone = [
        Beam({visit}, set(), [State(0.0, {visit: first.carts[visit]}, {}, {})]) for visit in agreed
    ]
    rest = beam.visits - set(agreed)
    facings = {f for f in beam.facings if any(state.astray.get(f) for state in beam.states)}
    if not rest and not facings:
        return alone
    states = [
        State(
            state.log_weight,
            {visit: state.carts[visit] for visit in rest},
            {f: held for f, held in state.astray.items() if f in facings and held},
            state.story,
        )
        for state in beam.states
    ]
    return [*alone, Beam(rest, facings, states, beam.dropped, beam.deeds)]


def _spoken_of(visit: str, beam: Beam) -> bool:
    """Whether a decision that is still open may have been the visit's."""
    return any(
        visit == one[0] for state in beam.states for told in state.story.values() for one in told
    )


def _kept(states: Sequence[State]) -> tuple[list[State], float]:
    """States merged by equal accounts, normed and cut to the likeliest; what was dropped."""
    merged: dict[tuple[object, ...], State] = {}
    best = max(state.log_weight for state in states)
    for state in states:
        if state.log_weight < best + 2 * math.log(LEAST_SHARE):
            continue
        key = state.key()
        other = merged.get(key)
        if other is None:
            merged[key] = state
        else:
            heavier = state if state.log_weight > other.log_weight else other
            lighter = other if heavier is state else state
            more = math.log1p(math.exp(lighter.log_weight - heavier.log_weight))
            merged[key] = replace(heavier, log_weight=heavier.log_weight + more)
    ranked = sorted(merged.values(), key=lambda state: -state.log_weight)
    top = ranked[0].log_weight
    total = math.fsum(math.exp(state.log_weight - top) for state in ranked)
    kept = [s for s in ranked[:MOST_STATES] if s.log_weight >= top + math.log(LEAST_SHARE)]
    left = math.fsum(math.exp(state.log_weight - top) for state in kept)
    norm = top + math.log(left)
    return [replace(s, log_weight=s.log_weight - norm) for s in kept], 1.0 - left / total
