"""What is remembered of a shopper between visits: purchase history and trust.

Both are kept from billed visits alone; trust moves only on verified outcomes (a labeler's
verdict), as Beta(a, b) with the mean as the score.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cart.events import Event, Exited, ReviewClosed


@dataclass(slots=True)
class Profile:
    """One shopper's visits, units bought by GTIN and trust counts."""

    shopper: str
    visits: int = 0
    bought: dict[str, int] = field(default_factory=dict)
    trust_a: float = 9.0
    trust_b: float = 1.0

    @property
    def trust(self) -> float:
        """Mean of Beta(a, b): 0.9 for a shopper nobody knows yet."""
        return self.trust_a / (self.trust_a + self.trust_b)

    def share(self, gtin: str, products: int, strength: float = 20.0) -> float:
        """Dirichlet posterior mean of the next purchase being `gtin` among `products`."""
        total = sum(self.bought.values())
        return (self.bought.get(gtin, 0) + strength / products) / (total + strength)


class Profiles:
    """The profiles of all shoppers, rebuilt from events."""

    def __init__(self) -> None:
        self._profiles: dict[str, Profile] = {}

    def of(self, shopper: str) -> Profile:
        """The shopper's profile; a new one where nothing is known."""
        return self._profiles.setdefault(shopper, Profile(shopper))

    def apply(self, event: Event) -> None:
        """Take the next event of the log into account."""
        if isinstance(event, Exited) and event.review is None:
            self._bill(event.shopper, event.lines)
        elif isinstance(event, ReviewClosed):
            self._bill(event.shopper, event.lines)
            if event.verified:
                self.of(event.shopper).trust_a += 1.0

    def _bill(self, shopper: str, lines: Iterable[tuple[str, int]]) -> None:
        profile = self.of(shopper)
        profile.visits += 1
        for gtin, units in lines:
            profile.bought[gtin] = profile.bought.get(gtin, 0) + units
