"""Generated articles with the statistics of real ones: quantities, prices, masses, look-alikes.

Articles come in blocks, to stand together: the flavours of one brand, which differ in a colour and
nothing else that a sensor feels, and rivals of other brands that weigh the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sensors.epc import check_digit
from sensors.store import Picture, Product, StoreFileError
from simulator.catalogue_kinds import COLOURS, KINDS, Kind
from simulator.catalogue_statistics import CATEGORIES, Category

TAX_PERCENT = {"standard": 19.0, "reduced": 7.0}
RESTRICTED_PREFIX = "20"  # GTINs for use within one company: no real article bears them
FAMILY_SIZES = {2: 0.2, 3: 0.35, 4: 0.25, 5: 0.2}
UNIT_SIGMA = 0.004  # of the mass, from unit to unit
PACKAGING_SIGMA = 0.08  # from brand to brand
_WIDTHS, _DEPTHS, _HEIGHTS = (0.03, 0.19), (0.03, 0.19), (0.03, 0.33)
_FILLS = {"box": 1.0, "bag": 0.8, "can": 0.785, "bottle": 0.62}  # volume within its outline
_ONSETS = ("Al", "Bor", "Dal", "Fen", "Gal", "Hol", "Jor", "Kel", "Lum", "Mer", "Nor", "Ost")
_CODAS = ("anka", "dorn", "elle", "ing", "mara", "ova", "rup", "sted", "tisk", "umba", "vik", "wen")
_ACCENTS = ("#ffffff", "#22303a", "#f4d03f", "#c0392b", "#1d3f72", "#e9e2cf")
_MOTIFS = ("band", "disc", "stripes", "split", "checks")


@dataclass(frozen=True, slots=True)
class Confusables:
    """How alike articles are: `families` is the share that has another flavour beside it,
    `same_weight` the share that has a rival of another brand and the same weight."""

    families: float = 0.4
    same_weight: float = 0.3

    def __post_init__(self) -> None:
        for name, share in (("families", self.families), ("same-weight", self.same_weight)):
            if not 0 <= share <= 1:
                raise StoreFileError(f"--{name} {share}: expected a share from 0 to 1")


@dataclass(frozen=True, slots=True)
class Block:
    """Articles of one kind and net quantity (g or ml) that stand together."""

    kind: Kind
    net: int
    products: tuple[Product, ...]


def blocks(
    rng: np.random.Generator, confusables: Confusables, net_most: int = 2000
) -> Iterator[Block]:
    """Blocks without end, of quantities up to `net_most` g or ml; no GTIN or name comes twice."""
    maker = _Maker(rng)
    made = alike = rivalled = 0
    while True:
        kind, category, net = _draw_kind(rng, net_most)
        size = 1
        if alike < confusables.families * (made + 1) and len(kind.flavours) > 1:
            size = int(rng.choice(list(FAMILY_SIZES), p=list(FAMILY_SIZES.values())))
            size = min(size, len(kind.flavours))
        grams = _gross_g(rng, kind, net)
        products = maker.family(kind, category, net, grams, size)
        if rivalled < confusables.same_weight * (made + 1):
            products += maker.family(kind, category, net, grams, 1)
            rivalled += len(products)
        made += len(products)
        alike += size if size > 1 else 0
        yield Block(kind, net, tuple(products))


def gtin13(digits: str) -> str:
    """Twelve digits with the check digit that makes them a GTIN-13.

    >>> gtin13("400638133393")
    '4006381333931'
    """
    return digits + check_digit(f"0{digits}0")


class _Maker:
    """Makes articles; remembers names, codes and brands that are taken."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._names: set[str] = set()
        self._codes: set[str] = set()
        self._brands = [onset + coda for onset in _ONSETS for coda in _CODAS]
        rng.shuffle(self._brands)
        self._used = 0

    def family(
        self, kind: Kind, category: Category, net: int, grams: float, size: int
    ) -> list[Product]:
        """`size` flavours of a new brand, alike but for name and colour."""
        rng = self._rng
        brand = self._brands[self._used % len(self._brands)]
        self._used += 1
        flavours = [str(f) for f in rng.choice(kind.flavours, size, replace=False)]
        price = category.draw_price(rng, net, kind.prices)
        accent, motif = str(rng.choice(_ACCENTS)), _MOTIFS[int(rng.integers(len(_MOTIFS)))]
        size_m = _outline(rng, kind, net)
        spread = round(max(0.5, UNIT_SIGMA * grams * float(rng.uniform(0.7, 1.6))), 1)
        tax = "reduced" if category.name in ("food", "liquid food") else "standard"
        return [
            Product(
                gtin=self._code(),
                name=self._name(kind, brand, flavour, f"{net} {category.unit}"),
                brand=brand,
                price_cents=price,
                tax_class=tax,
                weight_g=grams,
                weight_sigma_g=spread,
                size_m=size_m,
                picture=_picture(rng, kind, COLOURS[flavour], accent, motif, size > 1),
            )
            for flavour in flavours
        ]

    def _code(self) -> str:
        while True:
            code = gtin13(f"{RESTRICTED_PREFIX}{int(self._rng.integers(10**10)):010d}")
            if code not in self._codes:
                self._codes.add(code)
                return code

    def _name(self, kind: Kind, brand: str, flavour: str, net: str) -> str:
        plain = f"{kind.name} {flavour}"
        tries = [plain, f"{plain} {net}", f"{brand} {plain}", f"{brand} {plain} {net}"]
        tries += [f"{brand} {plain} {net} No {k}" for k in range(2, 1000)]
        name = next(name for name in tries if name not in self._names)
        self._names.add(name)
        return name


def _draw_kind(rng: np.random.Generator, net_most: int) -> tuple[Kind, Category, int]:
    """A kind and a quantity that it is sold in; the quantity has its category's distribution."""
    shares = np.array([category.share for category in CATEGORIES])
    while True:
        category = CATEGORIES[int(rng.choice(len(CATEGORIES), p=shares / shares.sum()))]
        net = category.draw_net(rng)
        fitting = [
            kind
            for kind in KINDS
            if kind.category == category.name and kind.nets[0] <= net <= kind.nets[1]
        ]
        if fitting and net <= net_most:
            return fitting[int(rng.integers(len(fitting)))], category, net


def _gross_g(rng: np.random.Generator, kind: Kind, net: int) -> float:
    """Grams of a unit: the goods, a little more than is said, and what they are packed in."""
    goods = net * kind.density * (1 + abs(float(rng.normal(0, 0.006))))
    pack = kind.packaging.fixed_g + kind.packaging.share * net
    grams = goods + pack * float(np.exp(rng.normal(0, PACKAGING_SIGMA)))
    return round(grams, 1) if grams < 100 else float(round(grams))


def _outline(rng: np.random.Generator, kind: Kind, net: int) -> tuple[float, float, float]:
    """Width, depth and height in metres of what holds the quantity."""
    volume_m3 = net / kind.bulk / 1e6 / _FILLS[kind.packaging.form]
    wide, deep, high = kind.packaging.shape
    slim = float(np.exp(rng.normal(0, 0.06)))
    wide, deep, high = wide / math.sqrt(slim), deep / math.sqrt(slim), high * slim
    scale = (volume_m3 / (wide * deep * high)) ** (1 / 3)
    return (
        round(float(np.clip(wide * scale, *_WIDTHS)), 3),
        round(float(np.clip(deep * scale, *_DEPTHS)), 3),
        round(float(np.clip(high * scale, *_HEIGHTS)), 3),
    )


def _picture(
    rng: np.random.Generator, kind: Kind, colour: str, accent: str, motif: str, family: bool
) -> Picture:
    """A flavour of a family has its flavour's colour; a lone article a shade of its own."""
    if not family:
        rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        shaded = np.clip(np.array(rgb) * rng.uniform(0.7, 1.15) + rng.normal(0, 22, 3), 10, 245)
        colour = "#" + "".join(f"{int(v):02x}" for v in shaded)
    if accent == colour:
        accent = "#22303a"
    return Picture.model_validate(
        {"base": colour, "accent": accent, "motif": motif, "form": kind.packaging.form}
    )
