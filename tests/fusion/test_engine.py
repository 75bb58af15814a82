"""The engine decides: picks, put-backs, doubts, reviews, verdicts; told as by a store."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from cart import events as e
from fusion.engine import Engine
from fusion.states import Mark, Move, State
from sensors.observations import (
    CodeScanned,
    DeviceHealth,
    GateCrossing,
    HandPoint,
    PlanogramChanged,
    ReviewDecided,
    StockCounted,
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


class Told:
    """Tells an engine a story and keeps what it answers."""

    def __init__(self):
        self.engine = Engine(STORE)
        self.events = []

    def say(self, observation):
        found = self.engine.step(observation)
        self.events += found
        return found

    def stand(self, tracklet, at_s, x, y):
        self.say(
            TrackPoint(
                at_ns=round(at_s * NS), tracklet=tracklet, x_m=x, y_m=y,
                covariance=(0.01, 0.0, 0.01),
            )
        )  # fmt: skip

    def enter(self, shopper, tracklet, at_s):
        x, y = STORE.gates[0].centre_m
        self.stand(tracklet, at_s - 0.1, x, y)
        self.say(CodeScanned(at_ns=round(at_s * NS) - 5, gate="gate-in", shopper=shopper))
        self.say(GateCrossing(at_ns=round(at_s * NS), gate="gate-in", direction="in"))

    def leave(self, tracklet, at_s):
        self.stand(tracklet, at_s, *STORE.gates[1].centre_m)
        self.say(GateCrossing(at_ns=round(at_s * NS), gate="gate-out", direction="out"))
        self.say(Tick(at_ns=round((at_s + 5) * NS)))

    def move(self, tracklet, at_s, index, units, *, reach=True, shelf=SHELF, gondola=GONDOLA):
        """`units` leave (negative) or reach the index-th facing of a shelf."""
        facing = shelf.facings[index]
        along = (sum(facing.plates) / len(facing.plates) - 0.5) * shelf.plate_width_m
        self.stand(tracklet, at_s, *gondola.to_floor(along, -0.5))
        if reach:
            x, y = gondola.to_floor(along, 0.1)
            self.say(
                HandPoint(
                    at_ns=round(at_s * NS), tracklet=tracklet, side="right", x_m=x, y_m=y,
                    z_m=shelf.z_m + 0.1, sigma_m=0.05, views=2,
                )
            )  # fmt: skip
        grams = PRODUCTS[facing.gtin].weight_g * units
        return self.say(
            WeightStep(
                at_ns=round((at_s + 0.7) * NS), began_ns=round(at_s * NS), shelf=shelf.id,
                plates=tuple(facing.plates), delta_g=(0.0, grams, 0.0), sigma_g=(0.5, 0.5, 0.5),
            )
        )  # fmt: skip

    def of(self, kind):
        return [one for one in self.events if isinstance(one, kind)]


GTINS = [f.gtin for f in SHELF.facings]


def test_one_shopper_pays_for_what_they_took():
    told = Told()
    told.enter("ada", "t1", 10)
    told.move("t1", 15, 0, -1)
    told.move("t1", 18, 1, -2)
    told.leave("t1", 30)
    (exited,) = told.of(e.Exited)
    assert exited.shopper == "ada"
    assert exited.review is None
    assert sorted(exited.lines) == sorted([(GTINS[0], 1), (GTINS[1], 2)])
    assert all(p.posterior > 0.95 for p in told.of(e.Picked))
    assert [one.number for one in told.events] == list(range(1, len(told.events) + 1))


def test_what_is_put_back_is_not_paid_for():
    told = Told()
    told.enter("ada", "t1", 10)
    told.move("t1", 15, 0, -1)
    told.move("t1", 20, 0, +1)
    told.leave("t1", 30)
    assert told.of(e.PutBack)[0].gtin == GTINS[0]
    assert told.of(e.Exited)[0].lines == ()


def test_the_hand_at_the_shelf_decides_between_two_who_stand_there():
    told = Told()
    told.enter("ada", "t1", 10)
    told.enter("ben", "t2", 12)
    x, y = GONDOLA.to_floor(0.5, -0.5)
    told.stand("t2", 19.9, x, y)
    told.say(
        HandPoint(at_ns=round(19.9 * NS), tracklet="t2", side="left", x_m=x, y_m=y - 0.3, z_m=0.9,
                  sigma_m=0.05, views=2)
    )  # fmt: skip
    told.move("t1", 20, 0, -1)
    picked = told.of(e.Picked)[0]
    assert picked.visit == told.of(e.Entered)[0].visit
    assert picked.posterior > 0.95


def test_no_evidence_of_who_is_no_charge_but_a_review():
    told = Told()
    told.enter("ada", "t1", 10)
    told.enter("ben", "t2", 12)
    for tracklet in ("t1", "t2"):
        told.stand(tracklet, 19.9, *GONDOLA.to_floor(0.15, -0.5))
    told.move("t1", 20, 0, -1, reach=False)
    told.leave("t1", 30)
    told.leave("t2", 36)
    exits = told.of(e.Exited)
    assert [x.review is not None for x in exits] == [True, True]
    assert all(x.lines == () for x in exits)
    case = told.of(e.ReviewRequested)[0]
    assert {c.lines for c in case.candidates} == {(), ((GTINS[0], 1),)}
    assert sum(c.probability for c in case.candidates) == pytest.approx(1, abs=0.05)
    told.say(ReviewDecided(at_ns=60 * NS, review=case.review, lines=((GTINS[0], 1),), actor="me"))
    (closed,) = told.of(e.ReviewClosed)
    assert closed.lines == ((GTINS[0], 1),)
    told.say(ReviewDecided(at_ns=61 * NS, review=case.review, lines=(), actor="me"))
    assert told.of(e.Alerted)[-1].kind == "unknown-review"
    assert len(told.of(e.ReviewClosed)) == 1


def test_a_verdict_for_a_product_that_does_not_exist_leaves_the_case_open():
    told = Told()
    told.enter("ada", "t1", 10)
    told.enter("ben", "t2", 12)
    told.stand("t2", 19.9, *GONDOLA.to_floor(0.15, -0.5))
    told.move("t1", 20, 0, -1, reach=False)
    told.leave("t1", 30)
    review = told.of(e.ReviewRequested)[0].review
    told.say(ReviewDecided(at_ns=40 * NS, review=review, lines=(("0" * 14, 1),), actor="me"))
    assert told.of(e.Alerted)[-1].kind == "unknown-product"
    told.say(ReviewDecided(at_ns=41 * NS, review=review, lines=None, actor="me"))
    assert told.of(e.ReviewClosed)[0].verified is False


def test_whom_no_camera_saw_leave_is_found_by_elimination():
    told = Told()
    told.enter("ada", "t1", 10)
    told.move("t1", 15, 0, -1)
    told.say(GateCrossing(at_ns=60 * NS, gate="gate-out", direction="out"))
    told.say(Tick(at_ns=70 * NS))
    assert told.of(e.Exited)[0].lines == ((GTINS[0], 1),)
    told.say(GateCrossing(at_ns=80 * NS, gate="gate-out", direction="out"))
    assert told.of(e.Alerted)[-1].kind == "unknown-exit"


def test_nobody_enters_without_a_code_and_nobody_pays_for_an_empty_store():
    told = Told()
    told.say(GateCrossing(at_ns=10 * NS, gate="gate-in", direction="in"))
    assert told.of(e.Alerted)[-1].kind == "no-code"
    told.move("t9", 15, 0, -1)
    assert told.of(e.Alerted)[-1].kind == "nobody-there"
    assert told.of(e.Picked) == []


def test_a_lost_tracklet_is_replaced_by_the_one_that_appears_near():
    told = Told()
    told.enter("ada", "t1", 10)
    told.stand("t1", 14, 2.0, 2.0)
    for tenth in range(160, 190):
        told.stand("t7", tenth / 10, 2.1, 2.1)
    told.move("t7", 20, 0, -1)
    told.leave("t7", 30)
    assert told.of(e.Exited)[0].lines == ((GTINS[0], 1),)


def test_counts_and_a_new_planogram_change_the_shelf():
    told = Told()
    facing = facing_id(SHELF.id, SHELF.facings[0])
    told.say(StockCounted(at_ns=NS, facing=facing, units=4, actor="me"))
    assert told.of(e.Restocked)[0].units == 4
    told.say(PlanogramChanged(at_ns=2 * NS, facing=facing, gtin=GTINS[1], units=6, actor="me"))
    assert told.of(e.Restocked)[1].gtin == GTINS[1]
    told.say(StockCounted(at_ns=3 * NS, facing="nowhere", units=4, actor="me"))
    assert told.of(e.Alerted)[-1].kind == "unknown-facing"


def test_an_engine_that_was_pickled_in_mid_visit_goes_on_alike():
    told, other = Told(), Told()
    for one in (told, other):
        one.enter("ada", "t1", 10)
        one.move("t1", 15, 0, -1)
    other.engine = pickle.loads(pickle.dumps(other.engine))
    for one in (told, other):
        one.move("t1", 18, 1, -1)
        one.leave("t1", 30)
    assert [e.to_json(x) for x in told.events] == [e.to_json(x) for x in other.events]


def test_a_visit_whose_end_nobody_saw_is_asked_about_in_the_end():
    told = Told()
    told.enter("ada", "t1", 10)
    told.move("t1", 15, 0, -1)
    told.say(Tick(at_ns=round((11 + STORE.policy.longest_visit_s) * NS)))
    (case,) = told.of(e.ReviewRequested)
    assert "nobody saw them leave" in case.reason
    assert told.of(e.Exited)[0].review == case.review


def test_a_thing_that_nobody_can_name_is_not_charged_once_it_is_back():
    told = Told()
    told.enter("ada", "t1", 10)
    for at_s, grams in ((15, -1037.0), (18, 1037.4)):
        told.move("t1", at_s, 0, 0)
        plates = tuple(SHELF.facings[0].plates)
        told.say(
            WeightStep(
                at_ns=round((at_s + 0.7) * NS), began_ns=round(at_s * NS), shelf=SHELF.id,
                plates=plates, delta_g=(0.0, grams, 0.0), sigma_g=(0.5, 0.5, 0.5),
            )
        )  # fmt: skip
    told.leave("t1", 30)
    (exited,) = told.of(e.Exited)
    assert exited.lines == ()
    assert exited.review is None


def test_one_of_two_alike_comes_back():
    told = Told()
    told.enter("ada", "t1", 10)
    told.move("t1", 15, 0, -1)
    told.move("t1", 17, 0, -1)
    told.move("t1", 20, 0, +1)
    told.leave("t1", 30)
    assert told.of(e.Exited)[0].lines == ((GTINS[0], 1),)
    assert told.of(e.Exited)[0].review is None
    assert [m.left for m in told.of(e.StockMoved)][-1] == SHELF.facings[0].units - 1


def test_a_group_on_one_code_shares_a_cart_until_its_last_member_leaves():
    told = Told()
    at_x, at_y = STORE.gates[0].centre_m
    told.stand("father", 0.9, at_x, at_y)
    code = CodeScanned(at_ns=NS - 5, gate="gate-in", shopper="ada", group_size=2)
    told.say(code)
    told.say(GateCrossing(at_ns=NS, gate="gate-in", direction="in"))
    told.stand("father", 2.9, at_x, at_y + 2.0)
    told.stand("child", 2.9, at_x, at_y)
    told.say(GateCrossing(at_ns=3 * NS, gate="gate-in", direction="in"))
    told.move("father", 5.0, 0, -1)
    told.move("child", 9.0, 1, -1)
    assert told.engine.people.owners() == [("father", "v1", "v1"), ("child", "v1", "v1+1")]
    told.leave("father", 14.0)
    assert not [x for x in told.events if isinstance(x, e.Exited)]
    told.leave("child", 20.0)
    assert [x.shopper for x in told.events if isinstance(x, e.Entered)] == ["ada"]
    (bill,) = [x for x in told.events if isinstance(x, e.Exited)]
    assert sum(units for _, units in bill.lines) == 2
    told.say(GateCrossing(at_ns=30 * NS, gate="gate-in", direction="in"))
    assert told.events[-1].kind == "tailgater"


@pytest.mark.parametrize("after_s", [1, 8])
def test_who_comes_in_on_a_groups_code_after_the_first_has_left_still_pays(after_s):
    told = Told()
    told.stand("t1", 9.9, *STORE.gates[0].centre_m)
    told.say(CodeScanned(at_ns=10 * NS - 5, gate="gate-in", shopper="ada", group_size=2))
    told.say(GateCrossing(at_ns=10 * NS, gate="gate-in", direction="in"))
    told.stand("t1", 12, *STORE.gates[1].centre_m)
    told.say(GateCrossing(at_ns=12 * NS, gate="gate-out", direction="out"))
    told.stand("t2", 11.9 + after_s, *STORE.gates[0].centre_m)
    told.say(GateCrossing(at_ns=(12 + after_s) * NS, gate="gate-in", direction="in"))
    told.move("t2", 25, 0, -1)
    told.leave("t2", 30)
    last = told.of(e.Exited)[-1]
    assert (last.shopper, last.lines) == ("ada", ((GTINS[0], 1),))
    assert "+" not in last.visit
    assert told.engine.people.tracklet_of("v1") is None


def test_a_group_of_which_not_all_came_does_not_pay_for_the_next_shopper():
    told = Told()
    told.stand("t1", 9.9, *STORE.gates[0].centre_m)
    told.say(CodeScanned(at_ns=10 * NS - 5, gate="gate-in", shopper="ada", group_size=3))
    told.say(GateCrossing(at_ns=10 * NS, gate="gate-in", direction="in"))
    told.stand("t1", 14, *GONDOLA.to_floor(0.5, -0.5))
    told.enter("ben", "t2", 15)
    told.move("t2", 20, 0, -1)
    told.leave("t2", 30)
    (exited,) = told.of(e.Exited)
    assert (exited.shopper, exited.lines) == ("ben", ((GTINS[0], 1),))


def test_staff_restock_and_owe_nothing():
    told = Told()
    at_x, at_y = STORE.gates[0].centre_m
    told.stand("t1", 0.9, at_x, at_y)
    told.say(CodeScanned(at_ns=NS - 5, gate="gate-in", shopper="staff-eve", staff=True))
    told.say(GateCrossing(at_ns=NS, gate="gate-in", direction="in"))
    told.move("t1", 5.0, 0, 2)
    told.move("t1", 9.0, 1, -1)
    told.leave("t1", 14.0)
    moved = [x.units for x in told.events if isinstance(x, e.StockMoved)]
    assert moved == [2, -1]
    (bill,) = [x for x in told.events if isinstance(x, e.Exited)]
    assert (bill.lines, bill.review) == ((), None)


def test_who_may_have_been_taken_for_another_is_asked_about():
    told = Told()
    told.enter("ada", "t1", 10)
    told.enter("ben", "t2", 12)
    told.move("t1", 15, 0, -1)
    for tracklet in ("t1", "t2"):
        told.stand(tracklet, 18, 2.0, 2.0)
    for tenth in range(200, 230):  # both were lost there, and one of them appears
        told.stand("t7", tenth / 10, 2.1, 2.1)
    told.leave("t7", 30)
    (case,) = told.of(e.ReviewRequested)
    assert "taken for somebody else" in case.reason


def test_two_who_stand_in_the_gate_as_one_passes_are_asked_about():
    told = Told()
    told.enter("ada", "t1", 10)
    told.enter("ben", "t2", 12)
    told.move("t1", 15, 0, -1)
    x, y = STORE.gates[1].centre_m
    told.stand("t2", 29.9, x, y - 0.2)
    told.leave("t1", 30)
    (case,) = told.of(e.ReviewRequested)
    assert "taken for somebody else" in case.reason


def test_who_has_a_hand_elsewhere_just_then_is_less_likely():
    """Two stand between two facings; one is taken from each within 0.3 s, and only the first hand
    is told apart."""
    told = Told()
    told.enter("ada", "t1", 10)
    told.enter("ben", "t2", 12)
    visits = [one.visit for one in told.of(e.Entered)]
    along = (sum(SHELF.facings[1].plates) / len(SHELF.facings[1].plates) - 0.5) * 0.1
    told.stand("t2", 19.9, *GONDOLA.to_floor(along, -0.5))
    told.move("t1", 20, 0, -1)
    told.stand("t1", 20.1, *GONDOLA.to_floor(along, -0.5))
    told.stand("t2", 20.2, *GONDOLA.to_floor(along, -0.5))
    told.move("t1", 20.3, 1, -1, reach=False)
    first, second = told.of(e.Picked)
    assert first.visit == visits[0]
    assert any("pace" in one.terms for one in second.evidence if one.visit == visits[0])
    assert second.visit == visits[1]


def test_a_long_day_leaves_nothing_behind():
    """Pairs of shoppers come and go, and nobody can tell which of the two took or put back what:
    what the engine remembers does not grow with them."""

    def after(pairs):
        told = Told()
        for n in range(pairs):
            at_s = 100 * n + 10
            told.enter("ada", f"a{n}", at_s)
            told.enter("ben", f"b{n}", at_s + 2)
            for k, (index, units) in enumerate(((0, -1), (1, -1), (0, +1))):
                told.stand(f"b{n}", at_s + 9.9 + 3 * k, *GONDOLA.to_floor(0.15, -0.5))
                told.move(f"a{n}", at_s + 10 + 3 * k, index, units, reach=False)
            told.leave(f"a{n}", at_s + 30)
            told.leave(f"b{n}", at_s + 36)
            for review in [x.review for x in told.of(e.ReviewRequested)]:
                told.say(
                    ReviewDecided(at_ns=round((at_s + 50) * NS), review=review, lines=(), actor="m")
                )
            told.say(Tick(at_ns=round((at_s + 80) * NS)))
        return len(pickle.dumps(told.engine))

    assert after(40) < 1.2 * after(8)


def shake_hands(told, at_s, first, second):
    """Two tracklets stand in the middle of the store and bring their hands together."""
    for n in range(4):
        at_ns = round((at_s + 0.1 * n) * NS)
        for tracklet, x in ((first, 1.0), (second, 1.7)):
            told.stand(tracklet, at_ns / NS, x, 1.0)
        for tracklet, x in ((first, 1.3), (second, 1.4)):
            told.say(
                HandPoint(
                    at_ns=at_ns, tracklet=tracklet, side="right", x_m=x, y_m=1.0, z_m=1.1,
                    sigma_m=0.05, views=2,
                )
            )  # fmt: skip
    for n in range(5):
        told.say(Tick(at_ns=round((at_s + 0.5 + 0.4 * n) * NS)))


def test_what_may_have_been_handed_over_is_asked_of_both():
    told = Told()
    told.enter("ada", "t1", 10)
    told.enter("ben", "t2", 12)
    told.move("t1", 15, 0, -1)
    shake_hands(told, 20, "t1", "t2")
    told.leave("t1", 30)
    told.leave("t2", 40)
    asked = told.of(e.ReviewRequested)
    assert [one.shopper for one in asked] == ["ada", "ben"]
    assert all("handed over" in one.reason for one in asked)
    assert [one.lines for one in told.of(e.Exited)] == [(), ()]
    assert {one.lines for one in asked[1].candidates} == {(), ((GTINS[0], 1),)}


def test_hands_that_meet_with_empty_carts_are_nothing():
    told = Told()
    told.enter("ada", "t1", 10)
    told.enter("ben", "t2", 12)
    shake_hands(told, 20, "t1", "t2")
    told.leave("t1", 30)
    told.leave("t2", 40)
    assert told.of(e.ReviewRequested) == []


def test_a_reach_into_a_shelf_that_does_not_weigh_is_asked_about():
    told = Told()
    told.enter("ada", "t1", 10)
    told.say(DeviceHealth(at_ns=11 * NS, device=SHELF.id, up=False, reason="silent"))
    x, y = GONDOLA.to_floor(0.5, 0.1)
    for n in range(5):
        told.stand("t1", 15 + n / 10, *GONDOLA.to_floor(0.5, -0.4))
        told.say(
            HandPoint(
                at_ns=round((15 + n / 10) * NS), tracklet="t1", side="right", x_m=x, y_m=y,
                z_m=SHELF.z_m + 0.1, sigma_m=0.05, views=2,
            )
        )  # fmt: skip
    told.leave("t1", 30)
    (asked,) = told.of(e.ReviewRequested)
    assert f"reached into {SHELF.id}, which did not weigh" in asked.reason


def weigh(told, began_s, settled_s, index, grams):
    """The middle plate of a facing changes by so much."""
    facing = SHELF.facings[index]
    return told.say(
        WeightStep(
            at_ns=round(settled_s * NS), began_ns=round(began_s * NS), shelf=SHELF.id,
            plates=tuple(facing.plates), delta_g=(0.0, grams, 0.0), sigma_g=(0.5, 0.5, 0.5),
        )
    )  # fmt: skip


def test_a_slow_pick_that_comes_in_two_pieces_is_one():
    told = Told()
    told.enter("ada", "t1", 10)
    x, y = GONDOLA.to_floor(0.5, -0.5)
    told.stand("t1", 15, x, y)
    grams = PRODUCTS[GTINS[0]].weight_g
    weigh(told, 15, 17.9, 0, -0.3 * grams)
    weigh(told, 15, 18.0, 0, -0.7 * grams)
    told.leave("t1", 30)
    (exited,) = told.of(e.Exited)
    assert (exited.lines, exited.review) == (((GTINS[0], 1),), None)
    (line,) = [p for p in told.of(e.Picked) if p.gtin == GTINS[0]]
    assert "cut" in line.evidence[0].terms


def test_two_picks_one_after_the_other_are_two():
    told = Told()
    told.enter("ada", "t1", 10)
    told.move("t1", 15, 0, -1)
    told.move("t1", 16, 0, -1)
    told.leave("t1", 30)
    (exited,) = told.of(e.Exited)
    assert (exited.lines, exited.review) == (((GTINS[0], 2),), None)
    assert not any("cut" in one.terms for p in told.of(e.Picked) for one in p.evidence[:1])


def test_what_plates_feel_of_a_sweep_beside_them_is_no_pick():
    told = Told()
    told.enter("ada", "t1", 10)
    told.stand("t1", 15, *GONDOLA.to_floor(0.5, -0.5))
    grams = PRODUCTS[GTINS[1]].weight_g
    weigh(told, 15, 15.6, 0, -0.006 * 4 * grams)
    weigh(told, 15.1, 16.0, 1, -4 * grams)
    told.leave("t1", 30)
    (exited,) = told.of(e.Exited)
    assert [gtin for gtin, _ in exited.lines] == [GTINS[1]]


def test_a_state_before_a_decision_is_that_from_which_it_grew():
    mark = Mark("f", 100.0, 1.0, 2.0)
    state = State(-0.5, {"v": ()}, {}, {})
    after = replace(state.after(7, "f", "home", [Move("v", "g", 2)], mark), log_weight=-2.5)
    parent = after.undone(7, "f", -2.0)
    assert (parent.log_weight, parent.carts, parent.story) == (-0.5, {"v": ()}, {7: ()})
    given_back = after.after(8, "f", "home", [Move("v", "g", -1, after.carts["v"][0])], mark)
    assert given_back.undone(7, "f", -2.0) is None
