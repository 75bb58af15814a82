"""What people tell the engine: counts, changes of the planogram, and verdicts on review cases."""

from __future__ import annotations

from dataclasses import dataclass

from cart.events import Restocked, ReviewClosed
from fusion.content import Content
from fusion.log import Log
from fusion.shelves import Shelves
from sensors.observations import PlanogramChanged, ReviewDecided, StockCounted


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A visit that waits for a verdict; `certain` is what it pays if nobody can tell."""

    visit: str
    shopper: str
    certain: tuple[tuple[str, int], ...]


class Desk:
    """Takes what people say, and keeps the review cases that wait for it."""

    def __init__(self, log: Log, shelves: Shelves) -> None:
        self._log = log
        self._shelves = shelves
        self._open: dict[str, OpenReview] = {}

    def ask(self, review: str, case: OpenReview) -> None:
        """A case waits for a verdict from now on."""
        self._open[review] = case

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
        place.content = Content(change.gtin, self._shelves.products)
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
        review = self._open.get(verdict.review)
        if review is None:
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
        del self._open[verdict.review]
        self._log.emit(
            ReviewClosed,
            at_ns=verdict.at_ns,
            review=verdict.review,
            visit=review.visit,
            shopper=review.shopper,
            lines=review.certain if verdict.lines is None else verdict.lines,
            actor=verdict.actor,
            verified=verdict.lines is not None,
        )
