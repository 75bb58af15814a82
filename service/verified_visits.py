"""Visits whose bill was checked against what was truly taken: of a scorecard, by the truth; of a
store's own ledger, by the verdicts on audits and shadow cases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cart.events import BillChecked, Event, ReviewRequested
from fusion.risk import Verified
from service.recording import RecordingError


@dataclass(frozen=True, slots=True)
class Visits:
    """The visits that were billed unseen and charged something; `held` were left to a review."""

    accepted: tuple[Verified, ...]
    held: int


def of_card(card: Mapping[str, Any], name: str) -> list[Visits]:
    """The visits of a scorecard, run by run. Raises RecordingError where it does not tell them."""
    runs: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    try:
        for one in card["outcomes"]:
            runs.setdefault((one["scene"], one["seed"]), []).append(one)
        return [_of_run(found) for found in runs.values()]
    except (KeyError, TypeError) as error:
        raise RecordingError(
            f"{name}: says nothing of the risk of each visit; write it anew with `openaisle score`"
        ) from error


def _of_run(found: Iterable[Mapping[str, Any]]) -> Visits:
    charged = [one for one in found if one["billed_units"]]
    accepted = (
        Verified(float(one["risk"]), one["wrong_units"] > 0)
        for one in charged
        if not one["reviewed"]
    )
    return Visits(tuple(accepted), sum(one["reviewed"] for one in charged))


def of_ledger(events: Iterable[Event]) -> list[Visits]:
    """The visits on which there is a verdict although nobody had reviewed them, one by one."""
    risks: dict[str, float | None] = {}
    found = []
    for event in events:
        if isinstance(event, ReviewRequested):
            risks[event.review] = event.risk
        elif isinstance(event, BillChecked) and event.verified and event.kind != "late":
            risk = risks.get(event.review)
            if risk is not None and (event.lines or event.credited):
                found.append(Visits((Verified(risk, bool(event.credited)),), 0))
    return found


def halves(parts: Sequence[Visits]) -> tuple[Visits, Visits]:
    """Every other part to choose on, and the rest to check on."""
    return joined(parts[::2]), joined(parts[1::2])


def joined(parts: Iterable[Visits]) -> Visits:
    """The visits of several parts together."""
    found = list(parts)
    return Visits(
        tuple(one for part in found for one in part.accepted), sum(part.held for part in found)
    )
