"""A played scene through the whole pipeline: exact bills, same bytes, belief alone."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cart.events import Alerted, Exited, to_json
from sensors.observations import DeviceHealth, TagRead, Tick, TrackPoint
from sensors.wire import CodeShown, HealthReport, WeightBatch, decode, encode, topic
from service.pipeline import Pipeline, silence_after
from service.recording import Recording, replay, write_recording
from service.records import Entry
from service.simulate import bill, issuers, simulate, stage, truth_bytes

ROOT = Path(__file__).parents[2]
SCENES = ROOT / "datasets" / "scenes"


@pytest.fixture(scope="module")
def short():
    staged = stage(SCENES / "one-shopper.yaml")
    return staged, simulate(staged, 1)


def log_of(events):
    return b"".join(to_json(event) + b"\n" for event in events)


def test_the_bill_is_what_was_taken(short):
    _, run = short
    (exited,) = [event for event in run.events if isinstance(event, Exited)]
    assert sorted(exited.lines) == sorted(run.truth.visits[0].lines)
    assert run.score["f1"] == 1.0
    assert run.score["receipts_exact"] == run.score["visits"] == 1
    assert run.score["vision"] == "emulated"
    assert not [a for a in run.events if isinstance(a, Alerted)]
    assert run.score["transport"] == "direct"


def test_a_recording_replays_to_the_same_bytes(short, tmp_path):
    staged, run = short
    path = tmp_path / "r.mcap"
    write_recording(path, run.entries, staged.store_text, run.code_key, {}, truth_bytes(run.truth))
    assert log_of(replay(Recording.open(path), Pipeline)) == log_of(run.events)


def test_reads_of_tags_arrive_on_the_common_clock_and_decide_nothing(short):
    staged, run = short
    pipeline, heard = Pipeline(staged.store, run.code_key), []
    pipeline.listen(heard.append)
    for entry in run.entries:
        pipeline.feed(entry)
    times = [o.at_ns for o in heard if not isinstance(o, Tick)]
    assert times == sorted(times)
    reads = [o for o in heard if isinstance(o, TagRead)]
    said = [
        (payload.device, read.epc, payload.at_ns + read.offset_ns)
        for payload in (
            decode(e.topic, e.body, "corner") for e in run.entries if "/rfid/" in e.topic
        )
        for read in payload.reads
    ]
    assert sorted((r.antenna, r.epc, r.at_ns) for r in reads) == sorted(said)
    assert len(reads) > 500
    without = [entry for entry in run.entries if "/rfid/" not in entry.topic]
    # They may tell the engine sooner that time went on, and nothing else.
    assert [
        replace(event, decided_ns=0) for event in bill(staged.store, run.code_key, without)
    ] == [replace(event, decided_ns=0) for event in run.events]


def test_a_last_will_is_of_the_time_at_which_it_arrives(short):
    """It was written when the device connected; `at_ns` 0 says so."""
    staged, run = short
    pipeline, heard = Pipeline(staged.store, run.code_key), []
    pipeline.listen(heard.append)
    at_ns = run.entries[0].received_ns
    for boot, said_ns in (("b", at_ns), ("b.1", 0), ("b.2", 0)):
        report = HealthReport(device="g1s1", boot=boot, seq=0, at_ns=said_ns, up=boot == "b")
        pipeline.feed(Entry(0, at_ns, topic("corner", "health", "g1s1"), encode(report)))
        at_ns += 60_000_000_000
    for entry in silence_after(at_ns, staged.store):
        pipeline.feed(Entry(0, *entry))
    found = [(o.up, o.at_ns) for o in heard if isinstance(o, DeviceHealth)]
    first_ns = run.entries[0].received_ns
    assert found == [
        (up, first_ns + minute * 60_000_000_000) for minute, up in enumerate((True, False, False))
    ]


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_belief_alone_gives_the_same_events(short, tmp_path, hash_seed):
    """World and scene are gone, the simulator cannot be imported, the truth changes nothing."""
    staged, run = short
    for name, truth in (("bare", None), ("told", truth_bytes(run.truth))):
        path = tmp_path / f"{name}.mcap"
        write_recording(path, run.entries, staged.store_text, run.code_key, {}, truth)
    for package in ("cart", "sensors", "fusion", "service"):
        (tmp_path / package).symlink_to(ROOT / package)
    program = (
        "import sys; from pathlib import Path\n"
        "sys.modules['simulator'] = None\n"
        "from service.recording import Recording, replay\n"
        "from service.pipeline import Pipeline\n"
        "from cart.events import to_json\n"
        "for event in replay(Recording.open(Path(sys.argv[1])), Pipeline):\n"
        "    sys.stdout.buffer.write(to_json(event) + b'\\n')\n"
        "assert not any(name.startswith('simulator.') for name in sys.modules)\n"
        "assert not Path('datasets').exists()\n"
    )
    replayed = []
    for name in ("bare.mcap", "told.mcap"):
        done = subprocess.run(
            [sys.executable, "-c", program, name],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        replayed.append(done.stdout)
    assert replayed[0] == replayed[1] == log_of(run.events)


def test_duplicates_and_reordering_within_the_lateness_change_no_bill(short):
    staged, run = short
    shuffled = []
    for index in range(0, len(run.entries), 6):
        block = run.entries[index : index + 6]
        shuffled += [
            Entry(0, entry.received_ns, other.topic, other.body)
            for entry, other in zip(block, reversed(block), strict=True)
        ]
    repeated = [copy for entry in shuffled for copy in (entry, entry)]
    for variant in (shuffled, repeated):
        pipeline = Pipeline(staged.store, run.code_key)
        events = [
            event
            for number, entry in enumerate(variant, 1)
            for event in pipeline.feed(Entry(number, entry.received_ns, entry.topic, entry.body))
        ]
        bills = [event.lines for event in events if isinstance(event, Exited)]
        assert bills == [e.lines for e in run.events if isinstance(e, Exited)]


def test_a_forged_code_is_refused_aloud_and_the_store_goes_on(short):
    staged, run = short
    _, forger = issuers(staged.store.id, 1)
    at_ns = run.entries[0].received_ns
    forged = CodeShown(
        device="gate-in", boot="x", seq=0, at_ns=at_ns, code=forger.issue("eve", at_ns, "n")
    )
    pipeline = Pipeline(staged.store, run.code_key)
    where = topic(staged.store.id, "gate", "gate-in")
    (alert,) = pipeline.feed(Entry(1, at_ns, where, encode(forged)))
    assert isinstance(alert, Alerted)
    assert "not issued by this store" in alert.text
    events = [event for entry in run.entries for event in pipeline.feed(entry)]
    assert [e.lines for e in events if isinstance(e, Exited)] == [
        e.lines for e in run.events if isinstance(e, Exited)
    ]


def test_a_device_clock_that_is_seconds_off_changes_no_bill(short):
    staged, run = short
    shelf = next(m.facing.split(".")[0] for m in run.truth.moves)
    where = topic(staged.store.id, "weight", shelf)

    def skewed(entry):
        if entry.topic != where:
            return entry
        batch = decode(entry.topic, entry.body, staged.store.id)
        assert isinstance(batch, WeightBatch)
        late = WeightBatch(
            **{f: getattr(batch, f) for f in batch.__struct_fields__ if f != "at_ns"},
            at_ns=batch.at_ns + 3_000_000_000,
        )
        return Entry(entry.number, entry.received_ns, entry.topic, encode(late))

    pipeline = Pipeline(staged.store, run.code_key)
    events = [event for entry in run.entries for event in pipeline.feed(skewed(entry))]
    assert [e.lines for e in events if isinstance(e, Exited)] == [
        e.lines for e in run.events if isinstance(e, Exited)
    ]


def test_an_observation_that_the_engine_cannot_take_does_not_stop_the_store(short):
    staged, run = short
    pipeline = Pipeline(staged.store, run.code_key)
    step, failed = pipeline.engine.step, []

    def stumbling(observation):
        if not failed and isinstance(observation, TrackPoint):
            failed.append(observation)
            raise ZeroDivisionError("a bug")
        return step(observation)

    pipeline.engine.step = stumbling
    events = [event for entry in run.entries for event in pipeline.feed(entry)]
    assert [e.kind for e in events if isinstance(e, Alerted)] == ["engine-fault"]
    assert [e.lines for e in events if isinstance(e, Exited)] == [
        e.lines for e in run.events if isinstance(e, Exited)
    ]


def test_a_shelf_that_falls_silent_while_others_speak_is_down_until_it_speaks_again(short):
    staged, run = short
    shelf = staged.store.gondolas[0].shelves[0].id
    quiet = topic(staged.store.id, "weight", shelf)
    first_ns = run.entries[0].received_ns

    def alerts(missing):
        entries = [e for e in run.entries if e.topic != quiet or not missing(e.received_ns)]
        heard = []
        pipeline = Pipeline(staged.store, run.code_key)
        pipeline.listen(heard.append)
        told = [event for entry in entries for event in pipeline.feed(entry)]
        health = [(o.device, o.up) for o in heard if isinstance(o, DeviceHealth)]
        return health, [a.kind for a in told if isinstance(a, Alerted)]

    assert alerts(lambda at_ns: False) == ([], [])
    assert alerts(lambda at_ns: True) == ([(shelf, False)], ["device-down"])
    health, _ = alerts(lambda at_ns: first_ns + 10_000_000_000 < at_ns < first_ns + 18_000_000_000)
    assert health == [(shelf, False), (shelf, True)]
