"""What the antennas of a gate say of a cart that goes out: the likelihood of its tags being read.

A tag that is carried past an antenna is read many times, one that merely is within reach now and
then once. With n tagged units of a product in the cart, and s tags of it read `STRONG` times or
more,

    P(s | n) = Binomial(s; n, ρ)              for s ≤ n
             = ρⁿ · γ^(s − n)                 for s > n

where ρ is the share of carried tags that are so read (others are unreadable, shielded, or behind a
body), and γ the chance of a tag that was not in the cart: a ghost, or, where others were near the
gate in the same seconds, theirs. Products without tags say nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping

from fusion.states import Holdings, counted
from sensors.epc import decode_sgtin

STRONG = 3  # reads
READ_SHARE = 0.9
GHOST, COMPANY = 1e-3, 0.3


def strong_reads(reads: Collection[tuple[str, int]]) -> Counter[str]:
    """Tags by GTIN that were read as if they had been carried out; of codes that name no product
    nothing is known."""
    found: Counter[str] = Counter()
    for epc, times in reads:
        if times >= STRONG:
            try:
                found[decode_sgtin(epc)[0]] += 1
            except ValueError:
                continue
    return found


def log_likelihood(
    held: Holdings, read: Mapping[str, int], tagged: Collection[str], *, company: bool
) -> float:
    """log P of what was `read`, by GTIN, where a cart went out of whose products some are
    `tagged`; in `company` of others who left at about that time, or stood near the gate."""
    units = counted(held)
    total = 0.0
    for gtin in tagged:
        n, s = units[gtin], read.get(gtin, 0)
        if s <= n:
            total += math.log(math.comb(n, s)) + s * math.log(READ_SHARE)
            total += (n - s) * math.log(1 - READ_SHARE)
        else:
            total += n * math.log(READ_SHARE)
            total += (s - n) * math.log(COMPANY if company else GHOST)
    return total


def unexplained(held: Holdings, read: Mapping[str, int], tagged: Collection[str]) -> list[str]:
    """Products of which more tags went out than a cart holds, in order of GTIN."""
    units = counted(held)
    return sorted(gtin for gtin in tagged if read.get(gtin, 0) > units[gtin])
