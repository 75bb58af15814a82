"""What real shelves sell, in figures: net quantities, prices and their endings by category.

Summary statistics alone, of 11,082 articles of 10 to 2,000 g or ml in the published price list of
a supermarket chain. Quantities cluster on round numbers: `nets` are the commonest ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

PRICE_LEVELS = (0.01, 0.05, 0.15, 0.3, 0.5, 0.7, 0.85, 0.95, 0.99)
REST_LEVELS = (0.0, 0.25, 0.5, 0.75, 0.9, 0.97, 1.0)
LAST_DIGITS = {9: 0.74, 5: 0.17, 0: 0.04, 8: 0.02, 3: 0.01, 2: 0.01, 6: 0.01}
NET_LEAST, NET_MOST = 10, 2000
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Category:
    """One category: its share of the articles; `nets` (g or ml) with their shares in thousandths;
    `rest`, the quantiles at REST_LEVELS of all other quantities; `prices_cents` at PRICE_LEVELS;
    and the rank correlation of price and quantity."""

    name: str
    unit: str
    share: float
    nets: dict[int, int]
    rest: tuple[float, ...]
    prices_cents: tuple[int, ...]
    correlation: float

    def draw_net(self, rng: np.random.Generator) -> int:
        """A net quantity."""
        common = np.array(list(self.nets.values())) / 1000
        place = int(np.searchsorted(np.cumsum(common), rng.random()))
        if place < len(common):
            return list(self.nets)[place]
        net = float(np.interp(rng.random(), REST_LEVELS, self.rest))
        return int(np.clip(round(net / 5) * 5, NET_LEAST, NET_MOST))

    def draw_price(self, rng: np.random.Generator, net: int, among: tuple[float, float]) -> int:
        """A price in cents, correlated with the quantity, of the given range of quantiles."""
        rank = min(max(self._rank(net), 0.02), 0.98)
        slope = self.correlation * 1.05  # of normal variables, from that of ranks
        free = float(rng.normal()) * float(np.sqrt(1 - slope**2))
        at = _NORMAL.cdf(slope * _NORMAL.inv_cdf(rank) + free)
        level = among[0] + (among[1] - among[0]) * at
        cents = float(np.exp(np.interp(level, PRICE_LEVELS, np.log(self.prices_cents))))
        ending = int(rng.choice(list(LAST_DIGITS), p=list(LAST_DIGITS.values())))
        return max(9, round((cents - ending) / 10) * 10 + ending)

    def _rank(self, net: int) -> float:
        """The share of the category's articles of a lesser quantity, half of the equal ones."""
        common = sum(n * (1.0 if q < net else 0.5 if q == net else 0.0) for q, n in self._sorted())
        below = float(np.interp(net, self.rest, REST_LEVELS))
        return common / 1000 + below * (1 - sum(self.nets.values()) / 1000)

    def _sorted(self) -> list[tuple[int, int]]:
        return sorted(self.nets.items())


CATEGORIES = (
    Category(
        "food",
        "g",
        0.610,
        {
            40: 18,
            50: 21,
            60: 15,
            80: 20,
            100: 70,
            120: 14,
            150: 32,
            160: 13,
            180: 13,
            200: 64,
            250: 45,
            300: 39,
            350: 20,
            400: 70,
            500: 80,
            1000: 34,
        },
        (10, 70, 158, 345, 650, 800, 2000),
        (45, 79, 119, 169, 229, 345, 478, 769, 1498),
        0.40,
    ),
    Category(
        "liquid food",
        "ml",
        0.060,
        {
            75: 15,
            100: 27,
            120: 12,
            200: 38,
            230: 14,
            250: 139,
            300: 12,
            360: 17,
            400: 12,
            500: 165,
            750: 20,
            825: 14,
            900: 18,
            1000: 194,
            1650: 18,
        },
        (15, 167, 370, 482, 800, 1700, 2000),
        (75, 105, 149, 205, 299, 499, 749, 999, 1669),
        0.13,
    ),
    Category(
        "drinks",
        "ml",
        0.137,
        {
            100: 12,
            200: 33,
            250: 45,
            330: 75,
            500: 241,
            700: 109,
            750: 162,
            1000: 151,
            1500: 66,
            2000: 47,
        },
        (20, 240, 355, 473, 800, 1250, 1350),
        (55, 89, 119, 165, 239, 642, 1405, 2549, 6889),
        0.30,
    ),
    Category(
        "cosmetics",
        "ml",
        0.130,
        {
            50: 118,
            75: 84,
            100: 54,
            125: 19,
            150: 120,
            200: 110,
            250: 116,
            300: 41,
            400: 94,
            500: 81,
            750: 23,
            1000: 22,
        },
        (10, 85, 320, 440, 800, 950, 950),
        (119, 199, 299, 399, 499, 609, 829, 1329, 1999),
        -0.02,
    ),
    Category(
        "cleaning",
        "ml",
        0.037,
        {
            250: 19,
            300: 12,
            400: 12,
            450: 58,
            500: 84,
            650: 79,
            700: 29,
            750: 173,
            800: 17,
            900: 77,
            1000: 123,
            1350: 17,
            1600: 36,
            1700: 14,
            1800: 26,
            2000: 29,
        },
        (50, 625, 990, 1250, 1550, 1854, 1980),
        (108, 159, 219, 299, 349, 442, 649, 1082, 2539),
        0.37,
    ),
    Category(
        "household",
        "g",
        0.026,
        {
            60: 38,
            80: 14,
            85: 141,
            100: 69,
            150: 38,
            300: 76,
            340: 103,
            400: 69,
            405: 62,
            500: 38,
            800: 45,
            1000: 17,
            1020: 24,
            1250: 31,
            1500: 21,
            2000: 31,
        },
        (12, 68, 120, 288, 750, 1400, 1400),
        (49, 59, 89, 100, 189, 279, 399, 665, 899),
        0.60,
    ),
)
