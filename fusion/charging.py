"""The bill of least expected loss, and whether a human should look at it first.

For each product, billing b units where t were taken costs the shopper (b − t)·price and a fixed
harm once if b > t, and costs the store (t − b)·cost of goods if b < t. The visit goes to review
when a charge is in doubt: more units than are certain were taken with a probability of at least
`ASK_FROM`, yet below the store's `charge_at`; or when the loss that remains at the best bill
exceeds what a labeler's look costs. What was hardly taken is neither charged nor asked about.
Where the policy pools substitutes, what is in doubt only between them is charged as
`fusion.substitutes` says. `docs/charging.md` explains the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cart.events import Candidate
from fusion.loss import COST_OF_GOODS, loss_cents
from fusion.states import Holdings, counted
from fusion.substitutes import pooled
from sensors.policy import Policy
from sensors.store import Product

UNKNOWN_ITEM_CENTS = 200
MOST_CANDIDATES = 6
LEAST_CANDIDATE = 0.002
ASK_FROM = 0.4

Lines = tuple[tuple[str, int], ...]
Distribution = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Bill:
    """What to charge, what it may cost to be wrong, and what is beyond doubt.

    `candidates` are the likeliest whole carts, `doubtful` the products whose charge is in doubt,
    `unknown` the expected units that no product explains, `risk` the probability that some unit of
    `lines` is not owed, told by GTIN.
    """

    lines: Lines
    expected_loss_cents: float
    certain: Lines
    candidates: tuple[Candidate, ...]
    doubtful: tuple[str, ...]
    unknown: float
    risk: float


def best_bill(
    carts: Sequence[tuple[float, Holdings]], products: Mapping[str, Product], policy: Policy
) -> Bill:
    """The bill of least expected loss over what a visit may hold, with probabilities."""
    named = [(p, counted(held)) for p, held in carts]
    unknown = sum(p * one.units for p, held in carts for one in held if one.gtin is None)
    unsettled: list[str] = []  # whose units no single answer settles
    doubtful: list[str] = []
    lines: dict[str, int] = {}
    certain: dict[str, int] = {}
    losses: dict[str, float] = {}
    for gtin in sorted({gtin for _, held in named for gtin in held}):
        distribution = _of_product(gtin, named)
        units, losses[gtin] = _least_loss(distribution, products[gtin].price_cents, policy)
        if units:
            lines[gtin] = units
        sure = max(n for n in distribution if _at_least(distribution, n) >= policy.charge_at)
        if sure:
            certain[gtin] = sure
        if max(distribution.values()) < policy.charge_at:
            unsettled.append(gtin)
            if _at_least(distribution, sure + 1) >= ASK_FROM:
                doubtful.append(gtin)
    if policy.pool_substitutes:
        for pool in pooled(named, unsettled, certain, losses, products, policy):
            for gtin in pool.members:
                lines.pop(gtin, None)
                losses[gtin] = 0.0
            doubtful = [gtin for gtin in doubtful if gtin not in pool.members]
            lines |= pool.lines
            losses[pool.members[0]] = pool.expected_loss_cents
    owed = sum(p for p, held in named if all(held[gtin] >= n for gtin, n in lines.items()))
    return Bill(
        lines=tuple(sorted(lines.items())),
        expected_loss_cents=sum(losses.values()) + unknown * UNKNOWN_ITEM_CENTS * COST_OF_GOODS,
        certain=tuple(certain.items()),
        candidates=_candidates(named),
        doubtful=tuple(doubtful),
        unknown=unknown,
        risk=round(min(1.0, max(0.0, 1.0 - owed)), 6),
    )


def _of_product(gtin: str, carts: Sequence[tuple[float, Counter[str]]]) -> dict[int, float]:
    """P(the cart holds n units of `gtin`), n ≥ 0; none is always among them."""
    found = {0: 0.0}
    for p, held in carts:
        found[held[gtin]] = found.get(held[gtin], 0.0) + p
    return found


def _least_loss(distribution: Distribution, price_cents: int, policy: Policy) -> tuple[int, float]:
    def loss(billed: int) -> float:
        return sum(
            p * loss_cents(billed * price_cents, taken * price_cents, billed > taken, policy)
            for taken, p in distribution.items()
        )

    return min(((n, loss(n)) for n in sorted(distribution)), key=lambda pair: pair[1])


def _at_least(distribution: Distribution, units: int) -> float:
    return sum(p for n, p in distribution.items() if n >= units) + 1e-12


def _candidates(carts: Sequence[tuple[float, Counter[str]]]) -> tuple[Candidate, ...]:
    """The likeliest whole carts."""
    chances: dict[Lines, float] = {}
    for p, held in carts:
        lines = tuple(sorted(held.items()))
        chances[lines] = chances.get(lines, 0.0) + p
    ranked = sorted(chances.items(), key=lambda one: (-one[1], one[0]))
    ranked = [one for one in ranked if one[1] >= LEAST_CANDIDATE] or ranked[:1]
    return tuple(
        Candidate(lines=lines, probability=round(p, 4)) for lines, p in ranked[:MOST_CANDIDATES]
    )
