"""Emulated vision: errors of the stated size, hidden hands in bursts, tracklets that break."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sensors.store import load_store
from sensors.wire import VisionReport, decode, encode, topic
from simulator.emulated import EmulatedVision, Person
from simulator.figure import Figure, Stance
from simulator.people import hand_position, pose_body

STORE = load_store(Path(__file__).parents[2] / "datasets/stores/corner.yaml")
FIGURE = Figure()
STEP_NS = 100_000_000


def watch(people: tuple[Person, ...], seconds: float, seed: int = 1) -> Iterator[VisionReport]:
    vision = EmulatedVision(STORE, "vision", "boot", seed)
    for k in range(round(seconds * 10)):
        yield vision.see(k * STEP_NS, people)


def test_reports_go_over_the_wire() -> None:
    reports = list(watch((("a", FIGURE, Stance(2.0, 1.5, 0.0)),), 3))
    for seq, report in enumerate(reports):
        assert report.seq == seq
        assert decode(topic("corner", "vision", "vision"), encode(report), "corner") == report


def test_the_same_seed_sees_the_same() -> None:
    people = (("a", FIGURE, Stance(2.0, 1.5, 0.0)), ("b", FIGURE, Stance(2.4, 1.5, 0.0)))
    assert list(watch(people, 20)) == list(watch(people, 20))
    assert list(watch(people, 20)) != list(watch(people, 20, seed=2))


def test_positions_err_slowly_by_eight_centimetres() -> None:
    reports = watch((("a", FIGURE, Stance(2.0, 1.5, 0.3)),), 600)
    errors = np.array([[t.x_m - 2.0, t.y_m - 1.5] for r in reports for t in r.tracks])
    assert 0.065 < errors.std() < 0.095
    assert np.abs(np.diff(errors, axis=0)).mean() < 0.7 * errors.std()


def test_hands_err_by_six_centimetres_about_the_palm() -> None:
    stance = Stance(2.0, 4.5, math.pi / 2, right_hand_m=(2.1, 5.1, 1.1))
    palm = hand_position(pose_body(FIGURE, stance), "right")
    reports = watch((("a", FIGURE, stance),), 200)
    hands = [h for r in reports for h in r.hands if h.side == "right"]
    errors = np.array([[h.x_m, h.y_m, h.z_m] for h in hands]) - palm
    assert 0.05 < errors.std() < 0.07 and np.abs(errors.mean(axis=0)).max() < 0.03


def seen_share(people: tuple[Person, ...]) -> float:
    tracks = hands = 0
    for report in watch(people, 400):
        tracks += len(report.tracks)
        hands += len(report.hands)
    return hands / (2 * tracks)


def test_hands_hide_more_among_people() -> None:
    alone = seen_share((("a", FIGURE, Stance(2.0, 1.5, 0.0)),))
    near = seen_share((("a", FIGURE, Stance(2.0, 1.5, 0.0)), ("b", FIGURE, Stance(2.6, 1.5, 0.0))))
    assert 0.80 < alone < 0.90
    assert 0.58 < near < 0.72


def test_tracklets_break_and_are_linked() -> None:
    people = (("a", FIGURE, Stance(2.0, 1.5, 0.0)), ("b", FIGURE, Stance(4.5, 1.5, 0.0)))
    reports = list(watch(people, 1200))
    names = {t.tracklet for r in reports for t in r.tracks}
    assert 20 < len(names) < 65  # two people, every minute
    links = [link for r in reports for link in r.links]
    assert len(links) == len(names) - 2
    assert np.mean([link.log_likelihood_ratio for link in links]) > 2


def test_close_people_are_confused_more_and_linked_wrongly_too() -> None:
    people = (("a", FIGURE, Stance(2.0, 1.5, 0.0)), ("b", FIGURE, Stance(2.4, 1.5, 0.0)))
    reports = list(watch(people, 300))
    names = {t.tracklet for r in reports for t in r.tracks}
    assert len(names) > 30
    ratios = [link.log_likelihood_ratio for r in reports for link in r.links]
    assert len(ratios) > len(names) and min(ratios) < 0


def test_nobody_is_seen_outside() -> None:
    reports = list(watch((("a", FIGURE, Stance(1.2, -0.5, 0.0)),), 3))
    assert all(not report.tracks and not report.hands for report in reports)


def test_names_of_people_are_not_told() -> None:
    reports = watch((("shopper-ada", FIGURE, Stance(2.0, 1.5, 0.0)),), 5)
    assert all(b"ada" not in encode(report) for report in reports)
