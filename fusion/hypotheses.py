"""All that may explain one share of a weight step, each with its log-likelihood by term.

A hypothesis is a set of moves (who, product, units, facing): one visit took n units, or put back n
that it holds, two visits took some at once, nobody that we know did, or nothing moved at all. What
does not depend on carts is enumerated once (`explain`), what does in each state of the accounts
(`in_state`).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from fusion.content import STRAY
from fusion.mass import (
    SAME_PLATES,
    centroid_log_likelihood,
    mass_log_likelihood,
    nothing_log_likelihood,
    same_log_likelihood,
    same_spot_log_ratio,
    unknown_log_likelihood,
)
from fusion.shelves import Part, ShelfPlace, Shelves
from fusion.states import Holding, Mark, Move, State
from fusion.switches import EVERYTHING, Switches

PRIOR_UNITS = (0.85, 0.12, 0.015, 0.005)
PRIOR_MORE = 0.1  # / n², for n units beyond those listed
PRIOR_NOTHING = 0.05
PRIOR_UNKNOWN = 0.004
PRIOR_MISPLACED = 0.08
PRIOR_NOBODY = 0.001
PRIOR_TOGETHER = 0.05
PRIOR_BELOW_STOCK = 0.3
PRIOR_FAR_BELOW_STOCK = 0.02
PRIOR_ASTRAY = 0.3  # what was put down last stands in front of what belongs there
LEAST_EXPECTED = 0.05  # P(content) from which several units at once are thought of
STAFF_HOLDS = 0.5  # P(a unit that staff puts on a shelf is the one in question)
MOST_UNITS = 40
UNLIKELY = -40.0  # log-likelihood of a weight that is not worth a hypothesis

Terms = dict[str, float]
Who = Sequence[tuple[str | None, Terms]]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Moves and why: log terms in nats, whose sum, the `score`, is the unnormalised log
    posterior."""

    moves: tuple[Move, ...]
    terms: Mapping[str, float]
    score: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "score", math.fsum(self.terms.values()))


@dataclass(frozen=True, slots=True)
class Said:
    """What plates say of units being taken: the log of prior and likelihood, and P(they were the
    facing's content, rather than strayed there)."""

    log_likelihood: float
    share: float


def who_of(reach: Mapping[str, float], near: Collection[str]) -> Who:
    """Who may have done it, with its terms: of `reach`, the log reach ratio of every visit, those
    that are `near`, and somebody whom the store does not know of."""
    known = [(v, {"who": -math.log(len(reach)), "hand": reach[v]}) for v in reach if v in near]
    return [*known, (None, {"who": math.log(PRIOR_NOBODY), "hand": 0.0})]


def explain(
    part: Part,
    shelves: Shelves,
    who: Who,
    staff: Collection[str],
    used: Switches = EVERYTHING,
    beside_g: float = 0.0,
) -> list[Hypothesis]:
    """Hypotheses that do not depend on what carts hold. `staff` are the visits that bring goods,
    `beside_g` is what changed on other facings of the shelf meanwhile."""
    found = [
        Hypothesis(
            (),
            {
                "prior": math.log(PRIOR_NOTHING),
                "weight": nothing_log_likelihood(part.delta_g, part.sigma_g, beside_g),
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
        return found + _takes(part, shelves, who, used)
    return found + _deliveries(part, shelves, [one for one in who if one[0] in staff])


def in_state(
    part: Part, shelves: Shelves, who: Who, state: State, staff: Collection[str]
) -> list[Hypothesis]:
    """Hypotheses that depend on what stands astray on the facing, or lies in carts."""
    if part.delta_g < 0:
        return [
            found
            for one in state.astray.get(part.place.id, ())
            for found in _retaken(part, shelves, who, one)
        ]
    return [
        found
        for visit, terms in who
        if visit is not None and visit not in staff
        for found in _returns(part, shelves, visit, terms, state.carts[visit])
    ]


def _takes(part: Part, shelves: Shelves, who: Who, used: Switches) -> list[Hypothesis]:
    """Units of the facing's own product, or of another one that stands there unknown to us."""
    place, content, spot = part.place, part.place.content, 0.0
    if used.planogram:
        spot = centroid_log_likelihood(part.centroid, place.plates, place.shelf.plate_count)
    found = []
    for gtin in shelves.products:
        share = content.share(gtin)
        expected = share > LEAST_EXPECTED or not used.planogram
        for units in _plausible_units(part.delta_g, content.unit_g(gtin)):
            if units > 1 and not expected:
                continue
            prior, weight, _ = _taken(part, shelves, gtin, units)
            if weight < UNLIKELY:
                continue
            terms = {"prior": prior, "weight": weight, "place": spot}
            if used.planogram and gtin == place.gtin:
                terms |= _stock_term(place, units)
            found += [Hypothesis((Move(v, gtin, units),), {**terms, **w}) for v, w in who]
            if units > 1:
                found += _together(gtin, units, prior - _units_prior(units), terms, who)
    return found


def said_of(part: Part, shelves: Shelves) -> dict[tuple[str, int], Said]:
    """What plates say of units of each product being taken from a facing, by product and units."""
    found = {}
    for gtin in shelves.products:
        for units in _plausible_units(part.delta_g, part.place.content.unit_g(gtin)):
            prior, weight, share = _taken(part, shelves, gtin, units)
            if weight >= UNLIKELY:
                found[gtin, units] = Said(prior + weight, share)
    return found


def _taken(part: Part, shelves: Shelves, gtin: str, units: int) -> tuple[float, float, float]:
    """The prior of units of a product being taken from a facing and the likelihood of what they
    weigh, in nats: as the content, or as one that strayed there; and P(it was the content)."""
    content = part.place.content
    prior = math.log((1 - STRAY) * content.share(gtin)) + _units_prior(units)
    weight = content.mass(part.delta_g, part.sigma_g, -units, gtin)
    if units > 1 or gtin == part.place.gtin:
        return prior, weight, 1.0
    product = shelves.products[gtin]
    stray = mass_log_likelihood(part.delta_g, part.sigma_g, -units, product)
    stray += math.log(STRAY / len(shelves.products))
    most = max(prior + weight, stray)
    both = most + math.log(math.exp(prior + weight - most) + math.exp(stray - most))
    return prior, both - prior, math.exp(prior + weight - both)


def _stock_term(place: ShelfPlace, units: int) -> Terms:
    short = units - place.units
    if short <= 0:
        return {}
    far = short > 2  # a book is seldom wrong by more than one or two
    return {"stock": math.log(PRIOR_FAR_BELOW_STOCK if far else PRIOR_BELOW_STOCK)}


def _together(
    gtin: str, units: int, log_content: float, terms: Terms, who: Who
) -> list[Hypothesis]:
    """Two visits took from one facing at the same time."""
    known = [(visit, w) for visit, w in who if visit is not None]
    pairs = [(a, b) for i, a in enumerate(known) for b in known[i + 1 :]]
    return [
        Hypothesis(
            (Move(first, gtin, share), Move(second, gtin, units - share)),
            {
                **terms,
                "prior": log_content + math.log(PRIOR_TOGETHER / (units - 1)),
                "who": w1["who"] + w2["who"],
                "hand": w1["hand"] + w2["hand"],
            },
        )
        for (first, w1), (second, w2) in pairs
        for share in range(1, units)
    ]


def _retaken(part: Part, shelves: Shelves, who: Who, one: Holding) -> list[Hypothesis]:
    """What was put down on a facing where it does not belong is taken from there."""
    place = part.place
    terms = {"astray": math.log(PRIOR_ASTRAY)}
    if one.mark is not None:
        terms["weight"] = _same_weight(part, one.mark)
        terms["place"] = math.log(place.shelf.plate_count / len(place.plates))
        terms["spot"] = same_spot_log_ratio(
            part.centroid - one.mark.centroid, abs(part.delta_g), part.sigma_g, len(place.plates)
        )
    elif one.gtin is not None:
        terms["weight"] = mass_log_likelihood(
            part.delta_g, part.sigma_g, -one.units, shelves.products[one.gtin]
        )
        terms["place"] = centroid_log_likelihood(
            part.centroid, place.plates, place.shelf.plate_count
        )
    else:
        return []
    if terms["weight"] < UNLIKELY:
        return []
    return [Hypothesis((Move(v, one.gtin, one.units, one),), {**terms, **w}) for v, w in who]


def _deliveries(part: Part, shelves: Shelves, staff: Who) -> list[Hypothesis]:
    """Staff bring goods that no cart held."""
    found = []
    for visit, w in staff:
        for gtin, product in shelves.products.items():
            where = 1 - PRIOR_MISPLACED if gtin == part.place.gtin else PRIOR_MISPLACED
            for units in _plausible_units(part.delta_g, product.weight_g):
                weight = mass_log_likelihood(part.delta_g, part.sigma_g, units, product)
                if weight >= UNLIKELY:
                    terms = {
                        "prior": math.log(where) + _units_prior(units),
                        "cart": math.log(STAFF_HOLDS),
                        "weight": weight,
                        **w,
                    }
                    found.append(Hypothesis((Move(visit, gtin, -units),), terms))
    return found


def _returns(
    part: Part, shelves: Shelves, visit: str, who: Terms, cart: Sequence[Holding]
) -> list[Hypothesis]:
    """A visit puts back what it took by one decision, all of it or some."""
    found = []
    for one in _one_of_a_kind(part, cart):
        product = None if one.gtin is None else shelves.products[one.gtin]
        home = one.mark is not None and one.mark.facing == part.place.id
        home = home or one.gtin == part.place.gtin
        prior = math.log((1 - PRIOR_MISPLACED if home else PRIOR_MISPLACED) / len(cart))
        options: list[tuple[int, float, float]] = []
        if one.mark is not None:
            options.append((one.units, _same_weight(part, one.mark), 0.0))
        if product is not None:
            options += [
                (n, mass_log_likelihood(part.delta_g, part.sigma_g, n, product), _units_prior(n))
                for n in _plausible_units(part.delta_g, product.weight_g)
                if n < one.units or (n == one.units and one.mark is None)
            ]
        found += [
            Hypothesis(
                (Move(visit, one.gtin, -units, one),),
                {"prior": prior + log_units, "weight": weight, **who},
            )
            for units, weight, log_units in options
            if weight >= UNLIKELY
        ]
    return found


def _same_weight(part: Part, mark: Mark) -> float:
    """Log-likelihood that what moved is what moved before."""
    near = abs(part.centroid - mark.centroid) < SAME_PLATES
    return same_log_likelihood(
        abs(part.delta_g) - mark.weight_g,
        part.sigma_g,
        mark.sigma_g,
        mark.weight_g,
        same_plates=near and mark.facing == part.place.id,
    )


def _one_of_a_kind(part: Part, cart: Sequence[Holding]) -> list[Holding]:
    """Of holdings that putting back could not tell apart, the one whose weight fits best."""
    best: dict[tuple[object, ...], Holding] = {}
    for one in cart:
        key = (one.gtin or one.deed, one.units)
        other = best.get(key)
        if other is None or _misfit(part, one) <= _misfit(part, other):
            best[key] = one
    return list(best.values())


def _misfit(part: Part, one: Holding) -> float:
    return math.inf if one.mark is None else abs(part.delta_g - one.mark.weight_g)


def _plausible_units(delta_g: float, weight_g: float) -> list[int]:
    exact = abs(delta_g) / weight_g
    nearest = {math.floor(exact), math.ceil(exact)}
    return [n for n in sorted(nearest) if 1 <= n <= MOST_UNITS]


def _units_prior(units: int) -> float:
    return math.log(PRIOR_UNITS[units - 1] if units <= len(PRIOR_UNITS) else PRIOR_MORE / units**2)
