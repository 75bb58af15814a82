"""Events in words."""

from __future__ import annotations

from typing import Any

import pytest

from cart import events
from service.web.sentences import display_name, percent, sentence

MOMENT: dict[str, Any] = {"number": 1, "at_ns": 1, "decided_ns": 1}
PICK: dict[str, Any] = {
    "visit": "ada",
    "line": "l",
    "gtin": "cola",
    "facing": "g1s1.1",
    "evidence": (),
}
VERDICT: dict[str, Any] = {
    **MOMENT,
    "review": "r",
    "visit": "ada",
    "shopper": "ada",
    "lines": (("cola", 1),),
    "actor": "kim",
}

CHECK: dict[str, Any] = {**VERDICT, "kind": "audit"}


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (events.Entered(**MOMENT, visit="ada", shopper="ada", tracklet=None), "Ada came in"),
        (
            events.Picked(**MOMENT, **PICK, units=2, posterior=0.9999),
            "Ada took 2 × Cola from g1s1.1 · 99 %",
        ),
        (
            events.PutBack(**MOMENT, **PICK, units=1, posterior=0.5),
            "Ada put back Cola on g1s1.1 · 50 %",
        ),
        (
            events.HandedOver(
                **MOMENT,
                visit="ada",
                to_visit="ben",
                line="l",
                gtin="cola",
                units=1,
                posterior=0.8,
                evidence=(),
            ),
            "Ada handed Cola to Ben · 80 %",
        ),
        (
            events.Revised(**MOMENT, visit="ada", line="l", gtin="cola", units=1, reason="swap"),
            "Revised: Ada without Cola (swap)",
        ),
        (
            events.Misplaced(**MOMENT, facing="g1s1.1", gtin="cola", units=3, posterior=0.8),
            "3 × Cola misplaced on g1s1.1",
        ),
        (
            events.Restocked(**MOMENT, facing="g1s1.1", gtin="cola", units=9, actor="kim"),
            "g1s1.1 now holds 9 × Cola (kim)",
        ),
        (
            events.Exited(**MOMENT, visit="ada", shopper="ada", lines=(("cola", 2), ("tea", 1))),
            "Ada left with 3 units",
        ),
        (
            events.Exited(**MOMENT, visit="ada", shopper="ada", lines=(), review="r"),
            "Ada left, the bill waits for a review",
        ),
        (events.ReviewClosed(**VERDICT, verified=True), "kim decided for Ada: 1 unit"),
        (
            events.ReviewClosed(**VERDICT | {"actor": "nobody"}, verified=False),
            "Nobody answered in time for Ada: 1 unit",
        ),
        (events.ReviewClosed(**VERDICT, verified=False), "kim could not tell for Ada: 1 unit"),
        (
            events.ReviewRequested(
                **MOMENT,
                review="r",
                visit="ada",
                shopper="ada",
                reason="drawn",
                certain=(),
                candidates=(),
                evidence=(),
                kind="audit",
            ),
            "The bill of Ada is to be checked (audit)",
        ),
        (
            events.BillChecked(**CHECK, credited=(("cola", 2),), verified=True),
            "kim lowered the bill of Ada: 2 units less",
        ),
        (
            events.BillChecked(**CHECK, credited=(), verified=True),
            "The bill of Ada is right (kim)",
        ),
        (
            events.BillChecked(**CHECK, credited=(), verified=False),
            "The bill of Ada could not be checked (kim)",
        ),
        (events.Alerted(**MOMENT, kind="count", subject="x", text="Look at x"), "Look at x"),
    ],
)
def test_sentences(event: events.Event, words: str) -> None:
    assert sentence(event, str.title, str.title) == words


@pytest.mark.parametrize(
    ("probability", "text"), [(1.0, "99 %"), (0.999, "99 %"), (0.29, "29 %"), (0.0, "0 %")]
)
def test_percentages_are_rounded_down(probability: float, text: str) -> None:
    assert percent(probability) == text


@pytest.mark.parametrize(
    ("shopper", "name"), [("ada", "Ada"), ("shopper-3", "Shopper 3"), ("-", "Unknown shopper")]
)
def test_display_names(shopper: str, name: str) -> None:
    assert display_name(shopper) == name
