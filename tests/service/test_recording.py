"""Recordings: the same entries out as in, the same bytes each time, damage told clearly."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.records import Channel
from mcap.writer import Writer

import service.recording
from cart.events import Alerted
from sensors.wire import CodeShown, encode
from service.pipeline import Pipeline
from service.recording import Note, Recording, RecordingError, replay, write_recording
from service.records import TICK, Entry

FACTS = {"seed": 3, "source": "simulated", "nested": {"b": 1, "a": [1, 2]}}
KEY = "-----BEGIN PUBLIC KEY-----\n"


def some_entries(count: int) -> list[Entry]:
    topics = ["openaisle/corner/weight/g1s1", "openaisle/corner/vision/v", TICK]
    return [
        Entry(n, n * 1000, topics[n % 3], b"" if n % 3 == 2 else b'{"n":%d}' % n)
        for n in range(1, count + 1)
    ]


class Echo:
    def __init__(self, store, code_key):
        self.number = 0

    def feed(self, entry):
        self.number += 1
        return [
            Alerted(
                number=self.number,
                at_ns=entry.received_ns,
                decided_ns=0,
                kind="echo",
                subject=entry.topic,
                text=entry.body.decode(),
            )
        ]


def write(path, entries, store_text, truth=None):
    write_recording(path, entries, store_text, KEY, FACTS, truth)
    return path


def test_everything_comes_back(tmp_path, store_text):
    entries = some_entries(5000)
    path = write(tmp_path / "r.mcap", entries, store_text, truth=b'{"visits":[]}')
    recording = Recording.open(path)
    assert list(recording.entries()) == entries == list(recording.entries())
    assert (recording.store_text, recording.code_key) == (store_text, KEY)
    assert (recording.facts, recording.truth) == (FACTS, b'{"visits":[]}')
    assert [p.name for p in tmp_path.iterdir()] == ["r.mcap"]


def test_same_content_same_bytes(tmp_path, store_text):
    entries = some_entries(3000)
    one = write(tmp_path / "1.mcap", entries, store_text, truth=b"t").read_bytes()
    two = write(tmp_path / "2.mcap", iter(entries), store_text, truth=b"t").read_bytes()
    assert one == two


def test_without_truth_and_without_entries(tmp_path, store_text):
    recording = Recording.open(write(tmp_path / "r.mcap", [], store_text))
    assert recording.truth is None
    assert list(recording.entries()) == []


def test_the_truth_changes_nothing_that_is_replayed(tmp_path, store_text):
    entries = some_entries(50)
    bare = Recording.open(write(tmp_path / "1.mcap", entries, store_text))
    told = Recording.open(write(tmp_path / "2.mcap", entries, store_text, truth=b"secret"))
    events = list(replay(bare, Echo))
    assert events == list(replay(told, Echo))
    assert len(events) == 50
    assert [event.text for event in events[:50]] == [entry.body.decode() for entry in entries]


@given(cut=st.floats(0, 0.999))
@settings(max_examples=25, deadline=None)
def test_truncated_anywhere(tmp_path_factory, store_text, cut):
    entries = [
        Entry(n, n, "openaisle/corner/weight/a", bytes(f"{n * n:x}" * 200, "ascii"))
        for n in range(1, 4000)
    ]
    path = tmp_path_factory.mktemp("cut") / "r.mcap"
    write(path, entries, store_text, truth=b"t")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    try:
        recording = Recording.open(path)
    except RecordingError as error:
        assert "r.mcap" in str(error)
        bare = write(path.with_name("bare.mcap"), [], store_text, truth=b"t")
        assert len(content) * cut < bare.stat().st_size
        return
    assert recording.truncated
    got = list(recording.entries())
    assert got == entries[: len(got)]
    assert len(got) >= int(len(entries) * cut) - 1500  # no more is lost than the last chunk
    assert recording.warnings in ((0, 1) if len(got) == len(entries) else (1,))


def test_a_flipped_bit_is_noticed(tmp_path, store_text, capsys):
    entries = some_entries(20_000)
    path = write(tmp_path / "r.mcap", entries, store_text)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x10
    path.write_bytes(content)
    recording = Recording.open(path)
    got = list(recording.entries())
    assert got == entries[: len(got)]
    assert got
    assert (recording.truncated, recording.warnings) == (True, 1)
    told = capsys.readouterr().out
    assert "r.mcap" in told
    assert "damaged" in told
    assert f"{len(got)} messages" in told


def test_notes_and_truth_are_no_entries(tmp_path, store_text):
    entries = some_entries(9)
    film = [Note(n * 900, "frames/cam1", b'{"at_ns":%d}' % n) for n in range(9)]
    notes = [Note(0, "truth/exposures", b"{}"), *film]
    path = tmp_path / "r.mcap"
    texts = {"scene_text": "name: s", "world_text": "id: w"}
    write_recording(path, entries, store_text, KEY, FACTS, b"t", notes=notes, **texts)
    recording = Recording.open(path)
    assert list(recording.entries()) == entries
    assert list(recording.notes()) == notes
    assert (recording.scene_text, recording.world_text) == ("name: s", "id: w")
    assert recording.truth == b"t"
    assert not recording.truncated


def test_foreign_files(tmp_path):
    path = tmp_path / "r.mcap"
    for content in (b"", b"RIFF....WAVE" * 20):
        path.write_bytes(content)
        with pytest.raises(RecordingError, match="not a recording"):
            Recording.open(path)
    with path.open("wb") as stream:
        writer = Writer(stream)
        writer.start(profile="ros2")
        writer.finish()
    with pytest.raises(RecordingError, match="not a recording of OpenAisle"):
        Recording.open(path)
    with pytest.raises(RecordingError, match="cannot be read"):
        Recording.open(tmp_path / "none.mcap")


def test_what_the_pipeline_cannot_use_is_told_with_its_place(tmp_path, store_text, issuer):
    def recorded(key: str, entry: Entry) -> Recording:
        write_recording(tmp_path / "r.mcap", [entry], store_text, key, FACTS)
        return Recording.open(tmp_path / "r.mcap")

    bad = Entry(7, 1, "openaisle/corner/weight/g1s1", b'{"grams":')
    with pytest.raises(RecordingError, match=r"r\.mcap: entry 7: .*g1s1"):
        list(replay(recorded(issuer.public_pem, bad), Pipeline))
    code = issuer.issue("ada", 0, "n")
    shown = encode(CodeShown(device="gate-in", boot="b", seq=0, at_ns=0, code=code))
    for key in ("", "junk", KEY):
        recording = recorded(key, Entry(1, 1, "openaisle/corner/gate/gate-in", shown))
        with pytest.raises(RecordingError, match=r"r\.mcap: code_key\.pem"):
            list(replay(recording, Pipeline))


def test_an_entry_of_a_channel_that_nothing_describes(tmp_path, store_text, monkeypatch):
    recording = Recording.open(write(tmp_path / "r.mcap", some_entries(3), store_text))
    records = [r for r in service.recording._records(recording.path) if not isinstance(r, Channel)]
    monkeypatch.setattr(service.recording, "_records", lambda path: iter(records))
    with pytest.raises(RecordingError, match="which nothing describes"):
        list(recording.entries())


def test_entries_must_ascend_and_not_speak_as_the_truth(tmp_path, store_text):
    entry = Entry(2, 0, TICK, b"")
    aside = [Entry(3, 0, topic, b"") for topic in ("truth", "truth/exposures", "frames/cam1")]
    for follower in (entry, *aside):
        with pytest.raises(RecordingError, match="cannot follow 2"):
            write(tmp_path / "r.mcap", [entry, follower], store_text)
    assert list(tmp_path.iterdir()) == []
