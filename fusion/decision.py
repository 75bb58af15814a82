"""One decision: all that was known of a change of weight, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cart.events import Evidence
from fusion.hypotheses import Hypothesis, Said
from fusion.reach import Place
from fusion.shelves import Part
from fusion.states import Mark, Told
from sensors.observations import WeightStep

Ratios = dict[tuple[str, str | None], float]


@dataclass(slots=True)
class Decision:
    """One decision: what the plates said, which visits were `present` and which `near` enough to
    have done it, what its facing may have held, what plates `said` of each product, what sensors
    said of each hypothesis, and the log ratios of sightings that its states carry already. `whole`
    is its part with the piece before it, if they may be one."""

    deed: int
    step: WeightStep
    part: Part
    present: tuple[str, ...]
    near: tuple[str, ...]
    content: Mapping[str, float]
    said: Mapping[tuple[str, int], Said]
    whole: Part = field(init=False)
    terms: dict[Told, Mapping[str, float]] = field(default_factory=dict)
    sighted: Ratios = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.whole = self.part


def place_of(part: Part) -> Place:
    """The spot along its shelf that a share of a step came from."""
    along_m = (part.centroid - 0.5) * part.place.shelf.plate_width_m
    return Place(part.place.gondola, part.place.shelf, along_m)


def mark_of(part: Part) -> Mark:
    """What the plates said of a change."""
    return Mark(part.place.id, abs(part.delta_g), part.sigma_g, part.centroid)


def with_sight(hypothesis: Hypothesis, ratios: Ratios) -> Hypothesis:
    """The hypothesis with what sightings say of it."""
    keys = [(move.visit, move.gtin) for move in hypothesis.moves if move.visit is not None]
    told = [ratios[key] for key in keys if key in ratios]
    if not told:
        return hypothesis
    return replace(hypothesis, terms={**hypothesis.terms, "sight": math.fsum(told)})


def evidence_of(
    posterior: float, told: Told, terms: Mapping[str, float], delta_g: float
) -> Evidence:
    visit, gtin, units = told[0] if told else (None, None, 0)
    return Evidence(
        visit=visit,
        gtin=gtin,
        units=units,
        posterior=round(posterior, 6),
        terms={name: round(value, 3) for name, value in sorted(terms.items())},
        delta_g=round(delta_g, 1),
    )
