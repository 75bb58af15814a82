"""One visit's account: what each decision may have put into the cart, as distributions.

Decisions are taken as independent of each other; a cart never holds less than nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from cart.events import Evidence
from fusion.hypotheses import Taken

Distribution = dict[int, float]


@dataclass(slots=True)
class Doubt:
    """One decision as it concerns one visit: P(units) by GTIN, and what nobody can name.

    `delta_g` and `sigma_g` are what the plates of `facing` said; `told` is the line that carts
    show of it, if any; `returned` the greatest probability with which it was put back since.
    """

    line: str
    units: dict[str, Distribution]
    unknown: float
    evidence: tuple[Evidence, ...]
    facing: str
    delta_g: float
    sigma_g: float
    told: tuple[str, int] | None = None
    returned: float = 0.0

    def took(self) -> float:
        """P(the visit took something by this decision)."""
        return self.unknown + sum(
            p for change in self.units.values() for n, p in change.items() if n > 0
        )

    def undo(self, probability: float) -> None:
        """What was taken has been put back, with this probability."""
        self.returned = max(self.returned, probability)
        self.unknown *= 1 - probability
        for change in self.units.values():
            for n in [n for n in change if n > 0]:
                back = change[n] * probability
                change[n] -= back
                change[0] = change.get(0, 0.0) + back


@dataclass(slots=True)
class Account:
    """An open visit: of one person, or of the group that came in on one code.

    `inside` are its persons who have not left, as `fusion.gates` names them. Staff owe nothing.
    """

    visit: str
    shopper: str
    entered_ns: int
    staff: bool = False
    doubts: list[Doubt] = field(default_factory=list)
    leaving_ns: int | None = None
    inside: list[str] = field(default_factory=list)
    last: str = ""

    def __post_init__(self) -> None:
        self.inside.append(self.visit)

    @property
    def persons(self) -> list[str]:
        """Who may still act for this visit: those inside, and after them the one who left last."""
        return self.inside or [self.last]

    def book(self, doubt: Doubt) -> None:
        """Take one more decision into account."""
        self.doubts.append(doubt)

    def taken(self) -> list[Taken]:
        """The decisions by which something may have been taken that is still in the cart."""
        found = []
        for doubt in self.doubts:
            probability = min(1.0, doubt.took())
            if doubt.delta_g < 0 and probability > 0.02:
                gtin, units = doubt.told or (None, 1)
                found.append(
                    Taken(
                        doubt.line,
                        self.visit,
                        gtin,
                        units,
                        doubt.facing,
                        doubt.delta_g,
                        doubt.sigma_g,
                        probability,
                    )
                )
        return found

    def undo(self, line: str, probability: float) -> None:
        """Take back what a decision put into the cart, with this probability."""
        for doubt in self.doubts:
            if doubt.line == line:
                doubt.undo(probability)

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
