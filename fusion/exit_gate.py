"""What the antennas of a gate say of a cart that goes out: the likelihood of its tags being read.

A tag that is carried past an antenna is read many times, one that merely is within reach now and
then once. With n tagged units of a product in the cart, and s tags of it read `STRONG` times or
more,

    P(s | n) = Binomial(s; n, ρ)              for s ≤ n
             = ρⁿ · γ^(s − n)                 for s > n

where ρ is the share of carried tags that are so read (others are unreadable, shielded, or behind a
body), and γ the chance of a tag that was not in the cart: a ghost, or that of somebody d metres
from the gate in the same seconds, who carries such a product with probability q,

    γ = GHOST + Σ r(d) · max(q, CARRIES)

Products without tags say nothing. r and ρ were counted at 395 ways out of played scenes: of the
tags of those who stood within 1 m all were read so, of those within 2 m a third, within 3 m few.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from fusion.states import Holdings, State, Told, counted
from sensors.epc import decode_sgtin

STRONG = 3  # reads
READ_SHARE = 0.95
GHOST = 1e-3
CARRIES = 0.02  # P(somebody carries a product that their account does not have)
NEAR = ((1.0, 0.8), (2.0, 0.35), (3.0, 0.05))  # metres, and r up to there
BEYOND = 0.05  # P(a tag was a bystander's) below which it is astonishing in nobody's cart

Foreign = Callable[[str], float]


def of_others(others: Collection[tuple[float, Callable[[str], float]]]) -> Foreign:
    """γ by GTIN, of `others` near the gate: their distances in metres and what they carry."""
    shares = [
        (next((r for within_m, r in NEAR if away_m <= within_m), 0.0), carries)
        for away_m, carries in others
    ]

    def foreign(gtin: str) -> float:
        return min(0.9, GHOST + sum(r * max(CARRIES, carries(gtin)) for r, carries in shares))

    return foreign


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
    held: Holdings, read: Mapping[str, int], tagged: Collection[str], foreign: Foreign
) -> float:
    """log P of what was `read`, by GTIN, where a cart went out of whose products some are
    `tagged`; `foreign` is γ."""
    units = counted(held)
    total = 0.0
    for gtin in tagged:
        n, s = units[gtin], read.get(gtin, 0)
        if s <= n:
            total += math.log(math.comb(n, s)) + s * math.log(READ_SHARE)
            total += (n - s) * math.log(1 - READ_SHARE)
        else:
            total += n * math.log(READ_SHARE)
            total += (s - n) * math.log(foreign(gtin))
    return total


def by_answer(
    states: Iterable[State], deed: int, ratio: Callable[[State], float]
) -> dict[Told, float]:
    """What the gate says of each answer of one decision: the log of the mean of exp(`ratio`) over
    the states of that answer, weighted as they were before."""
    weights: dict[Told, list[tuple[float, float]]] = {}
    for state in states:
        told = state.story.get(deed)
        if told is not None:
            weights.setdefault(told, []).append((state.log_weight, ratio(state)))
    return {
        told: _log_sum([w + r for w, r in found]) - _log_sum([w for w, _ in found])
        for told, found in weights.items()
    }


def _log_sum(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(math.fsum(math.exp(one - top) for one in logs))


def confirmed(
    held: Holdings, read: Mapping[str, int], tagged: Collection[str]
) -> tuple[tuple[str, int], ...]:
    """What a cart holds, by GTIN, where all of it is tagged and just its tags were read; else
    nothing."""
    units = counted(held)
    named = all(one.gtin in tagged for one in held)
    return tuple(sorted(units.items())) if named and dict(read) == dict(units) else ()


def unexplained(
    held: Holdings, read: Mapping[str, int], tagged: Collection[str], foreign: Foreign
) -> list[str]:
    """Products of which more tags went out than a cart holds and those near it may have carried,
    in order of GTIN."""
    units = counted(held)
    return sorted(g for g in tagged if read.get(g, 0) > units[g] and foreign(g) < BEYOND)
