"""Simulated tags are read as real ones were, and what is not the dataset is refused by name."""

import os
import zipfile
from pathlib import Path

import pytest

from service.realism import RealDataError
from service.realism_rfid import compare_tags, recorded_runs, silent_shares, simulated_runs
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
