"""Intervals of ratios by resampling whole clusters of runs: scenes, or one scene's seeds.

The percentile bootstrap (Efron & Tibshirani, 1993): clusters are drawn with replacement, their
counts added up and the ratios worked out anew. Errors of one scene go together, so single units
are never resampled. Where every cluster is perfect the interval has no width: it tells of these
clusters, not of scenes that nobody wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Counts = Mapping[str, int]
Interval = tuple[float, float]
Array = NDArray[np.float64]

RESAMPLES = 2000
_PERCENTILES = (2.5, 97.5)
KEYS = (
    "items_true",
    "items_billed",
    "items_correct",
    "wrong_charges",
    "missed_items",
    "visits",
    "receipts_exact",
    "reviewed_visits",
)
# (numerators, denominators): sums of counts
RATIOS: dict[str, tuple[dict[str, float], tuple[str, ...]]] = {
    "precision": ({"items_correct": 1.0}, ("items_billed",)),
    "recall": ({"items_correct": 1.0}, ("items_true",)),
    "f1": ({"items_correct": 2.0}, ("items_billed", "items_true")),
    "receipts_exact_share": ({"receipts_exact": 1.0}, ("visits",)),
    "wrong_charges_per_100": ({"wrong_charges": 100.0}, ("items_true",)),
    "missed_per_100": ({"missed_items": 100.0}, ("items_true",)),
    "reviewed_share": ({"reviewed_visits": 1.0}, ("visits",)),
}
EMPTY = {"precision": 1.0, "recall": 1.0, "f1": 1.0}  # where there was nothing to get wrong


def ratios(counts: Counts) -> dict[str, float]:
    """The ratios of some counts."""
    found = _ratios(np.array([[counts.get(key, 0) for key in KEYS]], dtype=np.float64))
    return {name: float(values[0]) for name, values in found.items()}


def intervals(clusters: Sequence[Counts]) -> dict[str, Interval | None]:
    """95 % intervals of the ratios; None with fewer than two clusters."""
    if len(clusters) < 2:
        return dict.fromkeys(RATIOS)
    found = _ratios(_drawn(len(clusters)) @ _matrix(clusters))
    return {name: _interval(values) for name, values in found.items()}


def paired_intervals(a: Sequence[Counts], b: Sequence[Counts]) -> dict[str, Interval | None]:
    """95 % intervals of `b`'s ratios less `a`'s, the same clusters drawn for both."""
    if len(a) < 2:
        return dict.fromkeys(RATIOS)
    drawn = _drawn(len(a))
    before, after = _ratios(drawn @ _matrix(a)), _ratios(drawn @ _matrix(b))
    return {name: _interval(after[name] - before[name]) for name in RATIOS}


def _drawn(clusters: int) -> Array:
    """How often each cluster was drawn, per resample; the same draws for the same number."""
    rng = np.random.default_rng(clusters)
    return rng.multinomial(clusters, [1 / clusters] * clusters, RESAMPLES).astype(np.float64)


def _matrix(clusters: Sequence[Counts]) -> Array:
    return np.array([[one.get(key, 0) for key in KEYS] for one in clusters], dtype=np.float64)


def _ratios(counts: Array) -> dict[str, Array]:
    """Ratios of (N, len(KEYS)) counts, each (N,)."""
    column = {key: counts[:, i] for i, key in enumerate(KEYS)}
    found: dict[str, Array] = {}
    for name, (over, under) in RATIOS.items():
        top = np.sum([weight * column[key] for key, weight in over.items()], axis=0)
        bottom = np.sum([column[key] for key in under], axis=0)
        empty = np.full_like(top, EMPTY.get(name, 0.0))
        found[name] = np.divide(top, bottom, out=empty, where=bottom > 0)
    return found


def _interval(values: Array) -> Interval:
    low, high = np.percentile(values, _PERCENTILES)
    return float(low), float(high)
