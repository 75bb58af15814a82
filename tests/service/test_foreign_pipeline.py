"""A store whose cells and readers are of others: the same bill, and nothing from what is said
twice."""

import json
import pickle
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from cart.events import Exited, Picked, to_json
from sensors.foreign_feed import UNSAID_RSSI_DBM
from sensors.observations import DeviceHealth, TagRead, WeightStep
from sensors.store import StoreFileError, parse_store
from sensors.wire import decode
from service.pipeline import Pipeline, silence_after
from service.recording import Recording, replay, write_recording
from service.records import TICK, Entry
from service.replay_changes import Changes, changed, parse_without
from service.replay_reel import reel_of
from service.simulate import simulate, stage

SCENES = Path(__file__).parents[2] / "datasets" / "scenes"
SHELVES = ("g4s2", "g4s3")
ANTENNAS = {1: "rfid-g3", 2: "rfid-out"}
READER_TOPIC = "impinj/r700-1/events"
START_NS = 1_767_600_000_000_000_000
MS = 1_000_000


def cell(shelf, plate):
    """Every other one is a Tasmota."""
    device = {"id": f"{shelf}-{plate}", "shelf": shelf, "plate": plate, "every_s": 0.2}
    if plate % 2:
        return device | {"kind": "tasmota-hx711", "topic": f"tele/{shelf}-{plate}/SENSOR"}
    return device | {"kind": "esphome-number", "topic": f"{shelf}/sensor/p{plate}/state"}


CELLS = [cell(shelf, plate) for shelf in SHELVES for plate in range(1, 13)]
READER = {"id": "r1", "kind": "impinj-r700", "topic": READER_TOPIC, "antennas": ANTENNAS}


def said_by_cell(device, grams, at_ns):
    """A cell's message, with the vendor's time where it sends one."""
    if device["kind"] == "esphome-number":
        return f"{grams:.1f}".encode()
    local = datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return json.dumps({"Time": local, "HX711": {"Weight": round(grams / 1000, 4)}}).encode()


def impinj_event(port, epc, at_ns, rssi_dbm=None):
    second = datetime.fromtimestamp(at_ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    event = {"epcHex": epc, "antennaPort": port}
    event |= {} if rssi_dbm is None else {"peakRssiCdbm": round(rssi_dbm * 100)}
    return {
        "timestamp": f"{second}.{at_ns % 10**9:09d}Z",
        "eventType": "tagInventory",
        "tagInventoryEvent": event,
    }


def in_the_words_of_others(entry):
    """The messages that devices of others send for what one of ours says in an entry."""
    _, _, kind, device = (entry.topic.split("/") + [""] * 3)[:4]
    if kind == "weight" and device in SHELVES:
        row = decode(entry.topic, entry.body, "corner").grams[-1]
        for foreign, grams in zip([c for c in CELLS if c["shelf"] == device], row, strict=True):
            yield foreign["topic"], said_by_cell(foreign, grams, entry.received_ns)
    elif kind == "rfid":
        said = decode(entry.topic, entry.body, "corner")
        port = next(port for port, antenna in ANTENNAS.items() if antenna == device)
        events = [
            impinj_event(port, read.epc, said.at_ns + read.offset_ns, read.rssi_dbm)
            for read in said.reads
        ]
        if events:
            yield READER_TOPIC, json.dumps(events).encode()
    else:
        yield entry.topic, entry.body


@pytest.fixture(scope="module")
def played():
    """The store with devices of others, the key of its codes, its entries, its true lines."""
    staged = stage(SCENES / "one-shopper.yaml")
    run = simulate(staged, 1)
    content = yaml.safe_load(staged.store_text) | {"devices": [*CELLS, READER]}
    store = parse_store(yaml.safe_dump(content))
    entries = [
        Entry(0, entry.received_ns, *said)
        for entry in run.entries
        for said in in_the_words_of_others(entry)
    ]
    return store, run, entries


def fed(store, key, entries):
    """Events and observations of a store that is told the entries."""
    pipeline, heard, events = Pipeline(store, key), [], []
    pipeline.listen(heard.append)
    for entry in entries:
        events += pipeline.feed(entry)
    return events, heard


def picked(events):
    return [(e.gtin, e.units, e.facing) for e in events if isinstance(e, Picked)]


def test_a_shop_of_foreign_devices_bills_what_was_taken(played):
    store, run, entries = played
    events, heard = fed(store, run.code_key, entries)
    (exited,) = [event for event in events if isinstance(event, Exited)]
    assert sorted(exited.lines) == sorted(run.truth.visits[0].lines)
    assert picked(events) == picked(run.events)
    steps = [o for o in heard if isinstance(o, WeightStep) and o.shelf in SHELVES]
    assert steps
    assert all(80 * MS < step.time_sigma_ns < 120 * MS for step in steps), "stamped on arrival"
    _, told = fed(stage(SCENES / "one-shopper.yaml").store, run.code_key, run.entries)
    ours = {(o.antenna, o.epc, o.at_ns) for o in told if isinstance(o, TagRead)}
    assert {(o.antenna, o.epc, o.at_ns) for o in heard if isinstance(o, TagRead)} == ours
    assert len(ours) > 500


def test_what_is_said_twice_moves_no_cart(played):
    """Each foreign message comes again at once, and all of the last half second once more."""
    store, run, entries = played
    foreign = {device["topic"] for device in (*CELLS, READER)}
    twice, recent = [], []
    for number, entry in enumerate(entries):
        twice.append(entry)
        if entry.topic not in foreign:
            continue
        twice.append(entry)
        recent = [e for e in recent if e.received_ns > entry.received_ns - 500 * MS] + [entry]
        if number % 400 == 0:  # as a broker sends again after a lost connection
            twice += [replace(e, received_ns=entry.received_ns) for e in recent]
    assert len(twice) > 2 * len(entries) - 1500
    events, heard = fed(store, run.code_key, entries)
    again, heard_again = fed(store, run.code_key, twice)
    assert b"\n".join(map(to_json, again)) == b"\n".join(map(to_json, events))
    reads = [(o.antenna, o.epc, o.at_ns) for o in heard_again if isinstance(o, TagRead)]
    assert len(set(reads)) == len(reads) == sum(isinstance(o, TagRead) for o in heard)


def test_a_recording_replays_to_the_same_events(played, tmp_path):
    store, run, entries = played
    text = yaml.safe_dump(store.model_dump(mode="json", exclude_none=True))
    numbered = [replace(entry, number=n) for n, entry in enumerate(entries, 1)]
    path = tmp_path / "r.mcap"
    write_recording(path, numbered, text, run.code_key, {}, None)
    told, _ = fed(store, run.code_key, entries)
    recording = Recording.open(path)
    assert list(map(to_json, replay(recording, Pipeline))) == list(map(to_json, told))
    reel = reel_of(recording, None)
    cells = {device["topic"] for device in CELLS}
    for text, left_out in (
        ("weight", cells),
        ("weight:g4s2", {c["topic"] for c in CELLS if c["shelf"] == "g4s2"}),
        ("rfid", {READER_TOPIC}),
        ("vision", set()),
    ):
        without = parse_without(text, store)
        assert {topic for topic in (*cells, READER_TOPIC) if without.drops(topic)} == left_out
        less = changed(recording, reel, Changes((without,), (), False))
        assert {e.topic for e in less.entries}.isdisjoint(left_out)
        assert len(list(less.entries)) < len(entries)
    with pytest.raises(StoreFileError, match="r1 speaks for rfid-g3 in the same messages"):
        parse_without("rfid:rfid-out", store)


def test_a_virtual_store_speaks_for_devices_of_others_in_our_words(tmp_path):
    staged = stage(SCENES / "one-shopper.yaml")
    content = yaml.safe_load(staged.store_text) | {"id": "mine", "devices": [*CELLS, READER]}
    content["policy"] = {"close_entry": {"devices": ["r1", "g1s1"]}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    scene = (SCENES / "one-shopper.yaml").read_text(encoding="utf-8")
    (tmp_path / "s.yaml").write_text(scene.replace("store: corner", "store: mine"))
    run = simulate(stage(tmp_path / "s.yaml"), 1)
    assert run.score["receipts_exact"] == 1


def steps_of(store, run, messages, until_ns):
    """Steps and healths of a store in which nothing but these messages is said, without those of
    the shelves that are silent all the time."""
    times = [*range(START_NS, until_ns, 250 * MS)]
    entries = [Entry(0, at_ns, TICK, b"") for at_ns in times] + messages
    entries += [Entry(0, *said) for said in silence_after(until_ns, store)]
    _, heard = fed(store, run.code_key, sorted(entries, key=lambda entry: entry.received_ns))
    return [
        o
        for o in heard
        if isinstance(o, WeightStep)
        or (isinstance(o, DeviceHealth) and not o.reason.startswith("no weights"))
    ]


def readings(device, grams, from_ms, to_ms):
    return [
        Entry(0, at_ns, device["topic"], said_by_cell(device, grams, at_ns))
        for at_ns in range(START_NS + from_ms * MS, START_NS + to_ms * MS, 200 * MS)
    ]


@pytest.mark.parametrize("plate", [1, 2])
def test_a_cell_alone_on_its_shelf_makes_steps(played, plate):
    store, run, _ = played
    device = CELLS[plate - 1]
    said = [*readings(device, 900.0, 0, 4000), *readings(device, 568.0, 4000, 8000)]
    (step,) = steps_of(store, run, said, START_NS + 9000 * MS)
    assert dict(zip(step.plates, step.delta_g, strict=True))[plate] == pytest.approx(-332.0, abs=2)
    assert abs(step.began_ns - (START_NS + 4000 * MS)) < 3 * step.time_sigma_ns


def test_old_news_of_a_cell_that_tells_the_time_is_no_news(played):
    store, run, _ = played
    device = CELLS[0]
    before = json.dumps({"Time": "2026-11-22T08:00:00", "HX711": {"Weight": 0.9}}).encode()
    after = json.dumps({"Time": "2026-11-22T08:00:05", "HX711": {"Weight": 0.568}}).encode()
    said = [(0, before), (3000, after), (5000, before), (8000, after)]
    entries = [
        Entry(0, START_NS + (at_ms + n * 200) * MS, device["topic"], body)
        for at_ms, body in said
        for n in range(10)
    ]
    assert len(steps_of(store, run, entries, START_NS + 11_000 * MS)) == 1


def test_a_cell_that_falls_silent_is_down_until_it_speaks(played):
    store, run, _ = played
    content = store.model_dump()
    content["devices"] = [CELLS[0] | {"silent_after_s": 5}, CELLS[1]]
    quiet = type(store).model_validate(content)
    said = [*readings(CELLS[0], 900.0, 0, 2000), *readings(CELLS[0], 900.0, 20_000, 26_000)]
    said += readings(CELLS[1], 500.0, 0, 30_000)
    found = steps_of(quiet, run, said, START_NS + 23_000 * MS)
    assert [(o.device, o.up, o.reason) for o in found] == [
        ("g4s2-1", False, "no reading for 5 s"),
        ("g4s2-1", True, ""),
    ]


def test_hours_without_the_engine_are_no_rows_to_lay(played):
    store, run, _ = played
    pipeline, heard = Pipeline(store, run.code_key), []
    pipeline.listen(heard.append)
    device = CELLS[0]
    for entry in readings(device, 900.0, 0, 3000):
        pipeline.feed(entry)
    later_ms = 50 * 3_600_000
    for entry in readings(device, 568.0, later_ms, later_ms + 3000):
        pipeline.feed(entry)
    for said in silence_after(START_NS + (later_ms + 3000) * MS, store):
        pipeline.feed(Entry(0, *said))
    (step,) = [o for o in heard if isinstance(o, WeightStep)]
    assert sum(step.delta_g) == pytest.approx(-332.0, abs=2)


def test_readings_in_the_wrong_order_move_no_cart(played):
    """One in twenty of the foreign messages changes places with the next of its device, and one
    in a hundred comes twice."""
    store, run, entries = played
    foreign = {device["topic"] for device in (*CELLS, READER)}
    rng, mixed = random.Random(5), list(entries)
    last: dict[str, int] = {}
    for at, entry in enumerate(entries):
        if entry.topic not in foreign:
            continue
        before = last.get(entry.topic)
        if before is not None and rng.random() < 0.05:
            mixed[before], mixed[at] = (
                replace(mixed[before], body=mixed[at].body),
                replace(mixed[at], body=mixed[before].body),
            )
        last[entry.topic] = at
    mixed = [copy for entry in mixed for copy in [entry] * (1 + (rng.random() < 0.01))]
    assert sum(a.body != b.body for a, b in zip(entries, mixed, strict=False)) > 100
    events, _ = fed(store, run.code_key, mixed)
    (exited,) = [event for event in events if isinstance(event, Exited)]
    assert sorted(exited.lines) == sorted(run.truth.visits[0].lines)
    assert picked(events) == picked(run.events)


def test_a_pipeline_that_is_put_aside_and_taken_up_again_remembers(played):
    """As a snapshot does between two starts: what came before is known when it is repeated."""
    store, run, entries = played
    whole, _ = fed(store, run.code_key, entries)
    pipeline, events = Pipeline(store, run.code_key), []
    half = next(n for n, e in enumerate(entries) if e.received_ns > START_NS + 9_000 * MS)
    for entry in entries[:half]:
        events += pipeline.feed(entry)
    pipeline = pickle.loads(pickle.dumps(pipeline))
    now_ns = entries[half - 1].received_ns
    for entry in entries[half - 60 : half]:
        events += pipeline.feed(replace(entry, received_ns=now_ns))
    for entry in entries[half:]:
        events += pipeline.feed(entry)
    assert list(map(to_json, events)) == list(map(to_json, whole))


@pytest.mark.parametrize(
    ("kind", "port", "epc", "at_ns", "rssi_dbm", "body"),
    [
        (
            "impinj-r700",
            1,
            "E28011606000020A6681F23F",
            1_612_304_315_499_734_000,
            UNSAID_RSSI_DBM,
            '[{"timestamp":"2021-02-02T22:18:35.658476625Z","eventType":"tagInventory",'
            '"tagInventoryEvent":{"epc":"4oARYGAAAgpmgfI_","epcHex":"E28011606000020A6681F23F",'
            '"antennaPort":1,"antennaName":"Portal1","lastSeenTime":"2021-02-02T22:18:35.499734Z"'
            "}}]",
        ),
        (
            "zebra-fixed",
            4,
            "AA0004EF55555555AA21BF43",
            1_786_612_468_651_000_000,
            -34.0,
            '{"data":{"idHex":"aa0004ef55555555aa21bf43","peakRssi":-34,"antenna":4},'
            '"timestamp":"2026-08-13T09:14:28.651+0000","type":"CUSTOM"}',
        ),
        (
            "zebra-rfd40",
            1,
            "BEDD11112222333344445555",
            1_779_021_296_789_000_000,
            -39.0,
            '{"type":"BALANCED_PERFORMANCE","timestamp":"2026-05-17T12:34:56.789Z","data":{'
            '"tagData":[{"EPC":"BEDD11112222333344445555","EPCid":"BEDD11112222333344445555",'
            '"channel":911.75,"eventNum":1,"peakRssi":-39,"phase":0,"seenCount":1}]}}',
        ),
    ],
)
@pytest.mark.parametrize("ahead_s", [0, 3600])
def test_a_sample_of_each_reader_becomes_the_read_that_it_means(
    played, kind, port, epc, at_ns, rssi_dbm, body, ahead_s
):
    """Also where the reader's clock is ahead: then it counts as of its arrival."""
    store, run, _ = played
    content = store.model_dump()
    device = {"id": "r", "kind": kind, "topic": "their/own", "antennas": {port: "rfid-out"}}
    pipeline = Pipeline(type(store).model_validate(content | {"devices": [device]}), run.code_key)
    seen = []
    pipeline.listen(seen.append)
    received_ns = at_ns + 150 * MS - ahead_s * 1000 * MS
    pipeline.feed(Entry(1, received_ns, "their/own", body.encode()))
    for said in silence_after(received_ns, store):
        pipeline.feed(Entry(0, *said))
    (read,) = [o for o in seen if isinstance(o, TagRead)]
    assert (read.antenna, read.epc, read.rssi_dbm) == ("rfid-out", epc, rssi_dbm)
    assert read.at_ns == (received_ns if ahead_s else at_ns)
