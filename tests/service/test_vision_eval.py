"""Figures of vision against the truth: counted by hand where the answer is known."""

import math

import numpy as np
import pytest

from sensors.store import Floor
from sensors.wire import HandReport, LinkReport, TrackReport, VisionReport
from service.cli_vision_eval import finite
from service.vision_eval import Seen, Trial, evaluate, generated
from service.vision_eval_floor import FloorTally, FloorWatch
from service.vision_eval_pictures import Boxes, PictureTally
from simulator.picture_truth import SeenPerson, TruePerson
from vision.detection import Detection

FLOOR = Floor(x_min_m=0.0, x_max_m=8.0, y_min_m=0.0, y_max_m=6.0)
TENTH_NS = 100_000_000


def person(number: int, x_m: float, y_m: float, **changes) -> TruePerson:
    joints = [(x_m, y_m, 1.0)] * 17
    hands = {"left_hand_m": (x_m, y_m + 0.3, 1.0), "right_hand_m": (x_m, y_m - 0.3, 1.0)}
    return TruePerson(
        number=number,
        shopper=f"s{number}",
        x_m=x_m,
        y_m=y_m,
        heading_rad=0.0,
        left_holds=None,
        right_holds=None,
        joints_m=joints,
        **hands | changes,
    )


def track(name: str, x_m: float, y_m: float, variance: float = 0.01) -> TrackReport:
    return TrackReport(tracklet=name, x_m=x_m, y_m=y_m, covariance=(variance, 0.0, variance))


def report(n: int, tracks, **parts) -> VisionReport:
    return VisionReport(device="v", boot="b", seq=n, at_ns=n * TENTH_NS, tracks=tracks, **parts)


def detection(box, score: float, keypoints=None) -> Detection:
    points = np.zeros((17, 3)) if keypoints is None else keypoints
    return Detection(np.array(box, dtype=float), score, points)


def seen(number: int, box, share: float, keypoints=None) -> SeenPerson:
    points = keypoints or [(0.0, 0.0, 0)] * 17
    return SeenPerson(number=number, box=box, body_box=box, share=share, keypoints=points)


def ids_of(*people: SeenPerson) -> np.ndarray:
    ids = np.zeros((480, 640), dtype=np.int32)
    for one in people:
        x0, y0, x1, y1 = one.box
        ids[y0:y1, x0:x1] = one.number
    return ids


def test_average_precision_of_a_list_that_can_be_counted():
    boxes = Boxes([0.9, 0.8, 0.7, 0.2], [True, False, True, True], people=4)
    # recall 0.25 at precision 1, 0.5 at 2/3 and 0.75 at 3/4, which stands for 0.5 too; then none
    expected = (26 * 1.0 + 50 * 0.75) / 101
    assert boxes.average_precision() == pytest.approx(expected)
    assert boxes.recall() == 0.5
    assert boxes.precision() == pytest.approx(2 / 3)
    assert Boxes([], [], people=3).average_precision() == 0.0
    assert math.isnan(Boxes([0.5], [False]).average_precision())


def test_whom_hardly_anything_is_seen_of_is_neither_missed_nor_false():
    plain, half, sliver = (
        seen(1, (10, 10, 60, 200), 0.9),
        seen(2, (100, 10, 150, 200), 0.15),
        seen(3, (300, 10, 350, 200), 0.05),
    )
    tally = PictureTally()
    found = [
        detection((10, 10, 60, 200), 0.9),
        detection((100, 10, 150, 195), 0.8),
        detection((300, 10, 350, 200), 0.7),
        detection((500, 10, 550, 200), 0.6),
    ]
    tally.look(found, found, [plain, half, sliver], ids_of(plain, half, sliver))
    figures = tally.figures()
    assert (figures["people"], figures["people_well_seen"]) == (2, 1)
    assert figures["recall"] == figures["recall_well_seen"] == 1.0
    assert figures["precision"] == pytest.approx(2 / 3), "the last box alone is false"
    assert figures["precision_well_seen"] == 0.5


def test_wrists_are_compared_after_a_mirrored_body_is_turned():
    points = [(100.0 + 10 * n, 100.0, 2) for n in range(17)]
    one = seen(1, (90, 50, 290, 250), 0.9, points)
    mirror = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
    guesses = np.array(points)[mirror]
    guesses[10, 0] += 8.0  # of what is truly the left wrist
    guesses[9, 0] += 16.0
    tally = PictureTally()
    found = [detection((90, 50, 290, 250), 0.9, guesses)]
    tally.look(found, found, [one], ids_of(one))
    figures = tally.figures()
    assert figures["sides"] == 0.0
    assert figures["wrist_median_px"] == pytest.approx(12.0)
    assert (figures["wrist_pck_05"], figures["wrist_pck_10"]) == (0.5, 1.0)


def test_identities_break_and_links_mend_them():
    watch = FloorWatch(FLOOR)
    for n in range(20):
        name = "t1" if n < 10 else "t2"
        links = [LinkReport(earlier="t1", later="t2", log_likelihood_ratio=2.0)] if n == 10 else []
        tracks = [track(name, 2.1, 2.0), track("t9", 6.0, 5.0)]
        watch.see(report(n, tracks, links=links), [person(1, 2.0, 2.0), person(2, -1.0, 2.0)])
    figures = watch.close("x", 1).figures()
    assert figures["idf1"] == pytest.approx(2 * 10 / (20 + 40))
    assert figures["idf1_linked"] == pytest.approx(2 * 20 / (20 + 40))
    assert figures["floor_median_m"] == pytest.approx(0.1)
    assert figures["nees"] == pytest.approx(0.5), "0.1 m of 0.1 m along one of two axes"
    assert figures["swaps_per_shopper_hour"] == 0.0


def test_a_tracklet_that_changes_its_person_is_a_swap():
    watch = FloorWatch(FLOOR)
    people = [person(1, 2.0, 2.0), person(2, 5.0, 2.0)]
    for n in range(20):
        x, y = (2.0, 5.0) if n < 10 else (5.0, 2.0)
        watch.see(report(n, [track("a", x, 2.0), track("b", y, 2.0)]), people)
    figures = watch.close("x", 1).figures()
    assert figures["swaps"] == 2
    assert figures["idf1"] == pytest.approx(0.5)


def test_hands_count_where_a_camera_sees_the_wrist():
    points = [(0.0, 0.0, 0)] * 17
    points[9], points[10] = (5.0, 5.0, 2), (5.0, 5.0, 1)
    views = {"a": [seen(1, (0, 0, 9, 9), 0.9, points)], "b": [seen(1, (0, 0, 9, 9), 0.9, points)]}
    one = person(1, 2.0, 2.0)
    hand = HandReport(tracklet="t", side="right", x_m=2.0, y_m=2.25, z_m=1.0, sigma_m=0.1, views=2)
    watch = FloorWatch(FLOOR)
    pairs = watch.see(report(0, [track("t", 2.0, 2.0)]), [one])
    watch.see_hands([hand], pairs, views)
    figures = watch.close("x", 1).figures()
    assert (figures["hands_seen"], figures["hands_seen_twice"]) == (1, 1)
    assert figures["hand_median_m_twice"] == pytest.approx(0.05)
    assert figures["hand_sides"] == 0.0
    assert figures["hands_found_twice"] == 1.0


def test_tallies_add_up():
    total = FloorTally()
    for _ in range(2):
        watch = FloorWatch(FLOOR)
        watch.see(report(0, [track("t", 2.0, 2.2)]), [person(1, 2.0, 2.0)])
        total.add(watch.close("x", 1))
    assert total.figures()["idf1"] == 1.0
    assert total.person_moments == 2
    assert finite(FloorTally().figures())["floor_median_m"] is None


def test_a_store_is_the_same_each_time_and_is_seen():
    trial = Trial(seed=101, seconds=1.0, every=4)
    assert generated(trial).store == generated(trial).store
    assert len(generated(trial).store.cameras) == 4
    told: list[float] = []
    found = evaluate(trial, told.append)
    total = Seen()
    total.add(found)
    figures = total.figures()
    assert (figures["stores"], figures["frames"]) == ([101], 44)
    assert figures["pictures"] == 12
    assert figures["ms_per_frame"] > 0
    assert told[-1] == 1.0
