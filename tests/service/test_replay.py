"""Replays: what is left out or broken, what that does to the bills, and a page that is steered."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from cart.events import Entered, Event, Exited, Picked
from sensors.store import StoreFileError
from sensors.wire import VisionReport, encode
from service.cli import app
from service.recording import FRAMES, Note, Recording, RecordingError, write_recording
from service.records import TICK, Entry
from service.replay_changes import Changes, changed, parse_changes, parse_without
from service.replay_compare import differences
from service.replay_errors import departures
from service.replay_pictures import FilmedPictures
from service.replay_player import Player
from service.replay_reel import Reel, reel_of
from service.video import VideoWriter, video_path
from service.web.app import create_app
from simulator.truth import TrueMove, TrueVisit, Truth

SAMPLE = Path(__file__).parents[2] / "datasets" / "recordings" / "one-shopper.mcap"
NOTHING = Changes((), (), look_again=False)
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def sample() -> Recording:
    return Recording.open(SAMPLE)


@pytest.fixture(scope="module")
def reel(sample: Recording) -> Reel:
    return reel_of(sample, msgspec.json.decode(sample.truth or b"", type=Truth))


@pytest.fixture(scope="module")
def events(reel: Reel) -> list[Event]:
    return list(reel.events())


@pytest.fixture(scope="module")
def first_shelf(events: list[Event]) -> str:
    """The shelf that the first product was taken from."""
    return next(e.facing for e in events if isinstance(e, Picked)).partition(".")[0]


@pytest.fixture(scope="module")
def dead_plates(reel: Reel, events: list[Event]) -> list[str]:
    """The plates that the first product was taken from, as faults."""
    first = next(e.facing for e in events if isinstance(e, Picked))
    shelf_id, _, plate = first.partition(".")
    shelf = next(s for g in reel.store.gondolas for s in g.shelves if s.id == shelf_id)
    facing = next(f for f in shelf.facings if min(f.plates) == int(plate))
    return [f"plate-dead:{shelf_id}.{n}" for n in facing.plates]


@pytest.fixture(scope="module")
def broken(sample: Recording, reel: Reel, dead_plates: list[str]) -> Reel:
    """The sample without those plates: its shopper is not billed for the first product."""
    return changed(sample, reel, parse_changes([], dead_plates, "recorded", reel.store))


def openaisle_replay(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["replay", *map(str, words)], env={"COLUMNS": "200"})
    if isinstance(result.exception, StoreFileError | RecordingError):
        return 2, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def topics(reel: Reel) -> set[str]:
    return {entry.topic.split("/", 2)[-1] for entry in reel.entries}


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("weight:G4", {"weight/g4s1", "weight/g4s2", "weight/g4s3"}),
        ("weight:g1s2", {"weight/g1s2"}),
        ("vision", {"vision/vision-1"}),
        ("gate", {"gate/gate-in", "gate/gate-out"}),
    ],
)
def test_what_is_left_out_is_gone_and_nothing_else(sample, reel, text, gone):
    less = changed(sample, reel, Changes((parse_without(text, reel.store),), (), False))
    assert topics(reel) - topics(less) == gone
    kept = [e for e in reel.entries if e.topic.split("/", 2)[-1] not in gone]
    assert [(e.received_ns, e.topic, e.body) for e in less.entries] == [
        (e.received_ns, e.topic, e.body) for e in kept
    ]
    assert [e.number for e in less.entries] == list(range(1, len(kept) + 1))


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--without=weight:g9", "no shelf or gondola 'g9'; closest"),
        ("--without=camera:cam9", "no camera 'cam9'; closest: cam"),
        ("--without=luck", "expected weight, rfid, vision"),
        ("--without=camera:cam2", "it has no videos"),
        ("--vision=frames", "it has no videos"),
        ("--vision=emulated", "expected recorded or frames"),
        ("--fault=engine-kill@3", "strikes running processes"),
        ("--fault=plate-dead:g1s2.99", "has plates 1 to 12"),
        ("--speed=-1", "expected 0.05 to 64, or max"),
        ("--to=-1", "has nothing before that"),
    ],
)
def test_what_cannot_be_asked_is_told_in_a_line(option, told):
    status, words = openaisle_replay(SAMPLE, option)
    assert status == 2
    assert told in words
    assert "\n" not in words


def test_a_message_that_comes_twice_is_billed_once(sample, reel, events):
    twice = changed(
        sample, reel, parse_changes([], ["message-duplicate:*:1"], "recorded", reel.store)
    )
    assert list(twice.events()) == events


def test_the_change_is_told_beside_the_bills_as_they_were(tmp_path, events, first_shelf):
    written = tmp_path / "result.json"
    fault = f"shelf-silent:{first_shelf}"
    status, words = openaisle_replay(SAMPLE, "--fault", fault, "--json", written)
    assert status == 0
    assert f"Changed: {fault}" in words
    assert "1 of 1 visits end otherwise" in words
    result = json.loads(written.read_text())
    (difference,) = result["differences"]
    assert result["changed"] == [fault]
    assert difference["as_recorded"] == difference["truly_taken"]
    assert difference["changed"] == "held for review"
    assert (result["as_recorded"]["missed_items"], result["missed_items"]) == (0, 2)


def test_a_recording_without_truth_is_compared_all_the_same(events, broken):
    found, visits = differences(events, list(broken.events()), None)
    assert visits == 1
    assert found[0].true is None
    assert differences(events, events, None) == ([], 1)


def test_whatever_the_pace_and_the_start_the_bills_are_the_same(tmp_path, reel):
    whole, late = tmp_path / "whole.jsonl", tmp_path / "late.jsonl"
    assert openaisle_replay(SAMPLE, "--events", whole)[0] == 0
    began = time.monotonic()
    status, words = openaisle_replay(SAMPLE, "--events", late, "--from", 18, "--speed", 16)
    assert status == 0
    assert time.monotonic() - began >= 0.5
    assert late.read_bytes() == whole.read_bytes()
    assert "Ada left with 2 units" in words
    assert "Ada came in" not in words


def test_a_part_is_billed_and_not_scored(tmp_path):
    status, words = openaisle_replay(SAMPLE, "--to", 15)
    assert status == 0
    assert "Score" not in words


def test_the_question_of_the_page_is_answered(tmp_path):
    """The worked example of docs/replay.md: one plate dies, and only units are lost with it."""
    page = (Path(__file__).parents[2] / "docs" / "replay.md").read_text(encoding="utf-8")
    (tmp_path / "two-reach.yaml").write_text(re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0])
    recording, written = tmp_path / "two-reach.mcap", tmp_path / "result.json"
    played = CliRunner().invoke(
        app, ["simulate", str(tmp_path / "two-reach.yaml"), "--record", str(recording)]
    )
    assert played.exit_code == 0, played.output
    status, _ = openaisle_replay(recording, "--fault", "plate-dead:g2s1.7", "--json", written)
    assert status == 0
    result = json.loads(written.read_text())
    assert result["differences"]
    assert result["missed_items"] >= 1
    assert result["wrong_charges"] == 0


# The page


def state_of(player: Player) -> dict[str, Any]:
    """All that the page shows, without what only counts changes."""
    state = player.live.snapshot()
    for event in state["events"]:
        del event["revision"]
    return {key: value for key, value in state.items() if key not in ("revision", "anew")}


def position(player: Player) -> float:
    return player.changes(player.revision)["position_s"]


def wait_for(condition) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def player(reel: Reel) -> Iterator[Player]:
    with Player(reel, playing=False) as running:
        wait_for(lambda: running.index.whole)
        yield running


def test_any_moment_shows_what_playing_up_to_it_shows(reel, player):
    moments = [18.0, 5.0, 26.0, 12.4, 0.0, 12.3]
    for at_s in moments:
        player.seek(at_s)
        straight = Player(reel, playing=False)  # not running: no kept states to begin from
        straight.seek(at_s)
        assert state_of(player) == state_of(straight), at_s
        assert position(player) == at_s
    player.seek(1e6)
    assert position(player) == pytest.approx(player.duration_s, abs=1e-3)


def test_a_jump_back_tells_the_page_everything_anew(player):
    player.seek(20.0)
    seen = player.live.changes(-1)
    assert not player.live.changes(seen["revision"])["anew"]
    player.seek(10.0)
    fresh = player.live.changes(seen["revision"])
    assert fresh["anew"]
    assert fresh["revision"] > seen["revision"]
    assert len(fresh["events"]) == 2
    assert {"status", "floor", "carts", "receipts", "totals"} <= set(fresh)
    assert player.live.layout_revision <= seen["revision"], "the shop itself is the same"


def test_a_step_goes_to_the_next_happening_and_back(player):
    met = []
    for _ in range(4):
        player.step("event")
        met.append((position(player), player.live.snapshot()["events"][-1]["kind"]))
    assert [kind for _, kind in met] == ["Entered", "Picked", "Picked", "Exited"]
    player.step("event")
    assert position(player) == met[3][0], "nothing comes after the last one"
    player.step("event", back=True)
    assert position(player) == met[2][0]
    player.step("moment")
    assert position(player) == pytest.approx(met[2][0] + 0.1, abs=0.0015)


def test_errors_are_where_the_truth_and_the_bill_part(broken, events):
    with Player(broken, playing=False) as running:
        wait_for(lambda: running.index.whole)
        (error,) = [m for m in running.changes(-1)["marks"] if m["kind"] == "error"]
        assert error["text"].startswith("Ada took ")
        assert error["text"].endswith(": on no bill")
        (first, _) = [broken.seconds(e.at_ns) for e in events if isinstance(e, Picked)]
        assert error["at_s"] == pytest.approx(first, abs=1.0)
        for _ in range(2):  # after the last comes the first again
            running.step("error")
            assert position(running) == error["at_s"]


def test_it_plays_at_its_speed_and_pauses(player):
    player.set_speed(4.0)
    began = time.monotonic()
    player.play()
    wait_for(lambda: position(player) > 1.0)
    player.pause()
    played = position(player)
    assert played <= 4.0 * (time.monotonic() - began)
    time.sleep(0.1)
    assert position(player) == played
    player.set_speed(None)
    player.play()
    wait_for(lambda: not player.changes(0)["playing"])
    assert position(player) == pytest.approx(player.duration_s, abs=1e-3)
    assert player.live.snapshot()["totals"]["receipts"] == 1
    player.set_speed(0.05)
    player.play()
    assert position(player) < 1.0, "at the end it begins again"


def test_a_broken_message_ends_it_with_its_place(reel):
    tick = Entry(1, reel.start_ns, TICK, b"")
    wrong = Entry(2, reel.start_ns + SECOND, "openaisle/corner/weight/g1s1", b"{}")
    with Player(replace(reel, entries=[tick, wrong]), playing=False) as running:
        wait_for(lambda: running.error)
    assert "entry 2: weight/g1s1" in str(running.error)


@pytest.fixture
def client(player: Player) -> TestClient:
    return TestClient(create_app(player.live, None, None, player), base_url="http://localhost")


def test_the_page_is_steered_over_http(client, player):
    def steer(**command: object) -> Any:
        return client.post("/api/v1/replay", json=command)

    assert steer(action="seek", at_s=12.5).json()["position_s"] == 12.5
    assert steer(action="step", by="moment", back=True).json()["position_s"] == 12.4
    assert steer(action="speed", speed=None).json()["speed"] is None
    assert steer(action="speed", speed=0.25).json()["speed"] == 0.25
    assert steer(action="play").json()["playing"] is True
    assert steer(action="pause").json()["playing"] is False
    told = client.get("/api/v1/replay").json()
    assert [m["kind"] for m in told["marks"]] == ["door", "pick", "pick", "door"]
    assert "/static/css/controls.css" in client.get("/").text


@pytest.mark.parametrize(
    "command",
    [
        {"action": "seek", "at_s": -1},
        {"action": "seek"},
        {"action": "speed", "speed": 1000},
        {"action": "step", "by": "luck"},
        {"action": "play", "more": 1},
        {"action": "stop"},
    ],
)
def test_a_wrong_command_changes_nothing(client, player, command):
    before = player.changes(0)
    assert client.post("/api/v1/replay", json=command).status_code == 422
    assert player.changes(0) == before


def test_another_origin_may_not_steer(client, player):
    there = {"origin": "http://evil.example"}
    answer = client.post("/api/v1/replay", json={"action": "play"}, headers=there)
    assert answer.status_code == 403
    assert not player.changes(0)["playing"]


def test_a_running_store_cannot_be_steered(player):
    running = TestClient(create_app(player.live), base_url="http://localhost")
    assert running.post("/api/v1/replay", json={"action": "play"}).status_code == 404
    assert "controls.css" not in running.get("/").text


# Where bills depart from the truth


def visit(shopper: str, *lines: tuple[str, int]) -> TrueVisit:
    return TrueVisit(shopper=shopper, entered_ns=0, left_ns=60 * SECOND, lines=list(lines))


def move(at_s: float, shopper: str, gtin: str) -> TrueMove:
    return TrueMove(
        at_ns=int(at_s * SECOND), shopper=shopper, kind="pick", gtin=gtin, units=1, facing="g1s1.1"
    )


def decided(picks: list[tuple[float, str, str]], bills: dict[str, list[str]]) -> list[Event]:
    """Events of visits that are named like their shoppers."""
    numbers = itertools.count(1)

    def moment(at_s: float) -> dict[str, int]:
        at_ns = int(at_s * SECOND)
        return {"number": next(numbers), "at_ns": at_ns, "decided_ns": at_ns}

    found: list[Event] = [
        Entered(**moment(0), visit=who, shopper=who, tracklet=None) for who in bills
    ]
    for at_s, who, gtin in picks:
        found.append(
            Picked(
                **moment(at_s),
                visit=who,
                line=f"{at_s}",
                gtin=gtin,
                units=1,
                facing="g1s1.1",
                posterior=0.99,
                evidence=(),
            )
        )
    for who, gtins in bills.items():
        lines = tuple((gtin, gtins.count(gtin)) for gtin in dict.fromkeys(gtins))
        found.append(Exited(**moment(61), visit=who, shopper=who, lines=lines))
    return found


@pytest.mark.parametrize(
    ("picks", "bills", "expected"),
    [
        ([(10.5, "ada", "A"), (20.5, "ben", "B")], {"ada": ["A"], "ben": ["B"]}, []),
        ([(20.5, "ben", "B")], {"ada": [], "ben": ["B"]}, [(10.0, "Ada took {A}: on no bill")]),
        (
            [(10.5, "ada", "B"), (20.5, "ben", "B")],
            {"ada": ["B"], "ben": ["B"]},
            [(10.5, "Ada took {A}, the bill says {B}")],
        ),
        (
            [(10.5, "ben", "A"), (20.5, "ben", "B")],
            {"ada": [], "ben": ["A", "B"]},
            [(10.5, "Ada took {A}: billed to Ben")],
        ),
        (
            [(10.5, "ada", "A"), (20.5, "ben", "B"), (30.5, "ben", "A")],
            {"ada": ["A"], "ben": ["A", "B"]},
            [(30.5, "Ben was billed {A} and took none")],
        ),
        (
            [(10.5, "ada", "A"), (20.5, "ben", "B"), (30.5, "ben", "B")],
            {"ada": ["A"], "ben": ["B", "B"]},
            [(30.5, "Ben has one {B} too many on the bill")],
        ),
    ],
)
def test_a_wrong_unit_is_named_at_its_moment(store, picks, bills, expected):
    a, b = store.products[0], store.products[1]
    gtin = {"A": a.gtin, "B": b.gtin}
    truth = Truth(
        scene="two",
        seed=1,
        visits=[visit("ada", (a.gtin, 1)), visit("ben", (b.gtin, 1))],
        moves=[move(10.0, "ada", a.gtin), move(20.0, "ben", b.gtin)],
        stock={},
    )
    log = decided(
        [(at_s, who, gtin[name]) for at_s, who, name in picks],
        {who: [gtin[name] for name in names] for who, names in bills.items()},
    )
    found = [(one.at_ns / SECOND, one.text) for one in departures(log, truth, store)]
    assert found == [(at_s, text.format(A=a.name, B=b.name)) for at_s, text in expected]


# Videos


@pytest.fixture(scope="module")
def filmed(tmp_path_factory, sample) -> Recording:
    """Two cameras that show a brighter wall every tenth of a second, and vision that saw nobody."""
    path = tmp_path_factory.mktemp("filmed") / "r.mcap"
    start_ns = 1_700_000_000 * SECOND
    moments = [start_ns + n * SECOND // 10 for n in range(40)]
    notes, entries = [], []
    for camera in ("cam1", "cam2"):
        writer = VideoWriter(video_path(path, camera), 640, 480, 10)
        for n, at_ns in enumerate(moments):
            picture = np.full((480, 640, 3), 40 + 5 * n, np.uint8)
            body = msgspec.json.encode(writer.add(at_ns, picture))
            notes.append(Note(at_ns, FRAMES + camera, body))
        writer.close()
    notes.sort(key=lambda note: note.at_ns)
    for n, at_ns in enumerate(moments):
        said = VisionReport(device="eye", boot="b", seq=n, at_ns=at_ns)
        late_ns = at_ns + 90_000_000 + n
        entries.append(Entry(2 * n + 1, late_ns, "openaisle/corner/vision/eye", encode(said)))
        entries.append(Entry(2 * n + 2, late_ns, TICK, b""))
    write_recording(path, entries, sample.store_text, sample.code_key, {}, notes=notes)
    return Recording.open(path)


def test_vision_looks_again_without_the_camera_that_is_left_out(filmed, monkeypatch):
    seen: list[set[str]] = []

    class Eyes:
        def __init__(self, store, detector, device, boot):
            self.device, self.boot = device, boot

        def see(self, at_ns, frames):
            seen.append(set(frames))
            return VisionReport(device=self.device, boot=self.boot, seq=len(seen), at_ns=at_ns)

    monkeypatch.setattr("service.replay_sight.VisionPipeline", Eyes)
    reel = reel_of(filmed, None)
    asked = parse_changes(["camera:CAM2"], ["camera-out:cam1@1-2"], "recorded", reel.store)
    again = changed(filmed, reel, asked)
    assert [set(), {"cam1"}] == sorted(map(set, {frozenset(s) for s in seen}), key=len)
    assert 9 <= seen.count(set()) <= 11
    assert [e.received_ns for e in again.entries] == [e.received_ns for e in reel.entries]
    assert [e.topic for e in again.entries] == [e.topic for e in reel.entries]
    said = [json.loads(e.body) for e in again.entries if e.topic != TICK]
    assert {(one["device"], one["boot"]) for one in said} == {("eye", "again")}
    assert again.changes[0] == "vision looked again at the videos without cam2"


def test_the_pictures_are_those_of_the_moment(filmed):
    reel = reel_of(filmed, None)
    with (
        Player(reel, playing=False) as player,
        FilmedPictures(filmed, filmed.cameras(), player) as pictures,
    ):
        assert pictures.cameras == ("cam1", "cam2")
        assert pictures.get("cam3") is None
        shown = {}
        for at_s in (0.0, 3.0, 0.5, 2.0):
            player.seek(at_s)
            wanted = 40 + 5 * min(int((at_s + 0.09) * 10), 39)

            def right(camera: str, wanted: int = wanted) -> bool:
                taken = pictures.get(camera)
                if taken is None:
                    return False
                shown[camera] = taken
                picture = cv2.imdecode(np.frombuffer(taken[1], np.uint8), cv2.IMREAD_COLOR)
                return abs(float(picture.mean()) - wanted) < 4

            wait_for(lambda: right("cam1") and right("cam2"))
        assert shown["cam1"][0] == 4, "a new version for each new picture"
    assert "pictures" not in {thread.name for thread in threading.enumerate()}
