"""All that may explain one share of a weight step, each with its log-likelihood by term.

A hypothesis is a set of moves (who, product, units, facing): one visit took n units or put n
back, put back just what an earlier decision says they took, whatever that was; two visits took
some at once, nobody that we know did, or nothing moved at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fusion.mass import (
    centroid_log_likelihood,
    mass_log_likelihood,
    nothing_log_likelihood,
    same_log_likelihood,
    unknown_log_likelihood,
)
from fusion.shelves import Part, Shelves

PRIOR_UNITS = (0.80, 0.13, 0.04, 0.015)
PRIOR_MORE = 0.1  # / n³, for n units beyond those listed
PRIOR_NOTHING = 0.05
PRIOR_UNKNOWN = 0.004
PRIOR_WRONG_PLANOGRAM = 0.02
PRIOR_MISPLACED = 0.08
PRIOR_NOBODY = 0.001
PRIOR_TOGETHER = 0.05
PRIOR_BELOW_STOCK = 0.3
PRIOR_FAR_BELOW_STOCK = 0.02
MOST_UNITS = 40

Holds = Callable[[str, str, int], float]


@dataclass(frozen=True, slots=True)
class Move:
    """Units from the facing into a visit's cart (negative: back onto the facing)."""

    visit: str | None
    gtin: str | None
    units: int


@dataclass(frozen=True, slots=True)
class Taken:
    """An earlier decision by which a visit may have taken something: what the plates said."""

    line: str
    visit: str
    gtin: str | None
    units: int
    facing: str
    delta_g: float
    sigma_g: float
    probability: float


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Moves and why: log terms in nats, whose sum is the unnormalised log posterior.

    `undoes` names the earlier decision whose units are put back.
    """

    moves: tuple[Move, ...]
    terms: Mapping[str, float]
    undoes: str | None = None

    @property
    def score(self) -> float:
        return math.fsum(self.terms.values())


def explain(
    part: Part,
    shelves: Shelves,
    reach: Mapping[str, float],
    holds: Holds,
    taken: Sequence[Taken] = (),
) -> list[Hypothesis]:
    """Enumerate hypotheses for `part`.

    `reach` maps each visit to its log reach ratio; `holds(visit, gtin, n)` is the probability
    that a visit's cart holds at least n units of a product; `taken` are the earlier decisions
    that may be undone.
    """
    who = _who(reach)
    found = [
        Hypothesis(
            (),
            {
                "prior": math.log(PRIOR_NOTHING),
                "weight": nothing_log_likelihood(part.delta_g, part.sigma_g),
            },
        )
    ]
    found += [
        Hypothesis(
            (Move(visit, None, 1 if part.delta_g < 0 else -1),),
            {"prior": math.log(PRIOR_UNKNOWN), "weight": unknown_log_likelihood(), **terms},
        )
        for visit, terms in who
    ]
    if part.delta_g < 0:
        return found + _takes(part, shelves, who)
    likeliest = _one_of_a_kind(part, taken)
    covered = {(one.visit, one.gtin, one.units) for one in likeliest}
    return (
        found + _returns(part, shelves, who, holds, covered) + _undone(part, dict(who), likeliest)
    )


def _who(reach: Mapping[str, float]) -> list[tuple[str | None, dict[str, float]]]:
    known = [
        (visit, {"who": -math.log(len(reach)), "hand": ratio}) for visit, ratio in reach.items()
    ]
    return [*known, (None, {"who": math.log(PRIOR_NOBODY), "hand": 0.0})]


def _takes(
    part: Part, shelves: Shelves, who: list[tuple[str | None, dict[str, float]]]
) -> list[Hypothesis]:
    place = part.place
    spot = centroid_log_likelihood(part.centroid, place.plates, place.shelf.plate_count)
    contents = {place.gtin: math.log(1 - PRIOR_WRONG_PLANOGRAM)}
    for gtin, units in place.strangers.items():
        if units > 0:
            contents[gtin] = math.log(units / (units + max(1, place.units)))
    wrong = math.log(PRIOR_WRONG_PLANOGRAM / len(shelves.products))
    found = []
    for gtin, product in shelves.products.items():
        log_content = contents.get(gtin, wrong)
        for units in _plausible_units(part.delta_g, product.weight_g):
            if gtin not in contents and units > 1:
                continue
            terms = {
                "prior": log_content + _units_prior(units),
                "weight": mass_log_likelihood(part.delta_g, part.sigma_g, -units, product),
                "place": spot,
            }
            short = units - (
                place.units if gtin == place.gtin else place.strangers.get(gtin, units)
            )
            if short > 0:  # a book is seldom wrong by more than one or two
                far = short > 2
                terms["stock"] = math.log(PRIOR_FAR_BELOW_STOCK if far else PRIOR_BELOW_STOCK)
            if terms["weight"] < -40:
                continue
            found += [Hypothesis((Move(v, gtin, units),), {**terms, **w}) for v, w in who]
            if units > 1 and gtin in contents:
                found += _together(gtin, units, log_content, terms, who)
    return found


def _together(
    gtin: str,
    units: int,
    log_content: float,
    terms: dict[str, float],
    who: list[tuple[str | None, dict[str, float]]],
) -> list[Hypothesis]:
    """Two visits took from one facing at the same time."""
    known = [(visit, w) for visit, w in who if visit is not None]
    found = []
    for i, (first, w1) in enumerate(known):
        for second, w2 in known[i + 1 :]:
            for share in range(1, units):
                found.append(
                    Hypothesis(
                        (Move(first, gtin, share), Move(second, gtin, units - share)),
                        {
                            **terms,
                            "prior": log_content + math.log(PRIOR_TOGETHER / (units - 1)),
                            "who": w1["who"] + w2["who"],
                            "hand": w1["hand"] + w2["hand"],
                        },
                    )
                )
    return found


def _returns(
    part: Part,
    shelves: Shelves,
    who: list[tuple[str | None, dict[str, float]]],
    holds: Holds,
    covered: set[tuple[str, str | None, int]],
) -> list[Hypothesis]:
    """Some product of the catalogue comes back, other than by undoing a decision (`covered`)."""
    place = part.place
    found = []
    for visit, w in who:
        if visit is None:
            continue
        for gtin, product in shelves.products.items():
            for units in _plausible_units(part.delta_g, product.weight_g):
                held = holds(visit, gtin, units)
                if held < 1e-4 or (visit, gtin, units) in covered:
                    continue
                home = gtin == place.gtin
                where = 1 - PRIOR_MISPLACED if home else PRIOR_MISPLACED
                found.append(
                    Hypothesis(
                        (Move(visit, gtin, -units),),
                        {
                            "prior": math.log(where) + _units_prior(units),
                            "cart": math.log(held),
                            "weight": mass_log_likelihood(
                                part.delta_g, part.sigma_g, units, product
                            ),
                            **w,
                        },
                    )
                )
    return found


def _one_of_a_kind(part: Part, taken: Sequence[Taken]) -> list[Taken]:
    """Of decisions that undoing could not be told apart, the one whose weight fits best."""
    best: dict[tuple[str, str | None, int], Taken] = {}
    for one in taken:
        key = (one.visit, one.gtin or one.line, one.units)
        other = best.get(key)
        misfit = abs(part.delta_g + one.delta_g)
        if other is None or misfit <= abs(part.delta_g + other.delta_g):
            best[key] = one
    return list(best.values())


def _undone(
    part: Part, who: Mapping[str | None, dict[str, float]], taken: Sequence[Taken]
) -> list[Hypothesis]:
    """What was taken comes back: its weight is known better than any product's."""
    found = []
    for one in taken:
        if one.visit not in who:
            continue
        where = 1 - PRIOR_MISPLACED if one.facing == part.place.id else PRIOR_MISPLACED
        found.append(
            Hypothesis(
                (Move(one.visit, one.gtin, -one.units),),
                {
                    "prior": math.log(where),
                    "cart": math.log(one.probability),
                    "weight": same_log_likelihood(
                        part.delta_g + one.delta_g, part.sigma_g, one.sigma_g, one.delta_g
                    ),
                    **who[one.visit],
                },
                undoes=one.line,
            )
        )
    return found


def _plausible_units(delta_g: float, weight_g: float) -> list[int]:
    exact = abs(delta_g) / weight_g
    nearest = {math.floor(exact), math.ceil(exact)}
    return [n for n in sorted(nearest) if 1 <= n <= MOST_UNITS]


def _units_prior(units: int) -> float:
    return math.log(PRIOR_UNITS[units - 1] if units <= len(PRIOR_UNITS) else PRIOR_MORE / units**3)
