"""What was seen in a hand: one voice among others, heard late, and only between what may be."""

import math
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart import events as e
from cart.projection import Carts
from fusion.engine import Engine
from fusion.sight import Sights, Weighing
from sensors.observations import (
    CodeScanned,
    GateCrossing,
    HandPoint,
    ProductSighting,
    Tick,
    TrackPoint,
    WeightStep,
)
from sensors.store import facing_id, load_store

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
NS = 1_000_000_000
PRODUCTS = {p.gtin: p for p in STORE.products}
GONDOLA = STORE.gondolas[0]
SHELF = GONDOLA.shelves[1]
ZERO, CHERRY = (f.gtin for f in SHELF.facings[:2])  # two colas of one weight, side by side


def sighting(gtin, at_s, *, moment="after", tracklet="t1", share=0.9, unknown=0.05, lasts_s=1.0):
    return ProductSighting(
        at_ns=round((at_s + lasts_s) * NS),
        tracklet=tracklet,
        side="right",
        moment=moment,
        scores=((gtin, share),),
        unknown=unknown,
        crops=12,
        began_ns=round(at_s * NS),
        ended_ns=round((at_s + lasts_s) * NS),
    )


class Told:
    """Tells an engine a story and keeps what it answers."""

    def __init__(self):
        self.engine = Engine(STORE)
        self.events = []

    def say(self, observation):
        found = self.engine.step(observation)
        self.events += found
        return found

    def stand(self, at_s, x, y):
        self.say(
            TrackPoint(
                at_ns=round(at_s * NS), tracklet="t1", x_m=x, y_m=y, covariance=(0.01, 0.0, 0.01)
            )
        )

    def enter(self):
        self.stand(9.9, *STORE.gates[0].centre_m)
        self.say(CodeScanned(at_ns=10 * NS - 5, gate="gate-in", shopper="ada"))
        self.say(GateCrossing(at_ns=10 * NS, gate="gate-in", direction="in"))

    def leave(self, at_s):
        self.stand(at_s, *STORE.gates[1].centre_m)
        self.say(GateCrossing(at_ns=round(at_s * NS), gate="gate-out", direction="out"))
        self.say(Tick(at_ns=round((at_s + 5) * NS)))

    def move(self, at_s, index, units, gtin, spread=(0.0, 1.0, 0.0)):
        """Units of a product leave (negative) or reach the index-th facing, on whose plates their
        weight is `spread`."""
        facing = SHELF.facings[index]
        along = (sum(facing.plates) / len(facing.plates) - 0.5) * SHELF.plate_width_m
        self.stand(at_s, *GONDOLA.to_floor(along, -0.5))
        x, y = GONDOLA.to_floor(along, 0.1)
        self.say(
            HandPoint(
                at_ns=round(at_s * NS), tracklet="t1", side="right", x_m=x, y_m=y,
                z_m=SHELF.z_m + 0.1, sigma_m=0.05, views=2,
            )
        )  # fmt: skip
        self.say(
            WeightStep(
                at_ns=round((at_s + 0.7) * NS), began_ns=round(at_s * NS), shelf=SHELF.id,
                plates=tuple(facing.plates), sigma_g=(0.5, 0.5, 0.5),
                delta_g=tuple(PRODUCTS[gtin].weight_g * units * share for share in spread),
            )
        )  # fmt: skip

    def of(self, kind):
        return [one for one in self.events if isinstance(one, kind)]


def swapped(told, *, seen):
    """A Cherry is put among the Zeros."""
    told.enter()
    told.move(15, 1, -1, CHERRY)
    if seen:
        told.say(sighting(CHERRY, 15.6))
        told.say(sighting(CHERRY, 19.0, moment="before", lasts_s=0.8))
    told.move(20, 0, +1, CHERRY)


def told_so_far():
    told = Told()
    swapped(told, seen=True)
    told.move(30, 0, -1, CHERRY, spread=(0.7, 0.3, 0.0))  # it was pushed aside meanwhile
    return told


def test_what_was_put_astray_is_known_again_by_its_weight_and_spot():
    told = Told()
    swapped(told, seen=False)
    told.move(25, 0, -1, ZERO, spread=(0.0, 0.2, 0.8))
    told.move(30, 0, -1, CHERRY)
    assert [p.gtin for p in told.of(e.Picked)] == [CHERRY, ZERO, CHERRY]
    assert told.of(e.Picked)[-1].evidence[0].terms["spot"] > 3.0


def test_a_late_sighting_revises_what_was_told():
    told = told_so_far()
    first = told.of(e.Picked)[-1]
    assert first.gtin == ZERO  # the book says that there are many more of these
    told.say(sighting(CHERRY, 30.6))
    (revised,) = told.of(e.Revised)
    again = told.of(e.Picked)[-1]
    assert (revised.line, revised.gtin) == (first.line, ZERO)
    assert again.gtin == CHERRY
    assert again.line != first.line
    assert again.evidence[0].terms["sight"] > 1.0


def test_carts_and_stock_follow_a_revision():
    told = told_so_far()
    before = Carts({facing_id(SHELF.id, f): (f.gtin, f.units) for f in SHELF.facings})
    for event in told.events:
        before.apply(event)
    told.say(sighting(CHERRY, 30.6))
    after = Carts({facing_id(SHELF.id, f): (f.gtin, f.units) for f in SHELF.facings})
    for event in told.events:
        after.apply(event)
    facing = facing_id(SHELF.id, SHELF.facings[0])
    assert before.visits["v1"].units() == {ZERO: 1}
    assert after.visits["v1"].units() == {CHERRY: 1}
    assert after.stock[facing] == before.stock[facing] + 1
    assert facing not in after.strangers or not after.strangers[facing]


def test_a_sighting_of_the_same_changes_no_line_but_its_certainty():
    told = told_so_far()
    lines = len(told.events)
    told.say(sighting(ZERO, 30.6))
    assert len(told.events) == lines
    told.leave(40)
    (exited,) = told.of(e.Exited)
    assert exited.lines == ((ZERO, 1),)


@pytest.mark.parametrize(
    "late",
    [
        sighting(CHERRY, 33.0),  # of a later reach
        sighting(CHERRY, 29.0),  # of an earlier one
        sighting(CHERRY, 30.6, moment="before"),
        sighting(CHERRY, 30.6, tracklet="t2"),
        sighting("0" * 14, 30.6),  # nothing that this store sells
    ],
)
def test_a_sighting_of_something_else_changes_nothing(late):
    told = told_so_far()
    lines = len(told.events)
    told.say(late)
    assert len(told.events) == lines


def test_what_weighs_something_else_cannot_be_chosen():
    told = Told()
    told.enter()
    told.move(15, 0, -1, ZERO)
    heavy = max(PRODUCTS.values(), key=lambda p: p.weight_g)
    told.say(sighting(heavy.gtin, 15.6, share=1.0, unknown=0.0))
    told.leave(30)
    assert not told.of(e.Revised)
    assert [p.gtin for p in told.of(e.Picked)] == [ZERO]


def test_an_engine_that_is_restored_between_revises_alike():
    told = told_so_far()
    told.engine = pickle.loads(pickle.dumps(told.engine))
    other = told_so_far()
    for story in (told, other):
        story.say(sighting(CHERRY, 30.6))
        story.leave(40)
    assert told.events == other.events
    assert other.of(e.Revised)


shares = st.floats(0, 1)


@given(st.lists(shares, max_size=8), shares, st.floats(0.1, 1), st.floats(0.2, 5))
def test_the_ratio_stays_between_its_floor_and_its_ceiling(drawn, unknown, power, temperature):
    by = Weighing(power=power, astray=0.05, temperature=temperature)
    sights = Sights(PRODUCTS, by)
    total = max(1.0, math.fsum([*drawn, unknown]))
    scores = tuple((g, p / total) for g, p in zip(PRODUCTS, drawn, strict=False))
    seen = ProductSighting(
        at_ns=5, tracklet="t", side="left", moment="after", scores=scores,
        unknown=unknown / total, crops=1, began_ns=0, ended_ns=5,
    )  # fmt: skip
    ratios = {g: sights.log_ratio(g, [seen]) for g in PRODUCTS}
    floor, ceiling = power * math.log(by.astray), power * math.log(len(PRODUCTS))
    assert all(floor - 1e-9 <= r <= ceiling + 1e-9 for r in ratios.values())
    order = sorted(scores, key=lambda one: one[1])
    assert [ratios[g] for g, _ in order] == sorted(ratios[g] for g, _ in order)


def test_an_unknown_hand_says_nothing():
    sights = Sights(PRODUCTS)
    seen = sighting(CHERRY, 1.0, share=0.0, unknown=1.0)
    assert sights.log_ratio(CHERRY, [seen]) == pytest.approx(0.0)
    assert sights.log_ratio(ZERO, [seen]) == pytest.approx(0.0)
