"""What people tell the engine: counts, changes of the planogram, and verdicts on review cases.

A verdict on a held visit is its bill. A verdict on a visit that is billed already (an audit, a
shadow case, a case that had expired) may only take units off that bill.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cart.events import BillChecked, CheckKind, Lines, Restocked, ReviewClosed, ReviewKind
from fusion.log import Log
from fusion.risk import Promise
from fusion.shelves import Shelves
from sensors.observations import PlanogramChanged, ReviewDecided, StockCounted

NOBODY = "nobody"  # who closes a case that expires
MOST_EXPIRED = 1000  # cases for which a late verdict is waited
_HOUR_NS = 3_600_000_000_000
_NEVER_NS = 2**63


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A visit that waits for a verdict since `asked_ns`; `fallback` is what it pays if nobody can
    tell, and has been billed already unless it is held."""

    visit: str
    shopper: str
    fallback: Lines
    kind: ReviewKind
    weight: float
    asked_ns: int


def lowered(billed: Lines, verdict: Lines) -> tuple[Lines, Lines]:
    """The bill after a late verdict, and what was taken off it: of each product as many units as
    the verdict names, and never more than were billed."""
    before, told = _counted(billed), _counted(verdict)
    return tuple(sorted((before & told).items())), tuple(sorted((before - told).items()))


class Desk:
    """Takes what people say, and keeps the review cases that wait for it."""

    def __init__(
        self, log: Log, shelves: Shelves, promise: Promise, expires_h: float | None
    ) -> None:
        self._log = log
        self._shelves = shelves
        self._promise = promise
        self._waits_ns = _NEVER_NS if expires_h is None else round(expires_h * _HOUR_NS)
        self.waiting = 0  # visits that are held for a verdict
        self._open: dict[str, OpenReview] = {}
        self._expired: dict[str, OpenReview] = {}
        self._expiry_ns = _NEVER_NS  # no case expires before

    def ask(self, review: str, case: OpenReview) -> None:
        """A case waits for a verdict from now on."""
        self._open[review] = case
        self.waiting += case.kind == "held"
        self._expiry_ns = min(self._expiry_ns, case.asked_ns + self._waits_ns)

    def expire(self) -> None:
        """Close the cases that nobody answered in time, with what they pay if nobody can tell."""
        now_ns = self._log.now_ns
        if now_ns < self._expiry_ns:
            return
        over = [r for r, case in self._open.items() if case.asked_ns + self._waits_ns <= now_ns]
        for review in over:
            case = self._open.pop(review)
            self._conclude(now_ns, review, case, None, NOBODY)
            if case.kind == "held":
                self._expired[review] = case
                if len(self._expired) > MOST_EXPIRED:
                    del self._expired[next(iter(self._expired))]
        asked = (case.asked_ns + self._waits_ns for case in self._open.values())
        self._expiry_ns = min(asked, default=_NEVER_NS)

    def counted(self, count: StockCounted) -> None:
        """Somebody counted a facing: the book says so from now on."""
        place = self._shelves.places.get(count.facing)
        if place is None:
            self._log.alert(
                count.at_ns, "unknown-facing", count.facing, f"no facing {count.facing}"
            )
            return
        place.units = count.units
        self._log.emit(
            Restocked,
            at_ns=count.at_ns,
            facing=place.id,
            gtin=place.gtin,
            units=count.units,
            actor=count.actor,
        )

    def rearranged(self, change: PlanogramChanged) -> None:
        """A facing holds another product from now on."""
        place = self._shelves.places.get(change.facing)
        if place is None or change.gtin not in self._shelves.products:
            self._log.alert(
                change.at_ns,
                "unknown-facing",
                change.facing,
                f"no facing {change.facing} or no product {change.gtin}",
            )
            return
        place.gtin, place.units = change.gtin, change.units
        place.content = self._shelves.content_of(change.gtin)
        place.strangers.pop(change.gtin, None)
        self._log.emit(
            Restocked,
            at_ns=change.at_ns,
            facing=place.id,
            gtin=change.gtin,
            units=change.units,
            actor=change.actor,
        )

    def answered(self, verdict: ReviewDecided) -> None:
        """A labeler decided a case; one that names what the store does not sell stays open."""
        case = self._open.get(verdict.review) or self._expired.get(verdict.review)
        if case is None:
            self._log.alert(
                verdict.at_ns, "unknown-review", verdict.review, f"no open review {verdict.review}"
            )
            return
        unknown = [g for g, _ in verdict.lines or () if g not in self._shelves.products]
        if unknown:
            self._log.alert(
                verdict.at_ns,
                "unknown-product",
                verdict.review,
                f"{verdict.review}: no product {', '.join(unknown)}; the case stays open",
            )
            return
        if self._open.pop(verdict.review, None) is not None:
            self._conclude(verdict.at_ns, verdict.review, case, verdict.lines, verdict.actor)
        elif verdict.lines is not None:
            del self._expired[verdict.review]
            self._check(verdict.at_ns, verdict.review, case, "late", verdict.lines, verdict.actor)

    def _conclude(
        self, at_ns: int, review: str, case: OpenReview, lines: Lines | None, actor: str
    ) -> None:
        """Close an open case by a verdict, None for nobody can tell."""
        if case.kind != "held":
            self._check(at_ns, review, case, case.kind, lines, actor)
            return
        self.waiting -= 1
        self._log.emit(
            ReviewClosed,
            at_ns=at_ns,
            review=review,
            visit=case.visit,
            shopper=case.shopper,
            lines=case.fallback if lines is None else lines,
            actor=actor,
            verified=lines is not None,
        )

    def _check(
        self,
        at_ns: int,
        review: str,
        case: OpenReview,
        kind: CheckKind,
        verdict: Lines | None,
        actor: str,
    ) -> None:
        """A verdict on what was billed already."""
        lines, credited = lowered(case.fallback, case.fallback if verdict is None else verdict)
        self._log.emit(
            BillChecked,
            at_ns=at_ns,
            review=review,
            visit=case.visit,
            shopper=case.shopper,
            kind=kind,
            lines=lines,
            credited=credited,
            actor=actor,
            verified=verdict is not None,
            weight=case.weight,
        )
        accepted = kind != "late" and verdict is not None and case.fallback
        if accepted and self._promise.note(wrong=bool(credited)):
            self._log.alert(
                at_ns,
                "guarantee-void",
                "policy",
                f"{self._promise.wrong} of {self._promise.verified} verified bills that nobody had"
                f" reviewed were too high: {self._promise.alpha:.2%} were promised; every doubtful"
                " visit is held from now on",
            )


def _counted(lines: Lines) -> Counter[str]:
    counted: Counter[str] = Counter()
    for gtin, units in lines:
        counted[gtin] += units
    return counted
