"""Scores against cases that were worked out by hand."""

from pathlib import Path

import pytest

from cart.events import Entered, Event, Exited, Picked, ReviewClosed, ReviewRequested
from sensors.store import load_store
from simulator.score import pool, score
from simulator.truth import TrueMove, TrueVisit, Truth

STORE = load_store(Path(__file__).parents[2] / "datasets/stores/corner.yaml")
COLA, ZERO, HONEY = "04000000011484", "04000000011859", "04000000023692"  # 99, 99 and 489 cents
S = 1_000_000_000


def visit(shopper: str, *lines: tuple[str, int], left_s: int = 30) -> TrueVisit:
    return TrueVisit(shopper=shopper, entered_ns=S, left_ns=left_s * S, lines=list(lines))


def truth(*visits: TrueVisit, moves: tuple[TrueMove, ...] = ()) -> Truth:
    return Truth(scene="case", seed=1, visits=list(visits), moves=list(moves), stock={})


def events(*bills: tuple[str, tuple[tuple[str, int], ...], str | None]) -> list[Event]:
    found: list[Event] = []
    for shopper, lines, review in bills:
        name = f"v-{shopper}"
        found.append(
            Entered(number=0, at_ns=S, decided_ns=S, visit=name, shopper=shopper, tracklet=None)
        )
        found.append(
            Exited(
                number=0,
                at_ns=30 * S,
                decided_ns=32 * S,
                visit=name,
                shopper=shopper,
                lines=lines,
                review=review,
            )
        )
    return found


def scored(said: list[Event], true: Truth, error: float = 0.0) -> dict:
    return score(
        said,
        true,
        STORE,
        vision="emulated",
        transport="direct",
        realtime_factor=10.0,
        labeler_error=error,
    )


def test_an_unknown_pace_stays_unknown() -> None:
    known = scored(events(("ada", ((COLA, 2),), None)), truth(visit("ada", (COLA, 2))))
    assert pool([known, known])["realtime_factor"] == pytest.approx(10.0)
    assert pool([known, {**known, "realtime_factor": None}])["realtime_factor"] is None


def test_a_right_bill_is_exact() -> None:
    result = scored(events(("ada", ((COLA, 2),), None)), truth(visit("ada", (COLA, 2))))
    assert (result["items_true"], result["items_billed"], result["items_correct"]) == (2, 2, 2)
    assert result["receipts_exact"] == result["visits"] == 1
    assert result["precision"] == result["recall"] == result["f1"] == 1.0
    assert result["receipts"] == [
        {
            "shopper": "ada",
            "lines": [{"gtin": COLA, "quantity": 2, "total_cents": 198}],
            "total_cents": 198,
        }
    ]
    assert result["receipt_latency_s"] == {"p50": 2.0, "p95": 2.0, "p99": 2.0}


def test_units_count_as_multisets_by_visit() -> None:
    """Ada took 3 cola, 1 honey: billed 2 cola, 1 zero. Ben took honey: billed nothing."""
    true = truth(visit("ada", (COLA, 3), (HONEY, 1)), visit("ben", (HONEY, 1)))
    result = scored(events(("ada", ((COLA, 2), (ZERO, 1)), None), ("ben", (), None)), true)
    assert (result["items_true"], result["items_billed"], result["items_correct"]) == (5, 3, 2)
    assert (result["wrong_charges"], result["missed_items"]) == (1, 3)
    assert (result["overcharged_cents"], result["undercharged_cents"]) == (99, 99 + 489 + 489)
    assert result["precision"] == pytest.approx(2 / 3)
    assert result["recall"] == pytest.approx(2 / 5)
    assert result["f1"] == pytest.approx(4 / 8)
    assert result["receipts_exact"] == 0


def test_the_right_product_on_the_wrong_bill_is_wrong_twice() -> None:
    true = truth(visit("ada", (COLA, 1)), visit("ben"))
    result = scored(events(("ada", (), None), ("ben", ((COLA, 1),), None)), true)
    assert (result["items_correct"], result["wrong_charges"], result["missed_items"]) == (0, 1, 1)


def test_a_held_visit_bills_nothing_until_its_verdict() -> None:
    true = truth(visit("ada", (COLA, 2)), visit("ben", (HONEY, 1)))
    result = scored(events(("ada", ((COLA, 1),), "r1"), ("ben", ((HONEY, 1),), None)), true)
    assert (result["items_billed"], result["items_correct"], result["missed_items"]) == (1, 1, 2)
    assert result["reviewed_visits"] == 1
    assert [receipt["shopper"] for receipt in result["receipts"]] == ["ben"]
    unreviewed, after = result["unreviewed"], result["after_review"]
    assert (unreviewed["visits"], unreviewed["items_true"], unreviewed["recall"]) == (1, 1, 1.0)
    assert (after["items_billed"], after["items_correct"], after["receipts_exact"]) == (3, 3, 2)


def test_a_held_visit_is_not_exact_even_when_nothing_was_taken() -> None:
    result = scored(events(("ada", (), "r1")), truth(visit("ada")))
    assert result["receipts_exact"] == 0
    assert result["after_review"]["receipts_exact"] == 1


def test_a_verdict_in_the_events_counts_after_review_only() -> None:
    closed = ReviewClosed(
        number=0,
        at_ns=60 * S,
        decided_ns=61 * S,
        review="r1",
        visit="v-ada",
        shopper="ada",
        lines=((ZERO, 1),),
        actor="labeler",
        verified=True,
    )
    said = [*events(("ada", (), "r1")), closed]
    result = scored(said, truth(visit("ada", (COLA, 1))))
    assert result["items_billed"] == 0
    assert result["after_review"]["wrong_charges"] == 1


def test_an_erring_labeler_errs_at_the_stated_share() -> None:
    visits = [visit(f"s{i}", (COLA, 4)) for i in range(500)]
    said = events(*((f"s{i}", (), f"r{i}") for i in range(500)))
    after = scored(said, truth(*visits), error=0.03)["after_review"]
    assert 0.02 < after["missed_items"] / 2000 < 0.04
    assert 0.007 < after["wrong_charges"] / 2000 < 0.023


def test_visits_without_an_answer_and_answers_without_a_visit() -> None:
    result = scored(events(("zoe", ((COLA, 1),), None)), truth(visit("ada", (HONEY, 1))))
    assert (result["visits"], result["receipts_exact"]) == (1, 0)
    assert (result["wrong_charges"], result["missed_items"]) == (1, 1)
    assert (result["overcharged_cents"], result["undercharged_cents"]) == (99, 489)


def test_second_visits_of_a_shopper_answer_to_second_visits() -> None:
    true = truth(visit("ada", (COLA, 1)), visit("ada", (HONEY, 1), left_s=90))
    first, second = events(("ada", ((COLA, 1),), None)), events(("ada", ((HONEY, 1),), None))
    renamed: list[Event] = [
        Entered(number=0, at_ns=S, decided_ns=S, visit="v2", shopper="ada", tracklet=None),
        Exited(
            number=0,
            at_ns=90 * S,
            decided_ns=92 * S,
            visit="v2",
            shopper="ada",
            lines=second[1].lines,  # type: ignore[attr-defined]
        ),
    ]
    assert scored([*first, *renamed], true)["receipts_exact"] == 2


def test_a_visit_that_was_never_opened_takes_none_of_the_next_one() -> None:
    second = TrueVisit(shopper="ada", entered_ns=50 * S, left_ns=90 * S, lines=[(HONEY, 1)])
    said: list[Event] = [
        Entered(
            number=0, at_ns=50 * S, decided_ns=50 * S, visit="v1", shopper="ada", tracklet=None
        ),
        Exited(
            number=0,
            at_ns=90 * S,
            decided_ns=92 * S,
            visit="v1",
            shopper="ada",
            lines=((HONEY, 1),),
        ),
    ]
    result = scored(said, truth(visit("ada", (COLA, 1)), second))
    assert (result["receipts_exact"], result["missed_items"], result["wrong_charges"]) == (1, 1, 0)


def test_latencies_run_from_the_true_pick() -> None:
    moves = tuple(
        TrueMove(at_ns=t * S, shopper="ada", kind="pick", gtin=COLA, units=1, facing="g4s3.4")
        for t in (10, 20)
    )
    picks = [
        Picked(
            number=0,
            at_ns=t * S,
            decided_ns=int((t + late) * S),
            visit="v-ada",
            line=f"l{t}",
            gtin=COLA,
            units=1,
            facing="g4s3.4",
            posterior=1.0,
            evidence=(),
        )
        for t, late in ((10, 1.0), (20, 3.0))
    ]
    said = [*events(("ada", ((COLA, 2),), None)), *picks]
    result = scored(said, truth(visit("ada", (COLA, 2)), moves=moves))
    assert result["provisional_latency_s"]["p50"] == 2.0
    assert result["final_latency_s"]["p50"] == 17.0  # 22 s and 12 s
    missed_one = [*events(("ada", ((COLA, 1),), None)), picks[1]]
    result = scored(missed_one, truth(visit("ada", (COLA, 2)), moves=moves))
    assert result["provisional_latency_s"]["p50"] == 3.0, "of the pick that was told"
    assert scored([], truth())["final_latency_s"]["p50"] is None


def test_pooling_adds_counts_and_works_ratios_out_anew() -> None:
    one = scored(events(("ada", ((COLA, 1),), None)), truth(visit("ada", (COLA, 1))))
    two = scored(events(("ada", ((ZERO, 3),), None)), truth(visit("ada", (COLA, 1))))
    both = pool([one, two])
    assert (both["items_true"], both["items_billed"], both["items_correct"]) == (2, 4, 1)
    assert both["precision"] == 0.25
    assert both["scenes"]["case"]["runs"] == 2
    assert both["receipt_latency_s"]["p95"] == 2.0
    assert len(both["receipts"]) == 2
    assert set(both) == set(one)
    with pytest.raises(ValueError, match="no scores"):
        pool([])


def test_reviews_need_not_be_exported_to_be_scored() -> None:
    asked = ReviewRequested(
        number=0,
        at_ns=S,
        decided_ns=S,
        review="r1",
        visit="v-ada",
        shopper="ada",
        reason="",
        certain=(),
        candidates=(),
        evidence=(),
    )
    result = scored([*events(("ada", (), "r1")), asked], truth(visit("ada", (COLA, 1))))
    assert result["after_review"]["items_correct"] == 1
