"""A plain rule that is scored beside the engine: nearest hand, likeliest weight, no doubts.

It hears the same observations as the engine and says the same kinds of events:

- who comes in on a code has the nearest free tracklet at the gate;
- whose tracklet ends goes on in the nearest new one, whatever vision says of links;
- a step of weight is the doing of the nearest hand in time and place;
- what was taken is the product of the moved plates whose weight fits best, as many as fit;
  what is put back is the product of that cart whose weight fits best;
- whoever is nearest to the gate when it is passed has left, and pays what the cart holds.

A scene that this rule solves is no evidence for anything cleverer.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cart.events import Entered, Event, Exited, Picked, PutBack
from sensors.observations import (
    CodeScanned,
    GateCrossing,
    HandPoint,
    Observation,
    TrackPoint,
    WeightStep,
)
from sensors.store import Facing, Store, facing_centre, facing_id

NS = 1_000_000_000
CODE_WAITS_NS = 30 * NS
LIVE_NS = 400_000_000  # a tracklet that was seen so lately is still there
REACH_NS = 500_000_000  # before a plate moved and after it came to rest
HANDS_KEPT_NS = 25 * NS
FURTHEST_M = 3.0  # nobody goes that far unseen
LEAST_PLATE_G = 5.0
LEAST_SHARE = 0.1  # of the whole step: neighbouring plates feel a little of it

Spot = tuple[float, float]


@dataclass(slots=True)
class _Person:
    """Somebody inside: the visit that they belong to, and where they were last."""

    visit: str
    at: Spot
    tracklet: str | None = None
    seen_ns: int = 0


@dataclass(slots=True)
class _Visit:
    name: str
    code: CodeScanned
    inside: int = 1
    admitted: int = 1
    cart: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Place:
    """A facing as the store file has it."""

    name: str
    facing: Facing
    centre_m: NDArray[np.float64]


class PlainRule:
    """Call it with each observation in the order of time, then read `events`."""

    def __init__(self, store: Store) -> None:
        self.events: list[Event] = []
        self._gates = {gate.id: gate.centre_m for gate in store.gates}
        self._products = {product.gtin: product for product in store.products}
        self._places = {
            shelf.id: [
                _Place(facing_id(shelf.id, f), f, facing_centre(gondola, shelf, f.plates))
                for f in shelf.facings
            ]
            for gondola in store.gondolas
            for shelf in gondola.shelves
        }
        self._codes: list[CodeScanned] = []
        self._visits: dict[str, _Visit] = {}
        self._persons: list[_Person] = []
        self._free: dict[str, TrackPoint] = {}
        self._hands: deque[HandPoint] = deque()
        self._entered = self._lines = 0

    def __call__(self, observation: Observation) -> None:
        """Take the next observation."""
        match observation:
            case TrackPoint():
                self._saw(observation)
            case HandPoint():
                self._hands.append(observation)
                while self._hands[0].at_ns < observation.at_ns - HANDS_KEPT_NS:
                    self._hands.popleft()
            case CodeScanned():
                self._codes.append(observation)
            case GateCrossing(direction="in"):
                self._enter(observation)
            case GateCrossing():
                self._leave(observation)
            case WeightStep():
                self._moved(observation)
            case _:
                pass

    def _saw(self, point: TrackPoint) -> None:
        at = (point.x_m, point.y_m)
        person = next((p for p in self._persons if p.tracklet == point.tracklet), None)
        if person is None:
            lost = [p for p in self._persons if p.seen_ns < point.at_ns - LIVE_NS]
            person = min(lost, key=lambda p: math.dist(p.at, at), default=None)
            if person is None or math.dist(person.at, at) > FURTHEST_M:
                self._free[point.tracklet] = point
                return
            person.tracklet = point.tracklet
            self._free.pop(point.tracklet, None)
        person.at, person.seen_ns = at, point.at_ns

    def _enter(self, crossing: GateCrossing) -> None:
        gate_m = self._gates[crossing.gate]
        self._codes = [c for c in self._codes if crossing.at_ns - c.at_ns <= CODE_WAITS_NS]
        code = next((c for c in self._codes if c.gate == crossing.gate), None)
        visit = self._group_at(crossing)
        if visit is not None:
            visit.inside += 1
            visit.admitted += 1
        elif code is not None:
            self._codes.remove(code)
            self._entered += 1
            visit = _Visit(f"v{self._entered}", code)
            self._visits[visit.name] = visit
        else:
            return
        person = _Person(visit.name, gate_m)
        near = [p for p in self._free.values() if p.at_ns > crossing.at_ns - LIVE_NS]
        track = min(near, key=lambda p: math.dist((p.x_m, p.y_m), gate_m), default=None)
        if track is not None and math.dist((track.x_m, track.y_m), gate_m) < FURTHEST_M:
            del self._free[track.tracklet]
            person.tracklet, person.seen_ns = track.tracklet, track.at_ns
            person.at = (track.x_m, track.y_m)
        self._persons.append(person)
        if visit.admitted == 1:
            self._emit(
                Entered,
                crossing.at_ns,
                crossing.at_ns,
                visit=visit.name,
                shopper=visit.code.shopper,
                tracklet=person.tracklet,
            )

    def _group_at(self, crossing: GateCrossing) -> _Visit | None:
        """The visit whose group is still coming in at the gate."""
        for visit in self._visits.values():
            code = visit.code
            coming = visit.admitted < code.group_size and code.gate == crossing.gate
            if coming and crossing.at_ns - code.at_ns <= CODE_WAITS_NS:
                return visit
        return None

    def _leave(self, crossing: GateCrossing) -> None:
        gate_m = self._gates[crossing.gate]
        person = min(self._persons, key=lambda p: math.dist(p.at, gate_m), default=None)
        if person is None:
            return
        self._persons.remove(person)
        visit = self._visits[person.visit]
        visit.inside -= 1
        if visit.inside == 0:
            del self._visits[visit.name]
            lines = () if visit.code.staff else tuple(sorted((+visit.cart).items()))
            self._emit(
                Exited,
                crossing.at_ns,
                crossing.at_ns,
                visit=visit.name,
                shopper=visit.code.shopper,
                lines=lines,
            )

    def _moved(self, step: WeightStep) -> None:
        delta_g = math.fsum(step.delta_g)
        least_g = max(LEAST_PLATE_G, LEAST_SHARE * abs(delta_g))
        moved = {p for p, g in zip(step.plates, step.delta_g, strict=True) if abs(g) > least_g}
        places = [p for p in self._places[step.shelf] if moved & set(p.facing.plates)]
        if not places:
            return
        centre_m = np.mean([place.centre_m for place in places], axis=0)
        visit = self._nearest_hand(step, centre_m)
        if visit is None:
            return
        cart = visit.cart
        on_offer = {place.facing.gtin: math.inf for place in places} if delta_g < 0 else +cart
        gtin, units = self._likeliest(abs(delta_g), on_offer)
        if not units:
            return
        cart[gtin] += units if delta_g < 0 else -units
        place = next((p for p in places if p.facing.gtin == gtin), places[0])
        self._lines += 1
        self._emit(
            Picked if delta_g < 0 else PutBack,
            step.began_ns,
            step.at_ns,
            visit=visit.name,
            line=f"l{self._lines}",
            gtin=gtin,
            units=units,
            facing=place.name,
            posterior=1.0,
            evidence=(),
        )

    def _nearest_hand(self, step: WeightStep, centre_m: NDArray[np.float64]) -> _Visit | None:
        """The visit whose hand came nearest while the plates moved; without hands, whose body."""
        owners = {p.tracklet: p.visit for p in self._persons if p.tracklet is not None}
        reached = [
            (math.dist((h.x_m, h.y_m, h.z_m), centre_m), owners[h.tracklet])
            for h in self._hands
            if step.began_ns - REACH_NS <= h.at_ns <= step.at_ns + REACH_NS
            and h.tracklet in owners
            and not h.occluded
        ] or [(math.dist(p.at, centre_m[:2]), p.visit) for p in self._persons]
        return self._visits[min(reached)[1]] if reached else None

    def _likeliest(self, mass_g: float, on_offer: Mapping[str, float]) -> tuple[str, int]:
        """The product, and how many, whose catalogue weight is nearest to a mass."""
        fits: list[tuple[float, str, int]] = []
        for gtin, most in sorted(on_offer.items()):
            weight_g = self._products[gtin].weight_g
            units = round(min(mass_g / weight_g, most))
            fits.append((abs(mass_g - units * weight_g), gtin, units))
        return min(fits)[1:] if fits else ("", 0)

    def _emit(self, kind: type[Event], at_ns: int, decided_ns: int, **fields: object) -> None:
        number = len(self.events) + 1
        self.events.append(kind(number=number, at_ns=at_ns, decided_ns=decided_ns, **fields))
