"""Faults of a scene and of the command line strike a run on the virtual clock."""

import json
from pathlib import Path

import pytest

from service.cli import main
from service.jobs import with_faults
from service.simulate import START_NS, simulate, stage
from simulator.faults import parse_fault

SCENE = Path(__file__).parents[2] / "datasets" / "scenes" / "one-shopper.yaml"


def of_kind(run, kind):
    return [entry for entry in run.entries if f"/{kind}/" in entry.topic]


@pytest.fixture(scope="module")
def whole():
    return simulate(stage(SCENE), 1)


def broken(*faults):
    return simulate(with_faults(stage(SCENE), [parse_fault(fault) for fault in faults]), 1)


def test_a_scene_says_what_breaks(whole):
    run = broken("message-loss:weight:1", "message-delay:gate:0.5")
    assert of_kind(whole, "weight") and not of_kind(run, "weight")
    gates = zip(of_kind(whole, "gate"), of_kind(run, "gate"), strict=True)
    late = [after.received_ns - before.received_ns for before, after in gates]
    assert late == [500_000_000] * len(of_kind(whole, "gate"))
    assert run.truth == whole.truth
    assert run.score != whole.score


def test_nobody_is_seen_while_all_cameras_are_out(whole):
    def seen(run, from_s, to_s):
        reports = [json.loads(entry.body) for entry in of_kind(run, "vision")]
        return sum(
            len(report["tracks"])
            for report in reports
            if from_s <= (report["at_ns"] - START_NS) / 1e9 < to_s
        )

    run = broken("camera-out:*@6-9")
    assert seen(whole, 6, 9) > 20 and seen(run, 6, 9) == 0
    assert seen(run, 0, 6) == seen(whole, 0, 6) > 0
    assert seen(run, 11, 60) > 0


def test_the_command_line_breaks_things_and_refuses_what_is_not_there(monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.argv", ["openaisle", "simulate", str(SCENE), "--fault", "shelf-silent:g9"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "no shelf or gondola 'g9'" in " ".join(capsys.readouterr().err.split())
