"""What measures decisions decides as a store does, and tells what it says it tells."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cart.events import Exited, Picked
from fusion.switches import EVERYTHING
from service.ablation import NOTHING, steps
from service.cli import app
from service.crowd import decided
from service.heard import decide, hear
from service.simulate import simulate, stage

SCENE = Path(__file__).parents[2] / "datasets" / "scenes" / "baseline-05.yaml"


@pytest.fixture(scope="module")
def heard():
    return hear(stage(SCENE), 1)


def terms(events):
    return {
        name: value
        for event in events
        if isinstance(event, Picked)
        for one in event.evidence
        for name, value in one.terms.items()
    }


def test_an_engine_that_is_fed_what_was_heard_decides_as_the_store_did(heard):
    assert decide(heard) == simulate(stage(SCENE), 1).events


def test_what_is_switched_off_adds_nothing(heard):
    assert terms(decide(heard))["hand"] != 0
    without = terms(decide(heard, NOTHING))
    assert without["hand"] == 0 and without["place"] == 0
    assert not {"sight", "history", "pace"} & set(without)


def test_without_joint_decisions_everything_is_certain_at_once(heard):
    events = decide(heard, replace(EVERYTHING, joint=False))
    assert {e.posterior for e in events if isinstance(e, Picked)} == {1.0}
    assert all(e.review is None for e in events if isinstance(e, Exited))


def test_the_ablation_names_every_step_with_its_figures(tmp_path):
    out, page = tmp_path / "a.json", tmp_path / "a.md"
    args = ["measure", "ablation", str(SCENE), "--jobs", "1", "--json", str(out)]
    found = CliRunner().invoke(app, [*args, "--markdown", str(page)])
    assert found.exit_code == 0, found.output
    result = json.loads(out.read_bytes())
    assert [one["step"] for one in result["steps"]] == [one.name for one in steps()]
    for one in result["steps"]:
        assert one["counts"]["all"]["items_true"] > 0
        assert 0 <= one["ratios"]["all"]["f1"] <= 1
    assert page.read_text(encoding="utf-8").count("\n") == 2 + len(steps())


def test_recordings_are_no_scenes_to_take_apart(tmp_path):
    recording = tmp_path / "a.mcap"
    recording.touch()
    found = CliRunner().invoke(app, ["measure", "ablation", str(recording)])
    assert "expected scenes" in str(found.exception)


def test_a_bill_of_the_crowd_is_as_likely_as_the_carts_that_it_is_right_for(heard):
    visits, lines = decided(heard, world=0)
    assert [one.shopper for one in visits] == [one.shopper for one in heard.truth.visits]
    assert lines and all(0 < one.posterior <= 1 for one in (*visits, *lines))


def test_the_crowd_tells_every_visit_and_how_sure_of_it_the_engine_was(tmp_path):
    out = tmp_path / "c.json"
    args = ["--visits", "3", "--worlds", "1", "--seed", "5", "--jobs", "1", "--json", str(out)]
    found = CliRunner().invoke(app, ["measure", "crowd", *args])
    assert found.exit_code == 0, found.output
    result = json.loads(out.read_bytes())
    assert len(result["visits"]) == 3 == result["visit_calibration"]["lines"]
    assert result["risk_coverage"]["curve"][-1]["coverage"] == 1
    keys = {"posterior", "reviewed", "wrong_units", "missed_units", "crowd", "lines"}
    assert keys <= set(result["visits"][0])
