"""The box tracker: its filter against the reference, and what becomes of people in a picture."""

import numpy as np
import pytest
from filterpy.common import Q_continuous_white_noise
from filterpy.kalman import KalmanFilter
from numpy.typing import NDArray

from vision import kalman
from vision.box_filter import COLUMNS, CONFIRMED, RATE, SEEN_S, SPREAD, begin, correct, predict
from vision.box_settings import BoxSettings
from vision.box_tracker import BoxTracker, BoxTracks
from vision.ground import Ground

Array = NDArray[np.float64]
RATE_HZ = 25.0
NO_FLOOR = np.zeros((3, 3))


def walker(frame: int, left: float = 100.0, px_s: float = 100.0, score: float = 0.9) -> Array:
    return np.array([left + px_s * frame / RATE_HZ, 200.0, 60.0, 150.0, score])


def play(tracker: BoxTracker, frames: list[Array]) -> list[BoxTracks]:
    return [
        tracker.step(round(i * 1e9 / RATE_HZ), frame.reshape(-1, 5))
        for i, frame in enumerate(frames)
    ]


def test_each_axis_is_filterpys_filter() -> None:
    settings = BoxSettings(robust=1e9, coast_s=1e9)
    tracks = np.zeros((1, COLUMNS))
    begin(tracks[0], np.array([300.0, 200.0, 60.0, 150.0, 0.9]), 1, 0.0, NO_FLOOR, settings)
    tracks[0, CONFIRMED] = 1
    axes = []
    for axis in range(4):
        one = KalmanFilter(dim_x=2, dim_z=1)
        at = SPREAD + 3 * axis
        one.x = np.array([[tracks[0, axis]], [0.0]])
        one.P = np.diag([tracks[0, at], tracks[0, at + 2]])
        one.H = np.array([[1.0, 0.0]])
        axes.append(one)
    rng = np.random.default_rng(5)
    at_s = 0.0
    for dt_s in (0.04, 0.1, 0.04, 0.033):
        at_s += dt_s
        height = tracks[0, 3]
        tracks[0, SEEN_S] = at_s - dt_s
        predict(tracks, 1, at_s, dt_s, NO_FLOOR, settings)
        walk = height / settings.person_m
        wander = [settings.wander_m * walk, settings.wander_m * walk * settings.depth]
        drift = [settings.drift_m_s * walk, settings.drift_m_s * walk * settings.depth]
        wander += [settings.size_wander * height] * 2
        drift += [settings.size_drift * height] * 2
        box = np.array([*(tracks[0, :4] + rng.normal(0, 5, 4)), 0.8])
        sigmas = [settings.place_sigma] * 2 + [settings.size_sigma] * 2
        for axis, one in enumerate(axes):
            noise = Q_continuous_white_noise(dim=2, dt=dt_s, spectral_density=drift[axis] ** 2)
            noise[0, 0] += wander[axis] ** 2 * dt_s
            one.predict(F=np.array([[1.0, dt_s], [0.0, 1.0]]), Q=noise)
            np.testing.assert_allclose(tracks[0, axis], one.x[0, 0])
            one.update(box[axis], R=(sigmas[axis] * tracks[0, 3]) ** 2)
        correct(tracks[0], box, settings)
        for axis, one in enumerate(axes):
            at = SPREAD + 3 * axis
            np.testing.assert_allclose(tracks[0, [axis, RATE + axis]], one.x[:, 0], rtol=1e-9)
            np.testing.assert_allclose(
                tracks[0, at : at + 3], one.P[[0, 0, 1], [0, 1, 1]], rtol=1e-9, atol=1e-12
            )


def test_correction_is_the_batched_filters() -> None:
    settings = BoxSettings(robust=1e9)
    track = np.zeros(COLUMNS)
    begin(track, np.array([300.0, 200.0, 60.0, 150.0, 0.9]), 1, 0.0, NO_FLOOR, settings)
    track[RATE : RATE + 4] = 3.0
    track[SPREAD + 1 :: 3][:4] = 2.0
    mean = track[None, :8].copy()
    covariance = np.zeros((1, 8, 8))
    for axis in range(4):
        place, both, rate = track[SPREAD + 3 * axis : SPREAD + 3 * axis + 3]
        covariance[0, axis, axis], covariance[0, axis + 4, axis + 4] = place, rate
        covariance[0, axis, axis + 4] = covariance[0, axis + 4, axis] = both
    sigmas = np.array([settings.place_sigma] * 2 + [settings.size_sigma] * 2) * 150.0
    box = np.array([310.0, 195.0, 66.0, 144.0, 0.9])
    wanted, spread = kalman.update(mean, covariance, box[None, :4], np.diag(sigmas**2)[None])
    correct(track, box, settings)
    np.testing.assert_allclose(track[:8], wanted[0])
    np.testing.assert_allclose(track[SPREAD], spread[0, 0, 0])


def test_a_walker_keeps_one_id_through_missed_and_doubtful_detections() -> None:
    frames = [walker(i) for i in range(30)]
    frames[10] = frames[11] = np.zeros((0, 5))
    frames[15] = walker(15, score=0.2)
    shown = play(BoxTracker(), frames)
    assert {int(i) for one in shown for i in one.ids} == {1}
    assert len(shown[11].ids) == 0  # not seen for two frames: not claimed
    assert shown[15].detections.tolist() == [0]
    np.testing.assert_allclose(shown[-1].boxes[0], walker(29)[:4], atol=4)


@pytest.mark.parametrize("rate_hz", [10.0, 50.0])
@pytest.mark.parametrize(("gap_s", "ids"), [(0.8, {1}), (1.3, {1, 2})])
def test_lifetimes_are_seconds_at_any_frame_rate(
    rate_hz: float, gap_s: float, ids: set[int]
) -> None:
    tracker = BoxTracker()
    seen: set[int] = set()
    for frame in range(round((2.0 + gap_s) * rate_hz)):
        at_s = frame / rate_hz
        there = at_s < 1.0 or at_s >= 1.0 + gap_s
        boxes = np.array([walker(0)]) if there else np.zeros((0, 5))
        seen |= set(tracker.step(round(at_s * 1e9), boxes).ids.tolist())
    assert seen == ids


def test_a_doubtful_detection_begins_nothing() -> None:
    shown = play(BoxTracker(), [walker(i, score=0.45) for i in range(10)])
    assert not any(len(one.ids) for one in shown)


def test_a_flash_is_not_a_person() -> None:
    frames = [walker(i) for i in range(10)]
    frames[5] = np.stack([walker(5), np.array([900.0, 300.0, 60.0, 150.0, 0.9])])
    shown = play(BoxTracker(), frames)
    assert {int(i) for one in shown for i in one.ids} == {1}


def test_two_who_cross_keep_their_ids() -> None:
    frames = [
        np.stack([walker(i, 100, 200), walker(i, 500, -200) + np.array([0, 25, 8, 20, 0])])
        for i in range(50)
    ]
    shown = play(BoxTracker(), frames)
    first, last = shown[0], shown[-1]
    left_to_right = int(first.ids[first.boxes[:, 0].argmin()])
    assert int(last.ids[last.boxes[:, 0].argmax()]) == left_to_right
    assert len(last.ids) == 2


def test_a_camera_that_jumps_keeps_its_people() -> None:
    people = [(100.0 + 200 * k, 20.0 * (-1) ** k) for k in range(6)]
    frames = [
        np.stack([walker(i, left + (45 if i >= 20 else 0), px_s) for left, px_s in people])
        for i in range(40)
    ]
    shown = play(BoxTracker(), frames)
    assert shown[-1].ids.tolist() == shown[0].ids.tolist()
    still = play(BoxTracker(BoxSettings(camera_least=1000)), frames)
    assert still[-1].ids.tolist() != still[0].ids.tolist()  # it is the following that does it


def test_ids_belong_to_a_tracker_and_room_grows() -> None:
    crowd = np.stack([[80.0 * (i % 24), 160.0 * (i // 24), 40, 100, 0.9] for i in range(150)])
    for _ in range(2):
        tracker = BoxTracker()
        for at_ns in (0, 40_000_000):
            found = tracker.step(at_ns, crowd)
        assert found.ids.tolist() == list(range(1, 151))


def test_no_detections_and_time_standing_still() -> None:
    tracker = BoxTracker()
    assert len(tracker.step(0, np.zeros((0, 5))).ids) == 0
    tracker.step(40_000_000, np.array([walker(0)]))
    found = tracker.step(40_000_000, np.array([walker(0)]))
    assert np.isfinite(found.boxes).all()


def test_ground_places_and_their_noise() -> None:
    camera = np.array([[800.0, 0, 320], [0, 800, 240], [0, 0, 1]])
    tilt = np.radians(30)
    down = np.array([0.0, np.cos(tilt), -np.sin(tilt)])  # the floor's far axis is y
    pose = np.column_stack([[1.0, 0, 0], [0, -np.sin(tilt), np.cos(tilt)], down * 3.0])
    ground = Ground.from_plane_to_image(camera @ pose)
    truth = np.array([[0.5, 4.0], [-1.0, 7.0]])
    seen = np.column_stack([truth, np.ones(2)]) @ (camera @ pose).T
    pixels = seen[:, :2] / seen[:, 2:]
    places, spread, valid = ground.places(pixels, np.full((2, 2), 2.0))
    np.testing.assert_allclose(places, truth, atol=1e-9)
    assert valid.all()
    rng = np.random.default_rng(1)
    shaken = pixels[1] + rng.normal(0, 2.0, (20000, 2))
    many, _, _ = ground.places(shaken, np.ones((20000, 2)))
    np.testing.assert_allclose(np.cov(many.T), spread[1], rtol=0.1, atol=2e-4)
    with pytest.raises(ValueError, match="edge-on"):
        Ground.from_plane_to_image(np.zeros((3, 3)))
