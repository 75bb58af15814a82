"""`openaisle trust audit` says what history and trust changed, for whom, and whether rightly."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from cart.events import ProfileUsed
from service.cli import app
from service.trust_audit import VARIANTS, Change, Day, Outcome, audit, pseudonym
from service.trust_audit import _change as changed

RECORDING = Path(__file__).parents[2] / "datasets" / "recordings" / "one-shopper.mcap"


@pytest.fixture(scope="module")
def day():
    return Day.open(RECORDING)


def costing(day, review_cost_cents):
    """The day in a store where a look costs so much."""
    policy = day.store.policy.model_copy(update={"review_cost_cents": review_cost_cents})
    return replace(day, store=day.store.model_copy(update={"policy": policy}))


def finding_more(day):
    """The day, of which the truth says that more was taken than any sensor told of."""
    gtin = day.store.products[0].gtin
    visits = [
        msgspec.structs.replace(one, lines=[*one.lines, (gtin, 9)]) for one in day.truth.visits
    ]
    return replace(day, truth=msgspec.structs.replace(day.truth, visits=visits))


def test_low_trust_brings_a_look_and_no_other_bill(day):
    before = [finding_more(costing(day, 0))] * 4
    history, trust, concealment = audit([*before, costing(day, 3)], labeler=True)
    assert [one.variant for one in (history, trust, concealment)] == list(VARIANTS)
    assert history.changes == ()
    (change,) = trust.changes
    assert (change.held_before, change.held_after) == (False, True)
    assert change.more_cents == 0
    assert change.verdict == "same"
    assert change.before == change.after
    assert change.shopper == pseudonym(day.store.id, day.truth.visits[0].shopper)
    assert "trust of" in change.reasons[0]
    assert trust.uses == 1


def test_without_verdicts_trust_moves_nothing(day):
    before = [finding_more(costing(day, 0))] * 4
    assert all(one.changes == () for one in audit([*before, costing(day, 3)]))


def test_a_change_is_judged_by_the_truth(day):
    gtin, price = day.store.products[0].gtin, day.store.products[0].price_cents
    used = ProfileUsed(
        number=1, at_ns=0, decided_ns=0, visit="v1", shopper="ada", by="history", gtins=(gtin,),
        before=0.5, after=0.8, reason="why",
    )  # fmt: skip

    def change(true) -> Change:
        before = Outcome("ada", true)
        return changed(day, "v1", before, Outcome("ada", true, ((gtin, 1),), False, [used, used]))

    assert change(((gtin, 1),)).verdict == "better"
    assert change(()).verdict == "worse"
    assert change(None).verdict == "unknown"
    assert (change(()).more_cents, change(()).reasons) == (price, ("why",))


def test_nobody_is_named(tmp_path, day):
    out = tmp_path / "audit.json"
    arguments = ["trust", "audit", str(RECORDING), str(RECORDING), "--labeler", "--json", str(out)]
    found = CliRunner().invoke(app, arguments)
    assert found.exit_code == 0, found.output
    assert "outcomes changed" in found.output
    written = json.loads(out.read_text(encoding="utf-8"))
    assert [one["visits"] for one in written["variants"]] == [2, 2, 2]
    assert day.truth.visits[0].shopper not in found.output + out.read_text(encoding="utf-8")
    assert pseudonym("a", "ada") != pseudonym("b", "ada") != pseudonym("b", "ben")


def test_what_is_no_recording_is_refused(tmp_path):
    path = tmp_path / "none.mcap"
    path.write_bytes(b"no")
    assert CliRunner().invoke(app, ["trust", "audit", str(path)]).exit_code != 0
