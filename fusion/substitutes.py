"""Substitutes pooled: charging one of several products where only *which* of them is in doubt.

Products of which no number of units is certain and that bear the same tax make a pool. Beyond what
is certain of each, k units of the pool are charged, k the most that were taken with
P ≥ `charge_at`, whichever they were. The bill names the units of that one answer whose price is
least among all answers with at least k units (of equals the likeliest one): where all cost the
same, the likeliest product at its price; between two prices the cheaper. So the pool's charge is at
most what is owed in every answer that has k units, and a wrong name costs the shopper nothing.

A pool is charged only if that lowers the expected loss (`fusion.loss`), for which a wrong name of
the same pool is no harm. Scores and `Bill.risk` count units by GTIN: there a wrong name is one
unit charged wrongly and one missed. By themselves the members would be asked about or left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fusion.loss import loss_cents
from sensors.policy import Policy
from sensors.store import Product

Carts = Sequence[tuple[float, Counter[str]]]


@dataclass(frozen=True, slots=True)
class Pool:
    """What is charged of two or more `members`, certain units included."""

    members: tuple[str, ...]
    lines: Mapping[str, int]
    expected_loss_cents: float


def pooled(
    carts: Carts,
    unsettled: Sequence[str],
    certain: Mapping[str, int],
    losses: Mapping[str, float],
    products: Mapping[str, Product],
    policy: Policy,
) -> list[Pool]:
    """The pools that lower the expected loss.

    `carts` are the answers with their probabilities, `unsettled` the products of which no number of
    units is certain, `certain` the certain units by GTIN, `losses` the expected loss in minor units
    of billing each product by itself.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for gtin in unsettled:
        alike[products[gtin].tax_class].append(gtin)
    found = []
    for members in alike.values():
        if len(members) > 1:
            pool = _pool(carts, tuple(members), certain, products, policy)
            if pool and pool.expected_loss_cents < sum(losses[gtin] for gtin in members):
                found.append(pool)
    return found


def _pool(
    carts: Carts,
    members: tuple[str, ...],
    certain: Mapping[str, int],
    products: Mapping[str, Product],
    policy: Policy,
) -> Pool | None:
    prices = {gtin: products[gtin].price_cents for gtin in members}
    base = Counter({gtin: certain.get(gtin, 0) for gtin in members})
    rest = [(p, Counter({g: held[g] for g in members}) - base) for p, held in carts]
    most = max(extra.total() for _, extra in rest)
    enough = (n for n in range(most, 0, -1) if _at_least(rest, n) >= policy.charge_at)
    units = next(enough, 0)
    if not units:
        return None
    chances: dict[tuple[str, ...], float] = defaultdict(float)
    for p, extra in rest:
        if extra.total() >= units:
            cheapest = sorted(extra.elements(), key=lambda gtin: (prices[gtin], gtin))
            chances[tuple(cheapest[:units])] += p
    named = min(chances, key=lambda one: (sum(prices[g] for g in one), -chances[one], one))
    lines = +(base + Counter(named))
    billed = sum(prices[gtin] for gtin in named)
    loss = sum(
        p
        * loss_cents(
            billed, sum(prices[g] for g in extra.elements()), extra.total() < units, policy
        )
        for p, extra in rest
    )
    return Pool(members, dict(lines), loss)


def _at_least(rest: Carts, units: int) -> float:
    return sum(p for p, extra in rest if extra.total() >= units) + 1e-12
