"""What the engine believes of the shelves: places, products and units per facing."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from fusion.content import WRONG, Content
from fusion.mass import centroid
from sensors.observations import WeightStep
from sensors.store import Facing, Gondola, Product, Shelf, Store, facing_id

CROSS_TALK = 0.035
QUIET_G = 8.0


@dataclass(slots=True)
class ShelfPlace:
    """One facing with its place in the store and what is believed to stand there."""

    id: str
    gondola: Gondola
    shelf: Shelf
    plates: list[int]
    gtin: str
    units: int
    content: Content
    strangers: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """The share of a weight step that fell on one facing's plates."""

    place: ShelfPlace
    delta_g: float
    sigma_g: float
    centroid: float


class Shelves:
    """All facings of a store, by id and by shelf."""

    def __init__(self, store: Store, planogram: bool = True) -> None:
        self.products: dict[str, Product] = {p.gtin: p for p in store.products}
        self.places: dict[str, ShelfPlace] = {}
        others = 1 - 1 / max(1, len(self.products))  # all alike, where no planogram is believed
        self._wrong = WRONG if planogram else others
        self._by_shelf: dict[str, list[ShelfPlace]] = {}
        for gondola in store.gondolas:
            for shelf in gondola.shelves:
                for facing in shelf.facings:
                    self._add(gondola, shelf, facing)

    def _add(self, gondola: Gondola, shelf: Shelf, facing: Facing) -> None:
        place = ShelfPlace(
            facing_id(shelf.id, facing),
            gondola,
            shelf,
            facing.plates,
            facing.gtin,
            facing.units,
            self.content_of(facing.gtin),
        )
        self.places[place.id] = place
        self._by_shelf.setdefault(shelf.id, []).append(place)

    def content_of(self, gtin: str) -> Content:
        """What a facing may hold of which the planogram says `gtin`, before any pick."""
        return Content(gtin, self.products, self._wrong)

    def split(self, step: WeightStep, known_g: Collection[float] = ()) -> list[Part]:
        """Cut a step into its share per facing.

        Shares that are no more than cross-talk of the largest are counted to it; two that only
        together weigh what one thing weighs are one, `known_g` among the weights. Empty where the
        shelf has no facings or nothing but noise moved.
        """
        places = self._by_shelf.get(step.shelf, [])
        if not places:
            return []
        owned: dict[str, list[int]] = {}
        for index, plate in enumerate(step.plates):
            nearest = min(places, key=lambda p: min(abs(plate - q) for q in p.plates))
            owned.setdefault(nearest.id, []).append(index)
        totals = {fid: sum(step.delta_g[i] for i in idx) for fid, idx in owned.items()}
        largest = max(totals, key=lambda fid: abs(totals[fid]))
        limit = max(QUIET_G, CROSS_TALK * abs(totals[largest]))
        loud = [fid for fid in owned if fid == largest or abs(totals[fid]) > limit]
        quiet = [fid for fid in owned if fid not in loud]
        parts = []
        for fid in loud:
            indices = owned[fid] + ([i for q in quiet for i in owned[q]] if fid == largest else [])
            plates = [step.plates[i] for i in owned[fid]]
            parts.append(
                Part(
                    place=self.places[fid],
                    delta_g=sum(step.delta_g[i] for i in indices),
                    sigma_g=sum(step.sigma_g[i] ** 2 for i in indices) ** 0.5,
                    centroid=centroid(step, plates),
                )
            )
        return self._join_straddling(parts, step, known_g)

    def _join_straddling(
        self, parts: list[Part], step: WeightStep, known_g: Collection[float]
    ) -> list[Part]:
        """Two neighbouring shares of one sign that only together weigh what a product weighs, or
        what is known to have been moved before."""
        if len(parts) != 2 or parts[0].delta_g * parts[1].delta_g <= 0:
            return parts
        a, b = parts
        total = a.delta_g + b.delta_g
        main = a if abs(a.delta_g) >= abs(b.delta_g) else b
        moved = _is_known(total, known_g) and not _is_known(main.delta_g, known_g)
        if not moved and self._fits(a.place, a.delta_g) and self._fits(b.place, b.delta_g):
            return parts
        if not moved and total < 0 and not self._fits(main.place, total):
            return parts
        return [Part(main.place, total, (a.sigma_g**2 + b.sigma_g**2) ** 0.5, centroid(step))]

    def _fits(self, place: ShelfPlace, delta_g: float) -> bool:
        """Whether a change is near a whole number of the facing's units."""
        weight = self.products[place.gtin].weight_g
        units = max(1, round(abs(delta_g) / weight))
        return abs(abs(delta_g) - units * weight) < 0.1 * units * weight + 4.0


def _is_known(delta_g: float, known_g: Collection[float]) -> bool:
    """Whether a change is that of a thing that was weighed before, perhaps by other plates."""
    return any(abs(abs(delta_g) - weight) < 0.025 * weight + 4.0 for weight in known_g)
