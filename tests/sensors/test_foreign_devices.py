"""The section `devices:` of a store file: what it accepts, and how it names what is wrong."""

from pathlib import Path

import pytest

from sensors.store import StoreFileError, load_store, parse_store

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
READER = "{id: r1, kind: impinj-r700, topic: impinj/r1, antennas: {1: rfid-g3, 2: rfid-out}}"
CELL = "{id: c1, kind: tasmota-hx711, topic: tele/s1/SENSOR, shelf: g1s1, plate: 1}"
MORE = "{id: c2, kind: esphome-number, topic: s/two/state, shelf: g1s1, plate: 2}"


def parsed(*devices):
    text = CORNER.read_text(encoding="utf-8")
    return parse_store("\n- ".join([text + "\ndevices:", *devices]), "mine.yaml")


def test_without_any_there_are_none():
    assert load_store(CORNER).devices == []


def test_devices_are_read():
    reader, cell, more = parsed(READER, CELL, MORE).devices
    assert reader.antennas == {1: "rfid-g3", 2: "rfid-out"}
    assert (cell.plate, cell.every_s, cell.grams_per_unit) == (1, 1.0, None)
    assert more.id == "c2"


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ([READER.replace("r700", "r7")], "devices[0](r1): kind: expected one of impinj-r700, zeb"),
        (["{id: r1}"], "devices[0](r1): kind: expected one of"),
        (["hello"], "devices[0]: kind: expected one of"),
        ([READER.replace("rfid-g3", "rfid-g9")], "antennas: 1: there is no antenna 'rfid-g9'"),
        ([READER.replace("rfid-g3", "rfid-out")], "antenna 'rfid-out' is that of device r1 alr"),
        ([READER.replace("2: rfid-out", "-1: rfid-out")], "devices[0](r1).antennas[-1]"),
        (
            [READER.replace("2: rfid-out", "'1': rfid-out")],
            "devices[0](r1).antennas: a port stan",
        ),
        ([READER.replace("1: rfid-g3, 2: rfid-out", "")], "devices[0](r1).antennas: "),
        ([READER.replace("}}", "}, shelf: g1s1}")], "devices[0](r1).shelf: Extra inputs"),
        ([CELL.replace("g1s1", "g9s9")], "device c1: there is no shelf 'g9s9'"),
        ([CELL.replace("plate: 1", "plate: 13")], "device c1: shelf g1s1 has no plate 13"),
        ([CELL.replace("plate: 1", "plate: 0")], "devices[0](c1).plate"),
        ([CELL.replace(", plate: 1", "")], "devices[0](c1).plate: Field required"),
        ([CELL, MORE.replace("plate: 2", "plate: 1")], "plate 1 of shelf g1s1 is that of device"),
        ([CELL, MORE.replace("c2", "c1")], "shelves, cameras, gates, antennas and devices: id"),
        ([CELL.replace("id: c1", "id: g1s1")], "'g1s1' stands there twice"),
        ([CELL, MORE.replace("s/two/state", "tele/s1/SENSOR")], "is that of device c1 already"),
        ([CELL.replace("tele/s1", "tele/+")], "has a wildcard"),
        ([CELL.replace("tele/s1/SENSOR", "'#'")], "has a wildcard"),
        ([CELL.replace("tele/s1", "openaisle/corner")], "is one of ours"),
        ([CELL.replace("tele/s1/SENSOR", "openaisle")], "is one of ours"),
        ([CELL.replace("tele/s1", "$SYS")], "begins with $ or /"),
        ([CELL.replace("tele/s1/SENSOR", "tick")], "use for something else"),
        ([CELL.replace("tele/s1", "truth")], "use for something else"),
        ([CELL.replace("tele/s1", "frames")], "use for something else"),
        ([CELL.replace("tele/s1/SENSOR", "' tele/s1'")], "cannot be seen"),
        ([CELL.replace("tele/s1", '"tele\\u0000"').replace("/SENSOR", "")], "cannot be seen"),
        ([CELL.replace("tele/s1", "t" * 200)], "longer than 200 bytes"),
        ([CELL.replace("tele/s1/SENSOR", "''")], "devices[0](c1).topic"),
        ([CELL.replace("}", ", grams_per_unit: 0}")], "devices[0](c1).grams_per_unit"),
        ([CELL.replace("}", ", grams_per_unit: .inf}")], "devices[0](c1).grams_per_unit"),
        ([CELL.replace("}", ", every_s: .nan}")], "devices[0](c1).every_s"),
        ([CELL.replace("}", ", every_s: 11}")], "devices[0](c1).every_s"),
        ([CELL.replace("}", ", silent_after_s: 0}")], "devices[0](c1).silent_after_s"),
        (
            [CELL, MORE.replace("}", ", every_s: 2}")],
            "every_s is 2, that of c1 on the same shelf",
        ),
    ],
)
def test_errors_name_the_device_and_the_key(devices, expected):
    with pytest.raises(StoreFileError) as failure:
        parsed(*devices)
    assert str(failure.value).startswith("mine.yaml: ")
    assert expected in str(failure.value)
