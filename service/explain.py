"""Why a visit was billed as it was: every decision that may concern it, with its hypotheses and
what each sensor said for each of them, at first and after all that came later.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from cart.events import Entered, Event, Evidence, Exited, ReviewRequested
from cart.explanation import explanation
from fusion.decision import Decision
from sensors.store import Store
from service.pipeline import Pipeline
from service.records import Entry


class VisitUnknown(Exception):
    """A recording has no such visit; the message names those that it has."""


@dataclass(slots=True)
class Incident:
    """One change of weight: `first` is what was thought when it was told, `last` in the end, which
    `sentence` says to the shopper."""

    at_ns: int
    facing: str
    delta_g: float
    sigma_g: float
    present: tuple[str, ...]
    first: tuple[Evidence, ...]
    last: tuple[Evidence, ...]
    sentence: str = ""


@dataclass(slots=True)
class Explanation:
    """A visit with its incidents in order of time; `bill` is None where it never closed."""

    visit: str
    shopper: str
    began_ns: int
    incidents: list[Incident] = field(default_factory=list)
    bill: Exited | None = None
    review: ReviewRequested | None = None


def explain(store: Store, code_key: str, entries: Iterable[Entry], who: str) -> list[Explanation]:
    """Bill a recording again and explain the visits of `who`, a visit (v3) or a shopper.

    Raises VisitUnknown.
    """
    pipeline = Pipeline(store, code_key)
    incidents: dict[int, Incident] = {}

    def hear(decision: Decision, evidence: tuple[Evidence, ...]) -> None:
        known = incidents.get(decision.deed)
        if known is not None:
            known.last = evidence
            return
        incidents[decision.deed] = Incident(
            decision.step.began_ns,
            decision.part.place.id,
            decision.part.delta_g,
            decision.part.sigma_g,
            decision.present,
            evidence,
            evidence,
        )

    pipeline.engine.decisions.listen(hear)
    found: dict[str, Explanation] = {}
    began_ns = 0
    for entry in entries:
        began_ns = began_ns or entry.received_ns
        for event in pipeline.feed(entry):
            _note(event, found, began_ns)
    chosen = [one for one in found.values() if who in (one.visit, one.shopper)]
    if not chosen:
        known = ", ".join(f"{one.visit} ({one.shopper})" for one in found.values())
        raise VisitUnknown(f"no visit of {who!r} in this recording; there are: {known or 'none'}")
    names = {product.gtin: product.name for product in store.products}
    for one in chosen:
        one.incidents = [
            replace(i, sentence=explanation(i.last, names, one.visit))
            for i in incidents.values()
            if _concerns(i, one.visit)
        ]
    return chosen


def as_json(explanations: Iterable[Explanation]) -> dict[str, Any]:
    """The same for machines."""
    return {"visits": msgspec.to_builtins(list(explanations))}


def _note(event: Event, found: dict[str, Explanation], began_ns: int) -> None:
    match event:
        case Entered():
            found[event.visit] = Explanation(event.visit, event.shopper, began_ns)
        case Exited():
            found[event.visit].bill = event
        case ReviewRequested():
            found[event.visit].review = event
        case _:
            pass


def _concerns(incident: Incident, visit: str) -> bool:
    """Whether a visit is among the hypotheses, or alone was there."""
    named = any(one.visit == visit for one in (*incident.first, *incident.last))
    return named or incident.present == (visit,)
