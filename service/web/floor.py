"""Who and what moves on the floor just now: people, their hands, and places that stirred."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sensors.observations import GateCrossing, HandPoint, TrackPoint, WeightStep
from sensors.store import Store, facing_id

TRACK_LIFE_NS = 1_500_000_000
HAND_LIFE_NS = 400_000_000
STIR_LIFE_NS = 1_200_000_000
_ASSIGNMENTS_REMEMBERED = 2000
_CHI_95 = 2.4477  # radius of the ellipse that holds 95 % of a normal in the plane


@dataclass(frozen=True, slots=True)
class Badge:
    """How a visit is shown wherever it appears."""

    visit: str
    name: str
    colour: int
    value_cents: int
    doubt: float


class FloorState:
    """The newest point of every tracklet and hand; the caller holds the lock and the clock."""

    def __init__(self, store: Store) -> None:
        self._tracks: dict[str, TrackPoint] = {}
        self._hands: dict[tuple[str, str], HandPoint] = {}
        self._stirred: dict[str, int] = {}
        self._visits: dict[str, str | None] = {}
        self._persons: dict[str, str] = {}
        self._facing_of_plate = {
            (shelf.id, plate): facing_id(shelf.id, facing)
            for gondola in store.gondolas
            for shelf in gondola.shelves
            for facing in shelf.facings
            for plate in facing.plates
        }

    def observe(self, observation: TrackPoint | HandPoint | WeightStep | GateCrossing) -> None:
        """Remember the newest of each kind."""
        match observation:
            case TrackPoint():
                self._tracks[observation.tracklet] = observation
            case HandPoint():
                self._hands[observation.tracklet, observation.side] = observation
            case WeightStep():
                for plate in observation.plates:
                    facing = self._facing_of_plate.get((observation.shelf, plate))
                    if facing is not None:
                        self._stirred[facing] = observation.at_ns
            case GateCrossing():
                self._stirred[observation.gate] = observation.at_ns

    def assign(self, tracklet: str, visit: str | None, person: str | None = None) -> None:
        """From now on `tracklet` is taken for `visit`, and there for `person` of its group."""
        self._visits.pop(tracklet, None)
        self._visits[tracklet] = visit
        self._persons[tracklet] = person or visit or f"?{tracklet}"
        if len(self._visits) > _ASSIGNMENTS_REMEMBERED:
            oldest = next(iter(self._visits))
            del self._visits[oldest], self._persons[oldest]

    def forget(self, now_ns: int) -> bool:
        """Drop what has not been seen for its lifetime; True where something went."""
        before = len(self._tracks) + len(self._hands) + len(self._stirred)
        self._tracks = {k: t for k, t in self._tracks.items() if now_ns - t.at_ns <= TRACK_LIFE_NS}
        self._hands = {k: h for k, h in self._hands.items() if now_ns - h.at_ns <= HAND_LIFE_NS}
        self._stirred = {k: at for k, at in self._stirred.items() if now_ns - at <= STIR_LIFE_NS}
        return before != len(self._tracks) + len(self._hands) + len(self._stirred)

    def section(self, badge: Callable[[str], Badge | None]) -> dict[str, Any]:
        """People, hands and stirred facings or gates, JSON-ready; `badge` describes a visit."""
        shown: dict[str, TrackPoint] = {}
        for track in self._tracks.values():
            person = self._persons.get(track.tracklet, f"?{track.tracklet}")
            if person not in shown or shown[person].at_ns < track.at_ns:
                shown[person] = track
        people = [
            _person(person, track, self._badge_of(track.tracklet, badge))
            for person, track in shown.items()
        ]
        tracklets = {track.tracklet for track in shown.values()}
        hands = [
            [h.tracklet, round(h.x_m, 2), round(h.y_m, 2), round(h.z_m, 2)]
            for h in self._hands.values()
            if h.tracklet in tracklets
        ]
        return {"people": people, "hands": hands, "stirred": sorted(self._stirred)}

    def _badge_of(self, tracklet: str, badge: Callable[[str], Badge | None]) -> Badge | None:
        visit = self._visits.get(tracklet)
        return None if visit is None else badge(visit)


def _person(name: str, track: TrackPoint, badge: Badge | None) -> dict[str, Any]:
    person: dict[str, Any] = {
        "person": name,
        "tracklet": track.tracklet,
        "x": round(track.x_m, 3),
        "y": round(track.y_m, 3),
        "ellipse": ellipse(track.covariance),
        "visit": None,
    }
    if badge is not None:
        person |= {
            "visit": badge.visit,
            "shopper": badge.name,
            "colour": badge.colour,
            "value_cents": badge.value_cents,
            "doubt": badge.doubt,
        }
    return person


def ellipse(covariance: tuple[float, float, float]) -> list[float]:
    """Half axes in metres and the angle of the longer one, holding 95 % of the position.

    >>> ellipse((0.04, 0.0, 0.01))
    [0.49, 0.245, 0.0]
    """
    xx, xy, yy = covariance
    middle, spread = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    long = _CHI_95 * math.sqrt(max(middle + spread, 0.0))
    short = _CHI_95 * math.sqrt(max(middle - spread, 0.0))
    return [round(long, 3), round(short, 3), round(math.atan2(2 * xy, xx - yy) / 2, 3)]
