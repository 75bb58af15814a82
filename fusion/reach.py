"""Whose hand was there: the ratio of a reach's likelihood to that of a bystander's hands.

A visit is seen as a body on the floor and, frame by frame, two hands in the frame of that body: h =
(away from it towards the place, left of that, up from the floor). With d the distance from the body
to the place and z its height,

    log R = log( m(body) / b + floor ) + τ · mean over frames of log ½ Σ_hands r(h)
    r(h) = ε + (1 − ε) · [ (1 − x) · N(h; short(d, z)) + x · N(h; (d, 0, z)) ] / N(h; bystander)

Who takes something stands before it, at arm's length, while bystanders stand anywhere, b to a
square metre; m is a normal density with a share of stretched stances. Vision pulls hands that reach
towards the body and towards the middle height, the more the further they are: a reach is looked
for where it would be *seen*, short(d, z), linear in d and z, and with a share x where it is. A
hand that is not seen counts 1: hidden is no information, neither for nor against. Frames err alike
and vision mixes up left and right: hands are pooled within a frame, then frames by τ times their
mean, as if they were one observation. The share ε is of reaches that were not seen at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.people import People
from sensors.observations import WeightStep
from sensors.store import Gondola, Shelf

Array = NDArray[np.float64]

BEFORE_NS = 400_000_000
AFTER_NS = 400_000_000
INTO_M = 0.15  # where on a shelf, from its front edge, and how far above it hands take things
ABOVE_M = 0.1
UNSEEN_BODY = 0.05
ASTRAY = -12.0  # a log density that some six standard deviations give


@dataclass(frozen=True, slots=True)
class Constants:
    """What `openaisle fit reach` fits: metres, shares, and the weight of the frames.

    `short_away` and `short_up` are coefficients of (1, d, z). The defaults were fitted to 165 steps
    of weight in recordings from frames of the scenes fit-blind, -crowd, -deli, -kiosk, -market and
    reach-corner, seed 1; `exact_…`, `bystanders_per_m2` and `least_body` were set, not fitted.
    """

    arm_m: float = 0.331
    aside_sd: float = 0.224
    before_sd: float = 0.285
    stretched_share: float = 0.125
    stretch: float = 2.629
    bystanders_per_m2: float = 0.3
    least_body: float = 0.002
    short_away: tuple[float, float, float] = (-0.005, 0.676, -0.082)
    short_away_sd: float = 0.111
    short_left_sd: float = 0.162
    short_up: tuple[float, float, float] = (0.15, -0.202, 0.898)
    short_up_sd: float = 0.146
    exact_share: float = 0.1
    exact_sd: float = 0.12
    bystander_mean: tuple[float, float, float] = (0.09, 0.01, 0.831)
    bystander_sd: tuple[float, float, float] = (0.233, 0.256, 0.205)
    unseen_share: float = 0.085
    frames_weight: float = 0.986


FITTED = Constants()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step happened: a spot along a shelf."""

    gondola: Gondola
    shelf: Shelf
    along_m: float

    def offset(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Metres along the shelf from the spot, and into the gondola from its front."""
        along, into = self.gondola.to_local(x_m, y_m)
        return along - self.along_m, into


@dataclass(frozen=True, slots=True)
class Sighting:
    """One visit as seen from one place; many may be stacked, the leading axes of all are alike.

    `body` is (…, 2): beside the spot, and into the gondola. `variance` of it, (…), in m². `hands`
    is (…, frames, 2, 3): away, left, up, NaN where unseen. `height_m` of the place, (…).
    """

    body: Array
    variance: Array
    hands: Array
    height_m: Array


def reach_log_ratio(people: People, visit: str, place: Place, step: WeightStep) -> float:
    """log R for one visit and one place, hands and body together."""
    seen = sight(people, visit, place, step)
    return math.log(UNSEEN_BODY) if seen is None else float(log_ratio(seen, FITTED))


def sight(people: People, visit: str, place: Place, step: WeightStep) -> Sighting | None:
    """What is known of a visit around the moment that a weight began to move."""
    point = people.body_at(visit, step.began_ns)
    if point is None:
        return None
    aside, into = place.offset(point.x_m, point.y_m)
    distance = max(1e-6, math.hypot(aside, INTO_M - into))
    ahead = (-aside / distance, (INTO_M - into) / distance)
    frames: dict[int, Array] = {}
    for hand in people.hands_between(visit, step.began_ns - BEFORE_NS, step.began_ns + AFTER_NS):
        along, inwards = place.offset(hand.x_m, hand.y_m)
        along, inwards = along - aside, inwards - into
        frame = frames.setdefault(hand.at_ns, np.full((2, 3), np.nan))
        frame[0 if hand.side == "left" else 1] = (
            along * ahead[0] + inwards * ahead[1],
            inwards * ahead[0] - along * ahead[1],
            hand.z_m,
        )
    return Sighting(
        np.array((aside, into)),
        np.array((point.covariance[0] + point.covariance[2]) / 2),
        np.array([frames[at_ns] for at_ns in sorted(frames)]).reshape(-1, 2, 3),
        np.array(place.shelf.z_m + ABOVE_M),
    )


def log_ratio(seen: Sighting, by: Constants) -> Array:
    """log R, (…), with the given constants."""
    return _body(seen, by) + by.frames_weight * frames_log_ratio(seen, by)


def _body(seen: Sighting, by: Constants) -> Array:
    aside, before = seen.body[..., 0], seen.body[..., 1] + by.arm_m
    density: Array = np.zeros(())
    for share, stretch in ((1 - by.stretched_share, 1.0), (by.stretched_share, by.stretch)):
        wide = (by.aside_sd * stretch) ** 2 + seen.variance
        deep = (by.before_sd * stretch) ** 2 + seen.variance
        exponent = aside**2 / wide + before**2 / deep
        density = density + share * np.exp(-0.5 * exponent) / (2 * np.pi * np.sqrt(wide * deep))
    result: Array = np.log(density / by.bystanders_per_m2 + by.least_body)
    return result


def frames_log_ratio(seen: Sighting, by: Constants) -> Array:
    """The mean over frames of log ½ Σ r(h), (…); 0 without frames."""
    distance = np.hypot(seen.body[..., 0], INTO_M - seen.body[..., 1])
    causes = np.stack([np.ones_like(distance), distance, seen.height_m], axis=-1)
    short = np.stack(
        [causes @ np.array(by.short_away), 0 * distance, causes @ np.array(by.short_up)], axis=-1
    )
    exact = np.stack([distance, 0 * distance, seen.height_m], axis=-1)
    short_sd = np.array([by.short_away_sd, by.short_left_sd, by.short_up_sd])
    bystander = _normal(seen.hands, np.array(by.bystander_mean), np.array(by.bystander_sd))
    reach = (1 - by.exact_share) * np.exp(
        _normal(seen.hands, short[..., None, None, :], short_sd) - bystander
    ) + by.exact_share * np.exp(
        _normal(seen.hands, exact[..., None, None, :], np.full(3, by.exact_sd)) - bystander
    )
    ratio = by.unseen_share + (1 - by.unseen_share) * reach
    unseen = np.isnan(ratio)
    frames = np.log(np.where(unseen, 1.0, ratio).mean(axis=-1))
    counted = (~unseen).any(axis=-1).sum(axis=-1)
    result: Array = frames.sum(axis=-1) / np.maximum(counted, 1)
    return result


def _normal(hands: Array, mean: Array, sd: Array) -> Array:
    """The log density of hands, (…, frames, 2), less the constant that all share.

    Never below ASTRAY: what is far from all that hands do speaks for nobody.
    """
    near: Array = -0.5 * (((hands - mean) / sd) ** 2).sum(axis=-1) - np.log(sd).sum()
    result: Array = np.maximum(near, ASTRAY)
    return result
