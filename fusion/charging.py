"""The bill of least expected loss, and whether a human should look at it first.

For each product, billing b units where t were taken costs the shopper (b − t)·price and a fixed
harm once if b > t, and costs the store (t − b)·cost of goods if b < t. The visit goes to review
when a charge is in doubt: more units than are certain were taken with a probability of at least
`ASK_FROM`, yet below the store's `charge_at`; or when the loss that remains at the best bill
exceeds what a labeler's look costs. What was hardly taken is neither charged nor asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product as combinations

from cart.events import Candidate
from fusion.account import Account, Distribution
from sensors.store import Policy, Product

COST_OF_GOODS = 0.7
UNKNOWN_ITEM_CENTS = 200
MOST_CANDIDATES = 6
ASK_FROM = 0.4

Lines = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Bill:
    """What to charge, what it may cost to be wrong, and what is beyond doubt."""

    lines: Lines
    expected_loss_cents: float
    certain: Lines
    candidates: tuple[Candidate, ...]
    doubtful: tuple[str, ...]


def best_bill(account: Account, products: Mapping[str, Product], policy: Policy) -> Bill:
    """The bill of least expected loss over an account."""
    doubtful: list[str] = []
    lines, certain, loss = [], [], account.unknown_units() * UNKNOWN_ITEM_CENTS * COST_OF_GOODS
    open_questions: list[tuple[str, Distribution]] = []
    for gtin in account.products():
        distribution = account.distribution(gtin)
        units, cents = _least_loss(distribution, products[gtin].price_cents, policy)
        loss += cents
        if units:
            lines.append((gtin, units))
        sure = max(n for n in distribution if _at_least(distribution, n) >= policy.charge_at)
        if sure:
            certain.append((gtin, sure))
        if max(distribution.values()) < policy.charge_at:
            open_questions.append((gtin, distribution))
            if _at_least(distribution, sure + 1) >= ASK_FROM:
                doubtful.append(gtin)
    return Bill(
        tuple(lines),
        loss,
        tuple(certain),
        _candidates(lines, open_questions),
        tuple(doubtful),
    )


def _least_loss(distribution: Distribution, price_cents: int, policy: Policy) -> tuple[int, float]:
    def loss(billed: int) -> float:
        total = 0.0
        for taken, p in distribution.items():
            if billed > taken:
                total += p * ((billed - taken) * price_cents + policy.wrong_charge_harm_cents)
            else:
                total += p * (taken - billed) * price_cents * COST_OF_GOODS
        return total

    return min(((n, loss(n)) for n in sorted(distribution)), key=lambda pair: pair[1])


def _at_least(distribution: Distribution, units: int) -> float:
    return sum(p for n, p in distribution.items() if n >= units) + 1e-12


def _candidates(
    lines: list[tuple[str, int]], questions: list[tuple[str, Distribution]]
) -> tuple[Candidate, ...]:
    """The likeliest whole bills: the best one with its open questions answered each way."""
    questions = sorted(questions, key=lambda q: max(q[1].values()))[:3]
    settled = {gtin: n for gtin, n in lines if gtin not in {g for g, _ in questions}}
    found = []
    for answer in combinations(*(sorted(d.items(), key=lambda x: -x[1])[:3] for _, d in questions)):
        bill, probability = dict(settled), 1.0
        for (gtin, _), (units, p) in zip(questions, answer, strict=True):
            probability *= p
            if units:
                bill[gtin] = units
        found.append(
            Candidate(lines=tuple(sorted(bill.items())), probability=round(probability, 4))
        )
    found.sort(key=lambda c: (-c.probability, c.lines))
    return tuple(found[:MOST_CANDIDATES])
