"""Whose body a detection shows when its place on the floor is wrong."""

import numpy as np

from sensors.store import Store
from vision.rig import Rig
from vision.sameness import shows_body_of
from vision.view import View


def view_at(rig: Rig, stands: tuple[float, float], placed: tuple[float, float]) -> View:
    """A detection by cam1 of somebody at `stands`, wrongly put at `placed`."""
    body = np.array([[*stands, 0.3], [*stands, 1.75]])
    foot, head = rig.project(0, body)
    box = np.array([foot[0] - 35, head[1], foot[0] + 35, foot[1]])
    return View(
        camera="cam1",
        scores=np.array([0.8]),
        boxes=box[None],
        keypoints=np.zeros((1, 17, 3)),
        xy_m=np.array([placed]),
        covariance=np.eye(2)[None] * 0.02,
        placed=np.array([True]),
        colours=np.full((1, 6), np.nan),
        clear=np.array([True]),
    )


def test_a_body_seen_too_far_away_is_known_by_its_picture(store: Store) -> None:
    rig = Rig([c.model() for c in store.cameras])
    person = np.array([2.6, 2.2])
    eye = rig.position_m[0, :2]
    beyond = person + (person - eye) / np.linalg.norm(person - eye) * 1.0
    view = view_at(rig, tuple(person), tuple(beyond))
    aside, in_front, far = (2.0, 3.2), tuple(person), (5.5, 4.6)
    shown = shows_body_of(view, 0, rig, np.array([in_front, aside, far]))
    np.testing.assert_array_equal(shown, [True, False, False])


def test_whoever_is_placed_behind_may_be_hidden(store: Store) -> None:
    """A person beyond the detection's place may well be hidden by it: two people."""
    rig = Rig([c.model() for c in store.cameras])
    view = view_at(rig, (2.6, 2.2), (2.6, 2.2))
    behind = np.array([[3.4, 2.9]])
    assert not shows_body_of(view, 0, rig, behind)[0]
    assert shows_body_of(view, 0, rig, np.array([[2.8, 2.4]]))[0]
