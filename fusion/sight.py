"""What cameras made of a hand's contents: the ratio of its likelihood for a product that moved.

A sighting gives p(g), the probability of product g, and p(u), that it shows none that it knows: an
empty or hidden hand, a wrong place in the picture. Scores are posteriors under the prior of their
training, uniform over the G products of the store: divided by it they are likelihoods up to a
factor (Bourlard & Morgan, Connectionist Speech Recognition, 1994, ch. 7). With a share ε of
sightings that are of something else than the move (another hand, another person),

    log R(g) = λ · log( ε + (1 − ε) · mean over hands of [ p(u) + p(g) · G ] )

The unknown share is a component that speaks for every product alike. λ < 1 because pictures of one
reach err alike, however many were pooled (DESIGN: λ per modality). R never falls below ε^λ, and
never rises above G^λ: a wrong sighting is one voice among weight, place, stock and planogram, and
it can only choose among the products that those allow.

Scores may be sharper than they are right: they are raised to 1/`temperature` and normed again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sensors.observations import ProductSighting, WeightStep

NS = 1_000_000_000
MEMORY_NS = 10 * NS
EARLY_NS = NS // 2  # a hand's way in and out is known to so much
LATE_NS = 5 * NS // 2  # before it came out with what it took, or after it went in


@dataclass(frozen=True, slots=True)
class Weighing:
    """How much sightings count; docs/sightings.md says what the figures were set from."""

    power: float = 0.7
    astray: float = 0.05
    temperature: float = 1.0


SET = Weighing()


class Sights:
    """The sightings of the last seconds; `foreign` counts scores of products unknown here."""

    def __init__(self, gtins: Collection[str], by: Weighing = SET) -> None:
        self._gtins = frozenset(gtins)
        self._by = by
        self._seen: deque[ProductSighting] = deque(maxlen=1000)
        self.foreign = 0

    def saw(self, sighting: ProductSighting) -> None:
        """Take a sighting in; what it says of products that the store does not sell is unknown."""
        known = tuple((g, p) for g, p in sighting.scores if g in self._gtins)
        self.foreign += len(sighting.scores) - len(known)
        lost = math.fsum(p for g, p in sighting.scores if g not in self._gtins)
        unknown = min(1.0, sighting.unknown + lost)
        self._seen.append(replace(sighting, scores=known, unknown=unknown))
        while self._seen and self._seen[0].at_ns < sighting.at_ns - MEMORY_NS:
            self._seen.popleft()

    def of(
        self, step: WeightStep, delta_g: float, tracklets: Collection[str]
    ) -> list[ProductSighting]:
        """What the hands of these tracklets held when a weight moved: taken out, or to be put in.

        One sighting for each hand at most, the nearest in time.
        """
        moment = "after" if delta_g < 0 else "before"
        nearest: dict[str, tuple[int, ProductSighting]] = {}
        for seen in self._seen:
            if seen.moment != moment or seen.tracklet not in tracklets:
                continue
            away_ns = _away_ns(seen, step)
            if away_ns is not None and (
                seen.side not in nearest or away_ns < nearest[seen.side][0]
            ):
                nearest[seen.side] = away_ns, seen
        return [seen for _, seen in nearest.values()]

    def log_ratio(self, gtin: str | None, sightings: Sequence[ProductSighting]) -> float:
        """log R of a product (None: one that the store does not sell) that one move was of."""
        count = len(self._gtins)
        mean = math.fsum(
            seen_unknown + share * count
            for seen_unknown, share in (self._shares(s, gtin) for s in sightings)
        ) / len(sightings)
        by = self._by
        return by.power * math.log(by.astray + (1 - by.astray) * mean)

    def _shares(self, sighting: ProductSighting, gtin: str | None) -> tuple[float, float]:
        """p(u) and p(g) of a sighting, tempered."""
        listed = dict(sighting.scores)
        others = max(0, len(self._gtins) - len(listed))
        rest = max(0.0, 1.0 - math.fsum(listed.values()) - sighting.unknown)
        each = rest / others if others else 0.0
        root = 1.0 / self._by.temperature
        total = math.fsum(p**root for p in listed.values()) + others * each**root
        total += sighting.unknown**root
        if total <= 0.0:
            return 1.0, 0.0
        share = 0.0 if gtin is None else listed.get(gtin, each)
        return sighting.unknown**root / total, share**root / total


def _away_ns(seen: ProductSighting, step: WeightStep) -> int | None:
    """How far from the step the hand came out or went in; None where it cannot be of it."""
    late_ns = (
        seen.began_ns - step.began_ns if seen.moment == "after" else (step.began_ns - seen.ended_ns)
    )
    return abs(late_ns) if -EARLY_NS <= late_ns <= LATE_NS else None
