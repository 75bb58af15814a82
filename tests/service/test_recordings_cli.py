"""Commands on recordings: what they write is what was played, filmed and true."""

import configparser
import json
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from service.cli import main
from service.journal import Journal
from service.recording import FRAMES, TRUE_EXPOSURES, Note, Recording, write_recording
from service.recording_cut import cut
from service.records import TICK, Arrival
from simulator.truth import Truth

SCENE = Path(__file__).parents[2] / "datasets" / "scenes" / "one-shopper.yaml"
CAMERAS = ["cam1", "cam2", "cam3", "cam4"]


def run(*words) -> int:
    """The exit status of a command line."""
    before, sys.argv = sys.argv, ["openaisle", *map(str, words)]
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.argv = before
    return 0


@pytest.fixture(scope="module")
def film(tmp_path_factory) -> Path:
    """A recording of one shopper with the videos of all cameras."""
    path = tmp_path_factory.mktemp("film") / "r.mcap"
    assert run("simulate", SCENE, "--record", path, "--video") == 0
    return path


def test_two_runs_give_the_same_files(film, tmp_path):
    assert run("simulate", SCENE, "--record", tmp_path / "r.mcap", "--video") == 0
    names = sorted(path.name for path in film.parent.glob("r.*"))
    assert names == [*(f"r.{camera}.mp4" for camera in CAMERAS), "r.mcap"]
    for name in names:
        assert (tmp_path / name).read_bytes() == (film.parent / name).read_bytes(), name


def test_the_truth_has_every_layer(film):
    recording = Recording.open(film)
    truth = msgspec.json.decode(recording.truth, type=Truth)
    exposures = list(recording.exposures())
    index = recording.cameras()
    assert {camera: [one.at_ns for one in frames] for camera, frames in index.items()} == {
        camera: [exposure.at_ns for exposure in exposures] for camera in CAMERAS
    }
    people = [person for exposure in exposures for person in exposure.people]
    assert {person.shopper for person in people} == {"ada"}
    held = {h for p in people for h in (p.left_holds, p.right_holds) if h is not None}
    assert held == {move.gtin for move in truth.moves if move.kind == "pick"}
    seen = [one for exposure in exposures for one in exposure.cameras["cam1"]]
    assert len(seen) > 50
    assert {one.number for one in seen} == {1}
    assert recording.scene_text == SCENE.read_text(encoding="utf-8")
    assert set(recording.facts["versions"]) == {"openaisle", "models"}
    assert "id: corner" in recording.world_text


def test_info_counts_what_there_is(film, tmp_path):
    assert run("recording", "info", film, "--json", tmp_path / "info.json") == 0
    told = json.loads((tmp_path / "info.json").read_bytes())
    recording = Recording.open(film)
    entries = list(recording.entries())
    assert sum(told["messages"].values()) + told["ticks"] == len(entries)
    assert told["ticks"] == sum(entry.topic == TICK for entry in entries)
    assert told["seconds"] == pytest.approx(
        (entries[-1].received_ns - entries[0].received_ns) / 1e9, abs=0.001
    )
    frames = len(recording.cameras()["cam1"])
    assert [told["cameras"][camera]["in_video"] for camera in CAMERAS] == [frames] * 4
    assert told["truth"] == ["bills", "exposures", "pictures"]
    assert (told["whole"], told["facts"]["seed"]) == (True, 1)


def test_a_truncated_recording_is_told_and_used(film, tmp_path, capsys):
    for source, name in ((film, "t.mcap"), (film.with_name("r.cam2.mp4"), "t.cam2.mp4")):
        content = source.read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) * 6 // 10])
    assert run("recording", "info", tmp_path / "t.mcap", "--json", tmp_path / "info.json") == 0
    assert "t.mcap: the recording is truncated; read up to there: " in capsys.readouterr().err
    told = json.loads((tmp_path / "info.json").read_bytes())
    assert not told["whole"]
    assert 0 < sum(told["messages"].values()) < len(list(Recording.open(film).entries()))
    assert told["cameras"]["cam1"]["in_video"] is None
    assert 20 <= told["cameras"]["cam2"]["in_video"] < len(Recording.open(film).cameras()["cam2"])
    assert run("replay", tmp_path / "t.mcap") == 0
    assert "the recording is truncated" in capsys.readouterr().err


def test_a_cut_has_the_span_and_what_it_needs_from_before(film, tmp_path, capsys):
    whole = Recording.open(film)
    entries = list(whole.entries())
    start_ns = entries[0].received_ns
    from_ns, to_ns = start_ns + 7_300_000_000, start_ns + 12_000_000_000
    out = tmp_path / "c.mcap"
    assert run("recording", "cut", film, "--from", "7.3", "--to", "12", "--out", out) == 0
    assert "visits of ada" in capsys.readouterr().out
    part = Recording.open(out)
    got = [entry for entry in part.entries() if entry.topic != TICK]
    assert got == [
        entry
        for entry in entries
        if entry.received_ns < to_ns and (entry.received_ns >= from_ns or "/gate/" in entry.topic)
    ]
    assert 0 < sum(entry.received_ns < from_ns for entry in got) < 10
    assert part.truth is None
    inside = [e for e in whole.exposures() if from_ns <= e.at_ns < to_ns]
    assert list(part.exposures()) == inside
    index = whole.cameras()["cam3"]
    wanted = [(f.at_ns, rgb) for f, rgb in whole.frames("cam3", index, from_ns) if f.at_ns < to_ns]
    found = [(f.at_ns, rgb) for f, rgb in part.frames("cam3", part.cameras()["cam3"])]
    assert [at_ns for at_ns, _ in found] == [at_ns for at_ns, _ in wanted] != []
    for (_, one), (_, other) in zip(found, wanted, strict=True):
        assert np.array_equal(one, other)


def test_a_cut_around_whole_visits_is_billed_and_scored_as_before(film, tmp_path):
    out = tmp_path / "c.mcap"
    assert run("recording", "cut", film, "--from", "0", "--to", "1e4", "--out", out) == 0
    before, after = Recording.open(film), Recording.open(out)
    truth = msgspec.json.decode(before.truth, type=Truth)
    assert msgspec.json.decode(after.truth, type=Truth) == truth
    early = (truth.visits[0].left_ns - next(before.entries()).received_ns) / 1e9 + 1
    assert run("recording", "cut", film, "--from", "0", "--to", early, "--out", out) == 0
    for path, name in ((film, "1"), (out, "2")):
        assert run("score", path, "--json", tmp_path / name) == 0
    one, two = (json.loads((tmp_path / name).read_bytes()) for name in ("1", "2"))
    for key in ("visits", "receipts_exact", "items_true", "items_correct", "wrong_charges"):
        assert one[key] == two[key] is not None
    assert one["stock"] == two["stock"]


def test_a_cut_of_a_cut_keeps_its_pictures(film, tmp_path):
    """Its video begins with frames that no index names."""
    whole = Recording.open(film)
    index = whole.cameras()["cam2"]
    cut(whole, 7.3, 12.0, tmp_path / "a.mcap")
    once = Recording.open(tmp_path / "a.mcap")
    begins_s = (next(once.entries()).received_ns - next(whole.entries()).received_ns) / 1e9
    cut(once, 7.6 - begins_s, 10.0 - begins_s, tmp_path / "b.mcap")
    twice = Recording.open(tmp_path / "b.mcap")
    found = list(twice.frames("cam2", twice.cameras()["cam2"]))
    assert len(found) > 20
    wanted = {filmed.at_ns: rgb for filmed, rgb in whole.frames("cam2", index)}
    assert all(np.array_equal(rgb, wanted[filmed.at_ns]) for filmed, rgb in found)


def test_names_in_a_recording_lead_nowhere(film, tmp_path, capsys):
    whole = Recording.open(film)
    hostile = [
        Note(1, FRAMES + "../../x", b'{"at_ns": 1, "number": 0, "pts_us": 0}'),
        Note(2, TRUE_EXPOSURES, b'{"at_ns": 2, "people": [], "cameras": {"/../../x": []}}'),
    ]
    path = tmp_path / "a" / "r.mcap"
    path.parent.mkdir()
    write_recording(path, whole.entries(), whole.store_text, whole.code_key, {}, notes=hostile)
    out = tmp_path / "a" / "b"
    assert run("recording", "info", path) == 2
    assert "names no camera" in " ".join(capsys.readouterr().err.split())
    assert run("recording", "cut", path, "--from", "0", "--to", "9", "--out", out) == 2
    for kind in ("--mot", "--coco"):
        assert run("recording", "export", path, kind, out) == 2
        assert "the store has no camera" in " ".join(capsys.readouterr().err.split())
    assert [one.name for one in tmp_path.rglob("*")] == ["a", "r.mcap"]


def test_cuts_that_cannot_be_made(film, tmp_path, capsys):
    out = tmp_path / "c.mcap"
    video = film.with_name("r.cam1.mp4").read_bytes()
    for words, told in (
        (("--from", "5", "--to", "5", "--out", out), "expected a span"),
        (("--from", "900", "--to", "950", "--out", out), "nothing was said from 900 s"),
        (("--from", "1", "--to", "2", "--out", film), "name another file"),
        (("--from", "1", "--to", "2", "--out", film.with_suffix(".m")), "name another file"),
        (("--from", "1", "--to", "inf", "--out", out), "expected a span"),
        (("--from", "1", "--to", "2", "--out", tmp_path), "is a folder"),
    ):
        assert run("recording", "cut", film, *words) == 2
        assert told in " ".join(capsys.readouterr().err.split())
    assert not out.exists()
    assert film.with_name("r.cam1.mp4").read_bytes() == video


def test_labels_lie_on_the_people(film, tmp_path):
    command = ("--mot", tmp_path / "mot", "--coco", tmp_path / "coco" / "people.json")
    assert run("recording", "export", film, *command, "--pictures") == 0
    recording = Recording.open(film)
    frames = len(recording.cameras()["cam2"])
    coco = json.loads((tmp_path / "coco" / "people.json").read_bytes())
    images = {image["id"]: image for image in coco["images"]}
    assert len(images) == 4 * frames
    assert all((tmp_path / "coco" / image["file_name"]).is_file() for image in images.values())
    assert len(coco["categories"][0]["keypoints"]) == 17
    sequence = tmp_path / "mot" / "r-cam2"
    ini = configparser.ConfigParser()
    ini.read(sequence / "seqinfo.ini")
    assert ini["Sequence"]["seqLength"] == str(frames) == str(len(list(sequence.glob("img1/*"))))
    lines = (sequence / "gt" / "gt.txt").read_text().splitlines()
    rows = np.array([[float(x) for x in line.split(",")] for line in lines])
    assert rows.shape[1] == 9
    assert set(rows[:, 1]) == {1}
    assert ((rows[:, 8] >= 0) & (rows[:, 8] <= 1)).all()
    assert rows[:, 8].min() < 0.9 < rows[:, 8].max()
    whole = {int(row[0]): row[2:6] for row in rows}
    checked = 0
    for one in coco["annotations"]:
        image = images[one["image_id"]]
        if image["camera"] != "cam2":
            continue
        x, y, w, h = one["bbox"]
        left, top, width, height = whole[int(Path(image["file_name"]).stem)]
        assert left - 1 <= x and top - 1 <= y
        assert x + w <= left - 1 + width and y + h <= top - 1 + height
        seen = np.array(one["keypoints"]).reshape(17, 3)
        seen = seen[seen[:, 2] == 2]
        assert ((seen[:, :2] >= (x - 1, y - 1)) & (seen[:, :2] <= (x + w, y + h))).all()
        checked += len(seen)
    assert checked > 500


def test_only_a_truth_of_pictures_can_be_exported(tmp_path, capsys):
    path = tmp_path / "r.mcap"
    assert run("simulate", SCENE, "--record", path) == 0
    assert run("recording", "export", path, "--mot", tmp_path) == 2
    assert "no truth of pictures" in capsys.readouterr().err
    assert run("recording", "export", path) == 2
    assert run("simulate", SCENE, "--video") == 2
    assert run("simulate", SCENE, "--record", tmp_path / "no" / "r.mcap") == 2


def test_a_running_store_is_recorded(tmp_path, store_text, issuer):
    data, out = tmp_path / "data", tmp_path / "r.mcap"
    data.mkdir()
    assert run("record", "--data", data, "--out", out) == 2
    start_ns = 1_767_600_000_000_000_000
    kinds = ("gate/gate-in", "weight/g1s1")
    arrivals = [
        Arrival(start_ns + n * 1_000_000_000, f"openaisle/corner/{kinds[n % 2]}", b"{}", None)
        for n in range(60)
    ]
    journal = Journal(data / "journal.sqlite")
    journal.set_meta(store_text=store_text, code_key=issuer.public_pem)
    entries = journal.append(arrivals)
    assert run("record", "--data", data, "--out", out) == 0
    assert list(Recording.open(out).entries()) == entries
    span = ("--from", "2026-01-05T08:00:30", "--to", "2026-01-05T09:00:40+01:00")
    assert run("record", "--data", data, "--out", out, *span) == 0
    journal.close()
    got = list(Recording.open(out).entries())
    assert got == [e for e in entries[:40] if e.number > 30 or "/gate/" in e.topic]
    assert run("record", "--data", data, "--out", out, "--from", "noon") == 2
    assert run("record", "--data", data, "--out", out, "--from", "2030-01-01") == 2
    assert list(Recording.open(out).entries()) == got  # nothing was written over it


def test_runs_in_processes_are_those_of_one(tmp_path):
    for jobs in (1, 2):
        words = ("--jobs", jobs, "--record", tmp_path / f"{jobs}.mcap")
        told = tmp_path / f"{jobs}.json"
        assert run("simulate", SCENE, "--seeds", "3,1", *words, "--json", told) == 0
    one, two = (json.loads((tmp_path / f"{jobs}.json").read_bytes()) for jobs in (1, 2))
    for score in (one, two):
        del score["realtime_factor"]
    assert one == two
    assert (tmp_path / "1.mcap").read_bytes() == (tmp_path / "2.mcap").read_bytes()
