"""`openaisle explain` tells of a recorded visit what each sensor said for each hypothesis."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sensors.store import parse_store
from service.cli import app
from service.explain import VisitUnknown, explain
from service.recording import Recording

RECORDING = Path(__file__).parents[2] / "datasets" / "recordings" / "one-shopper.mcap"


def test_each_change_of_weight_has_its_hypotheses(tmp_path):
    out = tmp_path / "why.json"
    found = CliRunner().invoke(app, ["explain", str(RECORDING), "v1", "--json", str(out)])
    assert found.exit_code == 0, found.output
    assert "hypothesis" in found.output
    assert "billed:" in found.output
    (visit,) = json.loads(out.read_text(encoding="utf-8"))["visits"]
    assert visit["incidents"]
    for incident in visit["incidents"]:
        best = incident["last"][0]
        assert best["posterior"] >= incident["last"][-1]["posterior"]
        assert {"prior", "weight"} <= set(best["terms"])


def test_a_visit_that_is_not_there_is_refused_with_those_that_are():
    opened = Recording.open(RECORDING)
    store = parse_store(opened.store_text, "store")
    with pytest.raises(VisitUnknown, match="there are: v1"):
        explain(store, opened.code_key, opened.entries(), "nobody")
