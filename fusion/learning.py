"""What the engine learns on the job, and what it proposes to people.

*Learned*, and used in decisions, is only what was verified: the picks of a visit whose verdict
names just the units that the engine had told, of a bill whose tags the gate all read, and the
weight that left a facing between two counts that agree with it in units. From these come products'
weights and their spread, and the gains of plates (`fusion.scales`). A learned weight stands in for
the catalogue's from then on.

*Proposed* is what the engine's own picks suggest of a facing (`fusion.facing_check`), and a gain
that was learned: alerts `planogram-wrong`, `weight-off` and `gain-off`. A person decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from cart.events import (
    BillChecked,
    Event,
    Evidence,
    Exited,
    Picked,
    PutBack,
    Restocked,
    ReviewClosed,
    ReviewRequested,
    Revised,
)
from fusion.decision import Decision
from fusion.facing_check import SURE, FacingCheck, Finding
from fusion.log import Log
from fusion.scales import Learned, Scales
from fusion.shelves import Shelves
from sensors.store import Product

FITS = 0.15  # a relative error beyond which a verified pick was something else too
NEWS = 0.01  # of a weight: less is not worth a word
GAIN_OFF = 0.015

Lines = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """What the plates of a facing said as something moved, grams (negative: taken)."""

    facing: str
    began_ns: int
    delta_g: float
    sigma_g: float

    def is_of(self, event: Picked | PutBack) -> bool:
        """Whether a line tells of this change."""
        return (event.facing, event.at_ns) == (self.facing, self.began_ns)


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that was told of a visit, with the change of weight that it explains."""

    event: Picked | PutBack
    step: _Step

    @property
    def units(self) -> int:
        """Units into the cart; below 0 for what was put back."""
        return self.event.units if isinstance(self.event, Picked) else -self.event.units


@dataclass(slots=True)
class _Count:
    """A facing since it was last counted: units then, and grams that have left it."""

    units: int
    grams: float = 0.0
    variance: float = 0.0


class Learning:
    """Hears decisions and events; keeps `shelves.products` at the weights that were learned."""

    def __init__(self, shelves: Shelves, log: Log) -> None:
        self._shelves = shelves
        self._log = log
        self._catalogue: dict[str, Product] = dict(shelves.products)
        self._scales = Scales()
        self._checks: dict[str, FacingCheck] = {}
        self._homes = {place.id: place.gtin for place in shelves.places.values()}
        self._found: dict[str, Finding] = {}
        self._latest = 0
        self._told = _Step("", 0, 0.0, 0.0)
        self._lines: dict[str, dict[str, _Line]] = {}
        self._counts: dict[str, _Count] = {}
        self._off: set[str] = set()
        self._asked: set[str] = set()

    def decided(self, decision: Decision, _evidence: tuple[Evidence, ...]) -> None:
        """A change of weight was decided, or weighed anew; its lines are told next."""
        part, began_ns = decision.part, decision.step.began_ns
        self._told = _Step(part.place.id, began_ns, part.delta_g, part.sigma_g)
        if decision.deed <= self._latest:
            return
        self._latest = decision.deed
        count = self._counts.get(part.place.id)
        if count is not None:
            count.grams -= part.delta_g
            count.variance += part.sigma_g**2
        if part.delta_g < 0:
            self._check(part.place.id, -part.delta_g, part.sigma_g)

    def hear(self, event: Event) -> None:
        """Take the next event of the engine into account."""
        match event:
            case Picked() | PutBack():
                if self._told.is_of(event):
                    step = self._told
                    self._lines.setdefault(event.visit, {})[event.line] = _Line(event, step)
            case Revised():
                self._lines.get(event.visit, {}).pop(event.line, None)
            case ReviewRequested():
                self._asked.add(event.visit)
            case Exited():
                if event.visit not in self._asked:
                    self._lines.pop(event.visit, None)
            case ReviewClosed() | BillChecked():
                if event.verified:
                    self.verified(event.visit, event.lines)
                self._lines.pop(event.visit, None)
                self._asked.discard(event.visit)
            case Restocked():
                self._counted(event)
            case _:
                pass

    def verified(self, visit: str, lines: Lines) -> None:
        """A visit is known to have taken just this. Of products of which the engine had told as
        many units, the changes of weight are learned from."""
        told = self._lines.get(visit, {}).values()
        for gtin, units in lines:
            of_it = [one for one in told if one.event.gtin == gtin]
            if sum(one.units for one in of_it) == units:
                self._learn(self._catalogue[gtin], of_it)

    def _learn(self, product: Product, told: Iterable[_Line]) -> None:
        """Of one visit's lines of a product: each pick weighs it, and a unit that was the only one
        in the cart, and was put down elsewhere, weighs the one plate against the other."""
        held, only = 0, None
        for one in told:
            step, units, grams = one.step, one.event.units, abs(one.step.delta_g)
            fits = _fits(-step.delta_g if one.units > 0 else step.delta_g, units, product)
            if fits and one.units > 0:
                self._scales.weighed(product, step.facing, units, grams, step.sigma_g)
            elif fits and units == 1 and only is not None and only.facing != step.facing:
                lifted_g = abs(only.delta_g)
                noise = math.hypot(only.sigma_g, step.sigma_g) / grams
                self._scales.moved(only.facing, step.facing, lifted_g / grams, noise)
            held += one.units
            only = step if fits and one.units == held == 1 else None
            self._gain(step.facing)
        self._weigh(product)

    def _counted(self, counted: Restocked) -> None:
        """A count, or another product: the planogram's checks of what stood there are over."""
        facing = counted.facing
        if self._homes.get(facing) != counted.gtin:
            self._homes[facing] = counted.gtin
            self._checks.pop(facing, None)
            self._found.pop(facing, None)
            self._counts.pop(facing, None)
        before = self._counts.get(facing)
        self._counts[facing] = _Count(counted.units)
        product = self._catalogue.get(counted.gtin)
        if before is None or product is None:
            return
        gone = before.units - counted.units
        if gone > 0 and _fits(before.grams, gone, product, share=min(FITS, 0.5 / gone)):
            sigma = math.sqrt(before.variance)
            self._scales.weighed(product, facing, gone, before.grams, sigma)
            self._gain(facing)
            self._weigh(product)

    def _weigh(self, product: Product) -> None:
        """Decide from now on by what a product was learned to weigh."""
        learned = self._scales.product(product.gtin)
        grams = product.weight_g * math.exp(learned.error)
        now = self._shelves.products[product.gtin]
        spread = self._scales.spread_g(product)
        for place in self._shelves.places.values():
            place.content.reweighed(product.gtin, round(grams, 2) / now.weight_g)
        self._shelves.products[product.gtin] = product.model_copy(
            update={"weight_g": round(grams, 2), "weight_sigma_g": round(spread, 3)}
        )
        if abs(grams / now.weight_g - 1) >= NEWS:
            self._log.alert(
                self._log.now_ns,
                "weight-learned",
                product.gtin,
                f"{product.name}: {grams:.0f} ± {grams * learned.sigma:.0f} g by {learned.times} "
                f"verified changes of weight; the catalogue says {product.weight_g:.0f} g",
            )

    def _gain(self, facing: str) -> None:
        learned = self._scales.facing(facing)
        if facing not in self._off and _beyond(learned, GAIN_OFF) >= SURE:
            self._off.add(facing)
            self._log.alert(
                self._log.now_ns,
                "gain-off",
                facing,
                f"{facing}: its plates say {100 * math.expm1(learned.error):+.1f} % by "
                f"{learned.times} verified changes of weight; calibrate them",
            )

    def _check(self, facing: str, grams: float, sigma_g: float) -> None:
        """Hold a pick against the planogram, and propose what would explain the picks better."""
        check = self._checks.get(facing)
        if check is None:
            check = FacingCheck(self._homes[facing], self._catalogue)
            self._checks[facing] = check
        check.picked(grams, sigma_g)
        found = check.finding()
        if found is None:
            return
        before = self._found.get(facing)
        if before is not None and _says_so(before, found):
            return
        self._found[facing] = found
        home = self._catalogue[self._homes[facing]]
        says = (
            f"{facing}: {found.picks} picks weighed {found.weight_g:.0f} g a unit on its plates, "
            f"and {home.name} should weigh {home.weight_g:.0f} g"
        )
        if found.products:
            names = " or ".join(self._catalogue[gtin].name for gtin in found.products)
            self._log.alert(
                self._log.now_ns, "planogram-wrong", facing, f"{says}; {names} would explain it"
            )
        else:
            self._log.alert(
                self._log.now_ns,
                "weight-off",
                facing,
                f"{says}; proposed weight: {found.weight_g:.0f} g, unless its plates are off",
            )


def _says_so(before: Finding, found: Finding) -> bool:
    """Whether a finding has been told: the weight, or among others the product now likeliest."""
    return set(found.products[:1]) <= set(before.products) and (
        bool(found.products) == bool(before.products)
    )


def _fits(grams: float, units: int, product: Product, share: float = FITS) -> bool:
    """Whether a change is that of so many units, as far as a product's weight is known."""
    return grams > 0 and abs(grams / (units * product.weight_g) - 1) < share


def _beyond(learned: Learned, limit: float) -> float:
    """P(|error| > limit) of a Gaussian."""
    scale = math.sqrt(2) * learned.sigma
    above = math.erfc((limit - learned.error) / scale)
    return 0.5 * (above + math.erfc((limit + learned.error) / scale))
