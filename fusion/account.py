"""One visit's account: what each decision may have put into the cart, as distributions.

Decisions are taken as independent of each other; a cart never holds less than nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from cart.events import Evidence

Distribution = dict[int, float]


@dataclass(slots=True)
class Doubt:
    """One decision as it concerns one visit: P(units) by GTIN, and what nobody can name."""

    line: str
    units: dict[str, Distribution]
    unknown: float
    evidence: tuple[Evidence, ...]


@dataclass(slots=True)
class Account:
    """An open visit."""

    visit: str
    shopper: str
    entered_ns: int
    doubts: list[Doubt] = field(default_factory=list)
    leaving_ns: int | None = None

    def book(self, doubt: Doubt) -> None:
        """Take one more decision into account."""
        self.doubts.append(doubt)

    def products(self) -> list[str]:
        """Every product that some decision gives a chance, in order of GTIN."""
        return sorted({gtin for doubt in self.doubts for gtin in doubt.units})

    def distribution(self, gtin: str) -> Distribution:
        """P(the cart holds n units of `gtin`), n ≥ 0."""
        total: Distribution = {0: 1.0}
        for doubt in self.doubts:
            change = doubt.units.get(gtin)
            if change is None:
                continue
            result: Distribution = defaultdict(float)
            for have, p in total.items():
                for moved, q in change.items():
                    if p * q > 1e-9:
                        result[max(0, have + moved)] += p * q
            total = dict(result)
        return total

    def holds(self, gtin: str, units: int) -> float:
        """P(the cart holds at least `units` of `gtin`)."""
        return sum(p for n, p in self.distribution(gtin).items() if n >= units)

    def unknown_units(self) -> float:
        """Expected units taken that no product of the catalogue explains."""
        return sum(doubt.unknown for doubt in self.doubts)
