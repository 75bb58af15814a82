"""What is remembered between visits: purchases of each shopper and of the store, and trust.

A shopper's history is what they were billed; what their history itself has settled counts only once
it is verified, or a mistake would prove itself. The store's popularity and trust move on verified
outcomes alone: a labeler's verdict, tags that a gate read, and a count where nobody else was there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cart.counts import CountWatch
from cart.events import (
    BillChecked,
    Entered,
    Event,
    Exited,
    ProfileUsed,
    Restocked,
    ReviewClosed,
    ReviewRequested,
    StockMoved,
)
from cart.popularity import popular, share
from cart.trust import COUNT_WEIGHT, Outcome, Trust

Lines = tuple[tuple[str, int], ...]


@dataclass(slots=True)
class Profile:
    """One shopper's visits, units bought by GTIN, and trust."""

    shopper: str
    visits: int = 0
    bought: dict[str, int] = field(default_factory=dict)
    trust: Trust = field(default_factory=Trust)


class Profiles:
    """The profiles of all shoppers and what the store is known to sell, rebuilt from events.

    Where the store does not `use_history`, shares are those of the store, whoever it is.
    """

    def __init__(self, *, use_history: bool = True) -> None:
        self.use_history = use_history
        self._profiles: dict[str, Profile] = {}
        self._verified: Counter[str] = Counter()
        self._settled: dict[str, set[str]] = {}
        self._asked: dict[str, ReviewRequested] = {}
        self._counts = CountWatch()

    def begin_day(self) -> None:
        """Another log follows, whose visits begin anew; what is known of shoppers stays."""
        self._settled.clear()
        self._asked.clear()
        self._counts = CountWatch()

    def of(self, shopper: str) -> Profile:
        """The shopper's profile; a new one where nothing is known."""
        return self._profiles.setdefault(shopper, Profile(shopper))

    def known(self) -> list[Profile]:
        """All profiles, by shopper."""
        return [self._profiles[shopper] for shopper in sorted(self._profiles)]

    def popularity(self, gtin: str, products: int) -> float:
        """P(the next unit bought is of this product), by verified purchases."""
        return popular(self._verified, gtin, products)

    def share(self, shopper: str, gtin: str, products: int) -> float:
        """P(the next unit that a shopper buys is of this product)."""
        popularity = self.popularity(gtin, products)
        if not self.use_history:
            return popularity
        return share(self.of(shopper).bought, gtin, popularity)

    def apply(self, event: Event) -> None:
        """Take the next event of the log into account."""
        match event:
            case Entered():
                self._counts.entered(event.visit, event.shopper)
            case ProfileUsed(by="history"):
                self._settled.setdefault(event.visit, set()).update(event.gtins)
            case ReviewRequested():
                self._asked[event.review] = event
            case Exited():
                if event.review is None:
                    self._bill(event.shopper, self._unsettled(event.visit, event.lines))
                self._counts.left(event.visit)
            case ReviewClosed():
                self._decided(event)
            case BillChecked():
                self._checked(event)
            case StockMoved():
                self._counts.moved(event.facing, event.gtin, event.left)
            case Restocked():
                self._counted(event)
            case _:
                pass

    def confirmed(self, at_ns: int, visit: str, shopper: str, lines: Lines) -> None:
        """A bill is verified in full, by something else than a verdict."""
        self._learn_popularity(lines)
        found = Outcome(at_ns, visit, 1.0, "the tags that the gate read were those of the bill")
        self.of(shopper).trust.verified(found)

    def _decided(self, closed: ReviewClosed) -> None:
        """A verdict: it bills, and where it is sure, it is an outcome."""
        unsettled = self._unsettled(closed.visit, closed.lines)
        self._bill(closed.shopper, closed.lines if closed.verified else unsettled)
        asked = self._asked.pop(closed.review, None)
        if not closed.verified:
            return
        self._learn_popularity(closed.lines)
        weight, reason = 1.0, "a verdict found nothing that the engine had not thought of"
        if asked is not None:
            weight = asked.weight
            more = beyond(closed.lines, [asked.certain, *(c.lines for c in asked.candidates)])
            if more:
                units = ", ".join(f"{n} × {gtin}" for gtin, n in more.items())
                weight, reason = -weight, f"a verdict found what no sensor had told of: {units}"
        self.of(closed.shopper).trust.verified(Outcome(closed.at_ns, closed.visit, weight, reason))

    def _checked(self, checked: BillChecked) -> None:
        """Somebody looked at a bill that was out: what was credited was never bought."""
        self._asked.pop(checked.review, None)
        bought = self.of(checked.shopper).bought
        for gtin, units in checked.credited:
            bought[gtin] = max(0, bought.get(gtin, 0) - units)
        if checked.verified:
            self._learn_popularity(checked.lines)
            reason = "somebody looked at a bill again and found nothing left out"
            found = Outcome(checked.at_ns, checked.visit, checked.weight, reason)
            self.of(checked.shopper).trust.verified(found)

    def _counted(self, counted: Restocked) -> None:
        found = self._counts.counted(counted.facing, counted.gtin, counted.units)
        if found is None:
            return
        (visit, shopper), missing = found
        reason = f"a count of {counted.facing} agreed with the book, nobody else having been in"
        if missing:
            reason = f"a count of {counted.facing} missed {missing}, nobody else having been in"
        weight = -COUNT_WEIGHT if missing else COUNT_WEIGHT
        self.of(shopper).trust.verified(Outcome(counted.at_ns, visit, weight, reason))

    def _unsettled(self, visit: str, lines: Lines) -> Lines:
        """The lines of an ended visit that history had no part in."""
        settled = self._settled.pop(visit, set())
        return tuple(line for line in lines if line[0] not in settled)

    def _learn_popularity(self, lines: Iterable[tuple[str, int]]) -> None:
        for gtin, units in lines:
            self._verified[gtin] += units

    def _bill(self, shopper: str, lines: Iterable[tuple[str, int]]) -> None:
        profile = self.of(shopper)
        profile.visits += 1
        for gtin, units in lines:
            profile.bought[gtin] = profile.bought.get(gtin, 0) + units


def beyond(lines: Lines, thought_of: Iterable[Lines]) -> Mapping[str, int]:
    """Units that stand in `lines` beyond the most that any of the answers `thought_of` has."""
    most: Counter[str] = Counter()
    for answer in thought_of:
        most |= Counter(dict(answer))
    return Counter(dict(lines)) - most
