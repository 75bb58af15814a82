"""A plate that was calibrated on the bus is read with its tare and gain from then on."""

from pathlib import Path

import pytest

from sensors.codes import CodeIssuer
from sensors.decode import Decoder
from sensors.observations import WeightStep
from sensors.store import load_store
from sensors.wire import Calibration, WeightBatch, WireError, encode, topic
from service.pipeline import Pipeline
from service.records import Entry

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
KEY = CodeIssuer.from_seed(bytes(32), "corner").public_pem
START = 1_767_600_000_000_000_000
PERIOD = 1_000_000_000 // 60


def said(**changed):
    fields = {
        "device": "office", "boot": "1", "seq": 0, "at_ns": START, "shelf": "g1s1", "plate": 4,
        "empty_g": 12.0, "loaded_g": 2052.0, "weight_g": 2000.0, "actor": "ines",
    }  # fmt: skip
    return Calibration(**{**fields, **changed})


def step_read(*calibrations):
    """What a step of 510 g on plate 4's own scale is reported as."""
    pipeline, found, entries = Pipeline(STORE, KEY), [], []
    pipeline.listen(lambda o: found.append(o) if isinstance(o, WeightStep) else None)
    for calibration in calibrations:
        entries.append((START, topic("corner", "control", "office"), encode(calibration)))
    for seq in range(80):
        at_ns = START + seq * 12 * PERIOD
        grams = [1000.0] * 12
        grams[3] -= 510.0 if seq >= 40 else 0.0
        batch = WeightBatch(
            device="g1s1", boot="1", seq=seq, at_ns=at_ns, period_ns=PERIOD, grams=[grams] * 12
        )
        entries.append((at_ns + 12 * PERIOD, topic("corner", "weight", "g1s1"), encode(batch)))
    for number, (received_ns, where, body) in enumerate(entries, 1):
        pipeline.feed(Entry(number, received_ns, where, body))
    (step,) = found
    return step.delta_g[step.plates.index(4)]


def test_a_calibrated_plate_is_read_with_its_gain():
    assert step_read() == pytest.approx(-510.0, abs=0.5)
    assert step_read(said()) == pytest.approx(-500.0, abs=0.5)
    assert step_read(said(plate=5)) == pytest.approx(-510.0, abs=0.5)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"shelf": "g9s9"}, "office: calibration of g9s9: no shelf"),
        ({"plate": 13}, "g1s1: plate 13, the store file has 12"),
        ({"loaded_g": 20.0}, r"g1s1\.4: 12 g empty and 20 g with 2000 g make a gain of 0\.004"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(changed, reason):
    with pytest.raises(WireError, match=reason):
        Decoder(STORE).decode(topic("corner", "control", "office"), encode(said(**changed)))
