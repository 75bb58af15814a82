"""Who is in clear view: racks, bodies and the picture's edge hide, and only they."""

from pathlib import Path

import numpy as np

from sensors.store import load_store
from simulator.visibility import Sight

STORE = load_store(Path(__file__).parents[2] / "datasets/stores/corner.yaml")
CAMERAS = [camera.model() for camera in STORE.cameras]
G4 = next(g for g in STORE.gondolas if g.id == "g4")


def views(bodies, hands=None, cameras=CAMERAS, without=()):
    bodies = np.array(bodies, dtype=np.float64)
    if hands is None:
        hands = np.repeat(bodies[:, None] * [1, 1, 0.4], 2, axis=1)
    return Sight(STORE, cameras).clear(bodies, np.array(hands, dtype=np.float64), without)


def test_in_the_open_every_camera_that_has_one_in_its_picture_sees_one():
    assert views([(3.2, 1.6, 1.7)]).bodies.tolist() == [4]
    assert views([(3.2, 1.6, 1.7)], without=["cam1", "cam3"]).bodies.tolist() == [2]
    assert views([(3.2, -40.0, 1.7)]).bodies.tolist() == [0]


def test_who_stands_close_in_the_way_hides_somebody():
    camera = CAMERAS[0]
    away = np.array([3.2, 1.6]) - camera.position_m[:2]
    far, near = camera.position_m[:2] + away, camera.position_m[:2] + 0.9 * away
    assert views([(*far, 1.7)], cameras=[camera]).bodies.tolist() == [1]
    assert views([(*far, 1.7), (*near, 1.9)], cameras=[camera]).bodies.tolist() == [0, 1]


def test_a_rack_hides_what_is_behind_it_and_is_looked_into_from_the_front():
    behind, before = G4.to_floor(-0.3, G4.depth_m + 0.6), G4.to_floor(0.6, -0.5)
    inside = (*G4.to_floor(0.6, 0.15), 0.95)
    low = (*G4.to_floor(0.6, G4.depth_m + 0.05), 0.3)
    front = [c for c in CAMERAS if G4.to_local(*c.position_m[:2])[1] < 0]
    back = [c for c in CAMERAS if G4.to_local(*c.position_m[:2])[1] > 0]
    found = views([(*before, 1.2)], [[inside, low]], cameras=front)
    assert found.hands[0, 0] >= 1 and found.hands[0, 1] == 0
    found = views([(*behind, 1.2)], [[inside, low]], cameras=back)
    assert found.hands[0, 0] == 0 and found.hands[0, 1] >= 1
