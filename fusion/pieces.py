"""One move whose change of weight came in two pieces: somebody lifted slowly, or two moves settled
as one and were cut at the wrong moment.

Two changes of one sign on a facing, the second of which begins before the first has been over for
`PAUSE_NS`, may be one. In a state of the accounts the first decision is then undone, and what both
weigh together is explained anew. With P(a move is cut) = `CUT`, and a cut that may lie anywhere,
the two pieces, δ = δ₁ + δ₂, have the density

    p(δ₁, δ₂ | h) = CUT / |δ| · p(δ | h)

which stands against the product of theirs where they were two moves.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

from fusion.shelves import Part
from fusion.states import State, Told

CUT = 0.05
PAUSE_NS = 1_000_000_000


def whole(first: Part, second: Part) -> Part:
    """Both pieces as one change."""
    grams = first.delta_g + second.delta_g
    where = first.centroid * first.delta_g + second.centroid * second.delta_g
    return Part(
        place=second.place,
        delta_g=grams,
        sigma_g=math.hypot(first.sigma_g, second.sigma_g),
        centroid=where / grams,
    )


def cut_log_prior(part: Part) -> float:
    """log of CUT / |δ|."""
    return math.log(CUT / max(1.0, abs(part.delta_g)))


def undoable(
    ranked: Sequence[tuple[float, Told]],
    terms: Mapping[Told, Mapping[str, float]],
    staff: Collection[str],
) -> Told | None:
    """The likeliest answer of a decision that can be taken back: something was taken that had not
    been put down there, or staff brought it, or nothing moved."""
    for _, told in ranked:
        moved = all(units > 0 or visit in staff for visit, _, units in told)
        if moved and told in terms and "astray" not in terms[told]:
            return told
    return None


def before(
    states: Sequence[State], deed: int, told: Told, facing: str, score: float
) -> list[State]:
    """The states from before a decision on a facing, of which those in which it was `told` are what
    its hypothesis of that `score` made of them."""
    found = []
    for state in states:
        if state.story.get(deed) == told:
            parent = state.undone(deed, facing, score)
            if parent is not None:
                found.append(parent)
    return found
