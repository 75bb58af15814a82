"""Audits of a whole store: they change no bill, hold nothing, and a verdict lowers what is out."""

import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from cart import events as e
from cart.projection import Carts
from cart.queue import open_cases
from sensors.store import load_store
from service.cli import main
from service.engine_process import feed_offline
from service.journal import Journal
from service.pipeline import Pipeline
from service.recording import Recording
from service.recording import replay as bill_again
from service.report import receipts_of
from service.verified_visits import of_ledger
from simulator.bills import pair
from simulator.scorecard_risk import outcomes
from simulator.truth import Truth

SAMPLE = Path(__file__).parents[2] / "datasets" / "recordings" / "one-shopper.mcap"
AUDITED = "\npolicy: {audit_share: 1.0}\n"
STORE = load_store(SAMPLE.parents[1] / "stores" / "corner.yaml")


@pytest.fixture(scope="module")
def recording() -> Recording:
    return Recording.open(SAMPLE)


@pytest.fixture
def data(recording, tmp_path) -> Path:
    """The data directory of a store that audits every visit, after the recording's visit."""
    folder = tmp_path / "data"
    folder.mkdir()
    journal = Journal(folder / "journal.sqlite")
    journal.set_meta(store_text=recording.store_text + AUDITED, code_key=recording.code_key)
    journal.close()
    said = [(entry.received_ns, entry.topic, entry.body) for entry in recording.entries()]
    feed_offline(folder, said, Pipeline)
    return folder


def ledger(data: Path) -> list[e.Event]:
    journal = Journal(data / "journal.sqlite")
    try:
        return list(journal.events())
    finally:
        journal.close()


def run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr(sys, "argv", ["openaisle", *map(str, arguments)])
    monkeypatch.setattr("structlog.configure", lambda **_: None)
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_an_audit_changes_no_bill_and_counts_as_no_review(recording, data):
    def besides(events: list[e.Event]) -> list[e.Event]:
        kept = [event for event in events if not isinstance(event, e.ReviewRequested)]
        return [replace(event, number=0) for event in kept]

    told = ledger(data)
    assert besides(told) == besides(list(bill_again(recording, Pipeline)))
    (case,) = open_cases(told)
    assert (case.kind, case.weight) == ("audit", 1.0)
    truth = msgspec.json.decode(recording.truth or b"", type=Truth)
    (visit,) = outcomes(told, pair(told, truth))
    assert not visit.reviewed
    assert visit.risk == case.risk
    assert visit.billed_units == sum(units for _, units in case.certain)


@pytest.mark.parametrize("answer", ["--unknown", "--nothing"])
def test_a_verdict_at_the_command_line_lowers_the_bill(data, monkeypatch, answer, capsys):
    (case,) = open_cases(ledger(data))
    assert run(monkeypatch, "review", "list", "--data", data) == 0
    assert "audit" in capsys.readouterr().out
    assert run(monkeypatch, "review", "decide", case.review, "--data", data, answer) == 0
    told = ledger(data)
    assert open_cases(told) == []
    (checked,) = (event for event in told if isinstance(event, e.BillChecked))
    carts = Carts({})
    for event in told:
        carts.apply(event)
    owed = case.certain if answer == "--unknown" else ()
    assert carts.visits[case.visit].bill == checked.lines == owed
    assert [r.total_cents > 0 for r in receipts_of(told, STORE)] == [bool(owed)]
    verdicts = [part.accepted[0].wrong for part in of_ledger(told)]
    assert verdicts == ([] if answer == "--unknown" else [True])
