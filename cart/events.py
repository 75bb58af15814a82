"""Everything that leaves fusion: the events that carts, stock, receipts and reviews are built of.

Events are numbered from 1 without gaps by the engine that emits them. `at_ns` is the store time
of the moment that an event speaks of; `decided_ns` the store time at which it was decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

ReviewKind = Literal["held", "audit", "shadow"]
CheckKind = Literal["audit", "shadow", "late"]
Lines = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What all events share."""

    number: int
    at_ns: int
    decided_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What each sensor said for one hypothesis: log-likelihoods by term, in nats.

    `delta_g` is the change of weight, grams, that all hypotheses of one decision are about.
    """

    visit: str | None
    gtin: str | None
    units: int
    posterior: float
    terms: dict[str, float]
    delta_g: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered(Event):
    """A shopper came in and a visit began."""

    visit: str
    shopper: str
    tracklet: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked(Event):
    """Units left a facing for a cart. `line` names the decision, for later revisions."""

    visit: str
    line: str
    gtin: str
    units: int
    facing: str
    posterior: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack(Event):
    """Units left a cart for a shelf; `facing` is where they stand now."""

    visit: str
    line: str
    gtin: str
    units: int
    facing: str
    posterior: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(Event):
    """Units went from one cart to another."""

    visit: str
    to_visit: str
    line: str
    gtin: str
    units: int
    posterior: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised(Event):
    """An earlier line is not so: its units are taken out of the account they were booked to."""

    visit: str
    line: str
    gtin: str
    units: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced(Event):
    """A product stands on a facing of another."""

    facing: str
    gtin: str
    units: int
    posterior: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMoved(Event):
    """The book of a facing changed by `units` of a product (negative: they left it).

    `left` is what the book says of the product there afterwards; below zero it is wrong.
    """

    facing: str
    gtin: str
    units: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restocked(Event):
    """A facing's stock is now known: a count, a delivery or a change of planogram."""

    facing: str
    gtin: str
    units: int
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exited(Event):
    """A shopper left and the visit closed; `lines` is the bill: (GTIN, units).

    Lines that are in doubt are not billed here: a review asks for them first. `risk` is the
    probability that some unit of the bill of least expected loss is not owed, as the engine sees
    it, also where that bill is held; None in logs of before it was told.
    """

    visit: str
    shopper: str
    lines: Lines
    review: str | None = None
    risk: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One answer that a labeler may choose, with the engine's probability."""

    lines: Lines
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRequested(Event):
    """A human is asked what a visit took.

    Of a visit that is `held` nothing is billed before the verdict. An `audit`, drawn at random, and
    a `shadow` case of a new store ask about a visit that is billed already: a verdict may lower its
    bill. `certain` is what is billed if nobody can tell. A case speaks for `weight` visits: 1 over
    the probability with which it was drawn. `risk` is as in `Exited`. A look takes about `minutes`;
    cases are to be answered in the order of `worth_cents_per_min`, what a labeler's minute saves.
    """

    review: str
    visit: str
    shopper: str
    reason: str
    certain: Lines
    candidates: tuple[Candidate, ...]
    evidence: tuple[Evidence, ...]
    kind: ReviewKind = "held"
    weight: float = 1.0
    risk: float | None = None
    minutes: float | None = None
    worth_cents_per_min: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewClosed(Event):
    """A verdict came in and the visit's bill is final.

    `verified` is False where the labeler could not tell, or nobody answered in time: then only what
    was certain is billed.
    """

    review: str
    visit: str
    shopper: str
    lines: Lines
    actor: str
    verified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileUsed(Event):
    """What is remembered of a shopper made a difference, and why: for operators and the shopper,
    never for a labeler.

    By "history": the likeliest answer of one decision among `gtins` went from probability `before`
    to `after`. By "trust": a visit is looked at by a human since its expected loss, `before` cents,
    or `after` with a prior of concealment, exceeds what trust leaves of the cost of a look.
    """

    visit: str
    shopper: str
    by: Literal["history", "trust"]
    gtins: tuple[str, ...]
    before: float
    after: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BillChecked(Event):
    """Somebody looked at a visit that was billed already: an audit, a shadow case, or a `late`
    verdict on a case that had expired. It is the only event that changes a bill afterwards.

    `lines` is the bill from now on, `credited` what was taken off it: a bill only falls. `verified`
    is False where it could not be told, or nobody answered in time: then nothing was taken off.
    """

    review: str
    visit: str
    shopper: str
    kind: CheckKind
    lines: Lines
    credited: Lines
    actor: str
    verified: bool
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerted(Event):
    """Something that a person should know: a refused code, a device down, a count below zero."""

    kind: str
    subject: str
    text: str


KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        Entered,
        Picked,
        PutBack,
        HandedOver,
        Revised,
        Misplaced,
        StockMoved,
        Restocked,
        Exited,
        ReviewRequested,
        ReviewClosed,
        ProfileUsed,
        BillChecked,
        Alerted,
    )
}

_ENCODER = msgspec.json.Encoder(order="deterministic")


def to_json(event: Event) -> bytes:
    """One line of an event log: `{"kind": …, "event": {…}}`, the same bytes every time."""
    return _ENCODER.encode({"kind": type(event).__name__, "event": event})


def from_json(line: bytes | str) -> Event:
    """Read a line of an event log. Raises ValueError where it is not one."""
    outer = msgspec.json.decode(line)
    try:
        return msgspec.convert(outer["event"], KINDS[outer["kind"]])
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise ValueError(f"not an event: {error}") from error
