"""Whole pipeline on synthetic detections: places, identities, ghosts, duplicates, hands, links."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from sensors.store import Store
from sensors.wire import VisionReport, decode, encode, topic
from simulator.people import Body, Figure, Stance, pose_body
from vision.pipeline import VisionPipeline

FIGURES = [Figure.random(np.random.default_rng(seed)) for seed in range(6)]
SETTLED = 8
Make = Callable[..., Any]


@dataclass
class Score:
    misses_m: list[float] = field(default_factory=list)
    hands_m: list[float] = field(default_factory=list)
    names: list[list[str]] = field(default_factory=list)
    absent: int = 0
    ghosts: int = 0
    reports: list[VisionReport] = field(default_factory=list)


def play(
    store: Store,
    stage: Any,
    scene: Sequence[tuple[Figure, Sequence[Body | None]]],
    hide: Callable[[int], set[str]] = lambda tick: set(),
) -> Score:
    """Run a scene of bodies, one per tenth of a second; None while a person is not there."""
    pipeline = VisionPipeline(store, stage, "cams", "b1")
    score = Score(names=[[] for _ in scene])
    for tick in range(len(scene[0][1])):
        here = [(f, bodies[tick]) for f, bodies in scene]
        frames = stage.frames([(f, b) for f, b in here if b is not None])
        frames = {k: v for k, v in frames.items() if k not in hide(tick)}
        report = pipeline.see(tick * 100_000_000, frames)
        score.reports.append(report)
        if tick < SETTLED:
            continue
        owned = set()
        for i, (_, body) in enumerate(here):
            if body is None:
                continue
            place = body.joints[15:17, :2].mean(axis=0)
            gaps = {t.tracklet: math.dist((t.x_m, t.y_m), place) for t in report.tracks}
            near = min(gaps, key=lambda name: gaps[name], default=None)
            if near is None or gaps[near] > 0.6:
                score.absent += 1
                continue
            owned.add(near)
            score.names[i].append(near)
            score.misses_m.append(gaps[near])
            for hand in report.hands:
                if hand.tracklet == near and hand.views >= 2:
                    palm = body.palms[0 if hand.side == "left" else 1]
                    score.hands_m.append(math.dist((hand.x_m, hand.y_m, hand.z_m), palm))
        score.ghosts += sum(t.tracklet not in owned for t in report.tracks)
    return score


@pytest.mark.parametrize("seed", range(2))
def test_five_shoppers(store: Store, stage: Make, walk: Make, seed: int) -> None:
    ways = [
        ([(1, 1), (5.5, 1.2), (5, 4), (1, 4)], 1.2),
        ([(5.5, 1.8), (1, 1.6), (1, 4.2)], 1.2),
        ([(2, 4.5), (4.5, 4.5)], 0.4),
        ([(1, 3), (5, 3.3)], 1.0),
        ([(3, 0.45), (3.4, 0.45)], 1.0),
    ]
    scene = [(f, walk(f, way, speed, 80)) for f, (way, speed) in zip(FIGURES, ways, strict=False)]
    score = play(store, stage(seed), scene)
    assert np.median(score.misses_m) < 0.06
    assert np.quantile(score.misses_m, 0.95) < 0.12
    assert np.median(score.hands_m) < 0.08
    assert all(len(set(names)) == 1 for names in score.names)
    assert score.absent == 0
    assert score.ghosts == 0


@pytest.mark.parametrize("seed", range(4))
def test_identities_survive_people_who_pass_each_other(
    store: Store, stage: Make, walk: Make, seed: int
) -> None:
    scene = [
        (FIGURES[0], walk(FIGURES[0], [(1, 1.0), (5.5, 1.0)], 1.2, 40)),
        (FIGURES[1], walk(FIGURES[1], [(5.5, 1.6), (1, 1.6)], 1.2, 40)),
    ]
    score = play(store, stage(seed), scene)
    assert [len(set(names)) for names in score.names] == [1, 1]
    assert score.names[0][0] != score.names[1][0]
    assert score.ghosts == 0


def test_identities_survive_a_meeting_with_turning_back(
    store: Store, stage: Make, walk: Make
) -> None:
    """The hard case for motion alone: both approach to 0.5 m and return."""
    kept = 0
    for seed in range(3):
        scene = [
            (FIGURES[0], walk(FIGURES[0], [(1.2, 1.3), (2.95, 1.3), (1.2, 1.3)], 1.0, 40)),
            (FIGURES[1], walk(FIGURES[1], [(5.2, 1.3), (3.45, 1.3), (5.2, 1.3)], 1.0, 40)),
        ]
        score = play(store, stage(seed), scene)
        kept += all(len(set(names)) == 1 for names in score.names)
    assert kept == 3


def test_one_person_has_one_track_though_cameras_disagree(
    store: Store, stage: Make, walk: Make
) -> None:
    scene = [(FIGURES[0], walk(FIGURES[0], [(1, 1), (5.5, 1.2), (5, 4)], 1.0, 70))]
    for seed in range(2):
        score = play(store, stage(seed, off=2.5), scene)
        assert score.ghosts == 0
        assert len(set(score.names[0])) == 1


def test_a_dead_camera_breaks_nothing(store: Store, stage: Make, walk: Make) -> None:
    scene = [(FIGURES[0], walk(FIGURES[0], [(2, 1), (4.5, 1.2)], 0.6, 60))]
    score = play(store, stage(1), scene, hide=lambda tick: {"cam2"} if tick > 20 else set())
    assert len(set(score.names[0])) == 1
    assert np.median(score.misses_m) < 0.08
    alone = play(store, stage(1), scene, hide=lambda tick: {"cam2", "cam3", "cam4"})
    assert len(set(alone.names[0])) == 1


def test_a_gap_is_bridged_by_a_link(store: Store, stage: Make, walk: Make) -> None:
    bodies: list[Body | None] = list(walk(FIGURES[0], [(2, 1.2), (3.4, 1.2)], 0.8, 60))
    bodies[20:45] = [None] * 25
    score = play(store, stage(2), [(FIGURES[0], bodies)])
    first, second = score.names[0][0], score.names[0][-1]
    assert first != second
    links = [link for r in score.reports for link in r.links]
    assert [(link.earlier, link.later) for link in links] == [(first, second)]
    assert links[0].log_likelihood_ratio > 0


def test_somebody_else_at_the_entry_is_no_link(store: Store, stage: Make, walk: Make) -> None:
    left: list[Body | None] = list(walk(FIGURES[0], [(5.2, 1.5), (5.2, 1.0)], 0.8, 60))
    left[20:] = [None] * 40
    came: list[Body | None] = [None] * 45 + list(walk(FIGURES[1], [(1.2, 0.3), (1.2, 1.5)], 1, 15))
    score = play(store, stage(3), [(FIGURES[0], left), (FIGURES[1], came)])
    assert score.names[1]
    assert all(link.log_likelihood_ratio < 0 for r in score.reports for link in r.links)


def test_reaching_hands(store: Store, stage: Make) -> None:
    """A person before g1 reaches to the middle board: both hands of a real reach."""
    body = pose_body(FIGURES[2], Stance(1.8, 4.5, math.pi / 2, right_hand_m=(1.9, 5.2, 1.0)))
    score = play(store, stage(5), [(FIGURES[2], [body] * 40)])
    assert len(score.hands_m) > 20
    assert np.median(score.hands_m) < 0.08


def test_fronts_taken_for_backs_do_not_exchange_hands(
    store: Store, stage: Make, walk: Make
) -> None:
    scene = [
        (FIGURES[0], walk(FIGURES[0], [(1, 1.0), (5.5, 1.0)], 1.2, 40)),
        (FIGURES[1], walk(FIGURES[1], [(5.5, 1.9), (1, 1.9)], 1.2, 40)),
    ]
    score = play(store, stage(1, mirrored=0.3), scene)
    assert np.median(score.hands_m) < 0.08
    assert np.quantile(score.hands_m, 0.9) < 0.2


def test_a_hand_that_one_camera_sees_is_vague(store: Store, stage: Make) -> None:
    body = pose_body(FIGURES[2], Stance(3.2, 1.5, 0.0))
    score = play(
        store, stage(5), [(FIGURES[2], [body] * 30)], lambda tick: {"cam1", "cam2", "cam3"}
    )
    hands = [hand for r in score.reports for hand in r.hands]
    assert hands
    assert all(hand.views == 1 and hand.sigma_m >= 0.2 for hand in hands)


def test_reports_are_deterministic_and_travel(store: Store, stage: Make, walk: Make) -> None:
    scene = [
        (f, walk(f, [(2, 1 + 0.7 * i), (4.5, 1.2)], 0.9, 25)) for i, f in enumerate(FIGURES[:3])
    ]
    runs = [[encode(r) for r in play(store, stage(4), scene).reports] for _ in range(2)]
    assert runs[0] == runs[1]
    for seq, message in enumerate(runs[0]):
        back = decode(topic(store.id, "vision", "cams"), message, store.id)
        assert isinstance(back, VisionReport)
        assert back.seq == seq


def test_broken_frames_are_counted(store: Store, stage: Make, walk: Make) -> None:
    actors = stage(0, miss=0.0)
    pipeline = VisionPipeline(store, actors, "cams", "b1")
    bodies = walk(FIGURES[0], [(2, 1.2), (4, 1.2)], 0.8, 20)
    for tick, body in enumerate(bodies):
        frames: dict[str, Any] = actors.frames([(FIGURES[0], body)])
        frames["cam1"] = None
        frames["cam3"] = frames["cam3"].astype(float)
        if tick == 5:
            frames["cam9"] = frames["cam2"]
        report = pipeline.see(tick * 100_000_000, frames)
    assert pipeline.frame_errors == {"cam1": 20, "cam3": 20, "cam9": 1}
    assert "cam3" in pipeline.last_error
    assert set(pipeline.latest) == {"cam2", "cam4"}
    assert len(report.tracks) == 1
    assert pipeline.latest["cam4"][0].tracklet == report.tracks[0].tracklet


def test_nothing_to_see(store: Store, stage: Make) -> None:
    empty = stage(0)
    pipeline = VisionPipeline(store, empty, "cams", "b1")
    assert pipeline.see(0, {}).tracks == []
    assert pipeline.see(10**8, empty.frames([])).tracks == []


def test_names_must_fit_the_wire(store: Store, stage: Make) -> None:
    with pytest.raises(ValueError, match="too long"):
        VisionPipeline(store, stage(0), "d" * 40, "b" * 30)
