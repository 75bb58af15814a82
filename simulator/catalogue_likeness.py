"""How alike a store's articles weigh: what a plate alone cannot tell apart."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store

Array = NDArray[np.float64]

CLOSE_PAIR_G = 10.0
SHADOW_G = 5.0


@dataclass(frozen=True, slots=True)
class Likeness:
    """Pairs of one shelf that differ by less than 10 g, and articles that have another within
    5 g in the store."""

    close_pairs: int
    pairs: int
    shadowed: int
    articles: int


def likeness(store: Store) -> Likeness:
    """How alike the stocked articles weigh, by the store's own catalogue."""
    gaps = neighbour_gaps(store)
    grams = {p.gtin: p.weight_g for p in store.products}
    stocked = {f.gtin for g in store.gondolas for s in g.shelves for f in s.facings}
    masses = np.array([grams[gtin] for gtin in sorted(stocked)])
    near = np.abs(masses[:, None] - masses[None, :]) <= SHADOW_G
    return Likeness(
        close_pairs=int((gaps < CLOSE_PAIR_G).sum()),
        pairs=len(gaps),
        shadowed=int((near.sum(axis=1) > 1).sum()) if len(masses) else 0,
        articles=len(masses),
    )


def neighbour_gaps(store: Store) -> Array:
    """Differences in grams of all pairs of articles that stand on one shelf."""
    grams = {p.gtin: p.weight_g for p in store.products}
    shelves = [sorted({f.gtin for f in s.facings}) for g in store.gondolas for s in g.shelves]
    gaps = [
        abs(grams[a] - grams[b]) for gtins in shelves for a, b in itertools.combinations(gtins, 2)
    ]
    return np.array(gaps, dtype=np.float64)
