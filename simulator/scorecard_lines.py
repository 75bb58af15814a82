"""Which of the engine's lines were right, and whether their probabilities keep their word.

A line (`Picked`, `PutBack`) is right when each of its units answers to a true one: the same
payer, product and direction, at about that time. Reliability compares what a line's posterior
promised with how often such lines were right; ECE is the expected calibration error of Naeini et
al. (2015) over the bins below.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from cart.events import Entered, Event, Picked, PutBack
from simulator.truth import Truth

EARLY_NS = 3_000_000_000  # a line may speak of a moment that much after the truth
LATE_NS = 1_000_000_000  # and may be decided that much before the unit came to rest
EDGES = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1.0)
HIGH = (0.9, 0.999)  # where automatic charging is decided
LEAST_P = 1e-6  # a posterior is believed no further than this from 0 and 1


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One line that the engine told; `right_units` of its units are true."""

    visit: str
    shopper: str
    kind: str
    gtin: str
    units: int
    at_ns: int
    posterior: float
    right_units: int

    @property
    def right(self) -> bool:
        return self.right_units == self.units


def told_lines(events: Sequence[Event], truth: Truth) -> list[Told]:
    """The lines in the order in which they were told.

    Units answer to one another nearest in time first, each once.
    """
    lines = [event for event in events if isinstance(event, (Picked, PutBack))]
    shoppers = {e.visit: e.shopper for e in events if isinstance(e, Entered)}
    payers = {member: visit.shopper for visit in truth.visits for member in visit.members}
    true: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for m, move in enumerate(truth.moves):
        kind = "put_back" if move.kind == "restock" else move.kind
        true[payers.get(move.shopper, move.shopper), kind, move.gtin].append(m)
    pairs = sorted(
        (abs(truth.moves[m].at_ns - line.at_ns), n, m)
        for n, line in enumerate(lines)
        for m in true[shoppers.get(line.visit, ""), _kind(line), line.gtin]
        if line.at_ns - EARLY_NS <= truth.moves[m].at_ns <= line.decided_ns + LATE_NS
    )
    right = [0] * len(lines)
    left = [move.units for move in truth.moves]
    for _, n, m in pairs:
        found = min(lines[n].units - right[n], left[m])
        right[n] += found
        left[m] -= found
    return [
        Told(
            visit=line.visit,
            shopper=shoppers.get(line.visit, ""),
            kind=_kind(line),
            gtin=line.gtin,
            units=line.units,
            at_ns=line.at_ns,
            posterior=line.posterior,
            right_units=units,
        )
        for line, units in zip(lines, right, strict=True)
    ]


def _kind(line: Picked | PutBack) -> str:
    return "pick" if isinstance(line, Picked) else "put_back"


def calibration(lines: Iterable[tuple[float, bool]]) -> dict[str, Any]:
    """Log loss (nats), ECE and reliability of (posterior, right) pairs; None without any.

    `high` is the same over posteriors within `HIGH`.
    """
    pairs = list(lines)
    within = [(p, right) for p, right in pairs if HIGH[0] <= p <= HIGH[1]]
    return {**_calibration(pairs), "high": _calibration(within)}


def _calibration(pairs: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    bins = []
    for low, high in pairwise(EDGES):
        within = [(p, r) for p, r in pairs if low <= p < high or (high == EDGES[-1] == p)]
        if within:
            bins.append(
                {
                    "from": low,
                    "to": high,
                    "lines": len(within),
                    "right": sum(right for _, right in within),
                    "promised": math.fsum(p for p, _ in within) / len(within),
                }
            )
    lines = len(pairs)
    return {
        "lines": lines,
        "right": sum(right for _, right in pairs),
        "log_loss": math.fsum(_surprise(p, right) for p, right in pairs) / lines if lines else None,
        "ece": math.fsum(abs(b["right"] - b["promised"] * b["lines"]) for b in bins) / lines
        if lines
        else None,
        "bins": bins,
    }


def _surprise(posterior: float, right: bool) -> float:
    p = min(max(posterior, LEAST_P), 1 - LEAST_P)
    return -math.log(p if right else 1 - p)
