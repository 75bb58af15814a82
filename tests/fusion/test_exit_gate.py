"""Tags that go out by a gate weigh what a cart may hold, and ask where they contradict it."""

import math
from pathlib import Path

import pytest

from cart import events as e
from cart.explanation import explanation
from cart.profile import Profiles
from fusion.engine import Engine
from fusion.exit_gate import (
    CARRIES,
    GHOST,
    READ_SHARE,
    by_answer,
    confirmed,
    log_likelihood,
    of_others,
    strong_reads,
    unexplained,
)
from fusion.states import Holding, State
from sensors.epc import encode_sgtin
from sensors.observations import (
    CodeScanned,
    ExitReads,
    GateCrossing,
    HandPoint,
    Tick,
    TrackPoint,
    WeightStep,
)
from sensors.store import load_store

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
NS = 1_000_000_000
TAGGED = {p.gtin for p in STORE.products if p.tagged}
GONDOLA, SHELF, FACING = next(
    (g, s, f) for g in STORE.gondolas for s in g.shelves for f in s.facings if f.gtin in TAGGED
)
WEIGHT_G = next(p.weight_g for p in STORE.products if p.gtin == FACING.gtin)


def test_only_codes_of_products_that_were_read_again_and_again_count():
    epc = encode_sgtin(FACING.gtin, 7)
    other = encode_sgtin(FACING.gtin, 8)
    assert strong_reads([(epc, 9), (other, 1), ("F" * 24, 30)]) == {FACING.gtin: 1}


def alone(gtin):
    return GHOST


def test_a_tag_too_few_is_doubt_and_one_too_many_a_contradiction():
    one = (Holding(1, "g", 1),)
    assert math.exp(log_likelihood(one, {"g": 1}, ["g"], alone)) == READ_SHARE
    assert math.exp(log_likelihood(one, {}, ["g"], alone)) == pytest.approx(1 - READ_SHARE)
    assert math.exp(log_likelihood((), {"g": 1}, ["g"], alone)) == pytest.approx(GHOST)
    assert math.exp(log_likelihood((), {"g": 1}, ["g"], lambda _: 0.3)) == pytest.approx(0.3)
    assert log_likelihood((), {}, ["g"], alone) == 0.0
    assert unexplained(one, {"g": 2, "h": 1}, ["g", "h"], alone) == ["g", "h"]
    assert unexplained(one, {"g": 1, "h": 1}, ["g"], alone) == []
    assert unexplained(one, {"g": 2, "h": 1}, ["g", "h"], lambda _: 0.3) == []
    assert confirmed(one, {"g": 1}, ["g", "h"]) == (("g", 1),)
    for read, tagged in (({"g": 1}, ["h"]), ({}, ["g"]), ({"g": 2}, ["g"]), ({"h": 1}, ["g"])):
        assert confirmed(one, read, tagged) == ()
    assert confirmed((), {}, ["g"]) == ()


def test_a_tag_may_be_that_of_somebody_who_stands_near_and_carries_such_a_thing():
    assert of_others([])("g") == GHOST
    near, far = of_others([(0.5, lambda _: 1.0)]), of_others([(2.9, lambda _: 1.0)])
    assert near("g") > 10 * far("g") > 10 * GHOST
    empty_handed = of_others([(0.5, lambda _: 0.0)])
    assert empty_handed("g") == pytest.approx(GHOST + 0.8 * CARRIES)
    assert of_others([(9.0, lambda _: 1.0)])("g") == GHOST
    assert of_others([(0.1, lambda _: 1.0)] * 5)("g") < 1


def left_with(*, took, read, company=False):
    """Two shoppers stand before a facing of tagged goods from which, if `took`, somebody takes a
    unit; `ada` leaves, and the gate reads a tag of it, or not."""
    engine, events = Engine(STORE), []

    def say(observation):
        events.extend(engine.step(observation))

    def stand(tracklet, at_s, x, y):
        say(
            TrackPoint(
                at_ns=round(at_s * NS), tracklet=tracklet, x_m=x, y_m=y,
                covariance=(0.01, 0.0, 0.01),
            )
        )  # fmt: skip

    for shopper, tracklet, at_s in (("ada", "t1", 10), ("ben", "t2", 12)):
        stand(tracklet, at_s - 0.1, *STORE.gates[0].centre_m)
        say(CodeScanned(at_ns=round(at_s * NS) - 5, gate="gate-in", shopper=shopper))
        say(GateCrossing(at_ns=round(at_s * NS), gate="gate-in", direction="in"))
    along = (sum(FACING.plates) / len(FACING.plates) - 0.5) * SHELF.plate_width_m
    for tracklet in ("t1", "t2"):
        stand(tracklet, 20, *GONDOLA.to_floor(along, -0.4))
    if took:
        x, y = GONDOLA.to_floor(along, 0.1)
        for tracklet in ("t1", "t2"):  # both reach there: nobody can tell who it was
            say(
                HandPoint(
                    at_ns=20 * NS, tracklet=tracklet, side="right", x_m=x, y_m=y,
                    z_m=SHELF.z_m + 0.1, sigma_m=0.05, views=2,
                )
            )  # fmt: skip
        plates = tuple(FACING.plates)
        delta = [0.0] * len(plates)
        delta[len(plates) // 2] = -WEIGHT_G
        say(
            WeightStep(
                at_ns=round(20.7 * NS), began_ns=20 * NS, shelf=SHELF.id, plates=plates,
                delta_g=tuple(delta), sigma_g=(0.5,) * len(plates),
            )
        )  # fmt: skip
    stand("t1", 30, *STORE.gates[1].centre_m)
    say(GateCrossing(at_ns=30 * NS, gate="gate-out", direction="out"))
    say(
        ExitReads(
            at_ns=round(31.5 * NS), gate="gate-out", crossed_ns=30 * NS, began_ns=28 * NS,
            reads=((encode_sgtin(FACING.gtin, 7), 9),) if read else (),
            tracklets=(("t1", 0.1), ("t9", 1.2)) if company else (("t1", 0.1),),
        )
    )  # fmt: skip
    say(Tick(at_ns=40 * NS))
    exited = next(one for one in events if isinstance(one, e.Exited))
    asked = [one for one in events if isinstance(one, e.ReviewRequested)]
    return exited, asked, events


def test_the_gate_tells_which_of_two_took_it():
    exited, asked, events = left_with(took=True, read=True)
    assert (exited.shopper, exited.lines, asked) == ("ada", ((FACING.gtin, 1),), [])
    exited, asked, events = left_with(took=True, read=False)
    assert (exited.shopper, exited.lines, asked) == ("ada", (), [])
    told = [one for one in events if isinstance(one, e.Picked | e.Revised)]
    assert told[-1].visit != exited.visit or isinstance(told[-1], e.Revised)


def test_what_the_gate_says_of_each_answer_is_its_mean_over_the_states_of_it():
    took, left = (("v1", "g", 1),), ()
    states = [
        State(math.log(p), {}, {}, {7: told}) for p, told in ((0.3, took), (0.1, took), (0.6, left))
    ]
    ratios = dict(zip(map(id, states), (math.log(0.9), math.log(0.5), math.log(0.01)), strict=True))
    said = by_answer(states, 7, lambda state: ratios[id(state)])
    assert math.exp(said[took]) == pytest.approx((0.3 * 0.9 + 0.1 * 0.5) / 0.4)
    assert math.exp(said[left]) == pytest.approx(0.01)
    assert by_answer(states, 8, lambda _: 0.0) == {}


def test_a_line_that_the_gate_settled_says_so():
    _, _, events = left_with(took=True, read=True)
    told = [one for one in events if isinstance(one, e.Picked) and one.visit == "v1"]
    best, second = told[-1].evidence[:2]
    assert best.terms["tags"] > second.terms["tags"]
    assert "the tags read at the exit agree" in explanation(told[-1].evidence, {}, "v1")


@pytest.mark.parametrize("company", [False, True])
def test_a_bill_whose_tags_were_all_read_is_verified_unless_others_stood_by(monkeypatch, company):
    heard, confirmed = [], Profiles.confirmed

    def spy(profiles, *told):
        heard.append(told)
        confirmed(profiles, *told)
        assert profiles.of("ada").trust.mean(told[0]) > before

    before = Profiles().of("ada").trust.mean()
    monkeypatch.setattr(Profiles, "confirmed", spy)
    exited, _, _ = left_with(took=True, read=True, company=company)
    verified = [(30 * NS, exited.visit, "ada", ((FACING.gtin, 1),))]
    assert heard == ([] if company else verified)
    left_with(took=True, read=False)
    assert len(heard) == len([] if company else verified)


def test_a_tag_that_no_cart_explains_is_asked_about_unless_others_stood_by():
    exited, (case,), _ = left_with(took=False, read=True)
    assert exited.lines == ()
    assert "the gate read tags of" in case.reason
    _, asked, _ = left_with(took=False, read=True, company=True)
    assert asked == []
