"""What a change to a recording does to the bills: visit by visit, beside the truth if known."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cart.events import Entered, Event, Exited
from sensors.store import Store
from service.report import lines_text
from simulator.bills import pair
from simulator.truth import Truth

Lines = dict[str, int]
Outcome = Lines | str  # what was billed, or in words why nothing was
NO_VISIT, OPEN, HELD = "no visit", "never closed", "held for review"


@dataclass(frozen=True, slots=True)
class Difference:
    """One visit whose outcome the change alters; `true` None where nobody knows."""

    shopper: str
    recorded: Outcome
    changed: Outcome
    true: Lines | None


def differences(
    recorded: Sequence[Event], changed: Sequence[Event], truth: Truth | None
) -> tuple[list[Difference], int]:
    """The visits that end otherwise, and how many visits there are."""
    before, after = _outcomes(recorded, truth), _outcomes(changed, truth)
    visits = list(before) + [key for key in after if key not in before]
    found = []
    for key in visits:
        was, true = before.get(key, (NO_VISIT, None))
        now, true_too = after.get(key, (NO_VISIT, None))
        if was != now:
            found.append(Difference(key[0], was, now, true if true is not None else true_too))
    return found, len(visits)


def show_differences(
    console: Console, found: Sequence[Difference], visits: int, store: Store
) -> None:
    """The visits that end otherwise, as a table."""
    if not found:
        console.print(f"All {visits} visits end as they did.")
        return
    names = {p.gtin: p.name for p in store.products}
    known = any(one.true is not None for one in found)
    title = f"{len(found)} of {visits} visits end otherwise"
    table = Table(title=title, title_justify="left", show_lines=True)
    for column in (
        "shopper",
        "as recorded",
        "with the change",
        *(("truly taken",) if known else ()),
    ):
        table.add_column(column)
    for one in found:
        row = [
            escape(one.shopper),
            *(_cell(o, one.true, names) for o in (one.recorded, one.changed)),
        ]
        if known:
            row.append(lines_text(sorted((one.true or {}).items()), names, "\n"))
        table.add_row(*row)
    console.print(table)


def as_json(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """The differences for machines; an outcome is lines of (GTIN, units), or words."""

    def outcome(one: Outcome | None) -> object:
        return sorted(one.items()) if isinstance(one, dict) else one

    return [
        {
            "shopper": one.shopper,
            "as_recorded": outcome(one.recorded),
            "changed": outcome(one.changed),
            "truly_taken": outcome(one.true),
        }
        for one in found
    ]


def _cell(outcome: Outcome, true: Lines | None, names: dict[str, str]) -> str:
    if isinstance(outcome, str):
        return f"[yellow]{outcome}[/]"
    words = lines_text(sorted(outcome.items()), names, "\n")
    if true is None:
        return words
    return f"{words}\n[green]✓ right[/]" if outcome == true else f"{words}\n[red]✗ wrong[/]"


def _outcomes(
    events: Sequence[Event], truth: Truth | None
) -> dict[tuple[str, int], tuple[Outcome, Lines | None]]:
    """Of every visit, by shopper and its number among theirs: what came of it, and the truth."""
    counts: Counter[str] = Counter()
    found: dict[tuple[str, int], tuple[Outcome, Lines | None]] = {}

    def add(shopper: str, outcome: Outcome, true: Lines | None) -> None:
        counts[shopper] += 1
        found[shopper, counts[shopper]] = (outcome, true)

    if truth is not None:
        for bill in pair(events, truth):
            none = NO_VISIT if bill.visit is None else OPEN
            outcome: Outcome = none if bill.lines is None else dict(bill.lines)
            add(bill.shopper, HELD if bill.review is not None else outcome, dict(bill.true))
        return found
    exits = {event.visit: event for event in events if isinstance(event, Exited)}
    for event in events:
        if isinstance(event, Entered):
            left = exits.get(event.visit)
            add(event.shopper, OPEN if left is None else _billed(left), None)
    return found


def _billed(left: Exited) -> Outcome:
    if left.review is not None:
        return HELD
    lines: Lines = defaultdict(int)
    for gtin, units in left.lines:
        lines[gtin] += units
    return dict(lines)
