"""The truth of pictures: boxes, shares and joints are those of the pixels themselves."""

from pathlib import Path

import numpy as np
import pytest

from sensors.store import load_store
from simulator.people import Figure, Stance, pose_body
from simulator.picture_truth import seen_people
from simulator.render import Renderer

STORE = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"


@pytest.fixture(scope="module")
def painted():
    """Pictures of six people in odd places, with who is in them by the truth."""
    store = load_store(STORE)
    cameras = [camera.model() for camera in store.cameras]
    renderer = Renderer(store, cameras, 3)
    rng = np.random.default_rng(8)
    floor = store.floor
    posed = []
    for number in range(1, 7):
        stance = Stance(
            x_m=float(rng.uniform(floor.x_min_m + 0.2, floor.x_max_m - 0.2)),
            y_m=float(rng.uniform(floor.y_min_m + 0.2, floor.y_max_m - 0.2)),
            heading_rad=float(rng.uniform(0, 6)),
            speed_m_s=1.0,
            right_hand_m=(1.5, 1.5, 1.2) if number % 2 else None,
        )
        figure = Figure.random(rng)
        posed.append((number, figure, stance, pose_body(figure, stance)))
    frames = {camera.id: renderer.render_bodies(camera.id, posed) for camera in cameras}
    seen = {c.id: seen_people(renderer, c, frames[c.id], posed) for c in cameras}
    return renderer, frames, seen, posed


def around(mask):
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_boxes_and_shares_are_those_of_all_pixels(painted):
    renderer, frames, seen, posed = painted
    shares = []
    for camera, people in seen.items():
        bodies = {number: body for number, _, _, body in posed}
        whole = {n: renderer.silhouette(camera, body) for n, body in bodies.items()}
        assert [one.number for one in people] == [n for n, mask in whole.items() if mask.any()]
        for one in people:
            shown = frames[camera].ids == one.number
            assert one.box == around(shown)
            assert one.body_box == around(whole[one.number])
            assert one.share == pytest.approx(shown.sum() / whole[one.number].sum(), abs=1e-4)
            shares.append(one.share)
    assert len(shares) > 12
    assert 0 <= min(shares) < 0.7
    assert max(shares) == 1


def test_joints_that_are_seen_lie_on_the_person(painted):
    _, frames, seen, _ = painted
    counts = [0, 0, 0]
    for camera, people in seen.items():
        ids = frames[camera].ids
        for one in people:
            for u, v, state in one.keypoints:
                counts[state] += 1
                if state == 0:
                    assert (u, v) == (0, 0)
                    continue
                near = ids[max(0, round(v) - 1) : round(v) + 2, max(0, round(u) - 1) : round(u) + 2]
                assert state == 1 or (near == one.number).any()
    assert min(counts) > 20
