"""Real reads of tags: simulated ones are like them, presence is told from them, and what is not
the dataset is refused by name."""

import json
import math
import os
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sensors.tag_kinds import KINDS, SHARES
from sensors.tag_presence import PresenceModel
from service.cli import app
from service.realism import RealDataError
from service.realism_rfid import compare_tags, recorded_runs, silent_shares, simulated_runs
from service.realism_rfid_quoted import quoted_of_tags
from service.tag_runs import DATASET, read_tag_runs
from service.tags_eval import evaluate, presence, time_out
from service.tags_fit import fit_kinds
from service.tags_play import Recording, Site, sites_of_runs
from simulator.world import World

DATA = os.environ.get("OPENAISLE_REAL_DATA")
real_data = pytest.mark.skipif(
    not DATA, reason="OPENAISLE_REAL_DATA does not name a folder with the real recordings"
)
HEADER = "experiment_nr,group,setup,experiment,tags,iterations,milliseconds,serial,rssi\n"


@real_data
def test_simulated_tags_are_like_real_ones():
    found = compare_tags(Path(DATA or "."))
    assert [one.what for one in found if not one.passed] == []
    assert len(found) == 4


@real_data
def test_the_test_tells_tags_that_never_fade_and_tags_that_hardly_speak():
    runs = recorded_runs(Path(DATA or ".") / "rfid" / "detego-dataset.zip")[:4]
    real = silent_shares(runs)
    for fades in ({"heard_s": 1e6}, {"silent_s": 8.0}):
        world = World(id="other", rfid=fades)  # type: ignore[arg-type]
        shares = silent_shares(simulated_runs(runs, world, 1))
        assert max(abs(a - b) for a, b in zip(real, shares, strict=True)) > 0.08


@real_data
def test_what_the_design_quotes_is_held_against_the_recordings():
    found = {one.what.split(",")[0]: one.holds for one in quoted_of_tags(Path(DATA or "."))}
    assert found == {
        "reads a second of a tag that is read": True,
        "share of the time in silences of 1": False,
        "tags ever read in a run": True,
        "strength of reads": False,
        "reads from the wrong zone": None,
    }


@real_data
def test_a_fresh_antenna_expects_what_real_tags_showed():
    kinds, shares = fit_kinds(sites_of_runs(read_tag_runs(Path(DATA or ".") / DATASET)))
    assert kinds == pytest.approx(KINDS, abs=0.002)
    for of_kind, kept in zip(shares, SHARES, strict=True):
        assert of_kind == pytest.approx(kept, abs=0.002)


@real_data
def test_on_real_reads_probabilities_are_honest_and_better_than_a_time_out():
    sites = sites_of_runs(read_tag_runs(Path(DATA or ".") / DATASET))
    tally = evaluate(sites, PresenceModel(told_at=0.5), [1])
    ours = presence("ours", tally)
    theirs = time_out(tally)
    assert ours.removed > 250
    assert theirs.false_absences <= ours.false_absences < 3 * ours.tag_hours
    assert ours.log_loss < 0.8 * theirs.log_loss
    assert ours.delays_s[1] < 0.85 * theirs.delays_s[1]
    for share, believed, so in ours.reliability:
        assert share > 0
        assert abs(believed - so) < 0.15


def test_a_tag_that_is_taken_is_missed_and_one_that_stays_is_not(tmp_path):
    """Of made-up reads: each of twelve tags every second."""
    reads = tuple((n / 12, n % 12) for n in range(12 * 100))
    site = Site("made up", (Recording(100.0, reads),), Recording(100.0, reads))
    tally = evaluate([site], PresenceModel(), [1, 2, 3])
    ours = presence("ours", tally)
    assert ours.removed == len(tally.delays_s) > 6
    assert ours.false_absences == 0
    assert ours.found_share == 1.0
    assert max(tally.delays_s) < 60
    assert ours.tag_hours == pytest.approx(36 * 100 / 3600, rel=0.5)
    assert max(tally.silences_s) < 1.2
    assert math.isfinite(ours.log_loss)
    assert time_out(tally).rule == "silent 1.0 s"


def test_the_command_says_which_folder_it_needs(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAISLE_REAL_DATA", raising=False)
    for command in ("eval", "fit"):
        found = CliRunner().invoke(app, ["tags", command])
        assert isinstance(found.exception, RealDataError)
        assert "--real-data" in str(found.exception)
        found = CliRunner().invoke(app, ["tags", command, "--real-data", str(tmp_path)])
        assert isinstance(found.exception, RealDataError)
        assert DATASET in str(found.exception)


def test_the_command_judges_every_certainty_beside_a_time_out(tmp_path):
    rows = "".join(
        f"{run},1,2d,walking,6,1,{n * 100 + run},{n % 6},-60\n"
        for run in (1, 2)
        for n in range(300)
    )
    (tmp_path / "rfid").mkdir()
    with zipfile.ZipFile(tmp_path / DATASET, "w") as archive:
        archive.writestr("dataset/dataset.csv", HEADER + rows)
    out = tmp_path / "found.json"
    arguments = ["tags", "eval", "--real-data", str(tmp_path), "--seeds", "1", "--worlds", "1"]
    found = CliRunner().invoke(app, [*arguments, "--json", str(out)])
    assert found.exit_code == 0, found.output
    recorded, simulated = json.loads(out.read_bytes())["antennas"]
    assert (recorded["reads"], simulated["reads"]) == ("recorded", "simulated")
    rules = [one["rule"] for one in recorded["verdicts"]]
    assert rules[::2] == ["P ≥ 0.5", "P ≥ 0.8", "P ≥ 0.95", "P ≥ 0.95, alone"]
    assert all(rule.startswith("silent ") for rule in rules[1::2])
    assert all(one["tag_hours"] > 0 for one in simulated["verdicts"])


def test_the_command_that_measures_speed_counts_every_read(tmp_path):
    out = tmp_path / "speed.json"
    arguments = ["tags", "speed", "--antennas", "2", "--tags", "5", "--reads", "100"]
    found = CliRunner().invoke(app, [*arguments, "--seconds", "3", "--json", str(out)])
    assert found.exit_code == 0, found.output
    assert json.loads(out.read_bytes())["reads"] == 300
    assert "of a core for 100 reads a second" in found.output
    found = CliRunner().invoke(app, ["tags", "speed", "--antennas", "20", "--reads", "99"])
    assert found.exit_code == 2
    assert "--reads" in found.output


def test_only_runs_with_one_pass_count_and_gaps_are_weighted_by_time(tmp_path):
    rows = "".join(f"1,1,2d,walking,2,1,{ms},5,-60\n" for ms in (0, 500, 1000, 2500, 9000))
    other = "2,1,2d,walking,2,4,100,6,-60\n2,1,2d,walking,2,4,60100,6,-60\n"
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("dataset/dataset.csv", HEADER + rows + other)
    (run,) = recorded_runs(tmp_path / "d.zip")
    assert (run.tags, run.seconds, list(run.read_s)) == (2, 9.0, ["5"])
    assert silent_shares([run]) == pytest.approx((8 / 9, 6.5 / 9, 6.5 / 9))


@pytest.mark.parametrize(
    "text", [None, "a,b\n1,2\n", HEADER + "1,1,2d,walking,2,1,soon,5,-60\n", HEADER]
)
def test_what_is_not_the_dataset_is_refused_by_name(tmp_path, text):
    path = tmp_path / "d.zip"
    if text is None:
        path.write_bytes(b"no zip")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("dataset/dataset.csv", text)
    with pytest.raises(RealDataError, match=r"d\.zip: "):
        recorded_runs(path)
