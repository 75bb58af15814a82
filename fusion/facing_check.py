"""Whether what is picked from a facing weighs what stands there by the planogram.

Each hypothesis says which product q stands on the facing, and how far a unit's weight is off from
the catalogue's, a relative error e that all picks share: a wrong catalogue or a plate's gain comes
back in every pick, and is one error however often it is seen. Given e, a pick of n units
that changed the plates by d gives

    p(d | e) = (1 − ω) Σ_n π_n N(d; n·μ_q·(1 + e), σ² + n·τ_q² + ROUNDING_G²) + ω / UNKNOWN_SPAN_G

where ω is the share of picks that were something else. e is integrated out as the picks come: after
each, the mixture over n and "something else" is replaced by the Gaussian of its moments, as in the
probabilistic data association filter (Bar-Shalom, Fortmann: Tracking and Data Association, 1988,
chapter 6). The Bayes factor of two hypotheses is the ratio of the evidence so accumulated.

Plates feel 1 to 2 % of what stands beside them, and a change is summed over all of them, so a unit
may weigh up to `TAKEN_UP` more than it does by itself: e ~ N(TAKEN_UP / 2, s²), and what counts as
off begins above that.

What comes of it is a proposal to a person, once it is sure, from weights alone. What the engine
itself believes of a facing while it decides is `fusion.content`'s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.mass import RELATIVE_ERROR, SAME_RELATIVE_ERROR, UNKNOWN_SPAN_G
from sensors.store import Product

Array = NDArray[np.float64]

UNITS = ((1, 0.80), (2, 0.13), (3, 0.04))  # π_n
ELSE_SHARE = 0.05  # ω
ROUNDING_G = 1.0
WRONG_PRODUCT = 0.02  # P(a facing holds another product), over all others alike
GROSS = 0.001  # P(the catalogue's weight is grossly wrong): a typing error, another package size
GROSS_ERROR = 0.15
TAKEN_UP = 0.03  # of a unit, at most: what neighbouring plates feel of it is counted too
OFF = 0.04  # a relative error of a weight that is worth a person's time
SURE = 0.95
LEAST_PICKS = 3
HOPELESS = 25.0  # nats below the likeliest: forgotten


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a facing, with its `probability`: of `picks` units one weighs `weight_g`.

    `products` of the store would explain that, likeliest first; without any it is the weight.
    """

    probability: float
    picks: int
    weight_g: float
    products: tuple[str, ...]


class FacingCheck:
    """All that one facing's picks say of what stands there; `home` is what the planogram says."""

    def __init__(self, home: str, products: Mapping[str, Product]) -> None:
        others = [gtin for gtin in products if gtin != home]
        self._gtins = [home, home, *others]
        self._mu = np.array([products[gtin].weight_g for gtin in self._gtins])
        self._tau = np.array([products[gtin].weight_sigma_g for gtin in self._gtins])
        usual = math.hypot(RELATIVE_ERROR, SAME_RELATIVE_ERROR, TAKEN_UP / 2)
        self._error = np.full(len(self._gtins), TAKEN_UP / 2)
        self._variance = np.full(len(self._gtins), usual**2)
        self._variance[1] = GROSS_ERROR**2
        wrong = WRONG_PRODUCT / len(others) if others else 0.0
        prior = np.array([1 - WRONG_PRODUCT - GROSS, GROSS, *[wrong] * len(others)])
        self._log_evidence: Array = np.log(prior)
        self._picks = np.zeros(len(self._gtins))

    def picked(self, grams: float, sigma_g: float) -> None:
        """A pick made the plates lighter by so many grams."""
        likelihood, mean, variance = [], [], []
        for units, share in UNITS:
            slope = units * self._mu
            noise = sigma_g**2 + units * self._tau**2 + ROUNDING_G**2
            spread = slope**2 * self._variance + noise
            off = grams - slope * (1 + self._error)
            density = np.exp(-0.5 * off**2 / spread) / np.sqrt(2 * np.pi * spread)
            gain = self._variance * slope / spread
            likelihood.append((1 - ELSE_SHARE) * share * density)
            mean.append(self._error + gain * off)
            variance.append((1 - gain * slope) * self._variance)
        likelihood.append(np.full_like(self._mu, ELSE_SHARE / UNKNOWN_SPAN_G))
        mean.append(self._error)
        variance.append(self._variance)
        p, m, v = np.array(likelihood), np.array(mean), np.array(variance)
        total = p.sum(axis=0)
        p = p / total
        self._picks += 1 - p[-1]
        self._error = (p * m).sum(axis=0)
        self._variance = (p * (v + (m - self._error) ** 2)).sum(axis=0)
        self._log_evidence = self._log_evidence + np.log(total)
        self._forget()

    def _forget(self) -> None:
        """Keep the planogram's own hypotheses, and of the others those that may still be so."""
        hopeful = self._log_evidence > self._log_evidence.max() - HOPELESS
        hopeful[:2] = True
        if not hopeful.all():
            self._gtins = [g for g, kept in zip(self._gtins, hopeful, strict=True) if kept]
            self._mu, self._tau = self._mu[hopeful], self._tau[hopeful]
            self._error, self._variance = self._error[hopeful], self._variance[hopeful]
            self._log_evidence, self._picks = self._log_evidence[hopeful], self._picks[hopeful]

    def finding(self) -> Finding | None:
        """What is wrong with the facing, once that is `SURE`; None while it may well be right."""
        chance = np.exp(self._log_evidence - self._log_evidence.max())
        chance /= chance.sum()
        beyond = np.array([self._beyond(0), self._beyond(1)]) * chance[:2]
        elsewhere = float(chance[2:].sum())
        if beyond.sum() + elsewhere < SURE:
            return None
        best = int(np.argmax(chance)) if elsewhere > beyond.sum() else int(np.argmax(beyond))
        if self._picks[best] < LEAST_PICKS - 0.5:
            return None
        ranked = [int(i) for i in np.argsort(-chance, kind="stable") if i > 1]
        likely = [self._gtins[i] for i in ranked if chance[i] > 0.05 * elsewhere]
        return Finding(
            probability=float(beyond.sum() + elsewhere),
            picks=round(float(self._picks[best])),
            weight_g=float(self._mu[best] * (1 + self._error[best])),
            products=tuple(likely) if best > 1 else (),
        )

    def _beyond(self, index: int) -> float:
        """P(e < −OFF or e > OFF + TAKEN_UP) by one hypothesis."""
        sigma = math.sqrt(2 * self._variance[index])
        above = math.erfc((OFF + TAKEN_UP - self._error[index]) / sigma)
        return 0.5 * (above + math.erfc((OFF + self._error[index]) / sigma))
