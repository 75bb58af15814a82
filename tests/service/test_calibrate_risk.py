"""`calibrate risk`: thresholds from scorecards and ledgers, checked on visits held out."""

import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import msgspec
import pytest

from cart import events as e
from fusion.risk import GRID
from sensors.store import load_store
from service.cli import main
from service.journal import Journal
from service.risk_plot import draw_risk
from service.risk_report import percent, risk_report
from service.verified_visits import halves, of_card, of_ledger
from simulator.scorecard import SCHEMA

STORE = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
GTIN = load_store(STORE).products[0].gtin


@pytest.fixture
def openaisle(monkeypatch, capsys):
    """Runs a command line; its exit status, output and error output."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["openaisle", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "300")
        monkeypatch.setattr("structlog.configure", lambda **_: None)
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return run


def outcome(seed: int, risk: float | None, *, wrong: int = 0, held: bool = False, units: int = 2):
    return {
        "scene": "s",
        "seed": seed,
        "reviewed": held,
        "probability": 0.9,
        "risk": risk,
        "billed_units": units,
        "wrong_units": wrong,
        "missed_units": 0,
    }


def a_card(visits: int = 700) -> dict:
    """Sure visits without an error, and risky ones of which every third is wrong."""
    rows = [outcome(n, 0.001) for n in range(visits)]
    rows += [outcome(n, 0.3, wrong=n % 3 == 0) for n in range(60)]
    rows += [outcome(n, 0.0, units=0) for n in range(50)]
    rows += [outcome(n, 0.6, held=True) for n in range(40)]
    return {"schema": SCHEMA, "outcomes": rows}


def test_a_card_gives_thresholds_and_what_became_of_them():
    chosen_on, checked_on = halves(of_card(a_card(), "card.json"))
    assert (len(chosen_on.accepted), chosen_on.held) == (380, 20)
    report = risk_report(chosen_on, checked_on, (0.05, 0.01, 0.001), 0.95)
    at_five, at_one, at_little = report["promises"]
    assert (at_five["threshold"], at_five["wrong"], at_five["visits"]) == (1.0, 10, 380)
    assert (at_one["threshold"], at_one["wrong"], at_one["visits"]) == (0.2, 0, 350)
    assert at_one["held_out"]["interval"] == (0.0, pytest.approx(0.0105, abs=1e-3))
    assert "at most 1 % of the visits" in at_one["guarantee"]
    assert at_little["threshold"] is None
    assert at_little["visits_needed"] == 2995
    assert "not certifiable" in at_little["guarantee"]
    assert [row["threshold"] for row in report["thresholds"]] == list(GRID)
    (sure, risky) = report["curve"]
    assert (sure["risk"], sure["coverage"], sure["wrong_share"]) == (0.001, 350 / 400, 0.0)
    assert (risky["visits"], risky["wrong"]) == (380, 10)


def test_the_drawing_is_one_with_few_visits_and_with_none():
    parts = of_card(a_card(), "card.json")
    for some in (parts, parts[:1], []):
        found = draw_risk(risk_report(*halves(some), (0.05, 0.01), 0.95))
        assert ET.fromstring(found).tag.endswith("svg")
        assert "nan" not in found


def test_shares_are_told_with_the_digits_that_they_need():
    assert [percent(x) for x in (0.002, 0.05, 1.0, 0.12345)] == ["0.2 %", "5 %", "100 %", "12.3 %"]


def test_the_command_reads_cards_and_says_what_it_lacks(tmp_path, openaisle):
    card, out, drawing = tmp_path / "card.json", tmp_path / "out.json", tmp_path / "risk.svg"
    card.write_bytes(msgspec.json.encode(a_card()))
    status, told, _ = openaisle(
        "calibrate", "risk", card, "--alpha", "0.02", "--drawing", drawing, "--json", out
    )
    assert status == 0
    assert "policy: {review_risk_above: 0.2, wrong_charge_promise: 0.02}" in told
    assert [p["alpha"] for p in msgspec.json.decode(out.read_bytes())["promises"]] == [0.02]
    assert drawing.read_text().startswith("<svg")
    assert openaisle("calibrate", "risk", card, "--threshold", "0.25", "--json", out)[0] == 0
    rows = msgspec.json.decode(out.read_bytes())["thresholds"]
    assert [(row["threshold"], row["visits"]) for row in rows] == [(0.25, 350)]
    old = tmp_path / "old.json"
    old.write_bytes(msgspec.json.encode({"schema": SCHEMA}))
    for wrong in ([], [old], [card, "--data", tmp_path], [card, "--alpha", "1"],
                  [card, "--threshold", "2"], [card, "--check", card], [card, "--drawing", "x.png"],
                  ["--data", tmp_path]):  # fmt: skip
        status, _, why = openaisle("calibrate", "risk", *wrong)
        assert status == 2, wrong
        assert why.startswith("openaisle: "), wrong


def checks() -> list[e.Event]:
    """An audit of each kind of outcome."""
    told: list[e.Event] = []
    for n, (kind, lines, credited, verified) in enumerate(
        [
            ("audit", ((GTIN, 1),), (), True),
            ("shadow", (), ((GTIN, 1),), True),
            ("audit", (), (), True),  # nothing was charged
            ("audit", ((GTIN, 1),), (), False),  # nobody could tell
            ("late", ((GTIN, 1),), (), True),  # it had been held
        ]
    ):
        visit = {"review": f"r{n}", "visit": f"v{n}", "shopper": "ada"}
        told.append(
            e.ReviewRequested(
                number=2 * n + 1, at_ns=1, decided_ns=1, **visit, reason="", certain=(),
                candidates=(), evidence=(), kind="held" if kind == "late" else kind, risk=0.01,
            )
        )  # fmt: skip
        told.append(
            e.BillChecked(
                number=2 * n + 2, at_ns=1, decided_ns=1, **visit, kind=kind, lines=lines,
                credited=credited, actor="kim", verified=verified,
            )
        )  # fmt: skip
    return told


def test_a_ledger_gives_the_verdicts_on_bills_that_were_out():
    found = [part.accepted[0] for part in of_ledger(checks())]
    assert [(one.risk, one.wrong) for one in found] == [(0.01, False), (0.01, True)]


def test_a_ledger_tells_nothing_of_visits_above_its_stores_threshold(tmp_path, openaisle):
    journal = Journal(tmp_path / "journal.sqlite")
    text = STORE.read_text() + "\npolicy: {review_risk_above: 0.04}\n"
    journal.set_meta(store_text=text)
    journal.close()
    out = tmp_path / "out.json"
    assert openaisle("calibrate", "risk", "--data", tmp_path, "--json", out)[0] == 0
    rows = msgspec.json.decode(out.read_bytes())["thresholds"]
    assert [row["threshold"] for row in rows] == [0.01, 0.02, 0.03, 0.04]
