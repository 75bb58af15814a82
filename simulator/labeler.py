"""A simulated labeler: answers review cases rightly, except for a stated share of units.

Assumes that the clip of a case lets a human recognise what was taken; an error misses a unit or
takes it for another product of the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from simulator.world import stream

Lines = Mapping[str, int]

ERROR_SHARE = 0.03
_MISSED_SHARE = 0.5  # of the errors; the rest are mistaken for another product


def answer(
    case: str, true: Lines, products: list[str], seed: int, error_share: float = ERROR_SHARE
) -> Counter[str]:
    """The units by GTIN that the labeler names for `case`; the same seed errs in the same way."""
    rng = stream(seed, "labeler", case)
    named: Counter[str] = Counter()
    for gtin, units in sorted(true.items()):
        for _ in range(units):
            if rng.random() >= error_share:
                named[gtin] += 1
            elif rng.random() >= _MISSED_SHARE:
                named[products[int(rng.integers(len(products)))]] += 1
    return named
