"""What devices of others say, from the samples of their makers: read as it is meant, or refused
with the reason."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sensors.decode import Decoder
from sensors.foreign import ForeignTags, ForeignWeight, SeenTag
from sensors.foreign_kinds import CELLS, READERS
from sensors.store import Store
from sensors.wire import WeightBatch, WireError, encode, topic

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
DEVICES = [
    {
        "id": "g3-reader",
        "kind": "impinj-r700",
        "topic": "impinj/r700-1/events",
        "antennas": {1: "rfid-g3", 2: "rfid-out"},
    },
    {"id": "c1", "kind": "tasmota-hx711", "topic": "tele/scale1/SENSOR", "shelf": "g1s1"}
    | {"plate": 1},
    {"id": "c2", "kind": "esphome-number", "topic": "scales/sensor/two/state", "shelf": "g1s1"}
    | {"plate": 2},
]
ZEBRA = {"id": "fx", "kind": "zebra-fixed", "topic": "zebra/fx", "antennas": {4: "rfid-g3"}}
HAND = {
    "id": "rfd",
    "kind": "zebra-rfd40",
    "topic": "t1/DATA/clients/data1event/123",
    "antennas": {1: "rfid-out"},
}
IMPINJ = (
    '[{"timestamp":"2021-02-02T22:18:35.658476625Z","eventType":"tagInventory",'
    '"tagInventoryEvent":{"epc":"4oARYGAAAgpmgfI_","epcHex":"E28011606000020A6681F23F",'
    '"antennaPort":1,"antennaName":"Portal1","lastSeenTime":"2021-02-02T22:18:35.499734Z"}}]'
)
FXR90 = (
    '{"data":{"idHex":"aa0004ef55555555aa21bf43","peakRssi":-34,"antenna":4},'
    '"timestamp":"2026-08-13T09:14:28.651+0000","type":"CUSTOM"}'
)
RFD40 = (
    '{"type":"BALANCED_PERFORMANCE","timestamp":"2026-05-17T12:34:56.789Z","data":{"tagData":['
    '{"EPC":"BEDD11112222333344445555","EPCid":"BEDD11112222333344445555","channel":911.75,'
    '"eventNum":1,"peakRssi":-39,"phase":0,"seenCount":1}]}}'
)
TASMOTA = (
    '{"Time":"2026-11-22T08:14:02","HX711":{"Weight":1.234,"Count":3,"WeightRaw":1234,'
    '"AbsRaw":567890},"TempUnit":"C"}'
)
SAMPLES = {
    "impinj-r700": IMPINJ,
    "zebra-fixed": FXR90,
    "zebra-rfd40": RFD40,
    "tasmota-hx711": TASMOTA,
    "esphome-number": "412.5",
}


def store_with(devices) -> Store:
    content = yaml.safe_load(CORNER.read_text(encoding="utf-8"))
    return Store.model_validate(content | {"devices": devices})


DECODER = Decoder(store_with(DEVICES))
OTHERS = Decoder(store_with([ZEBRA, HAND]))


def test_every_kind_has_a_sample():
    assert set(SAMPLES) == {*READERS, *CELLS}


def test_impinj():
    assert DECODER.decode("impinj/r700-1/events", IMPINJ.encode()) == ForeignTags(
        device="g3-reader",
        at_ns=1_612_304_315_499_734_000,
        tags=(
            (
                "rfid-g3",
                SeenTag(port=1, epc="E28011606000020A6681F23F", at_ns=1_612_304_315_499_734_000),
            ),
        ),
    )


def test_impinj_with_all_its_fields_and_without_some():
    fields = {"epc": "4oARYGAAAgpmgfI_", "antennaPort": 2, "peakRssiCdbm": -7400}
    fields |= {"frequency": 866900, "transmitPowerCdbm": 3150}
    event = {"timestamp": "2021-02-02T22:18:35.658476625Z", "eventType": "tagInventory"}
    said = json.dumps(event | {"tagInventoryEvent": fields}).encode()
    (read,) = READERS["impinj-r700"](said)
    assert read == SeenTag(
        port=2,
        epc="E28011606000020A6681F23F",
        at_ns=1_612_304_315_658_476_625,
        rssi_dbm=-74.0,
    )
    fields = {"epcHex": "e28011606000020a6681f23f", "antennaPort": 2}
    (read,) = READERS["impinj-r700"](json.dumps([event | {"tagInventoryEvent": fields}]).encode())
    assert (read.epc, read.rssi_dbm) == ("E28011606000020A6681F23F", None)


def test_an_event_that_is_not_of_tags_says_none():
    other = b'[{"timestamp":"2021-02-02T22:18:35Z","eventType":"gpiTransition","gpi":1}]'
    said = DECODER.decode("impinj/r700-1/events", other)
    assert said == ForeignTags(device="g3-reader", at_ns=None, tags=())


def test_a_port_that_is_named_with_nothing_is_passed_over():
    reader = DEVICES[0] | {"antennas": {1: None, 2: "rfid-out"}}
    decoder = Decoder(store_with([reader]))
    two = IMPINJ[1:-1].replace('"antennaPort":1', '"antennaPort":2')
    said = decoder.decode(reader["topic"], f"[{IMPINJ[1:-1]},{two}]".encode())
    assert [antenna for antenna, _ in said.tags] == ["rfid-out"]
    ours = b'{"device":"rfid-g3","boot":"b","seq":0,"at_ns":0,"span_ns":1}'
    assert decoder.decode(topic("corner", "rfid", "rfid-g3"), ours).reads == []


def test_zebra():
    fixed = OTHERS.decode("zebra/fx", FXR90.encode())
    assert fixed.tags == (
        (
            "rfid-g3",
            SeenTag(
                port=4,
                epc="AA0004EF55555555AA21BF43",
                at_ns=1_786_612_468_651_000_000,
                rssi_dbm=-34.0,
            ),
        ),
    )
    held = OTHERS.decode("t1/DATA/clients/data1event/123", RFD40.encode())
    assert held.at_ns == 1_779_021_296_789_000_000
    ((antenna, tag),) = held.tags
    assert (antenna, tag.epc, tag.rssi_dbm) == ("rfid-out", "BEDD11112222333344445555", -39.0)
    assert OTHERS.decode("zebra/fx", f"[{FXR90},{FXR90}]".encode()).tags == fixed.tags * 2


def test_cells():
    said = DECODER.decode("tele/scale1/SENSOR", TASMOTA.encode())
    assert isinstance(said, ForeignWeight)
    assert (said.device, said.shelf, said.plate, said.grams) == ("c1", "g1s1", 1, 1234.0)
    assert said.at_ns is None, "its local time in whole seconds dates nothing"
    said = DECODER.decode("scales/sensor/two/state", b"412.5")
    assert said == ForeignWeight(device="c2", at_ns=None, shelf="g1s1", plate=2, grams=412.5)
    assert DECODER.decode("scales/sensor/two/state", b" -4.1e2\n").grams == -410.0


def test_a_unit_of_ones_own():
    pounds = DEVICES[2] | {"grams_per_unit": 453.592}
    said = Decoder(store_with([pounds])).decode(pounds["topic"], b"2")
    assert said.grams == pytest.approx(907.184)


WRONG = [
    (IMPINJ, "4oARYGAAAgpmgfI_", "4oARYGAAAgpmgfI%", "event 0: epc .* is not URL-safe base64"),
    (IMPINJ, "4oARYGAAAgpmgfI_", "4oARYGAAAgpmgfI/", "URL-safe base64"),
    (IMPINJ, "4oARYGAAAgpmgfI_", "4oARYGAAAgpmgfJ", "URL-safe base64: its last digit has bits"),
    (IMPINJ, "4oARYGAAAgpmgfI_", "4oARYGAAAgpmgfIA", "epc says .*F200, epcHex 'E28"),
    (IMPINJ, "E28011606000020A6681F23F", "E28011606000020A6681F23E", "epcHex 'E28.*23E'"),
    (IMPINJ, '"epc":"4oARYGAAAgpmgfI_","epcHex"', '"EPC"', "neither epc nor epcHex"),
    (IMPINJ, '"epc":"4oARYGAAAgpmgfI_","epcHex":"E28', '"epcHex":"28', "16-bit words"),
    (IMPINJ, '"epc":"4oARYGAAAgpmgfI_","epcHex":"E', '"epcHex":"Ä', "16-bit words"),
    (IMPINJ, '"epc":"4oARYGAAAgpmgfI_","epcHex":"E28011606000020A6681F23F"', '"epc":""', "EPC ''"),
    (IMPINJ, '"antennaPort":1', '"antennaPort":3', "port 3 is not in the store file.* 1, 2"),
    (IMPINJ, '"antennaPort":1', '"antennaPort":true', "antennaPort"),
    (IMPINJ, '"antennaPort":1', '"antennaPort":' + "9" * 30, "antennaPort|port 9+ is not"),
    (IMPINJ, '"antennaPort":1,', "", "antennaPort is missing"),
    (IMPINJ, "tagInventoryEvent", "tagInventory", "tagInventoryEvent is missing"),
    (IMPINJ, '"eventType":"tagInventory",', "", "eventType"),
    (IMPINJ, "35.499734Z", "65.499734Z", "time: .* is no time"),
    (IMPINJ, "35.499734Z", "35.499734", "time: .* is no date and time with a zone"),
    (IMPINJ, "2021-02-02T22:18:35.4", "1921-02-02T22:18:35.4", "not within 1970 to 2116"),
    (IMPINJ, "2021-02-02T22:18:35.4", "2921-02-02T22:18:35.4", "not within 1970 to 2116"),
    (IMPINJ, '"2021-02-02T22:18:35.499734Z"', "1612304315", "lastSeenTime"),
    (IMPINJ, '"antennaPort":1', '"antennaPort":1,"peakRssiCdbm":-1e300', "peakRssiCdbm"),
    (IMPINJ, '"antennaPort":1', '"antennaPort":1,"peakRssiCdbm":-20000', "-200.0 dBm is not"),
    (IMPINJ, '"antennaPort":1', '"antennaPort":1,"antennaPort":2', "'antennaPort' stands there tw"),
    (IMPINJ, '"}}]', '"}', "truncated"),
    (IMPINJ, IMPINJ, "[" * 100_000, "Expected `object`, got `array`"),
    (IMPINJ, '"Portal1"', "[" * 100_000 + "]" * 100_000, "recursion"),
    (IMPINJ, IMPINJ, f"[{','.join([IMPINJ[1:-1]] * 5001)}]", "5001 events; 5000 at most"),
    (IMPINJ, IMPINJ, IMPINJ + " " * 2**21, "2097152 at most"),
    (IMPINJ, IMPINJ, "null", "got `null`"),
    (IMPINJ, IMPINJ, "", "truncated"),
    (FXR90, '"idHex":"aa0004ef55555555aa21bf43",', "", "idHex"),
    (FXR90, "aa21bf43", "aa21bf4", "16-bit words"),
    (FXR90, "aa21bf43", "aa21bfxy", "16-bit words"),
    (FXR90, '"antenna":4', '"antenna":1', "port 1 is not in the store file, which has 4"),
    (FXR90, '"peakRssi":-34', '"peakRssi":NaN', "invalid character"),
    (FXR90, '"peakRssi":-34', '"peakRssi":1e999', "peakRssi|out of range"),
    (FXR90, '"peakRssi":-34', '"peakRssi":-34,"peakRssi":-35', "'peakRssi' stands there twice"),
    (FXR90, "+0000", "", "with a zone"),
    (FXR90, "+0000", "+9900", "is no time"),
    (FXR90, '"timestamp":"2026-08-13T09:14:28.651+0000",', "", "timestamp"),
    (RFD40, '"EPC":"BEDD', '"EPC":"BEDE', "EPC says 'BEDE"),
    (RFD40, '"EPC":"BEDD11112222333344445555","EPCid"', '"EPCI"', "neither EPC nor EPCid"),
    (RFD40, '"tagData":[', '"tagData":[null,', "tagData"),
    (RFD40, '"peakRssi":-39', '"peakRssi":39', "39.0 dBm is not within"),
    (TASMOTA, "1.234", "NaN", "invalid character"),
    (TASMOTA, "1.234", '"1.234"', "Weight"),
    (TASMOTA, "1.234", "1e300", "1e.303 g is not within"),
    (TASMOTA, "1.234", "-1e4", "-1e.07 g is not within"),
    (TASMOTA, "HX711", "HX712", "missing required field `HX711`"),
    (TASMOTA, '"Weight":1.234,', "", "missing required field `Weight`"),
    (TASMOTA, "08:14:02", "08:14:99", "Time: "),
    (TASMOTA, "08:14:02", "08:14:02Z", "Time: "),
    (TASMOTA, '"Weight":1.234', '"Weight":1.234,"Weight":0', "'Weight' stands there twice"),
    ("412.5", "412.5", "nan", "gives no value"),
    ("412.5", "412.5", "inf", "not a bare number"),
    ("412.5", "412.5", "4_1", "not a bare number"),
    ("412.5", "412.5", "٤", "not a bare number"),
    ("412.5", "412.5", "1e999", "g is not within"),
    ("412.5", "412.5", "9" * 400, "not a bare number"),
    ("412.5", "412.5", "", "not a bare number"),
    ("412.5", "412.5", '{"value": 3}', "not a bare number"),
]


@pytest.mark.parametrize(("sample", "old", "new", "reason"), WRONG)
def test_what_is_wrong_is_refused_with_its_reason(sample, old, new, reason):
    kind = next(kind for kind, text in SAMPLES.items() if text == sample)
    device = next(d for d in [*DEVICES, ZEBRA, HAND] if d["kind"] == kind)
    decoder = OTHERS if device in (ZEBRA, HAND) else DECODER
    assert old in sample
    decoder.decode(device["topic"], sample.encode())
    with pytest.raises(WireError, match=reason) as refusal:
        decoder.decode(device["topic"], sample.replace(old, new, 1).encode())
    assert str(refusal.value).startswith(f"{device['id']} ({kind}): ")
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"data": "\xc3\x28"}', b"\0", b"\xef\xbb\xbf4"])
@pytest.mark.parametrize("kind", SAMPLES)
def test_what_is_no_text_is_refused(kind, body):
    read = READERS[kind] if kind in READERS else CELLS[kind].read
    with pytest.raises(WireError):
        read(body)


def test_the_topics_are_those_of_the_store_and_of_the_devices():
    own = f"openaisle/{DECODER._store}/#"
    assert DECODER.subscriptions == (own, *(device["topic"] for device in DEVICES))
    assert DECODER.is_foreign("tele/scale1/SENSOR")
    assert not DECODER.is_foreign(topic("corner", "weight", "g1s2"))
    with pytest.raises(WireError, match="not a topic of store 'corner'"):
        DECODER.decode("tele/scale2/SENSOR", TASMOTA.encode())


def test_what_a_device_of_others_speaks_for_has_no_second_voice():
    head = {"boot": "b", "seq": 0, "at_ns": 0}
    batch = WeightBatch(device="g1s1", **head, period_ns=1, grams=[[0.0] * 12])
    with pytest.raises(WireError, match=r"weight/g1s1: .*device 'c2'"):
        DECODER.decode(topic("corner", "weight", "g1s1"), encode(batch))
    reads = b'{"device":"rfid-g3","boot":"b","seq":0,"at_ns":0,"span_ns":1}'
    with pytest.raises(WireError, match=r"rfid/rfid-g3: .*device 'g3-reader'"):
        DECODER.decode(topic("corner", "rfid", "rfid-g3"), reads)


@given(st.floats(-9999, 9999), st.sampled_from(["{:.3f}", "{:e}", "{!r}", "{:+.1f}\n"]))
def test_any_number_is_read(grams, written):
    text = written.format(grams)
    assert DECODER.decode("scales/sensor/two/state", text.encode()).grams == float(text)
