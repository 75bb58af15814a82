"""What the event log amounts to: open carts, final bills, reviews and stock.

Everything here is rebuilt from events; nothing is stored. `Carts.apply` takes events in order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cart.events import (
    BillChecked,
    Entered,
    Event,
    Evidence,
    Exited,
    HandedOver,
    Picked,
    PutBack,
    Restocked,
    ReviewClosed,
    ReviewRequested,
    Revised,
    StockMoved,
)
from cart.explanation import explanation

State = Literal["shopping", "held", "billed"]


@dataclass(slots=True)
class Booking:
    """Units that one decision put into a cart (negative: took out of it)."""

    line: str
    gtin: str
    units: int
    facing: str
    posterior: float
    evidence: tuple[Evidence, ...] = ()


@dataclass(slots=True)
class Cart:
    """One visit: who, since when, what was decided so far and the bill once it is final."""

    visit: str
    shopper: str
    entered_ns: int
    state: State = "shopping"
    bookings: dict[str, Booking] = field(default_factory=dict)
    bill: tuple[tuple[str, int], ...] = ()
    review: str | None = None
    closed_ns: int | None = None

    def units(self) -> dict[str, int]:
        """Units by GTIN that the cart is believed to hold now, most recent last."""
        total: dict[str, int] = defaultdict(int)
        for booking in self.bookings.values():
            total[booking.gtin] += booking.units
        return {gtin: units for gtin, units in total.items() if units > 0}

    def confidence(self, gtin: str) -> float:
        """The least posterior of the decisions behind one product."""
        return min((b.posterior for b in self.bookings.values() if b.gtin == gtin), default=0.0)

    def why(self, gtin: str, names: Mapping[str, str]) -> str:
        """Why a product stands in the cart: the least certain decision behind it, in a sentence."""
        behind = [b for b in self.bookings.values() if b.gtin == gtin and b.units > 0]
        if not behind:
            return ""
        doubtful = min(behind, key=lambda b: b.posterior)
        return explanation(doubtful.evidence, names, self.visit)


class Carts:
    """All visits, and the believed stock: `stock` of the facing's own product, `strangers` else.

    `facings` is what the store file says: (GTIN, units) by facing.
    """

    def __init__(self, facings: Mapping[str, tuple[str, int]]) -> None:
        self.visits: dict[str, Cart] = {}
        self.products: dict[str, str] = {name: gtin for name, (gtin, _) in facings.items()}
        self.stock: dict[str, int] = {name: units for name, (_, units) in facings.items()}
        self.strangers: dict[str, dict[str, int]] = {}
        self.reviews: dict[str, ReviewRequested] = {}

    def apply(self, event: Event) -> None:
        """Take the next event of the log into account."""
        match event:
            case Entered():
                self.visits[event.visit] = Cart(event.visit, event.shopper, event.at_ns)
            case Picked() | PutBack():
                sign = 1 if isinstance(event, Picked) else -1
                self._book(event.visit, event, sign * event.units)
            case HandedOver():
                for visit, units in ((event.visit, -event.units), (event.to_visit, event.units)):
                    self.visits[visit].bookings[event.line] = Booking(
                        event.line, event.gtin, units, "", event.posterior, event.evidence
                    )
            case Revised():
                self.visits[event.visit].bookings.pop(event.line, None)
            case StockMoved():
                if event.gtin == self.products.get(event.facing):
                    self.stock[event.facing] = event.left
                elif event.left > 0:
                    self.strangers.setdefault(event.facing, {})[event.gtin] = event.left
                else:
                    self.strangers.get(event.facing, {}).pop(event.gtin, None)
            case Restocked():
                self.stock[event.facing] = event.units
                self.products[event.facing] = event.gtin
            case ReviewRequested():
                self.reviews[event.review] = event
            case Exited():
                self._close(event.visit, event.lines, event.review, event.at_ns)
            case ReviewClosed():
                self.reviews.pop(event.review, None)
                self._close(event.visit, event.lines, None, event.at_ns)
            case BillChecked():
                self.reviews.pop(event.review, None)
                self.visits[event.visit].bill = event.lines
            case _:
                pass

    def _book(self, visit: str, event: Picked | PutBack, units: int) -> None:
        self.visits[visit].bookings[event.line] = Booking(
            event.line, event.gtin, units, event.facing, event.posterior, event.evidence
        )

    def _close(
        self, visit: str, lines: tuple[tuple[str, int], ...], review: str | None, at_ns: int
    ) -> None:
        cart = self.visits[visit]
        cart.state = "held" if review is not None else "billed"
        cart.review = review
        cart.bill = lines
        cart.closed_ns = at_ns
