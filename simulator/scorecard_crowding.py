"""How units fared by how many others stood near the shopper when they were taken."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.scorecard_causes import Error
from simulator.truth import TrueVisit, Truth

NEAR_M = 1.0
_STALE_NS = 1_000_000_000

CROWDS = ("alone", "one within 1 m", "two or more within 1 m", "not known")
Fates = dict[str, Counter[str]]


def crowding(errors: Sequence[Error], truth: Truth) -> Fates:
    """Units `true`, `missed` and `wrong` by crowd, before any verdict.

    Of a product of which more was picked than is owed, the last picks are what counts; what was
    handed over counts where it was received.
    """
    found: Fates = defaultdict(Counter)
    for visit in truth.visits:
        for gtin, units in visit.lines if visit.kind == "shopper" else ():
            moments = _moments(truth, visit, gtin)
            for person, at_ns in moments[-units:]:
                found[crowd_at(truth, person, at_ns)]["true"] += 1
            found[CROWDS[3]]["true"] += max(0, units - len(moments))
    for error in errors:
        if error.billed is not None:
            found[crowd_at(truth, error.shopper, error.at_ns)]["wrong"] += 1
        if error.true is not None:
            shopper = error.other or error.shopper
            found[crowd_at(truth, shopper, error.at_ns)]["missed"] += 1
    return {name: counts for name, counts in found.items() if counts.total()}


def _moments(truth: Truth, visit: TrueVisit, gtin: str) -> list[tuple[str, int]]:
    """Who of a visit got a unit of a product, and when, in the order of time."""
    group = {visit.shopper, *visit.members}
    found = []
    for move in truth.moves:
        if move.gtin != gtin or not visit.entered_ns <= move.at_ns <= visit.left_ns:
            continue
        if move.kind == "pick" and move.shopper in group:
            found += [(move.shopper, move.at_ns)] * move.units
        elif move.kind == "hand_over" and move.to in group:
            found += [(move.to, move.at_ns)] * move.units
    return found


def crowd_at(truth: Truth, shopper: str, at_ns: int | None) -> str:
    """The crowd around a shopper at a moment."""
    here = _place(truth.paths, shopper, at_ns)
    if here is None:
        return CROWDS[3]
    others = [_place(truth.paths, name, at_ns) for name in truth.paths if name != shopper]
    near = sum(other is not None and math.dist(here, other) <= NEAR_M for other in others)
    return CROWDS[min(near, 2)]


def _place(
    paths: Mapping[str, Sequence[tuple[int, float, float]]], name: str, at_ns: int | None
) -> tuple[float, float] | None:
    path = paths.get(name)
    if path is None or at_ns is None:
        return None
    i = bisect_left(path, at_ns, key=lambda spot: spot[0])
    at, x, y = min(path[max(0, i - 1) : i + 1], key=lambda spot: abs(spot[0] - at_ns))
    return (x, y) if abs(at - at_ns) <= _STALE_NS else None


def fates(parts: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, Any]]:
    """Added up, with recall, and wrong charges per 100 true units."""
    total: Fates = {name: Counter() for name in CROWDS}
    for part in parts:
        for name, counts in part.items():
            total[name].update(counts)
    return {
        name: {
            "items_true": n["true"],
            "missed_items": n["missed"],
            "wrong_charges": n["wrong"],
            "recall": max(0, n["true"] - n["missed"]) / n["true"] if n["true"] else None,
            "wrong_charges_per_100": 100 * n["wrong"] / n["true"] if n["true"] else None,
        }
        for name, n in total.items()
        if n
    }
