"""Risk against coverage: how often visits are charged wrongly, the surest visits first.

A visit is as sure as the product of the posteriors of its lines; one that the engine sent to
review stands behind all that it did not, by the probability of the likeliest answer. The risk of
a coverage is the share of wrong visits among those covered (El-Yaniv & Wiener, 2010).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
from scipy.special import betaincinv

from cart.events import (
    Event,
    Exited,
    HandedOver,
    Picked,
    PutBack,
    ReviewClosed,
    ReviewRequested,
    Revised,
)
from simulator.bills import Bill, Lines

CONFIDENCE = 0.95


class VisitOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How sure the engine was of a visit, and what its bill would have got wrong.

    `risk` is what the engine gave as the risk of a wrong charge, None where it gave none.
    """

    reviewed: bool
    probability: float
    billed_units: int
    wrong_units: int
    missed_units: int
    risk: float | None = None


def outcomes(events: Sequence[Event], bills: Iterable[Bill]) -> list[VisitOutcome]:
    """One outcome per visit that the engine closed, reviewed ones by their likeliest answer."""
    lines: dict[str, dict[str, float]] = defaultdict(dict)
    likeliest = _likeliest(events)
    risks = {event.visit: event.risk for event in events if isinstance(event, Exited)}
    for event in events:
        if isinstance(event, (Picked, PutBack, HandedOver)):
            lines[event.visit][event.line] = event.posterior
        elif isinstance(event, Revised):
            lines[event.visit].pop(event.line, None)
    found = []
    for bill in bills:
        if bill.visit is None or bill.closed_ns is None:
            continue
        billed, probability = bill.lines or {}, math.prod(lines[bill.visit].values())
        if bill.review is not None:
            best, probability = likeliest.get(bill.visit, ((), 0.0))
            billed = dict(best)
        found.append(
            VisitOutcome(
                reviewed=bill.review is not None,
                probability=probability,
                wrong_units=_surplus(billed, bill.true),
                missed_units=_surplus(bill.true, billed),
                billed_units=sum(billed.values()),
                risk=risks.get(bill.visit),
            )
        )
    return found


def unaided(events: Sequence[Event]) -> list[Event]:
    """The events if nobody reviewed: what is held is billed by its likeliest answer."""
    likeliest = _likeliest(events)
    return [
        replace(event, review=None, lines=likeliest.get(event.visit, ((), 0.0))[0])
        if isinstance(event, Exited) and event.review is not None
        else event
        for event in events
        if not isinstance(event, ReviewClosed)
    ]


def _likeliest(events: Sequence[Event]) -> dict[str, tuple[tuple[tuple[str, int], ...], float]]:
    """The likeliest answer to each visit's review, and its probability."""
    found = {}
    for event in events:
        if isinstance(event, ReviewRequested) and event.candidates:
            best = max(event.candidates, key=lambda candidate: candidate.probability)
            found[event.visit] = (best.lines, best.probability)
    return found


def risk_coverage(found: Iterable[VisitOutcome]) -> dict[str, Any]:
    """The curve, and what can be promised of the visits that nobody reviewed.

    `curve` has one point per distinct probability: visits covered, their share, and the shares
    of them that were charged wrongly or were not exact. `wrong_charge_upper` bounds the true
    share of wrongly charged visits among the unreviewed at 95 % confidence (Clopper–Pearson).
    """
    ranked = sorted(found, key=lambda one: (one.reviewed, -one.probability))
    curve: list[dict[str, Any]] = []
    wrong = inexact = 0
    for n, one in enumerate(ranked, 1):
        wrong += one.wrong_units > 0
        inexact += one.wrong_units + one.missed_units > 0
        following = ranked[n] if n < len(ranked) else None
        if following is None or _rank(following) != _rank(one):
            curve.append(
                {
                    "visits": n,
                    "coverage": n / len(ranked),
                    "probability": one.probability,
                    "reviewed": one.reviewed,
                    "wrong_charge_risk": wrong / n,
                    "inexact_risk": inexact / n,
                }
            )
    alone = [one for one in ranked if not one.reviewed]
    harmed = sum(one.wrong_units > 0 for one in alone)
    return {
        "visits": len(ranked),
        "unreviewed": len(alone),
        "unreviewed_wrongly_charged": harmed,
        "wrong_charge_upper": upper_bound(harmed, len(alone)),
        "curve": curve,
    }


def upper_bound(failures: int, trials: int) -> float:
    """The Clopper–Pearson upper bound of a share at 95 % confidence; 1 without trials."""
    if failures >= trials:
        return 1.0
    return float(betaincinv(failures + 1, trials - failures, CONFIDENCE))


def share_interval(successes: int, trials: int) -> tuple[float, float]:
    """The two-sided Clopper–Pearson interval of a share at 95 %; (0, 1) without trials."""
    tail = (1 - CONFIDENCE) / 2
    low = betaincinv(successes, trials - successes + 1, tail) if successes else 0.0
    high = betaincinv(successes + 1, trials - successes, 1 - tail) if successes < trials else 1.0
    return float(low), float(high)


def _rank(one: VisitOutcome) -> tuple[bool, float]:
    return one.reviewed, one.probability


def _surplus(these: Lines, those: Lines) -> int:
    return sum(max(0, units - those.get(gtin, 0)) for gtin, units in these.items())
