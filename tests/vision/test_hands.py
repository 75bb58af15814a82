"""Hands in space: met by rays, told how sure, and guessed where no camera sees them."""

import numpy as np
import pytest

from vision.hands import HandFinder
from vision.people import Joints, Person
from vision.rig import Rig

WRIST = 10  # the right one


@pytest.fixture
def rig(store):
    return Rig([camera.model() for camera in store.cameras])


def seen(rig, wrist_m, confidence, sigma_px=2.0):
    """Joints of one person of whom only the right wrist is looked for."""
    shape = (1, len(rig), 17)
    joints = Joints(
        np.zeros((*shape, 2)),
        np.zeros(shape),
        np.full((1, len(rig)), 150.0),
        np.full(shape, np.nan),
    )
    for c in range(len(rig)):
        joints.pixels[0, c, WRIST] = rig.project(c, np.array([wrist_m]))[0]
        joints.confidence[0, c, WRIST] = confidence
        joints.sigma_px[0, c, WRIST] = sigma_px
    joints.pixels[:] = rig.straightened(joints.pixels)
    return joints


def found(store, rig, joints, wrist_m):
    person = Person("a", np.array(wrist_m[:2]) + 0.3, np.zeros(2), {})
    return HandFinder(store, rig).find([person], joints)


def middle(store):
    f = store.floor
    return ((f.x_min_m + f.x_max_m) / 2, (f.y_min_m + f.y_max_m) / 2, 1.1)


def test_rays_meet_at_the_hand_and_say_how_well(store, rig):
    at = middle(store)
    (hand,) = found(store, rig, seen(rig, at, 0.9), at)
    assert (hand.x_m, hand.y_m, hand.z_m) == pytest.approx(at, abs=1e-3)
    assert hand.side == "right"
    assert not hand.occluded
    xx, xy, xz, yy, yz, zz = hand.covariance
    full = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    assert (np.linalg.eigvalsh(full) > 0).all()
    assert hand.sigma_m == pytest.approx(np.sqrt(np.trace(full) / 3), rel=0.05)


def test_who_tells_to_be_unsure_is_believed(store, rig):
    at = middle(store)
    (sure,) = found(store, rig, seen(rig, at, 0.9, 1.0), at)
    (unsure,) = found(store, rig, seen(rig, at, 0.9, 15.0), at)
    assert unsure.sigma_m > 1.5 * sure.sigma_m


def test_a_hand_that_no_camera_sees_is_guessed_and_called_occluded(store, rig):
    at = middle(store)
    (hand,) = found(store, rig, seen(rig, at, 0.2, 8.0), at)
    assert hand.occluded
    assert (hand.x_m, hand.y_m, hand.z_m) == pytest.approx(at, abs=1e-3)
    assert hand.sigma_m > found(store, rig, seen(rig, at, 0.9, 8.0), at)[0].sigma_m


def test_weights_that_do_not_tell_give_no_guesses(store, rig):
    at = middle(store)
    assert found(store, rig, seen(rig, at, 0.2, np.nan), at) == []
    assert len(found(store, rig, seen(rig, at, 0.9, np.nan), at)) == 1
