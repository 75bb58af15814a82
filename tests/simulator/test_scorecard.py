"""The scorecard's figures against cases that were worked out by hand."""

import math
from pathlib import Path

import pytest

from cart.events import Candidate, Entered, Event, Exited, Picked, ReviewRequested, StockMoved
from sensors.observations import CodeScanned, GateCrossing, HandPoint, TrackPoint, WeightStep
from sensors.store import load_store
from simulator.bills import pair
from simulator.plain_rule import PlainRule
from simulator.scorecard import Cost, card, sheet
from simulator.scorecard_bootstrap import intervals, paired_intervals, ratios
from simulator.scorecard_causes import classify
from simulator.scorecard_compare import compare
from simulator.scorecard_crowding import crowd_at
from simulator.scorecard_lines import calibration, told_lines
from simulator.scorecard_risk import outcomes, risk_coverage, unaided, upper_bound
from simulator.scorecard_stock import stock_error
from simulator.scorecard_tracks import tracking
from simulator.truth import TrueMove, TrueVisit, Truth

STORE = load_store(Path(__file__).parents[2] / "datasets/stores/corner.yaml")
COLA, ZERO, HONEY = "04000000011484", "04000000011859", "04000000023692"
S = 1_000_000_000


def truth(visits: dict[str, dict[str, int]], *moves: TrueMove, **more: object) -> Truth:
    found = [
        TrueVisit(shopper=name, entered_ns=S, left_ns=60 * S, lines=sorted(lines.items()))
        for name, lines in visits.items()
    ]
    return Truth(scene="case", seed=1, visits=found, moves=list(moves), **{"stock": {}, **more})


def pick(shopper: str, gtin: str, at_s: float, units: int = 1) -> TrueMove:
    return TrueMove(
        at_ns=round(at_s * S), shopper=shopper, kind="pick", gtin=gtin, units=units, facing="g1s2.1"
    )


def entered(shopper: str) -> Event:
    return Entered(
        number=0, at_ns=S, decided_ns=S, visit=f"v-{shopper}", shopper=shopper, tracklet=None
    )


def picked(shopper: str, gtin: str, at_s: float, posterior: float = 0.99, units: int = 1) -> Event:
    return Picked(
        number=0,
        at_ns=round(at_s * S),
        decided_ns=round((at_s + 1) * S),
        visit=f"v-{shopper}",
        line=f"{shopper} {gtin} {at_s}",
        gtin=gtin,
        units=units,
        facing="g1s2.1",
        posterior=posterior,
        evidence=(),
    )


def exited(shopper: str, lines: dict[str, int], review: str | None = None) -> Event:
    return Exited(
        number=0,
        at_ns=60 * S,
        decided_ns=62 * S,
        visit=f"v-{shopper}",
        shopper=shopper,
        lines=tuple(sorted(lines.items())),
        review=review,
    )


def asked(shopper: str, *answers: tuple[dict[str, int], float]) -> Event:
    return ReviewRequested(
        number=0,
        at_ns=60 * S,
        decided_ns=62 * S,
        review=f"r-{shopper}",
        visit=f"v-{shopper}",
        shopper=shopper,
        reason="",
        certain=(),
        candidates=tuple(
            Candidate(lines=tuple(sorted(lines.items())), probability=p) for lines, p in answers
        ),
        evidence=(),
    )


def causes_of(events: list[Event], true: Truth) -> list[tuple[str, str, str | None, str | None]]:
    errors = classify(pair(events, true), told_lines(events, true))
    return [(e.cause, e.shopper, e.billed, e.true) for e in errors]


@pytest.mark.parametrize(
    ("owed", "billed", "causes"),
    [
        ({COLA: 1}, {ZERO: 1}, [("wrong product", "ada", ZERO, COLA)]),
        ({COLA: 2}, {COLA: 1}, [("wrong count", "ada", None, COLA)]),
        ({COLA: 1}, {COLA: 2}, [("wrong count", "ada", COLA, None)]),
        ({COLA: 1}, {}, [("missed", "ada", None, COLA)]),
        ({}, {COLA: 1}, [("phantom", "ada", COLA, None)]),
        (
            {COLA: 2, HONEY: 1},
            {COLA: 2, ZERO: 1, HONEY: 2},
            [("wrong count", "ada", HONEY, None), ("phantom", "ada", ZERO, None)],
        ),
        ({COLA: 1, ZERO: 2}, {ZERO: 2, COLA: 1}, []),
    ],
)
def test_every_wrong_unit_has_its_cause(owed, billed, causes) -> None:
    found = causes_of([entered("ada"), exited("ada", billed)], truth({"ada": owed}))
    assert sorted(found, key=str) == sorted(causes, key=str)


def test_a_unit_on_the_wrong_bill_is_one_error_of_two_visits() -> None:
    said = [
        *(entered(name) for name in ("ada", "ben")),
        picked("ben", COLA, 12),
        exited("ada", {}),
        exited("ben", {COLA: 1}),
    ]
    true = truth({"ada": {COLA: 1}, "ben": {}}, pick("ada", COLA, 12))
    (error,) = classify(pair(said, true), told_lines(said, true))
    assert (error.cause, error.shopper, error.other) == ("wrong shopper", "ben", "ada")
    assert error.at_ns == 12 * S


def test_what_is_held_is_told_apart_from_what_was_missed() -> None:
    said = [entered("ada"), exited("ada", {}, review="r-ada")]
    assert causes_of(said, truth({"ada": {COLA: 2}})) == [("held", "ada", None, COLA)] * 2


def test_a_missed_unit_is_looked_for_where_nothing_was_told() -> None:
    said = [entered("ada"), picked("ada", COLA, 10), exited("ada", {COLA: 1})]
    true = truth({"ada": {COLA: 2}}, pick("ada", COLA, 10), pick("ada", COLA, 30))
    (error,) = classify(pair(said, true), told_lines(said, true))
    assert (error.cause, error.at_ns) == ("wrong count", 30 * S)


def test_a_line_is_right_when_all_its_units_are_true_at_that_time() -> None:
    true = truth({"ada": {COLA: 3}}, pick("ada", COLA, 10, 2), pick("ada", COLA, 40))
    said = [
        entered("ada"),
        picked("ada", COLA, 10, units=2),
        picked("ada", COLA, 20),
        picked("ada", COLA, 40, units=2),
        picked("ada", HONEY, 40),
    ]
    lines = told_lines(said, true)
    assert [(line.right, line.right_units) for line in lines] == [
        (True, 2),
        (False, 0),
        (False, 1),
        (False, 0),
    ]


def test_a_line_does_not_answer_for_what_came_after_it() -> None:
    """Honey, told as cola, then cola: the second line is the right one."""
    true = truth({"ada": {COLA: 1}}, pick("ada", HONEY, 16.8), pick("ada", COLA, 18.2))
    said = [entered("ada"), picked("ada", COLA, 16.8), picked("ada", COLA, 18.2)]
    assert [line.right for line in told_lines(said, true)] == [False, True]


def test_a_member_of_a_group_picks_for_the_payer() -> None:
    true = truth({"dad": {COLA: 1}}, pick("kid", COLA, 10))
    grouped = TrueVisit(
        shopper="dad", entered_ns=S, left_ns=60 * S, lines=[(COLA, 1)], members=["kid"]
    )
    true = Truth(scene="case", seed=1, visits=[grouped], moves=true.moves, stock={})
    (line,) = told_lines([entered("dad"), picked("dad", COLA, 10)], true)
    assert line.right


def test_calibration_of_lines_that_keep_their_word_and_of_lines_that_do_not() -> None:
    honest = calibration([(0.9, n % 10 != 0) for n in range(1000)])
    assert honest["ece"] == pytest.approx(0.0, abs=1e-9)
    assert honest["log_loss"] == pytest.approx(-0.9 * math.log(0.9) - 0.1 * math.log(0.1))
    boastful = calibration([(0.995, n % 10 != 0) for n in range(1000)])
    assert boastful["ece"] == pytest.approx(0.095)
    assert boastful["high"]["lines"] == 1000
    assert calibration([(0.7, True)])["high"]["log_loss"] is None
    assert calibration([(1.0, False)])["log_loss"] == pytest.approx(-math.log(1e-6))


def test_risk_is_told_of_the_surest_visits_first() -> None:
    names = ("ada", "ben", "cleo")
    said = [
        *(entered(name) for name in names),
        picked("ada", COLA, 10, 0.999),
        picked("ben", COLA, 10, 0.95),
        exited("ada", {COLA: 1}),
        exited("ben", {COLA: 1}),
        asked("cleo", ({ZERO: 1}, 0.6), ({COLA: 1}, 0.4)),
        exited("cleo", {}, review="r-cleo"),
    ]
    true = truth({"ada": {COLA: 1}, "ben": {HONEY: 1}, "cleo": {COLA: 1}})
    found = risk_coverage(outcomes(said, pair(said, true)))
    assert [point["wrong_charge_risk"] for point in found["curve"]] == [0.0, 0.5, 2 / 3]
    assert [point["reviewed"] for point in found["curve"]] == [False, False, True]
    assert (found["unreviewed"], found["unreviewed_wrongly_charged"]) == (2, 1)
    assert [e.lines for e in unaided(said) if isinstance(e, Exited)][2] == ((ZERO, 1),)


def test_zero_errors_need_299_visits_to_promise_one_percent() -> None:
    assert upper_bound(0, 298) > 0.01 > upper_bound(0, 299)
    assert upper_bound(0, 0) == upper_bound(3, 3) == 1.0


def test_the_book_is_held_against_the_shelves() -> None:
    shelf = STORE.gondolas[0].shelves[0]
    facing = shelf.facings[0]
    name, units = f"{shelf.id}.{min(facing.plates)}", facing.units
    moved = StockMoved(
        number=0, at_ns=S, decided_ns=S, facing=name, gtin=facing.gtin, units=-1, left=units - 1
    )
    believed = {
        f"{s.id}.{min(f.plates)}": {f.gtin: f.units}
        for g in STORE.gondolas
        for s in g.shelves
        for f in s.facings
    }
    before = {**believed, name: {facing.gtin: units + 2}}
    same = stock_error([moved], STORE, truth({}, stock=before, stock_before=before))
    assert (same.units_off, same.units_before, same.units_moved) == (3, 2, 1)
    after = {**before, name: {facing.gtin: units + 1}}
    followed = stock_error([moved], STORE, truth({}, stock=after, stock_before=before))
    assert (followed.units_off, followed.units_moved, followed.facings_off) == (2, 0, 1)


def walk(tracks: dict[str, list[tuple[int, float]]]) -> list[TrackPoint]:
    """Points at y = 1 of (half seconds, x) per tracklet."""
    return [
        TrackPoint(at_ns=n * S // 2, tracklet=name, x_m=x, y_m=1.0, covariance=(0.01, 0.0, 0.01))
        for name, spots in tracks.items()
        for n, x in spots
    ]


def paths(**people: list[tuple[int, float]]) -> dict[str, list[tuple[int, float, float]]]:
    return {name: [(n * S // 2, x, 1.0) for n, x in spots] for name, spots in people.items()}


def test_swaps_and_breaks_are_counted_apart() -> None:
    steady, moving = [(n, 1.0) for n in range(10)], [(n, 3.0) for n in range(10)]
    true = truth({}, paths=paths(ada=steady, ben=moving))
    fine = tracking(walk({"a": steady, "b": moving}), true, STORE.floor)
    assert (fine.swaps, fine.breaks, fine.shopper_s, fine.unseen_s) == (0, 0, 10.0, 0.0)
    crossed = {"a": steady[:5] + moving[5:], "b": moving[:5] + steady[5:]}
    assert tracking(walk(crossed), true, STORE.floor).swaps == 2
    broken = {"a": steady[:4], "c": steady[6:], "b": moving}
    found = tracking(walk(broken), true, STORE.floor)
    assert (found.swaps, found.breaks, found.unseen_s) == (0, 1, 1.0)


def test_who_comes_back_later_under_another_tracklet_is_no_break() -> None:
    first, second = [(n, 1.0) for n in range(5)], [(n, 1.0) for n in range(15, 20)]
    for others in ({}, {"ben": [(n, 3.0) for n in range(20)]}):
        true = truth({}, paths=paths(ada=[*first, *second], **others))
        found = tracking(walk({"a": first, "c": second, **others}), true, STORE.floor)
        assert (found.breaks, found.swaps) == (0, 0)


def test_a_tracklet_that_passes_close_by_stays_with_its_person() -> None:
    """Two people meet, and for a moment each track is nearer to the other one; no swap by that."""
    there = [(n, 1.0 + 0.2 * n) for n in range(11)]
    back = [(n, 3.0 - 0.2 * n) for n in range(11)]
    true = truth({}, paths=paths(ada=there, ben=back))
    seen = {"a": [(n, x + 0.25) for n, x in there], "b": [(n, x - 0.25) for n, x in back]}
    assert tracking(walk(seen), true, STORE.floor).swaps == 0


def test_a_crowd_is_who_stands_within_a_metre() -> None:
    here = [(n, 1.0) for n in range(20)]
    near, far = [(n, 1.8) for n in range(20)], [(n, 2.2) for n in range(20)]
    true = truth({}, paths=paths(ada=here, ben=near, cleo=far))
    assert crowd_at(true, "ada", 5 * S) == "one within 1 m"
    assert crowd_at(true, "ben", 5 * S) == "two or more within 1 m"
    assert crowd_at(true, "ada", 30 * S) == crowd_at(true, "zoe", 5 * S) == "not known"


def counts(correct: int, billed: int = 10, true: int = 10) -> dict[str, int]:
    return {"items_correct": correct, "items_billed": billed, "items_true": true}


def test_intervals_hold_the_ratio_and_widen_with_what_differs() -> None:
    alike, unlike = [counts(8)] * 10, [counts(10)] * 8 + [counts(0)] * 2
    assert intervals(alike)["f1"] == (0.8, 0.8)
    low, high = intervals(unlike)["f1"]
    assert low < ratios(counts(8))["f1"] < high
    assert high - low > 0.3
    assert intervals([counts(8)])["f1"] is None


def test_a_paired_difference_is_surer_than_its_ends() -> None:
    """Scenes differ much from one another; every one of them gains one unit."""
    before = [counts(n) for n in range(9)]
    after = [counts(n + 1) for n in range(9)]
    low, high = paired_intervals(before, after)["recall"]
    assert low == pytest.approx(0.1) and high == pytest.approx(0.1)
    assert intervals(before)["recall"][0] < intervals(after)["recall"][0] - 0.01


def a_card(billed: dict[str, int], seeds: range = range(1, 6), vision: str = "emulated") -> dict:
    sheets = []
    for seed in seeds:
        true = truth({"ada": {COLA: 2}}, pick("ada", COLA, 10, 2))
        true = Truth(scene="case", seed=seed, visits=true.visits, moves=true.moves, stock={})
        said = [entered("ada"), exited("ada", billed)]
        sheets.append(
            sheet(
                said,
                said,
                [],
                true,
                STORE,
                began_ns=0,
                cost=Cost(
                    playing_cpu_s=1.0, billing_cpu_s=0.5, store_h=0.5, camera_h=2.0, plate_h=10.0
                ),
                vision=vision,
                transport="direct",
                realtime_factor=10.0,
                faults=["plate-dead"] if seed == 1 else [],
            )
        )
    return card(sheets)


def test_a_card_adds_up_its_runs() -> None:
    found = a_card({COLA: 1})
    assert (found["items_true"], found["missed_items"], found["f1"]) == (10, 5, 2 / 3)
    assert found["scenes"]["case"]["causes"]["wrong count"] == 5
    assert found["faults"]["plate-dead"]["runs"] == 1
    assert found["faults"]["none"]["runs"] == 4
    assert found["cost"]["billing_cpu_s_per_plate_hour"] == pytest.approx(0.05)
    assert found["cost"]["playing_cpu_s_per_camera_hour"] == pytest.approx(0.5)
    assert [run["seed"] for run in found["runs"]] == [1, 2, 3, 4, 5]
    assert found["failures"][0]["errors"][0]["true"] == "Cola Classic"
    assert found["failures"][0]["at_s"] == 10.0


def test_comparing_says_what_got_better_and_what_else_differs() -> None:
    worse, better = a_card({COLA: 1}), a_card({COLA: 2}, range(2, 8), "frames")
    found = compare(worse, better)
    f1 = found["overall"]["all"]["f1"]
    assert (f1["difference"], f1["verdict"]) == (pytest.approx(1 / 3), "better")
    assert found["scenes"]["case"]["all"]["missed_per_100"]["verdict"] == "better"
    assert found["overall"]["all"]["wrong_charges_per_100"]["verdict"] == "same"
    assert found["runs_compared"] == 4
    assert found["cautions"] == [
        "vision differs: emulated against frames",
        "seeds differ: 1 runs stand only in the first and were left out",
        "seeds differ: 2 runs stand only in the second and were left out",
    ]
    assert compare(better, worse)["overall"]["all"]["f1"]["verdict"] == "worse"


def test_the_plain_rule_bills_the_nearest_hand_the_likeliest_weight() -> None:
    """Ada stands at the plate and takes two; Ben is nearer to the gate and leaves with nothing."""
    gondola = STORE.gondolas[0]
    shelf = gondola.shelves[0]
    facing = shelf.facings[0]
    product = next(p for p in STORE.products if p.gtin == facing.gtin)
    gate = next(g for g in STORE.gates if g.kind in ("entry", "both"))
    x, y = gate.centre_m
    along = (min(facing.plates) - 0.5) * shelf.plate_width_m
    at_shelf = gondola.to_floor(along, -0.4)
    plate_m = (*gondola.to_floor(along, shelf.depth_m / 2), shelf.z_m + 0.1)
    rule = PlainRule(STORE)

    def stands(name: str, at_s: float, place: tuple[float, float]) -> None:
        rule(
            TrackPoint(
                at_ns=round(at_s * S),
                tracklet=name,
                x_m=place[0],
                y_m=place[1],
                covariance=(0.01, 0.0, 0.01),
            )
        )

    def hand(name: str, at_s: float, place: tuple[float, float, float]) -> None:
        rule(
            HandPoint(
                at_ns=round(at_s * S),
                tracklet=name,
                side="right",
                x_m=place[0],
                y_m=place[1],
                z_m=place[2],
                sigma_m=0.05,
                views=2,
            )
        )

    def weighs(at_s: float, delta_g: float) -> None:
        rule(
            WeightStep(
                at_ns=round(at_s * S),
                began_ns=round((at_s - 0.5) * S),
                shelf=shelf.id,
                plates=(min(facing.plates),),
                delta_g=(delta_g,),
                sigma_g=(1.0,),
            )
        )

    for n, name in enumerate(("ada", "ben")):
        stands(name, n + 0.9, (x, y + 0.3))
        rule(CodeScanned(at_ns=n * S, gate=gate.id, shopper=name))
        rule(GateCrossing(at_ns=(n + 1) * S, gate=gate.id, direction="in"))
    stands("ada", 5, at_shelf)
    stands("again", 8, at_shelf)  # Ada's tracklet has ended; this one is hers
    stands("ben", 8, (x, y + 0.3))
    hand("again", 9, plate_m)
    hand("ben", 9, (x, y + 0.3, 1.0))
    weighs(9.3, -2.1 * product.weight_g)
    weighs(9.8, +0.9 * product.weight_g)
    for at_s, place in ((10, (x, y + 0.3)), (11, (x, y + 0.3))):
        stands("ben", at_s, place)
    rule(GateCrossing(at_ns=11 * S, gate=gate.id, direction="out"))
    stands("again", 12, (x, y + 0.2))
    rule(GateCrossing(at_ns=12 * S, gate=gate.id, direction="out"))
    bills = {e.shopper: e.lines for e in rule.events if isinstance(e, Exited)}
    assert bills == {"ben": (), "ada": ((facing.gtin, 1),)}
    assert [e.units for e in rule.events if isinstance(e, Picked)] == [2]
