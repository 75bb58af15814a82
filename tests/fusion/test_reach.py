"""Whose hand was there: what is seen of a body and its hands, as a likelihood ratio."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fusion.people import People
from fusion.reach import FITTED, Place, Sighting, frames_log_ratio, log_ratio, sight
from sensors.observations import HandPoint, TrackPoint, WeightStep
from sensors.store import load_store

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
NS = 1_000_000_000
UNSEEN = (np.nan, np.nan, np.nan)


def seen(*frames, body=(0.0, -0.45), height_m=0.95):
    """A visit before a place, with frames of (left, right) hands."""
    hands = np.array(frames, dtype=float).reshape(-1, 2, 3)
    return Sighting(np.array(body), np.array(0.001), hands, np.array(height_m))


def where_a_reach_is_seen(body=(0.0, -0.45), height_m=0.95):
    distance = float(np.hypot(body[0], 0.15 - body[1]))
    causes = np.array([1.0, distance, height_m])
    return (float(causes @ FITTED.short_away), 0.0, float(causes @ FITTED.short_up))


def test_a_hand_that_nobody_saw_says_nothing():
    assert frames_log_ratio(seen(), FITTED) == 0.0
    assert frames_log_ratio(seen((UNSEEN, UNSEEN)), FITTED) == 0.0


def test_a_hand_seen_where_reaches_are_seen_speaks_for_and_one_that_hangs_against():
    reaching, hanging = where_a_reach_is_seen(), (-0.05, 0.25, 0.75)
    assert frames_log_ratio(seen((UNSEEN, reaching)), FITTED) > 0.5
    assert frames_log_ratio(seen((hanging, hanging)), FITTED) < -0.5
    assert frames_log_ratio(seen((UNSEEN, (0.6, 0.0, 0.95))), FITTED) > 0.5  # seen where it is


def test_a_reach_to_another_board_is_told_by_its_height():
    low = where_a_reach_is_seen(height_m=0.55)
    frame = seen((UNSEEN, low))
    assert frames_log_ratio(frame, FITTED) < frames_log_ratio(
        seen((UNSEEN, low), height_m=0.55), FITTED
    )


def test_which_hand_is_called_left_does_not_matter():
    reaching, hanging = where_a_reach_is_seen(), (-0.05, 0.25, 0.75)
    one, other = seen((reaching, hanging)), seen((hanging, reaching))
    assert frames_log_ratio(one, FITTED) == frames_log_ratio(other, FITTED)


def test_alike_frames_are_no_further_evidence():
    reaching = where_a_reach_is_seen()
    once, often = seen((UNSEEN, reaching)), seen(*[(UNSEEN, reaching)] * 7)
    assert frames_log_ratio(often, FITTED) == pytest.approx(frames_log_ratio(once, FITTED))


def test_who_stands_at_arms_length_before_the_place_is_likelier_than_who_stands_beside():
    before = log_ratio(seen(body=(0.0, -FITTED.arm_m)), FITTED)
    assert before > log_ratio(seen(body=(0.6, -FITTED.arm_m)), FITTED)
    assert before > log_ratio(seen(body=(0.0, -2.0)), FITTED)


def test_stacked_sightings_give_what_each_gives_alone():
    frames = [((0.2, 0.1, 0.8), UNSEEN), ((0.3, 0.0, 0.7), (0.0, -0.2, 0.9))]
    one, other = seen(*frames), seen(frames[0], (UNSEEN, UNSEEN), body=(0.3, -0.5), height_m=0.6)
    both = Sighting(
        np.stack([one.body, other.body]),
        np.stack([one.variance, other.variance]),
        np.stack([one.hands, other.hands]),
        np.stack([one.height_m, other.height_m]),
    )
    by = replace(FITTED, frames_weight=0.7)
    assert log_ratio(both, by) == pytest.approx([log_ratio(one, by), log_ratio(other, by)])


def test_hands_are_told_in_the_frame_of_the_body():
    """Away from the body towards the place, left of that, up: whichever way the gondola faces."""
    for gondola in STORE.gondolas:
        shelf, people = gondola.shelves[1], People()
        body, hand = gondola.to_floor(0.5, -0.45), gondola.to_floor(0.4, -0.15)
        people.saw(
            TrackPoint(at_ns=NS, tracklet="t", x_m=body[0], y_m=body[1], covariance=(1e-3, 0, 1e-3))
        )
        people.begin("v", NS, *body)
        people.saw_hand(
            HandPoint(
                at_ns=NS, tracklet="t", side="right", x_m=hand[0], y_m=hand[1], z_m=0.9,
                sigma_m=0.05, views=2,
            )
        )  # fmt: skip
        step = WeightStep(
            at_ns=2 * NS, began_ns=NS, shelf=shelf.id, plates=(1,), delta_g=(-1.0,), sigma_g=(1.0,)
        )
        found = sight(people, "v", Place(gondola, shelf, 0.5), step)
        assert found is not None
        assert found.body == pytest.approx((0.0, -0.45))
        assert found.hands[0, 1] == pytest.approx((0.3, 0.1, 0.9))
        assert np.isnan(found.hands[0, 0]).all()
