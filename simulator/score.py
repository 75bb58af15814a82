"""Scores an engine's events against the truth: units, money, receipts and latency.

A unit is correct when (visit, GTIN) matches the truth, as multisets. Three columns: all, before
any verdict, where a visit held for review bills nothing; unreviewed visits only; and after review
by a simulated labeler.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import harmonic_mean
from typing import Any

import numpy as np

from cart.events import Event
from sensors.store import Store
from simulator.bills import Bill, pair
from simulator.labeler import ERROR_SHARE, answer
from simulator.truth import Truth

Figures = dict[str, Any]
Lines = Mapping[str, int]

COUNTS = (
    "visits",
    "receipts_exact",
    "items_true",
    "items_billed",
    "items_correct",
    "wrong_charges",
    "missed_items",
    "overcharged_cents",
    "undercharged_cents",
)
LATENCIES = ("provisional_latency_s", "final_latency_s", "receipt_latency_s")
_PERCENTILES = (50, 95, 99)


def score(
    events: Sequence[Event],
    truth: Truth,
    store: Store,
    *,
    vision: str,
    transport: str,
    realtime_factor: float | None,
    labeler_error: float = ERROR_SHARE,
) -> Figures:
    """Score one played scene; a dict fit for JSON.

    `vision` ("frames" or "emulated"), `transport` and `realtime_factor` are stated as they are,
    None for a factor that is not known.
    Latencies are store seconds, from the true moment: of a pick to its line and to the closed
    bill, of leaving to the receipt; None where nothing was measured. Samples of them stand under
    `scenes`, for `pool`.
    """
    prices = {product.gtin: product.price_cents for product in store.products}
    bills = pair(events, truth)
    verdicts = {
        id(bill): answer(bill.review, bill.true, sorted(prices), truth.seed, labeler_error)
        if bill.verdict is None
        else bill.verdict
        for bill in bills
        if bill.review is not None
    }
    samples = _samples(bills)
    columns = {
        **_items(bills, lambda bill: bill.lines, prices),
        "unreviewed": _items(
            [bill for bill in bills if bill.review is None], lambda bill: bill.lines, prices
        ),
        "after_review": _items(bills, lambda bill: verdicts.get(id(bill), bill.lines), prices),
        "reviewed_visits": sum(bill.review is not None for bill in bills),
    }
    receipts = [
        _receipt(bill, prices)
        for bill in sorted(bills, key=lambda bill: bill.closed_ns or 0)
        if bill.lines is not None
    ]
    scene = {**columns, "runs": 1, "samples": samples}
    return {
        "receipts": receipts,
        **columns,
        **{name: percentiles(samples[name]) for name in LATENCIES},
        "vision": vision,
        "transport": transport,
        "realtime_factor": realtime_factor,
        "scenes": {truth.scene: scene},
    }


def pool(scores: Sequence[Figures]) -> Figures:
    """Pool the scores of many seeds and scenes: counts add up, ratios and percentiles follow.

    `vision` and `transport` are "mixed" where they differ; `realtime_factor` is the harmonic mean,
    None where that of any is not known.
    Raises ValueError without a score.
    """
    if not scores:
        raise ValueError("no scores to pool")
    scenes: dict[str, list[Figures]] = {}
    for one in scores:
        for name, scene in one["scenes"].items():
            scenes.setdefault(name, []).append(scene)
    samples = _joined([scene for found in scenes.values() for scene in found])
    known = [one["realtime_factor"] for one in scores if one["realtime_factor"] is not None]
    return {
        "receipts": [receipt for one in scores for receipt in one["receipts"]],
        **_added(scores),
        **{name: percentiles(samples[name]) for name in LATENCIES},
        "vision": _same(one["vision"] for one in scores),
        "transport": _same(one["transport"] for one in scores),
        "realtime_factor": harmonic_mean(known) if len(known) == len(scores) else None,
        "scenes": {
            name: {
                **_added(found),
                "runs": sum(scene["runs"] for scene in found),
                "samples": _joined(found),
            }
            for name, found in scenes.items()
        },
    }


def percentiles(samples: Sequence[float]) -> dict[str, float | None]:
    """p50, p95 and p99 of some seconds, to the millisecond; None without any."""
    if not samples:
        return {f"p{p}": None for p in _PERCENTILES}
    return {f"p{p}": round(float(np.percentile(samples, p)), 3) for p in _PERCENTILES}


def _items(
    bills: Iterable[Bill], billed: Callable[[Bill], Lines | None], prices: Mapping[str, int]
) -> Figures:
    counts = dict.fromkeys(COUNTS, 0)
    for bill in bills:
        final = billed(bill)
        lines, true = Counter(final or {}), Counter(bill.true)
        too_much, too_little = lines - true, true - lines
        if bill.left_ns is not None:
            counts["visits"] += 1
            counts["receipts_exact"] += final is not None and lines == true
        counts["items_true"] += true.total()
        counts["items_billed"] += lines.total()
        counts["items_correct"] += (lines & true).total()
        counts["wrong_charges"] += too_much.total()
        counts["missed_items"] += too_little.total()
        counts["overcharged_cents"] += sum(prices.get(g, 0) * n for g, n in too_much.items())
        counts["undercharged_cents"] += sum(prices.get(g, 0) * n for g, n in too_little.items())
    return _with_ratios(counts)


def _with_ratios(counts: dict[str, int]) -> Figures:
    """Precision, recall and F1 beside the counts; 1 where there was nothing to get wrong."""
    billed, true, correct = (counts[f"items_{name}"] for name in ("billed", "true", "correct"))
    return {
        **counts,
        "precision": correct / billed if billed else 1.0,
        "recall": correct / true if true else 1.0,
        "f1": 2 * correct / (billed + true) if billed + true else 1.0,
    }


def _samples(bills: Iterable[Bill]) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {name: [] for name in LATENCIES}
    for bill in bills:
        samples["provisional_latency_s"] += bill.pick_delays_s
        lines, final_ns = bill.lines or {}, bill.closed_ns
        if bill.review is not None:
            lines, final_ns = bill.verdict or {}, bill.verdict_ns
        elif bill.closed_ns is not None and bill.left_ns is not None:
            samples["receipt_latency_s"].append((bill.closed_ns - bill.left_ns) / 1e9)
        if final_ns is not None:
            left = Counter(lines) & Counter(bill.true)
            for at_ns, gtin in bill.move_times_ns:
                if left[gtin] > 0:
                    left[gtin] -= 1
                    samples["final_latency_s"].append((final_ns - at_ns) / 1e9)
    return samples


def _receipt(bill: Bill, prices: Mapping[str, int]) -> Figures:
    lines = sorted((bill.lines or {}).items())
    totals = [units * prices.get(gtin, 0) for gtin, units in lines]
    return {
        "shopper": bill.shopper,
        "lines": [
            {"gtin": gtin, "quantity": units, "total_cents": total}
            for (gtin, units), total in zip(lines, totals, strict=True)
        ],
        "total_cents": sum(totals),
    }


def _added(parts: Sequence[Figures]) -> Figures:
    """The item figures of several scores, added up column by column."""

    def column(name: str | None) -> Figures:
        found = [part if name is None else part[name] for part in parts]
        return _with_ratios({key: sum(one[key] for one in found) for key in COUNTS})

    return {
        **column(None),
        "unreviewed": column("unreviewed"),
        "after_review": column("after_review"),
        "reviewed_visits": sum(part["reviewed_visits"] for part in parts),
    }


def _joined(scenes: Sequence[Figures]) -> dict[str, list[float]]:
    return {name: [s for scene in scenes for s in scene["samples"][name]] for name in LATENCIES}


def _same(names: Iterable[str]) -> str:
    found = set(names)
    return found.pop() if len(found) == 1 else "mixed"
