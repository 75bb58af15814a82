"""What stands on a facing: the planogram's product, or another one, and what a unit of it weighs.

Each product g is the facing's content with a probability c(g), before any pick

    c(home) = 1 − WRONG,   c(g) = WRONG / (N − 1)

and its units weigh μ_g·(1 + e_g), where e_g is one relative error that all of them share: the
catalogue's, and the plates' gain. A pick of n units is then Gaussian around n·μ_g·(1 + e_g). When
nothing can change a decision on the facing any more, its posterior is taken over: with π_g the
probability that it took units of the content g, π the sum of all of them, and b(g) what c(g) was
when it was taken,

    c(g) ← c(g)·(π_g + (1 − π)·b(g)) / b(g), normed

(assumed-density filtering, Opper 1998). e_g is corrected at once, by what a Kalman filter would do
times the probability that, g being the content, it was of it that units were taken (the
probabilistic data association filter, Bar-Shalom & Fortmann 1988, ch. 6). So a wrong weight in the
catalogue speaks once, however often it is seen, while what cameras and the tags at the gate say of
each pick adds up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from fusion.mass import RELATIVE_ERROR, mass_log_likelihood
from sensors.store import Product

WRONG = 0.017
STRAY = 0.003  # P(a unit that is taken stands there unknown to us, whatever the content)
PLATES_ERROR = 0.02  # relative: from one pick to the next
LEAST = 1e-9


@dataclass(slots=True)
class _Known:
    """c(g), e_g and its variance."""

    share: float
    error: float = 0.0
    variance: float = RELATIVE_ERROR**2


class Content:
    """What one facing may hold; `home` is what the planogram says, which is `wrong` with that
    probability."""

    def __init__(self, home: str, products: Mapping[str, Product], wrong: float = WRONG) -> None:
        self._products = products
        self._each = wrong / max(1, len(products) - 1)
        self._known = {home: _Known(1 - wrong if len(products) > 1 else 1.0)}

    def share(self, gtin: str) -> float:
        """c(g)."""
        known = self._known.get(gtin)
        return self._each if known is None else known.share

    def unit_g(self, gtin: str) -> float:
        """What a unit is thought to weigh if it is the content."""
        known = self._known.get(gtin)
        return self._products[gtin].weight_g * (1 + (0.0 if known is None else known.error))

    def mass(self, delta_g: float, sigma_g: float, units: int, gtin: str) -> float:
        """Log density (per gram) of a change where `units` (signed) of it moved."""
        known = self._known.get(gtin)
        product = self._products[gtin]
        if known is None:
            return mass_log_likelihood(delta_g, sigma_g, units, product)
        error = math.hypot(math.sqrt(known.variance), PLATES_ERROR)
        return mass_log_likelihood(delta_g, sigma_g, units, product, known.error, error)

    def likeliest(self) -> tuple[str, float]:
        """The product that most probably stands there, and c of it."""
        return max(((g, one.share) for g, one in self._known.items()), key=lambda pair: pair[1])

    def shares(self) -> dict[str, float]:
        """c(g) of all products."""
        return {gtin: self.share(gtin) for gtin in self._products}

    def learn(self, found: Mapping[str, float], before: Mapping[str, float]) -> None:
        """Take over what a decision was in the end: π_g in `found`; `before` is b(g)."""
        rest = max(0.0, 1.0 - math.fsum(found.values()))
        for gtin, p in found.items():
            b = max(LEAST, before[gtin])
            self._of(gtin).share *= (p + rest * b) / b
        for gtin, known in self._known.items():
            known.share *= 1.0 if gtin in found else rest
        self._each *= rest
        total = math.fsum(known.share for known in self._known.values())
        total += self._each * max(0, len(self._products) - len(self._known))
        self._each = max(LEAST, self._each / total)
        for known in self._known.values():
            known.share = max(LEAST, known.share / total)

    def weigh(self, gtin: str, units: int, grams: float, sigma_g: float, p: float) -> None:
        """Correct e_g: units that weighed so many grams were taken, which were of g with
        probability `p` if that is the content."""
        known, product = self._of(gtin), self._products[gtin]
        slope = units * product.weight_g
        noise = sigma_g**2 + units * product.weight_sigma_g**2 + 1.0
        noise += (PLATES_ERROR * slope) ** 2
        gain = known.variance * slope / (slope**2 * known.variance + noise)
        step = gain * (grams - slope * (1 + known.error))
        known.error += p * step
        known.variance = (1 - p * gain * slope) * known.variance + p * (1 - p) * step**2

    def reweighed(self, gtin: str, ratio: float) -> None:
        """A unit of a product is now said to weigh `ratio` times as much. Picks from here keep
        their word: with w = 1 − variance / prior variance, e_g is w times what they said of it."""
        known = self._known.get(gtin)
        if known is not None:
            said = max(0.0, 1 - known.variance / RELATIVE_ERROR**2)
            known.error = (said + known.error) / ratio - said

    def _of(self, gtin: str) -> _Known:
        return self._known.setdefault(gtin, _Known(self._each))
