"""Pairs what the engine decided with what is true: visit by visit, and moment by moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cart.events import Entered, Event, Exited, Picked, ReviewClosed
from simulator.truth import TrueMove, Truth

Lines = Mapping[str, int]

_EARLY_S = 2.0  # how far before the true moment a line may lie and still speak of it


@dataclass(slots=True)
class Bill:
    """One visit, true or decided or both.

    `lines` is what Exited bills, None where it bills nothing: held for review, or never closed.
    `entered_ns` is when the engine says that they came in, `left_ns` is None where nobody left,
    `closed_ns` where the engine closed no visit; `verdict` is what ReviewClosed billed, if it came.
    """

    shopper: str
    true: Lines = field(default_factory=dict)
    visit: str | None = None
    lines: Lines | None = None
    review: str | None = None
    verdict: Lines | None = None
    entered_ns: int | None = None
    left_ns: int | None = None
    closed_ns: int | None = None
    verdict_ns: int | None = None
    pick_delays_s: list[float] = field(default_factory=list)
    move_times_ns: list[tuple[int, str]] = field(default_factory=list)


def pair(events: Sequence[Event], truth: Truth) -> list[Bill]:
    """One bill per true visit, then one per decided visit that no true one answers to.

    The n-th visit of a shopper in the events is the n-th in the truth, but none that was opened
    after the true one had ended. The uninvited, who came in on no code, have no bill.
    """
    decided: dict[str, list[Bill]] = defaultdict(list)
    by_visit: dict[str, Bill] = {}
    picks: dict[str, list[Picked]] = defaultdict(list)
    for event in events:
        if isinstance(event, (Entered, Exited)) and event.visit not in by_visit:
            entered_ns = event.at_ns if isinstance(event, Entered) else None
            bill = Bill(event.shopper, visit=event.visit, entered_ns=entered_ns)
            by_visit[event.visit] = bill
            decided[event.shopper].append(bill)
        if isinstance(event, Exited):
            bill = by_visit[event.visit]
            bill.review, bill.closed_ns = event.review, event.decided_ns
            bill.lines = None if event.review is not None else _counted(event.lines)
        elif isinstance(event, ReviewClosed) and event.visit in by_visit:
            bill = by_visit[event.visit]
            bill.verdict, bill.verdict_ns = _counted(event.lines), event.decided_ns
        elif isinstance(event, Picked):
            picks[event.visit].append(event)
    bills = []
    for visit in (v for v in truth.visits if v.kind != "uninvited"):
        waiting = decided[visit.shopper]
        can_be_it = waiting and (waiting[0].entered_ns or 0) <= visit.left_ns
        bill = waiting.pop(0) if can_be_it else Bill(visit.shopper)
        bill.true, bill.left_ns = dict(visit.lines), visit.left_ns
        moves = [
            move
            for move in truth.moves
            if move.shopper in (visit.shopper, *visit.members)
            and move.kind == "pick"
            and visit.entered_ns <= move.at_ns <= visit.left_ns
        ]
        bill.move_times_ns = [(m.at_ns, m.gtin) for m in moves for _ in range(m.units)]
        bill.pick_delays_s = _delays(moves, picks[bill.visit] if bill.visit else [])
        bills.append(bill)
    return bills + [bill for unknown in decided.values() for bill in unknown]


def _counted(lines: Sequence[tuple[str, int]]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for gtin, units in lines:
        counted[gtin] += units
    return counted


def _delays(moves: Sequence[TrueMove], picks: Sequence[Picked]) -> list[float]:
    """Seconds from each unit truly picked to its decision; units never decided are left out.

    Units answer to one another nearest in time first, each once.
    """
    taken, told = [move.units for move in moves], [pick.units for pick in picks]
    pairs = sorted(
        (abs(pick.at_ns - move.at_ns), m, p)
        for m, move in enumerate(moves)
        for p, pick in enumerate(picks)
        if pick.gtin == move.gtin and (pick.at_ns - move.at_ns) / 1e9 > -_EARLY_S
    )
    delays = []
    for _, m, p in pairs:
        units = min(taken[m], told[p])
        taken[m] -= units
        told[p] -= units
        delays += [(picks[p].decided_ns - moves[m].at_ns) / 1e9] * units
    return delays
