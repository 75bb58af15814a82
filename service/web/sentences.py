"""What happened, as a sentence that a person in the store would say."""

from __future__ import annotations

import math
from collections.abc import Callable

from cart import events
from fusion.desk import NOBODY

Name = Callable[[str], str]


def sentence(event: events.Event, shopper: Name, product: Name) -> str:
    """One event in words; `shopper` names a visit, `product` a GTIN."""
    match event:
        case events.Entered():
            return f"{shopper(event.visit)} came in"
        case events.Picked():
            return (
                f"{shopper(event.visit)} took {_units(event.units, product(event.gtin))} "
                f"from {event.facing} · {percent(event.posterior)}"
            )
        case events.PutBack():
            return (
                f"{shopper(event.visit)} put back {_units(event.units, product(event.gtin))} "
                f"on {event.facing} · {percent(event.posterior)}"
            )
        case events.HandedOver():
            return (
                f"{shopper(event.visit)} handed {_units(event.units, product(event.gtin))} "
                f"to {shopper(event.to_visit)} · {percent(event.posterior)}"
            )
        case events.Revised():
            return (
                f"Revised: {shopper(event.visit)} without "
                f"{_units(event.units, product(event.gtin))} ({event.reason})"
            )
        case events.Misplaced():
            return f"{_units(event.units, product(event.gtin))} misplaced on {event.facing}"
        case events.Restocked():
            goods = _units(event.units, product(event.gtin))
            return f"{event.facing} now holds {goods} ({event.actor})"
        case events.Exited():
            if event.review is not None:
                return f"{shopper(event.visit)} left, the bill waits for a review"
            return f"{shopper(event.visit)} left with {_bill(event.lines)}"
        case events.StockMoved():
            change = f"{abs(event.units)} × {product(event.gtin)}"
            word = "left" if event.units < 0 else "came to"
            return f"{change} {word} {event.facing}: {event.left} there"
        case events.ReviewRequested():
            if event.kind != "held":
                return f"The bill of {shopper(event.visit)} is to be checked ({event.kind})"
            return f"{shopper(event.visit)} needs a review"
        case events.ReviewClosed() if event.actor == NOBODY:
            return f"Nobody answered in time for {shopper(event.visit)}: {_bill(event.lines)}"
        case events.ReviewClosed():
            word = "decided" if event.verified else "could not tell"
            return f"{event.actor} {word} for {shopper(event.visit)}: {_bill(event.lines)}"
        case events.ProfileUsed():
            return f"{shopper(event.visit)}: {event.reason}"
        case events.BillChecked():
            if event.credited:
                return (
                    f"{event.actor} lowered the bill of {shopper(event.visit)}: "
                    f"{_bill(event.credited)} less"
                )
            word = "is right" if event.verified else "could not be checked"
            return f"The bill of {shopper(event.visit)} {word} ({event.actor})"
        case events.Alerted():
            return event.text
        case _:
            return type(event).__name__


def percent(probability: float) -> str:
    """A probability rounded down, so that doubt never reads as certainty."""
    return f"{min(99, math.floor(probability * 100 + 1e-9))} %"


def display_name(shopper: str) -> str:
    """A shopper's id as a heading: `ada` reads Ada, `shopper-3` reads Shopper 3."""
    words = shopper.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:] or "Unknown shopper"


def _units(units: int, name: str) -> str:
    if units == 0:
        return f"no {name}"
    return name if units == 1 else f"{units} × {name}"


def _bill(lines: tuple[tuple[str, int], ...]) -> str:
    total = sum(units for _, units in lines)
    return "nothing" if total == 0 else "1 unit" if total == 1 else f"{total} units"
