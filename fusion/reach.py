"""Whose hand was there: the ratio of a reach's likelihood to that of a bystander's hands.

With d the least distance of a visit's hands to the place around the moment that the weight began
to move,

    R = ½ Σ_hands [ s · N½(d; σ) + (1 − s) · b(d) ] / b(d)

where s is the share of reaches that cameras see rightly, N½ the half-normal density, σ² =
σ_reach² + σ_hand², and b the density of a bystander's nearest hand, which seldom comes near a
place that it does not reach for. Of the frames around that moment the nearer half counts, by its
geometric mean: one lucky frame is no reach. A hand that no camera saw counts 1: hidden is no
information, neither for nor against. The body speaks beside the hands: who takes something stands
before it, at arm's length, while bystanders stand anywhere. A share of stretched reaches keeps
the tails. The constants were fitted on seeds 6–15 of the demo scene, from rendered frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fusion.people import People
from sensors.observations import TrackPoint, WeightStep
from sensors.store import Gondola, Shelf

SEEN_SHARE = 0.9
SIGMA_REACH_M = 0.09
BYSTANDER_NEAR_PER_M = 0.12
BYSTANDER_FAR_PER_M = 0.5
BYSTANDER_SCALE_M = 0.6
ARM_M = 0.5
SIGMA_ASIDE_M = 0.18
SIGMA_BEFORE_M = 0.13
STRETCHED_SHARE = 0.1
STRETCH = 2.5
BYSTANDERS_PER_M2 = 0.3
LEAST_BODY_RATIO = 0.002
UNSEEN_BODY = 0.05
BEFORE_NS = 250_000_000
AFTER_NS = 350_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step happened: a spot along a shelf."""

    gondola: Gondola
    shelf: Shelf
    along_m: float

    def distance_to_hand(self, x_m: float, y_m: float, z_m: float) -> float:
        """Metres from a hand to the space over the spot, 0 within it."""
        along, into = self.gondola.to_local(x_m, y_m)
        a = max(0.0, abs(along - self.along_m) - 0.05)
        i = max(0.0, -0.02 - into, into - self.shelf.depth_m)
        z = max(0.0, self.shelf.z_m - z_m, z_m - self.shelf.z_m - 0.30)
        return math.sqrt(a * a + i * i + z * z)

    def offset_of_body(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Metres that a person stands beside the spot, and before or behind arm's length of it."""
        along, into = self.gondola.to_local(x_m, y_m)
        return along - self.along_m, into + ARM_M


def reach_log_ratio(people: People, visit: str, place: Place, step: WeightStep) -> float:
    """log R for one visit and one place, hands and body together."""
    body = people.body_at(visit, step.began_ns)
    if body is None:
        return math.log(UNSEEN_BODY)
    log_ratio = math.log(_body_ratio(place, body))
    hands = people.hands_between(visit, step.began_ns - BEFORE_NS, step.began_ns + AFTER_NS)
    ratios = {"left": 1.0, "right": 1.0}
    for side in ratios:
        seen = [
            _hand_ratio(place.distance_to_hand(hand.x_m, hand.y_m, hand.z_m), hand.sigma_m)
            for hand in hands
            if hand.side == side
        ]
        if seen:
            nearest = sorted(seen)[len(seen) // 2 :]
            ratios[side] = math.exp(math.fsum(map(math.log, nearest)) / len(nearest))
    return log_ratio + math.log(sum(ratios.values()) / 2)


def _body_ratio(place: Place, body: TrackPoint) -> float:
    aside, before = place.offset_of_body(body.x_m, body.y_m)
    noise = (body.covariance[0] + body.covariance[2]) / 2
    total = 0.0
    for share, stretch in ((1 - STRETCHED_SHARE, 1.0), (STRETCHED_SHARE, STRETCH)):
        sigma_a = math.sqrt((SIGMA_ASIDE_M * stretch) ** 2 + noise)
        sigma_b = math.sqrt((SIGMA_BEFORE_M * stretch) ** 2 + noise)
        exponent = (aside / sigma_a) ** 2 + (before / sigma_b) ** 2
        total += share * math.exp(-0.5 * exponent) / (2 * math.pi * sigma_a * sigma_b)
    return total / BYSTANDERS_PER_M2 + LEAST_BODY_RATIO


def _hand_ratio(distance_m: float, sigma_m: float) -> float:
    sigma = math.hypot(SIGMA_REACH_M, sigma_m)
    near = math.sqrt(2 / math.pi) / sigma * math.exp(-0.5 * (distance_m / sigma) ** 2)
    far_share = 1 - math.exp(-((distance_m / BYSTANDER_SCALE_M) ** 2))
    bystander = BYSTANDER_NEAR_PER_M + (BYSTANDER_FAR_PER_M - BYSTANDER_NEAR_PER_M) * far_share
    return (SEEN_SHARE * near + (1 - SEEN_SHARE) * bystander) / bystander
