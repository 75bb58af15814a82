"""Where the bills of a played recording depart from the truth: when, and in what words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cart.events import Event
from sensors.store import Store
from service.web.sentences import display_name
from simulator.bills import pair
from simulator.scorecard_causes import Error, classify
from simulator.scorecard_lines import told_lines
from simulator.truth import Truth


@dataclass(frozen=True, slots=True)
class Departure:
    """A moment from which a bill is wrong, and why."""

    at_ns: int
    text: str


def departures(events: Sequence[Event], truth: Truth, store: Store) -> list[Departure]:
    """Every unit by which a bill is wrong, in order of time; held visits are no errors."""
    names = {p.gtin: p.name for p in store.products}
    errors = classify(pair(events, truth), told_lines(events, truth))
    found = [
        Departure(error.at_ns, _words(error, names))
        for error in errors
        if error.cause != "held" and error.at_ns is not None
    ]
    return sorted(found, key=lambda one: one.at_ns)


def _words(error: Error, names: Mapping[str, str]) -> str:
    who = display_name(error.shopper)
    billed, true = (names.get(gtin or "", gtin) for gtin in (error.billed, error.true))
    match error.cause:
        case "wrong shopper":
            return f"{display_name(error.other or '')} took {true}: billed to {who}"
        case "wrong product":
            return f"{who} took {true}, the bill says {billed}"
        case "wrong count" if billed is not None:
            return f"{who} has one {billed} too many on the bill"
        case "wrong count":
            return f"{who} has one {true} too few on the bill"
        case "phantom":
            return f"{who} was billed {billed} and took none"
        case _:
            return f"{who} took {true}: on no bill"
