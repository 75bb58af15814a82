"""The wire's decoder: round trips, and nothing but WireError for anything else."""

import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.decode import Decoder
from sensors.store import load_store
from sensors.wire import (
    KINDS,
    BarrierCrossed,
    CodeShown,
    Count,
    HandReport,
    HealthReport,
    LinkReport,
    SightingReport,
    TagReads,
    TagReport,
    TrackReport,
    Verdict,
    VisionReport,
    WeightBatch,
    WireError,
    decode,
    encode,
    topic,
)

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
HEAD = {"device": "g1s1", "boot": "b", "seq": 1, "at_ns": 5}
BATCH = WeightBatch(**HEAD, period_ns=1, grams=[[1.0, None], [2.0, 3.0]])
TRACK = TrackReport(tracklet="t", x_m=1.0, y_m=2.0, covariance=(0.1, 0.0, 0.1))
READS = TagReads(**HEAD, span_ns=9, reads=[TagReport("3034ABCD", 7, -60.5)])
MESSAGES = [
    ("weight", BATCH),
    ("gate", CodeShown(**HEAD, code="x")),
    ("gate", BarrierCrossed(**HEAD, direction="in")),
    ("vision", VisionReport(**HEAD, tracks=[TRACK])),
    ("rfid", READS),
    ("health", HealthReport(**HEAD, up=False, reason="no power")),
    ("control", Verdict(**HEAD, review="r1", lines=[("00000000000017", 1)], actor="me")),
    ("control", Count(**HEAD, facing="g1s1.1", units=0, actor="me")),
]


@pytest.mark.parametrize(("kind", "message"), MESSAGES)
def test_what_is_encoded_is_decoded(kind, message):
    assert decode(topic("corner", kind, "g1s1"), encode(message), "corner") == message


@pytest.mark.parametrize(
    ("where", "body", "expected"),
    [
        ("openaisle/other/weight/g1s1", b"{}", "not a topic of store 'corner'"),
        ("openaisle/corner/smell/g1s1", b"{}", "unknown kind 'smell'"),
        ("openaisle/corner/weight/g1s1", b"{", "weight/g1s1"),
        ("openaisle/corner/weight/g1s1", encode(BATCH).replace(b"1.0", b"NaN"), "malformed"),
        ("openaisle/corner/weight/g1s1", encode(BATCH).replace(b"1.0", b"1e300"), "grams[0][0]"),
        ("openaisle/corner/weight/g1s1", encode(BATCH).replace(b"[2.0,3.0]", b"[2.0]"), "grams[1]"),
        ("openaisle/corner/weight/g1s1", encode(BATCH).replace(b'"seq"', b'"sq"'), "`sq`"),
        ("openaisle/corner/weight/g1s2", encode(BATCH), "field `device` says 'g1s1'"),
        ("openaisle/corner/weight/g1s1", b"\xff\xfe", "weight/g1s1"),
        (
            "openaisle/corner/vision/g1s1",
            encode(MESSAGES[3][1]).replace(b"[0.1,0.0,0.1]", b"[0.1,9.0,0.1]"),
            "tracks[0] (t).covariance: not positive definite",
        ),
        (
            "openaisle/corner/rfid/g1s1",
            encode(READS).replace(b'_ns":7', b'_ns":10'),
            "rfid/g1s1: reads[0].offset_ns: 10 is beyond span_ns",
        ),
        (
            "openaisle/corner/rfid/g1s1",
            encode(READS).replace(b"-60.5", b"60.5"),
            "rfid/g1s1: reads[0].rssi_dbm: 60.5 is not within -150 to 30",
        ),
        (
            "openaisle/corner/rfid/g1s1",
            encode(READS).replace(b'span_ns":9', b'span_ns":10000000001'),
            "rfid/g1s1: span_ns: 10.0 s; reads of 10 s at most",
        ),
        ("openaisle/corner/rfid/g1s1", encode(READS).replace(b"3034ABCD", b"3034ab"), "epc"),
    ],
)
def test_errors_name_the_device_and_the_field(where, body, expected):
    with pytest.raises(WireError) as failure:
        decode(where, body, "corner")
    assert expected in str(failure.value)


@given(kind=st.sampled_from(KINDS), body=st.binary(max_size=300))
def test_any_bytes_are_a_message_or_a_wire_error(kind, body):
    with pytest.raises(WireError):
        decode(topic("corner", kind, "g1s1"), body, "corner")


@given(st.data())
def test_a_message_with_a_byte_changed_never_breaks_the_decoder(data):
    kind, message = data.draw(st.sampled_from(MESSAGES))
    body = bytearray(encode(message))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode(topic("corner", kind, "g1s1"), bytes(body), "corner")
    except WireError:
        return
    assert type(found) in {type(m) for _, m in MESSAGES}
    if isinstance(found, WeightBatch):
        assert all(v is None or math.isfinite(v) for row in found.grams for v in row)


def test_devices_that_are_not_installed_are_refused():
    decoder = Decoder(load_store(CORNER))
    batch = WeightBatch(device="g9s9", boot="b", seq=0, at_ns=0, period_ns=1, grams=[[0.0] * 12])
    with pytest.raises(WireError, match="no shelf of the store file has this id"):
        decoder.decode("openaisle/corner/weight/g9s9", encode(batch))
    with pytest.raises(WireError, match="2 plates, the store file has 12"):
        decoder.decode("openaisle/corner/weight/g1s1", encode(BATCH))
    crossed = BarrierCrossed(device="back-door", boot="b", seq=0, at_ns=0, direction="in")
    with pytest.raises(WireError, match="no gate of the store file has this id"):
        decoder.decode("openaisle/corner/gate/back-door", encode(crossed))
    with pytest.raises(WireError, match="no antenna of the store file has this id"):
        decoder.decode("openaisle/corner/rfid/g1s1", encode(READS))
    reads = msgspec.structs.replace(READS, device="rfid-g3")
    assert decoder.decode("openaisle/corner/rfid/rfid-g3", encode(reads)) == reads


HAND = HandReport(tracklet="t", side="left", x_m=1.0, y_m=2.0, z_m=3.0, sigma_m=0.05, views=2)
LINK = LinkReport(earlier="s", later="t", log_likelihood_ratio=3.0)
SIGHTING = SightingReport(
    tracklet="t",
    side="left",
    moment="after",
    scores=[("04000000010371", 0.7), ("04000000010746", 0.2)],
    unknown=0.05,
    crops=9,
    began_ns=HEAD["at_ns"],
    ended_ns=HEAD["at_ns"],
)
REPORT = VisionReport(**HEAD, tracks=[TRACK], hands=[HAND], links=[LINK], sightings=[SIGHTING])


@pytest.mark.parametrize(
    ("group", "field", "most", "beyond"),
    [
        *[("tracks", field, 1e4, 1.001e4) for field in ("x_m", "y_m")],
        *[("tracks", field, -100.0, -100.1) for field in ("vx_m_s", "vy_m_s")],
        *[("hands", field, -1e4, -1.001e4) for field in ("x_m", "y_m", "z_m")],
        ("hands", "sigma_m", 100.0, 100.1),
        ("hands", "covariance", (1e4, 0.0, 0.0, 1.0, 0.0, 1.0), (1.001e4, 0.0, 0.0, 1.0, 0.0, 1.0)),
        ("hands", "covariance", (1.0, 0.9, 0.0, 1.0, 0.0, 1.0), (1.0, 1.0, 0.0, 1.0, 0.0, 1.0)),
        ("hands", "covariance", (1.0, 0.0, 0.9, 1.0, 0.0, 1.0), (1.0, 0.8, 0.8, 1.0, -0.8, 1.0)),
        ("hands", "covariance", None, (1.0, 0.0, 0.0, 1.0, 0.0, -1.0)),
        ("links", "log_likelihood_ratio", -1e3, -1001.0),
        ("sightings", "unknown", 0.0, -0.01),
        ("sightings", "unknown", 0.1, 1.01),
        ("sightings", "scores", [("0" * 14, 0.95)], [("0" * 14, 0.96)]),
        ("sightings", "scores", [("0" * 14, 1e-9)], [("0" * 14, -1e-9)]),
        ("sightings", "scores", [], [("0" * 14, 0.1), ("0" * 14, 0.1)]),
        ("sightings", "began_ns", HEAD["at_ns"], HEAD["at_ns"] + 1),
        ("tracks", "covariance", (1e4, 0.0, 1e4), (1.001e4, 0.0, 1.0)),
        ("tracks", "covariance", (1e-9, 0.0, 1e-9), (1.0, 0.0, 0.0)),
        ("tracks", "covariance", (1.0, -0.9, 1.0), (-1.0, 0.0, -1.0)),
    ],
)
def test_a_number_of_no_store_is_refused_by_its_field(group, field, most, beyond):
    (good,) = getattr(REPORT, group)
    for value, fits in ((most, True), (beyond, False)):
        changed = msgspec.structs.replace(good, **{field: value})
        body = encode(msgspec.structs.replace(REPORT, **{group: [changed]}))
        if fits:
            decode(topic("corner", "vision", "g1s1"), body, "corner")
            continue
        with pytest.raises(WireError, match=rf"vision/g1s1: {group}\[0\] .*\.{field}"):
            decode(topic("corner", "vision", "g1s1"), body, "corner")


def test_a_batch_longer_than_ten_seconds_is_refused():
    where = topic("corner", "weight", "g1s1")
    fits = WeightBatch(**HEAD, period_ns=5_000_000_000, grams=[[1.0], [1.0]])
    assert decode(where, encode(fits), "corner") == fits
    with pytest.raises(WireError, match="weight/g1s1: period_ns: 2 rows"):
        decode(where, encode(msgspec.structs.replace(fits, period_ns=5_000_000_001)), "corner")
