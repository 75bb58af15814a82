"""Joints that stay where they were in a picture belong to whom they belonged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from vision.continuity import Continuity
from vision.view import View

TENTH_NS = 100_000_000


def view(lefts_px: Sequence[float], sure: float = 0.9, camera: str = "cam1") -> View:
    """People of 100 pixels' height, their left edges at `lefts_px`."""
    count = len(lefts_px)
    left = np.array(lefts_px, dtype=np.float64)
    keypoints = np.full((count, 17, 3), sure)
    keypoints[..., 0] = left[:, None] + 15.0
    keypoints[..., 1] = np.linspace(5.0, 95.0, 17)
    return View(
        camera=camera,
        scores=np.full(count, 0.9),
        boxes=np.stack([left, 0 * left, left + 30.0, 0 * left + 100.0], axis=1),
        keypoints=keypoints,
        xy_m=np.zeros((count, 2)),
        covariance=np.tile(np.eye(2), (count, 1, 1)),
        placed=np.ones(count, dtype=np.bool_),
        colours=np.full((count, 6), np.nan),
        clear=np.ones(count, dtype=np.bool_),
    )


@pytest.fixture
def seen() -> Continuity:
    continuity = Continuity()
    continuity.remember(0, view([100.0, 140.0, 300.0]), ["a", "b", ""])
    return continuity


def test_each_keeps_the_detection_that_its_last_became(seen: Continuity) -> None:
    ratios = seen.ratios(TENTH_NS, view([142.0, 103.0]), ["b", "new", "a"])
    assert ratios.round(6).tolist() == [[2.0, -2.0], [0.0, 0.0], [-2.0, 2.0]]


def test_nothing_is_known_of_long_ago_or_of_another_camera(seen: Continuity) -> None:
    assert not seen.ratios(3 * TENTH_NS, view([100.0]), ["a"]).any()
    assert not seen.ratios(-TENTH_NS, view([100.0]), ["a"]).any()
    assert not seen.ratios(TENTH_NS, view([100.0], camera="cam2"), ["a"]).any()


def test_joints_that_nobody_sees_tell_nothing(seen: Continuity) -> None:
    assert not seen.ratios(TENTH_NS, view([100.0], sure=0.1), ["a"]).any()
    assert seen.ratios(TENTH_NS, view([]), ["a", "b"]).shape == (2, 0)


def test_a_longer_pause_allows_a_longer_way(seen: Continuity) -> None:
    soon, later = (seen.ratios(n * TENTH_NS, view([112.0]), ["a"])[0, 0] for n in (1, 2))
    assert soon < later
