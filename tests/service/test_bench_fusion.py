"""The bench of fusion tells every figure, and its story is one that the engine can follow."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cart.events import Entered, Picked, PutBack
from fusion.engine import Engine
from sensors.store import load_store
from service.bench_fusion import story
from service.cli import app

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")


def test_everybody_of_the_story_is_in_and_something_is_taken_and_put_back():
    engine = Engine(STORE)
    events = [event for one in story(STORE, 3, 40, seed=1) for event in engine.step(one)]
    assert sum(isinstance(event, Entered) for event in events) == 3
    assert any(isinstance(event, Picked) for event in events)
    assert any(isinstance(event, PutBack) for event in events)
    assert engine.belief.most_states > 5


def test_the_command_tells_milliseconds_beside_the_plain_rule(tmp_path):
    out = tmp_path / "bench.json"
    args = ["bench", "fusion", "--shoppers", "1,3", "--incidents", "20", "--json", str(out)]
    found = CliRunner().invoke(app, args)
    assert found.exit_code == 0, found.output
    one, three = json.loads(out.read_text(encoding="utf-8"))["paces"]
    assert (one["shoppers"], three["shoppers"]) == (1, 3)
    assert 0 < one["p50_ms"] <= one["p99_ms"]
    assert three["most_states"] >= one["most_states"] > 1
    assert 0 <= one["dropped"] < 1


@pytest.mark.parametrize("shoppers", ["0", "51", "many", ""])
def test_a_wrong_number_is_refused(shoppers):
    found = CliRunner().invoke(app, ["bench", "fusion", "--shoppers", shoppers])
    assert found.exit_code != 0
