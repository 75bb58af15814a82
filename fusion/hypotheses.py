"""All that may explain one share of a weight step, each with its log-likelihood by term.

A hypothesis is a set of moves (who, product, units, facing): one visit took n units or put n
back, two visits took some at once, nobody that we know did, or nothing moved at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fusion.mass import (
    centroid_log_likelihood,
    mass_log_likelihood,
    nothing_log_likelihood,
    unknown_log_likelihood,
)
from fusion.shelves import Part, Shelves

PRIOR_UNITS = (0.80, 0.13, 0.04, 0.015)
PRIOR_MORE = 0.002
PRIOR_NOTHING = 0.05
PRIOR_UNKNOWN = 0.004
PRIOR_WRONG_PLANOGRAM = 0.02
PRIOR_MISPLACED = 0.08
PRIOR_NOBODY = 0.001
PRIOR_TOGETHER = 0.05
PRIOR_BELOW_STOCK = 0.3
MOST_UNITS = 40

Holds = Callable[[str, str, int], float]


@dataclass(frozen=True, slots=True)
class Move:
    """Units from the facing into a visit's cart (negative: back onto the facing)."""

    visit: str | None
    gtin: str | None
    units: int


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Moves and why: log terms in nats, whose sum is the unnormalised log posterior."""

    moves: tuple[Move, ...]
    terms: Mapping[str, float]

    @property
    def score(self) -> float:
        return math.fsum(self.terms.values())


def explain(
    part: Part, shelves: Shelves, reach: Mapping[str, float], holds: Holds
) -> list[Hypothesis]:
    """Enumerate hypotheses for `part`.

    `reach` maps each visit to its log reach ratio; `holds(visit, gtin, n)` is the probability
    that a visit's cart holds at least n units of a product.
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
    found += _takes(part, shelves, who) if part.delta_g < 0 else _returns(part, shelves, who, holds)
    return found


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
            if gtin == place.gtin and units > place.units:
                terms["stock"] = math.log(PRIOR_BELOW_STOCK)
            if terms["weight"] < -40:
                continue
            found += [Hypothesis((Move(v, gtin, units),), {**terms, **w}) for v, w in who]
            if units > 1 and gtin in contents:
                found += _together(gtin, units, terms, who)
    return found


def _together(
    gtin: str, units: int, terms: dict[str, float], who: list[tuple[str | None, dict[str, float]]]
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
                            "prior": math.log(PRIOR_TOGETHER / (units - 1)),
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
) -> list[Hypothesis]:
    place = part.place
    found = []
    for visit, w in who:
        if visit is None:
            continue
        for gtin, product in shelves.products.items():
            for units in _plausible_units(part.delta_g, product.weight_g):
                held = holds(visit, gtin, units)
                if held < 1e-4:
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


def _plausible_units(delta_g: float, weight_g: float) -> list[int]:
    exact = abs(delta_g) / weight_g
    nearest = {math.floor(exact), math.ceil(exact)}
    return [n for n in sorted(nearest) if 1 <= n <= MOST_UNITS]


def _units_prior(units: int) -> float:
    return math.log(PRIOR_UNITS[units - 1] if units <= len(PRIOR_UNITS) else PRIOR_MORE)
