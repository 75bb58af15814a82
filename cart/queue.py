"""The review queue: which cases are open, and in which order to answer them."""

from __future__ import annotations

from collections.abc import Iterable

from cart.events import BillChecked, Event, ReviewClosed, ReviewRequested


def open_cases(events: Iterable[Event]) -> list[ReviewRequested]:
    """The cases that nothing has closed, in the order of `ranked`."""
    found: dict[str, ReviewRequested] = {}
    for event in events:
        if isinstance(event, ReviewRequested):
            found[event.review] = event
        elif isinstance(event, ReviewClosed | BillChecked):
            found.pop(event.review, None)
    return ranked(found.values())


def ranked(cases: Iterable[ReviewRequested]) -> list[ReviewRequested]:
    """Cases by what a minute of a labeler saves, dearest first; of equals the oldest first."""
    return sorted(cases, key=lambda case: (-case.worth_cents_per_min, case.number))
