"""What a threshold of risk promises: chosen on some verified visits, checked on others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fusion.risk import (
    GRID,
    Choice,
    choose_threshold,
    interval,
    upper_bound,
    visits_needed,
)
from service.verified_visits import Visits


def risk_report(
    chosen_on: Visits,
    checked_on: Visits,
    alphas: Sequence[float],
    confidence: float,
    grid: Sequence[float] = GRID,
) -> dict[str, Any]:
    """Thresholds by α with what they promise, and the curve of risk against coverage; JSON-ready.

    Coverage is the share of the visits charged something that are accepted unseen, of all that
    were, reviewed ones by their likeliest answer.
    """
    return {
        "confidence": confidence,
        "chosen_on": _size(chosen_on),
        "checked_on": _size(checked_on),
        "promises": [
            _promise(choose_threshold(chosen_on.accepted, alpha, confidence, grid), checked_on)
            for alpha in alphas
        ],
        "thresholds": [_of_threshold(chosen_on, threshold, confidence) for threshold in grid],
        "curve": _curve(chosen_on, confidence),
    }


def percent(share: float) -> str:
    """A share with as many digits as it needs: 0.2 %, 5 %."""
    return f"{100 * share:.3g} %"


def _size(visits: Visits) -> dict[str, int]:
    return {"accepted": len(visits.accepted), "held": visits.held}


def _promise(choice: Choice, checked_on: Visits) -> dict[str, Any]:
    test = choice.chosen
    first = choice.tests[0]
    needed = visits_needed((test or first).wrong, choice.alpha, choice.confidence)
    if test is None:
        return {
            "alpha": choice.alpha,
            "threshold": None,
            "visits": first.visits,
            "wrong": first.wrong,
            "visits_needed": needed,
            "guarantee": (
                f"{percent(choice.alpha)}: not certifiable: {first.visits} verified visits with a"
                f" risk up to {percent(first.threshold)}, {first.wrong} of them charged wrongly;"
                f" with so many wrong it takes {needed}"
            ),
            "held_out": None,
        }
    seen = [one for one in checked_on.accepted if one.risk <= test.threshold]
    wrong = sum(one.wrong for one in seen)
    return {
        "alpha": choice.alpha,
        "threshold": test.threshold,
        "visits": test.visits,
        "wrong": test.wrong,
        "upper": test.upper,
        "visits_needed": needed,
        "guarantee": (
            f"{percent(choice.alpha)}: with {percent(choice.confidence)} confidence at most"
            f" {percent(choice.alpha)} of the visits that are charged unseen with a risk up to"
            f" {percent(test.threshold)} are charged wrongly"
        ),
        "held_out": {
            "visits": len(seen),
            "wrong": wrong,
            "share": wrong / len(seen) if seen else None,
            "interval": interval(wrong, len(seen), choice.confidence),
        },
    }


def _of_threshold(visits: Visits, threshold: float, confidence: float) -> dict[str, Any]:
    seen = [one for one in visits.accepted if one.risk <= threshold]
    return {
        "threshold": threshold,
        **_point(visits, len(seen), sum(o.wrong for o in seen), confidence),
    }


def _curve(visits: Visits, confidence: float) -> list[dict[str, Any]]:
    """One point for each risk that occurs, the surest first."""
    ranked = sorted(visits.accepted, key=lambda one: one.risk)
    points, wrong = [], 0
    for n, one in enumerate(ranked, 1):
        wrong += one.wrong
        if n == len(ranked) or ranked[n].risk > one.risk:
            points.append({"risk": one.risk, **_point(visits, n, wrong, confidence)})
    return points


def _point(visits: Visits, seen: int, wrong: int, confidence: float) -> dict[str, Any]:
    return {
        "visits": seen,
        "wrong": wrong,
        "coverage": seen / max(1, len(visits.accepted) + visits.held),
        "wrong_share": wrong / seen if seen else None,
        "upper": upper_bound(wrong, seen, confidence),
    }
