"""Emulated vision errs as its figures say: what it reports, fitted again, gives them back."""

import dataclasses
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from sensors.store import load_store
from sensors.wire import SightingReport, VisionReport, decode, encode, topic
from simulator.emulated import EmulatedVision, Person
from simulator.emulation import (
    QUANTILES,
    VIEWS,
    Emulation,
    EmulationError,
    SightingErrors,
    draw,
    load_emulation,
)
from simulator.emulation_fit import fit_emulation
from simulator.emulation_tally import Watched
from simulator.figure import Figure, Stance
from simulator.people import hand_position, pose_body
from simulator.sightings import SightingMaker
from simulator.visibility import Sight

ROOT = Path(__file__).parents[2]
STORE = load_store(ROOT / "datasets/stores/corner.yaml")
CAMERAS = [camera.model() for camera in STORE.cameras]
FIT = load_emulation(ROOT / "models/emulated-vision.json")
FIGURE = Figure()
STEP_NS = 100_000_000
REACH = Stance(2.0, 4.5, math.pi / 2, right_hand_m=(2.1, 5.1, 1.1))


def rates(per_s: float) -> list[list[float]]:
    return [[per_s] * 3 for _ in range(VIEWS)]


def with_tracking(**changed: object) -> Emulation:
    return msgspec.structs.replace(FIT, tracking=msgspec.structs.replace(FIT.tracking, **changed))


def watch(
    people: tuple[Person, ...],
    seconds: float,
    seed: int = 2,
    fit: Emulation = FIT,
    without: tuple[str, ...] = (),
) -> list[VisionReport]:
    vision = EmulatedVision(STORE, CAMERAS, fit, "vision", "boot", seed)
    return [vision.see(k * STEP_NS, people, without) for k in range(round(seconds * 10))]


def fitted_again(
    people: tuple[Person, ...], seconds: float, fit: Emulation, without: tuple[str, ...] = ()
) -> Emulation:
    bodies = np.array([(s.x_m, s.y_m, f.height_m) for _, f, s in people])
    poses = [pose_body(figure, stance) for _, figure, stance in people]
    hands = np.array([[hand_position(b, side) for side in ("left", "right")] for b in poses])
    reaching = np.array(
        [(s.left_hand_m is not None, s.right_hand_m is not None) for *_, s in people]
    )
    names = [name for name, *_ in people]
    seen = [
        Watched(r.at_ns, names, bodies, hands, reaching, without, r)
        for r in watch(people, seconds, fit=fit, without=without)
    ]
    return fit_emulation([(STORE, Sight(STORE, CAMERAS), seen)], "test", "", [])


def test_reports_go_over_the_wire_and_tell_no_names() -> None:
    for seq, report in enumerate(watch((("shopper-ada", FIGURE, REACH),), 3)):
        assert report.seq == seq
        assert decode(topic("corner", "vision", "vision"), encode(report), "corner") == report
        assert b"ada" not in encode(report)


def test_the_same_seed_sees_the_same() -> None:
    people = (("a", FIGURE, REACH), ("b", FIGURE, Stance(2.4, 1.5, 0.0)))
    assert watch(people, 20) == watch(people, 20)
    assert watch(people, 20) != watch(people, 20, seed=3)


def test_drawing_is_interpolation_between_quantiles() -> None:
    values = FIT.links.right_ratio
    for uniform in (0.0, 1e-9, 0.1, 0.25, 0.3, 1 - 1e-16, 1.0):
        assert draw(values, uniform) == np.interp(uniform, QUANTILES, values)


def test_nobody_is_seen_outside() -> None:
    reports = watch((("a", FIGURE, Stance(1.2, -0.5, 0.0)),), 3)
    assert all(not report.tracks and not report.hands for report in reports)


def test_errors_of_floor_and_hand_come_back() -> None:
    people = (("a", FIGURE, REACH),)
    again = fitted_again(people, 600, with_tracking(memory_s=0.9))
    errors = again.tracking.error_m[3]
    assert errors[5] == pytest.approx(FIT.tracking.error_m[3][5], rel=0.15)
    assert errors[8] == pytest.approx(FIT.tracking.error_m[3][8], rel=0.15)
    assert again.tracking.memory_s == pytest.approx(0.9, rel=0.45)
    assert again.hands.chain[1][3][2] == pytest.approx(FIT.hands.chain[1][3][2], abs=0.05)


def test_losses_and_breaks_come_back() -> None:
    fit = with_tracking(
        lose_per_s=rates(0.2),
        find_per_s=rates(1.5),
        break_per_s=rates(0.1),
        gap_s=[0.0] * 11,
        forget_s=60.0,
    )
    people = (("a", FIGURE, REACH), ("b", FIGURE, Stance(2.9, 4.5, math.pi / 2)))
    again = fitted_again(people, 700, fit).tracking
    assert np.mean(again.lose_per_s) == pytest.approx(0.2, rel=0.2)
    assert np.mean(again.find_per_s) == pytest.approx(1.5, rel=0.2)
    assert np.mean(again.break_per_s) == pytest.approx(0.1, rel=0.3)


def test_swaps_of_neighbours_come_back() -> None:
    fit = with_tracking(swap_per_s=[0.0, 0.2, 0.2, 0.2])
    near = (("a", FIGURE, REACH), ("b", FIGURE, Stance(2.9, 4.5, math.pi / 2)))
    again = fitted_again(near, 400, fit).tracking.swap_per_s
    assert again[1] == pytest.approx(0.2, rel=0.3)


def test_tracklets_that_break_are_linked_rightly_and_wrongly() -> None:
    fit = with_tracking(break_per_s=rates(0.2), gap_s=[0.3] * 11)
    people = (("a", FIGURE, Stance(2.0, 1.5, 0.0)), ("b", FIGURE, Stance(2.5, 1.5, 0.0)))
    reports = watch(people, 600, fit=fit)
    names = {t.tracklet for r in reports for t in r.tracks}
    links = [link for r in reports for link in r.links]
    assert 120 < len(names) < 360
    assert all({link.earlier, link.later} <= names for link in links)
    assert len(links) > 0.5 * FIT.links.told_right * len(names)


def test_who_stands_where_no_camera_looks_is_lost_as_the_figures_say() -> None:
    lose = rates(0.0)
    lose[0] = [5.0] * 3
    find = rates(5.0)
    find[0] = [0.0] * 3
    fit = with_tracking(lose_per_s=lose, find_per_s=find)
    people = (("a", FIGURE, Stance(2.0, 1.5, 0.0)),)
    assert all(report.tracks for report in watch(people, 20, fit=fit)[10:])
    blind = watch(people, 20, fit=fit, without=tuple(camera.id for camera in CAMERAS))
    assert not any(report.tracks for report in blind[30:])


def test_a_file_of_figures_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    with pytest.raises(EmulationError, match=r"figures\.json: cannot be read"):
        load_emulation(path)
    path.write_bytes(msgspec.json.encode(FIT).replace(b'"forget_s"', b'"forgets"'))
    with pytest.raises(EmulationError, match="forget"):
        load_emulation(path)


CANS = [p.gtin for p in STORE.products if p.picture.form == "can"]
SURE = SightingErrors(
    told=[0.0, 1.0, 1.0, 1.0], held=[[(0.8, 0.1, 0.05)]] * VIEWS, empty=[[(0.0, 0.9, 0.05)]] * VIEWS
)


def reached(fit: Emulation, holds: str | None) -> tuple[list[Watched], list[SightingReport]]:
    """A hand that goes into the first rack empty and comes out with something."""
    vision = EmulatedVision(STORE, CAMERAS, fit, "vision", "boot", 3)
    watched, sightings = [], []
    gondola = STORE.gondolas[0]
    for k in range(80):
        into_m = -0.25 if k < 40 or k >= 50 else 0.05
        palm = (*gondola.to_floor(0.6, into_m), 1.1)
        x, y = gondola.to_floor(0.6, -0.5)
        stance = Stance(x, y, math.pi / 2, right_hand_m=palm, right_holds=holds if k > 45 else None)
        people = (("ada", FIGURE, stance),)
        report = vision.see(k * STEP_NS, people)
        sightings += report.sightings
        body = pose_body(FIGURE, stance)
        hands = np.array([[hand_position(body, side) for side in ("left", "right")]])
        held = [(None, stance.right_holds)]
        bodies = np.array([(x, y, FIGURE.height_m)])
        reaching = np.array([[False, True]])
        watched.append(Watched(k * STEP_NS, ["ada"], bodies, hands, reaching, [], report, held))
    return watched, sightings


def test_a_hand_that_reached_is_told_of_as_the_figures_say():
    _, sightings = reached(msgspec.structs.replace(FIT, sightings=SURE), CANS[0])
    assert [s.moment for s in sightings] == ["before", "after"]
    before, after = sightings
    assert (before.unknown, len(before.scores)) == (0.9, 1)
    assert dict(after.scores)[CANS[0]] == 0.8
    assert after.began_ns <= 52 * STEP_NS <= after.ended_ns
    assert reached(FIT, CANS[0])[1] == [] if FIT.sightings is None else True


def test_sightings_fitted_again_give_their_figures_back():
    watched, _ = reached(msgspec.structs.replace(FIT, sightings=SURE), CANS[0])
    again = fit_emulation([(STORE, Sight(STORE, CAMERAS), watched)], "test", "", ["test"])
    assert again.sightings is not None
    assert {one for bin in again.sightings.held for one in bin} == {(0.8, 0.1, 0.05)}
    assert {one for bin in again.sightings.empty for one in bin} == {(0.0, 0.9, 0.05)}
    assert max(again.sightings.told) == 1.0
    none = [msgspec.structs.replace(w.report, sightings=[]) for w in watched]
    untold = [dataclasses.replace(w, report=r) for w, r in zip(watched, none, strict=True)]
    without = fit_emulation([(STORE, Sight(STORE, CAMERAS), untold)], "test", "", ["test"])
    assert without.sightings is None


def test_sightings_change_nothing_else_that_is_reported():
    people = (("ada", FIGURE, REACH),)
    plain = watch(people, 3.0, fit=msgspec.structs.replace(FIT, sightings=None))
    told = watch(people, 3.0, fit=msgspec.structs.replace(FIT, sightings=SURE))
    assert [msgspec.structs.replace(r, sightings=[]) for r in told] == plain


def test_looks_alike_are_confused_the_most():
    errors = msgspec.structs.replace(SURE, held=[[(0.1, 0.1, 0.7)]] * VIEWS)
    maker = SightingMaker(STORE, errors, 1)
    rng = np.random.default_rng(0)
    wrong = [maker._scores(CANS[0], 2, rng)[0][0][0] for _ in range(200)]
    assert CANS[0] not in wrong
    assert np.mean([gtin in CANS for gtin in wrong]) > 0.6
