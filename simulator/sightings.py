"""Emulated sightings of products in hands: how often, how right and how sure, as vision's were.

Whether a sighting is told depends on how many cameras see the hand; what it says is drawn from
those that vision told of hands in the same view: (probability of what was truly held, of unknown,
of the likeliest wrong product). Wrong products are drawn by how alike they look.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sensors.store import Product, Store
from sensors.wire import SightingReport
from simulator.artwork import rgb_of
from simulator.emulation import VIEWS, SightingErrors
from simulator.figure import Point3
from simulator.people import Side
from simulator.reaches import HandWay, Held
from simulator.world import stream

_SIDES: tuple[Side, Side] = ("left", "right")
_ALIKE = 40.0  # colours that far apart are e times less alike
_OTHER_FORM = 2.0
_CROPS = 12


class SightingMaker:
    """Makes the sightings of one emulated worker."""

    def __init__(self, store: Store, errors: SightingErrors, seed: int) -> None:
        self._gondolas = store.gondolas
        self._gtins = [product.gtin for product in store.products]
        self._place = {gtin: n for n, gtin in enumerate(self._gtins)}
        self._shares = _likeness(store.products)
        self._errors = errors
        self._seed = seed
        self._ways: dict[tuple[str, int], HandWay] = {}
        self._rngs: dict[str, np.random.Generator] = {}

    def see(
        self,
        at_ns: int,
        name: str,
        tracklet: str | None,
        palms: Sequence[Point3],
        holds: Sequence[str | None],
        views: Sequence[int],
    ) -> list[SightingReport]:
        """The sightings that one instant of a person completes; none while they are not tracked."""
        rng = self._rngs.setdefault(name, stream(self._seed, "emulated sightings", name))
        found = []
        for side in (0, 1):
            way = self._ways.setdefault((name, side), HandWay(self._gondolas))
            for held in way.look(at_ns, palms[side], holds[side]):
                told = rng.random() < self._errors.told[views[side]]
                scores, unknown = self._scores(held.gtin, views[side], rng)
                if told and tracklet is not None:
                    found.append(_report(tracklet, _SIDES[side], held, scores, unknown))
        return found

    def _scores(
        self, gtin: str | None, views: int, rng: np.random.Generator
    ) -> tuple[list[tuple[str, float]], float]:
        place = self._place.get(gtin or "", -1)
        known = self._errors.empty if place < 0 else self._errors.held
        right, unknown, wrong = known[views][int(rng.integers(len(known[views])))]
        shares = self._shares[place] if place >= 0 else np.full(len(self._gtins), 1.0)
        other = int(rng.choice(len(self._gtins), p=shares / shares.sum()))
        scores = [(self._gtins[other], wrong)]
        if place >= 0:
            scores.append((self._gtins[place], right))
        return sorted(scores, key=lambda one: -one[1]), unknown


def _report(
    tracklet: str, side: Side, held: Held, scores: list[tuple[str, float]], unknown: float
) -> SightingReport:
    return SightingReport(
        tracklet=tracklet,
        side=side,
        moment=held.moment,
        scores=scores,
        unknown=unknown,
        crops=_CROPS,
        began_ns=held.began_ns,
        ended_ns=held.ended_ns,
    )


def _likeness(products: Sequence[Product]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """How readily each product (row) is taken for each other (column); none for itself."""
    colours = np.array([[*rgb_of(p.picture.base), *rgb_of(p.picture.accent)] for p in products])
    forms = [p.picture.form for p in products]
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=2) / _ALIKE
    other = np.array([[a != b for b in forms] for a in forms])
    likeness: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.exp(
        -apart - _OTHER_FORM * other
    )
    np.fill_diagonal(likeness, 0.0)
    return likeness + (1e-9 if len(products) > 1 else 1.0)


class SightingTally:
    """Counts the sightings of real vision beside what hands truly held."""

    def __init__(self) -> None:
        self.reaches = np.zeros(VIEWS)
        self.held: list[list[tuple[float, float, float]]] = [[] for _ in range(VIEWS)]
        self.empty: list[list[tuple[float, float, float]]] = [[] for _ in range(VIEWS)]
        self.told = np.zeros(VIEWS)

    def reached(self, views: int) -> None:
        """A hand went into a rack or came out of one, in so many cameras' view."""
        self.reaches[views] += 1

    def saw(self, report: SightingReport, held: str | None, views: int) -> None:
        """Vision told of a hand what it held, when it truly held that."""
        listed = dict(report.scores)
        right = 0.0 if held is None else listed.get(held, 0.0)
        wrong = max((p for gtin, p in report.scores if gtin != held), default=0.0)
        (self.empty if held is None else self.held)[views].append(
            (round(right, 4), round(report.unknown, 4), round(wrong, 4))
        )
        self.told[views] += 1

    def fitted(self) -> SightingErrors | None:
        """The figures; None where nothing was told. Views that told nothing fall back on all."""
        if not self.told.sum():
            return None
        share = self.told.sum() / max(self.reaches.sum(), self.told.sum())
        every = [one for bin in self.held for one in bin] or [(0.0, 1.0, 0.0)]
        nothing = [one for bin in self.empty for one in bin] or [(0.0, 1.0, 0.0)]
        return SightingErrors(
            told=[
                round(min(1.0, float((t + 5 * share) / (max(r, t) + 5))), 4)
                for t, r in zip(self.told, self.reaches, strict=True)
            ],
            held=[_thinned(bin or every) for bin in self.held],
            empty=[_thinned(bin or nothing) for bin in self.empty],
        )


def _thinned(samples: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """At most 200 of them, evenly by how right they are."""
    every = math.ceil(len(samples) / 200)
    return sorted(samples)[::every]
