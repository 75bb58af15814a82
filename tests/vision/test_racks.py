"""Tracks are held before racks: out by the nearest open side, and no farther into one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.store import Floor, Gondola
from vision.racks import Racks
from vision.site import Site

FLOOR = Floor(x_min_m=0.0, y_min_m=0.0, x_max_m=8.0, y_max_m=6.0)


def rack(name: str, x_m: float, y_m: float, yaw_deg: float) -> Gondola:
    return Gondola(
        id=name,
        x_m=x_m,
        y_m=y_m,
        yaw_deg=yaw_deg,
        width_m=1.2,
        depth_m=0.45,
        height_m=1.5,
        shelves=[],
    )


# One along the wall x = 0, faced from x > 0.5; two back to back; one that stands alone.
RACKS = (
    rack("wall", 0.5, 2.7, 90.0),
    rack("south", 3.0, 2.5, 0.0),
    rack("north", 4.2, 3.4, 180.0),
    rack("alone", 6.0, 4.5, 0.0),
)


@pytest.fixture(scope="module")
def racks() -> Racks:
    return Racks(Site(FLOOR, RACKS, np.zeros((0, 2)), ()))


def held(racks: Racks, *state: float) -> list[float]:
    mean = np.array([state])
    racks.keep_out(mean)
    return [round(v, 6) for v in mean[0].tolist()]


def test_who_walks_into_a_rack_stands_before_it(racks: Racks) -> None:
    # Walking on along the rack is nobody's mistake; only the speed into it is.
    assert held(racks, 0.45, 3.3, -0.8, 0.3) == [0.6, 3.3, 0.0, 0.3]
    assert held(racks, 0.45, 3.3, 0.8, 0.3) == [0.6, 3.3, 0.8, 0.3]


def test_behind_a_rack_at_the_wall_is_nobody(racks: Racks) -> None:
    assert held(racks, -0.3, 3.3, -0.2, 0.0)[:2] == [0.6, 3.3]


def test_racks_back_to_back_are_left_by_their_fronts(racks: Racks) -> None:
    assert held(racks, 3.6, 2.9, 0.0, 0.0)[:2] == [3.6, 2.4]
    assert held(racks, 3.6, 3.05, 0.0, 0.0)[:2] == [3.6, 3.5]


def test_a_rack_that_stands_alone_is_left_by_its_nearest_side(racks: Racks) -> None:
    assert held(racks, 6.6, 4.9, 0.0, -0.5) == [6.6, 5.05, 0.0, 0.0]
    assert held(racks, 6.05, 4.7, 0.5, 0.0) == [5.9, 4.7, 0.0, 0.0]


@given(st.floats(0.0, 8.0), st.floats(0.0, 6.0), st.floats(-2, 2), st.floats(-2, 2))
def test_nobody_is_left_in_a_rack(racks: Racks, x: float, y: float, vx: float, vy: float) -> None:
    mean = np.array([[x, y, vx, vy]])
    racks.keep_out(mean)
    for one in RACKS:
        along, into = one.to_local(*mean[0, :2].tolist())
        assert not (0.0 < along < one.width_m and 0.0 < into < one.depth_m)
    again = mean.copy()
    racks.keep_out(again)
    np.testing.assert_allclose(again[:, :2], mean[:, :2], atol=1e-9)


def test_without_racks_nothing_is_held() -> None:
    everywhere = Racks(Site(FLOOR, (), np.zeros((0, 2)), ()))
    assert held(everywhere, 0.2, 3.3, -0.8, 0.3) == [0.2, 3.3, -0.8, 0.3]
    everywhere.keep_out(np.zeros((0, 4)))
