"""What products weigh and how far plates are off, learned together from verified changes of weight.

A change of weight measures a product and a plate at once: the plates of facing f are off by a gain
b_f, the catalogue's weight μ of product g by c_g, so that n verified units that changed f by d say

    log( d / (n·μ) ) = c_g + b_f + noise,    c_g ~ N(0, 0.03²),    b_f ~ N(0, 0.008²)

and the same thing lifted from one facing and put down on another says log(d / d') = b_f − b_f'.
All are linear in Gaussian unknowns, which are kept in information form: the sum of the precisions
of what was said (a Kalman filter of constants; Maybeck: Stochastic Models, volume 1, 1979). A
plate that is off is one error of all that it weighs, so a product sold from one facing alone is
never known better than its plates are.

The spread of units τ² has an inverse-gamma prior about the catalogue's, worth `SPREAD_WORTH` units:

    τ² = ( ν₀·τ₀² + Σ_f Σ_i [ (x_i − x̄_f)² − σ_i² ] ) / ( ν₀ + Σ_f (k_f − 1) )

over single units x_i of the same facing, whose gain they share; σ_i is the plates' own noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from fusion.mass import RELATIVE_ERROR, SAME_RELATIVE_ERROR
from sensors.store import Product

SPREAD_WORTH = 10.0
Node = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Learned:
    """A relative error of a weight or a gain: its mean and standard deviation, from `times`
    verified changes."""

    error: float
    sigma: float
    times: int


@dataclass(slots=True)
class _Singles:
    """Single units of one product, weighed by one facing: count, Σx, Σx², Σσ²."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    noise: float = 0.0

    def scatter(self) -> float:
        """Σ (x − x̄)² less what of it is the plates' noise; not below 0."""
        found = self.squares - self.total**2 / self.count
        return max(0.0, found - self.noise * (self.count - 1) / self.count)


@dataclass(slots=True)
class Scales:
    """The joint belief in all products' weights and all facings' gains."""

    _precision: dict[Node, dict[Node, float]] = field(default_factory=dict)
    _shift: dict[Node, float] = field(default_factory=dict)
    _times: dict[Node, int] = field(default_factory=dict)
    _singles: dict[str, dict[str, _Singles]] = field(default_factory=dict)

    def weighed(
        self, product: Product, facing: str, units: int, grams: float, sigma_g: float
    ) -> None:
        """So many verified units of a product (whose weight is the catalogue's) changed a facing by
        `grams`; all are above 0."""
        expected = units * product.weight_g
        noise = math.sqrt(sigma_g**2 + units * product.weight_sigma_g**2 + 1.0) / expected
        nodes = (("product", product.gtin), 1.0), (("facing", facing), 1.0)
        self._say(nodes, math.log(grams / expected), noise)
        if units == 1:
            one = self._singles.setdefault(product.gtin, {}).setdefault(facing, _Singles())
            one.count += 1
            one.total += grams
            one.squares += grams**2
            one.noise += sigma_g**2

    def moved(self, lifted_from: str, put_on: str, ratio: float, sigma: float) -> None:
        """The same thing weighed `ratio` times as much on the facing that it was lifted from as on
        the other; `sigma` is the relative error of that by the plates' noise."""
        nodes = (("facing", lifted_from), 1.0), (("facing", put_on), -1.0)
        self._say(nodes, math.log(ratio), sigma)

    def product(self, gtin: str) -> Learned:
        """By how much the catalogue's weight is off: log of the true weight over it."""
        return self._learned(("product", gtin), RELATIVE_ERROR)

    def facing(self, facing: str) -> Learned:
        """By how much a facing's plates are off: log of what they say over what is so."""
        return self._learned(("facing", facing), SAME_RELATIVE_ERROR)

    def spread_g(self, product: Product) -> float:
        """The standard deviation τ of units of a product, grams."""
        found = self._singles.get(product.gtin, {}).values()
        degrees = sum(one.count - 1 for one in found)
        scatter = sum(one.scatter() for one in found)
        prior = SPREAD_WORTH * product.weight_sigma_g**2
        return math.sqrt((prior + scatter) / (SPREAD_WORTH + degrees))

    def _say(self, nodes: tuple[tuple[Node, float], ...], value: float, sigma: float) -> None:
        weight = 1 / sigma**2
        for node, sign in nodes:
            row = self._precision.setdefault(node, {})
            for other, other_sign in nodes:
                row[other] = row.get(other, 0.0) + weight * sign * other_sign
            self._shift[node] = self._shift.get(node, 0.0) + weight * sign * value
            self._times[node] = self._times.get(node, 0) + 1

    def _learned(self, node: Node, prior_sigma: float) -> Learned:
        if node not in self._precision:
            return Learned(0.0, prior_sigma, 0)
        nodes = self._with(node)
        precision = np.array([[self._precision[a].get(b, 0.0) for b in nodes] for a in nodes])
        priors = [RELATIVE_ERROR if kind == "product" else SAME_RELATIVE_ERROR for kind, _ in nodes]
        precision += np.diag([1 / sigma**2 for sigma in priors])
        covariance = np.linalg.inv(precision)
        mean = covariance @ np.array([self._shift[one] for one in nodes])
        return Learned(float(mean[0]), math.sqrt(float(covariance[0, 0])), self._times[node])

    def _with(self, node: Node) -> list[Node]:
        """A node with all that it hangs together with, itself first."""
        found = {node: None}
        waiting = [node]
        while waiting:
            for other in self._precision[waiting.pop()]:
                if other not in found:
                    found[other] = None
                    waiting.append(other)
        return list(found)
