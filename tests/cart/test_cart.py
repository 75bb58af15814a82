"""Carts, receipts and profiles: rebuilt from events, exact in money."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart import events as e
from cart.profile import Profiles
from cart.projection import Carts
from cart.queue import open_cases
from cart.receipt import Price, included_tax, write_receipt

GTIN, OTHER = "00000000000017", "00000000000024"


def event(kind, number, /, **fields):
    return kind(number=number, at_ns=number, decided_ns=number, **fields)


def move(kind, number, visit="v1", gtin=GTIN, units=1, facing="s.1"):
    return event(
        kind, number, visit=visit, line=f"l{number}", gtin=gtin, units=units, facing=facing,
        posterior=0.9, evidence=(),
    )  # fmt: skip


def history():
    return [
        event(e.Entered, 1, visit="v1", shopper="ada", tracklet=None),
        event(e.Entered, 2, visit="v2", shopper="ben", tracklet=None),
        move(e.Picked, 3, units=3),
        event(e.StockMoved, 3, facing="s.1", gtin=GTIN, units=-3, left=7),
        move(e.PutBack, 4),
        event(e.StockMoved, 4, facing="s.1", gtin=GTIN, units=1, left=8),
        event(e.StockMoved, 4, facing="s.4", gtin=GTIN, units=1, left=1),
        move(e.Picked, 5, gtin=OTHER, facing="s.4"),
        event(e.Revised, 6, visit="v1", line="l5", gtin=OTHER, units=1, reason="seen elsewhere"),
        event(
            e.HandedOver, 7, visit="v1", to_visit="v2", line="l7", gtin=GTIN, units=1,
            posterior=0.9, evidence=(),
        ),
        event(e.Restocked, 8, facing="s.4", gtin=OTHER, units=9, actor="me"),
        event(e.Exited, 9, visit="v1", shopper="ada", lines=((GTIN, 1),)),
    ]  # fmt: skip


def test_carts_and_stock_follow_from_the_events():
    carts = Carts({"s.1": (GTIN, 10), "s.4": (OTHER, 5)})
    for one in history():
        carts.apply(one)
    assert carts.visits["v1"].units() == {GTIN: 1}
    assert carts.visits["v2"].units() == {GTIN: 1}
    assert carts.visits["v1"].state == "billed"
    assert carts.visits["v1"].bill == ((GTIN, 1),)
    assert carts.stock == {"s.1": 8, "s.4": 9}
    assert carts.strangers == {"s.4": {GTIN: 1}}


def test_a_review_holds_the_bill_until_the_verdict():
    carts = Carts({})
    carts.apply(event(e.Entered, 1, visit="v1", shopper="ada", tracklet=None))
    carts.apply(
        event(
            e.ReviewRequested, 2, review="r1", visit="v1", shopper="ada", reason="unsure",
            certain=(), candidates=(), evidence=(),
        )
    )  # fmt: skip
    carts.apply(event(e.Exited, 3, visit="v1", shopper="ada", lines=(), review="r1"))
    assert carts.visits["v1"].state == "held"
    assert list(carts.reviews) == ["r1"]
    carts.apply(
        event(
            e.ReviewClosed, 4, review="r1", visit="v1", shopper="ada", lines=((GTIN, 2),),
            actor="me", verified=True,
        )
    )  # fmt: skip
    assert carts.visits["v1"].state == "billed"
    assert carts.visits["v1"].bill == ((GTIN, 2),)
    assert carts.reviews == {}


def asked(number, review, worth, kind="held"):
    return event(
        e.ReviewRequested, number, review=review, visit="v1", shopper="ada", reason="",
        certain=((GTIN, 2),), candidates=(), evidence=(), kind=kind, worth_cents_per_min=worth,
    )  # fmt: skip


def checked(number, review, lines, credited):
    return event(
        e.BillChecked, number, review=review, visit="v1", shopper="ada", kind="audit",
        lines=lines, credited=credited, actor="me", verified=True,
    )  # fmt: skip


def test_a_check_lowers_a_bill_that_is_out():
    carts = Carts({})
    carts.apply(event(e.Entered, 1, visit="v1", shopper="ada", tracklet=None))
    carts.apply(asked(2, "r1", 1.0, "audit"))
    carts.apply(event(e.Exited, 3, visit="v1", shopper="ada", lines=((GTIN, 2),), risk=0.01))
    assert carts.visits["v1"].state == "billed"
    assert list(carts.reviews) == ["r1"]
    carts.apply(checked(4, "r1", ((GTIN, 1),), ((GTIN, 1),)))
    assert carts.reviews == {}
    assert carts.visits["v1"].bill == ((GTIN, 1),)
    assert carts.visits["v1"].state == "billed"


def test_open_cases_are_ranked_by_what_a_minute_saves_the_oldest_of_equals_first():
    worth = (("r1", 5.0), ("r2", 60.0), ("r3", 60.0), ("r4", 9.0))
    told = [asked(number, *one) for number, one in enumerate(worth, 1)]
    assert [c.review for c in open_cases(told)] == ["r2", "r3", "r4", "r1"]
    told.append(checked(5, "r2", (), ()))
    told.append(
        event(
            e.ReviewClosed, 6, review="r4", visit="v1", shopper="ada", lines=(), actor="me",
            verified=True,
        )
    )  # fmt: skip
    assert [c.review for c in open_cases(told)] == ["r3", "r1"]


def test_what_was_written_before_risks_were_told_is_read():
    line = (
        b'{"kind":"Exited","event":{"number":1,"at_ns":1,"decided_ns":1,"visit":"v1",'
        b'"shopper":"ada","lines":[],"review":null}}'
    )
    assert e.from_json(line) == event(e.Exited, 1, visit="v1", shopper="ada", lines=())


@pytest.mark.parametrize("one", [*history(), checked(9, "r", (), ((GTIN, 1),)), asked(8, "r", 1.0)])
def test_events_survive_their_log(one):
    assert e.from_json(e.to_json(one)) == one


@pytest.mark.parametrize(
    "line", [b"{}", b'{"kind":"Nothing","event":{}}', b'{"kind":"Picked","event":{"a":1}}']
)
def test_a_line_that_is_no_event_is_refused(line):
    with pytest.raises(ValueError, match="not an event"):
        e.from_json(line)


def test_profiles_learn_from_bills_and_trust_only_from_verdicts():
    profiles = Profiles()
    before = profiles.of("ada").trust.mean()
    profiles.apply(event(e.Exited, 1, visit="v1", shopper="ada", lines=((GTIN, 2),)))
    profiles.apply(event(e.Exited, 2, visit="v2", shopper="ada", lines=((OTHER, 9),), review="r"))
    assert profiles.of("ada").bought == {GTIN: 2}
    assert profiles.of("ada").trust.mean() == before
    profiles.apply(
        event(
            e.ReviewClosed, 3, review="r", visit="v2", shopper="ada", lines=((OTHER, 1),),
            actor="me", verified=True,
        )
    )  # fmt: skip
    assert profiles.of("ada").bought == {GTIN: 2, OTHER: 1}
    assert profiles.of("ada").trust.mean() > before
    assert profiles.share("ada", GTIN, 40) > profiles.share("ben", GTIN, 40)


@given(gross=st.integers(0, 10**9), rate=st.sampled_from([0.0, 5.5, 7.0, 19.0, 20.0, 25.5]))
def test_included_tax_is_rounded_half_up(gross, rate):
    exact = Fraction(gross) * Fraction(str(rate)) / (100 + Fraction(str(rate)))
    assert included_tax(gross, rate) == int(exact + Fraction(1, 2))


@given(st.lists(st.tuples(st.sampled_from([GTIN, OTHER]), st.integers(1, 50)), max_size=6))
def test_a_receipt_adds_up(lines):
    prices = {
        GTIN: Price(gtin=GTIN, name="A", price_cents=129, tax_percent=19.0),
        OTHER: Price(gtin=OTHER, name="B", price_cents=89, tax_percent=7.0),
    }
    receipt = write_receipt("v1", "ada", 1, "EUR", lines, prices)
    assert receipt.total_cents == sum(line.total_cents for line in receipt.lines)
    assert receipt.total_cents == sum(prices[g].price_cents * n for g, n in lines)
    assert all(0 <= tax <= receipt.total_cents for _, tax in receipt.tax_cents)


def test_a_line_without_units_is_refused():
    with pytest.raises(ValueError, match="at least one unit"):
        write_receipt("v", "a", 1, "EUR", [(GTIN, 0)], {})
