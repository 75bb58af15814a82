"""Whatever decodes is harmless: hostile messages through the whole pipeline, without a fault."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cart.events import Alerted, Exited
from sensors.codes import CodeIssuer
from sensors.decode import Decoder
from sensors.store import load_store
from sensors.wire import WireError, topic
from service.pipeline import Pipeline
from service.records import TICK, Entry

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
DECODER = Decoder(STORE)
ISSUER = CodeIssuer.from_seed(b"s" * 32, STORE.id)
MS = 1_000_000
NOW = 1_767_600_000_000 * MS
GTIN = STORE.products[0].gtin
HAND = {"side": "left", "x_m": 1.35, "y_m": 5.2, "z_m": 0.5, "sigma_m": 0.05, "views": 2}
CODES = [ISSUER.issue(name, NOW, name) for name in ("ada", "bob")]


def weight(grams):
    return "weight", "g1s1", {"period_ns": 50 * MS, "grams": [[900.0, grams, *[900.0] * 10]] * 20}


def vision(x_m, y_m, names):
    at = {"x_m": x_m, "y_m": y_m, "covariance": [0.01, 0.0, 0.01], "vx_m_s": 0.1, "vy_m_s": 0.0}
    links = [{"earlier": "a", "later": "b", "log_likelihood_ratio": -2.0}]
    sightings = [
        {"tracklet": name, "side": "left", "moment": "after", "scores": [[GTIN, 0.6]]}
        | {"unknown": 0.1, "crops": 9, "began_ns": NOW, "ended_ns": NOW}
        for name in names
    ]
    return (
        "vision",
        "v",
        {
            "tracks": [{"tracklet": name, **at} for name in names],
            "hands": [{"tracklet": name, **HAND} for name in names],
            "links": links[: len(names)],
            "sightings": sightings,
        },
    )


CROSSED_IN = ("gate", "gate-in", {"type": "crossed", "direction": "in"})
VISIT = [
    (*weight(900.0), -1000, 1000),
    (*vision(1.2, 0.1, "a"), 0, 20),
    ("gate", "gate-in", {"type": "code", "code": CODES[0]}, 0, 20),
    (*CROSSED_IN, 0, 20),
    (*vision(1.2, 0.2, "ab"), 0, 200),
    *[(*weight(900.0), -1000, 1000) for _ in range(3)],
    (*vision(1.3, 4.7, "ab"), 0, 20),
    (*weight(368.0), -1000, 980),
    (*vision(1.3, 4.7, "ab"), 0, 20),
    *[(*weight(368.0), -1000, 980) for _ in range(2)],
]
LEFT = [
    (*vision(5.3, 0.1, "ab"), 0, 2000),
    ("gate", "gate-out", {"type": "crossed", "direction": "out"}, 0, 20),
]
SAID = [
    weight(900.0),
    weight(368.0),
    vision(1.3, 4.7, "ab"),
    vision(1.2, 0.1, "c"),
    ("gate", "gate-in", {"type": "code", "code": CODES[1]}),
    CROSSED_IN,
    ("gate", "gate-out", {"type": "crossed", "direction": "out"}),
    (
        "rfid",
        "rfid-g3",
        {"span_ns": 200 * MS, "reads": [{"epc": "3034", "offset_ns": 1, "rssi_dbm": -60.0}]},
    ),
    ("health", "g1s1", {"up": False, "reason": ""}),
    ("control", "o", {"type": "verdict", "review": "r1", "lines": [[GTIN, 1]], "actor": "me"}),
    ("control", "o", {"type": "count", "facing": "g1s1.1", "units": 3, "actor": "me"}),
    (
        "control",
        "o",
        {"type": "planogram", "facing": "g1s1.1", "gtin": GTIN, "units": 3, "actor": "me"},
    ),
]
HOSTILE = st.one_of(
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.sampled_from(
        [0, -1, 1e-300, 1e-12, 1e4, -1e4, 1e300, 1.7e308, 2**62, 99_999, 10_000_000_000, None, []]
    ),
    st.sampled_from(["", "a", "b", "x" * 64, "🛒", "g1s1.1", "g9s9.1", "9" * 14, "in", "out"]),
)


def leaves(node, path=()):
    if node and isinstance(node, (dict, list)):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield from leaves(node[key], (*path, key))
    else:
        yield path


def changed(node, path, value):
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[path[0]] = changed(node[path[0]], path[1:], value)
    return copy


@st.composite
def bodies(draw):
    """A message, said at about its time, with up to three of its values, or a byte, changed."""
    kind, device, said = draw(st.sampled_from(SAID))
    off_ms = draw(st.sampled_from([0, 0, 0, -500, 900, 5000, 10**9, -NOW // MS]))
    for _ in range(draw(st.integers(0, 3))):
        said = changed(said, draw(st.sampled_from(list(leaves(said)))), draw(HOSTILE))
    return kind, device, said, off_ms, draw(st.sampled_from([0, 20, 400, 3000, 40_000]))


def fed(messages):
    """The events of a store that is told `messages`, as far as they decode."""
    pipeline, events, received_ns = Pipeline(STORE, ISSUER.public_pem), [], NOW
    for number, (kind, device, said, off_ms, wait_ms) in enumerate(messages):
        received_ns += wait_ms * MS
        at_ns = max(0, received_ns + off_ms * MS)
        head = {"device": device, "boot": "b", "seq": number, "at_ns": at_ns}
        where, body = topic(STORE.id, kind, device), json.dumps(head | said).encode()
        try:
            DECODER.decode(where, body)
        except WireError:
            continue
        events += pipeline.feed(Entry(number, received_ns, where, body))
    for _ in range(30):
        received_ns += 1000 * MS
        events += pipeline.feed(Entry(0, received_ns, TICK, b""))
    return events


def faults(events):
    return [e.text for e in events if isinstance(e, Alerted) and e.kind == "engine-fault"]


def test_the_visit_that_is_disturbed_is_one():
    (exited,) = [e for e in fed([*VISIT, *LEFT]) if isinstance(e, Exited)]
    assert exited.lines or exited.review


@pytest.mark.parametrize("value", [1e4, 1e-300, 1e300, -1e4, 100.0, 1e-12, 1e3])
@pytest.mark.parametrize(
    "field",
    [
        ("tracks", 0, "x_m"),
        ("tracks", 0, "vx_m_s"),
        ("tracks", 0, "covariance"),
        ("hands", 0, "z_m"),
        ("hands", 0, "sigma_m"),
        ("links", 0, "log_likelihood_ratio"),
    ],
)
def test_a_number_at_or_beyond_its_bound_is_no_fault(field, value):
    worth = [value, 0.0, value] if field[-1] == "covariance" else value
    messages = [
        (kind, device, changed(said, field, worth), off_ms, wait_ms)
        if kind == "vision" and number > 2
        else (kind, device, said, off_ms, wait_ms)
        for number, (kind, device, said, off_ms, wait_ms) in enumerate([*VISIT, *LEFT])
    ]
    assert faults(fed(messages)) == []


@settings(max_examples=150, deadline=None)
@given(cut=st.integers(0, len(VISIT)), messages=st.lists(bodies(), max_size=8))
@example(cut=len(VISIT), messages=[(*said, 0, 400) for said in SAID])
def test_whatever_decodes_is_no_fault(cut, messages):
    assert faults(fed([*VISIT[:cut], *messages, *VISIT[cut:], *LEFT])) == []


@settings(max_examples=150, deadline=None)
@given(which=st.sampled_from(SAID), at=st.floats(0, 1), byte=st.integers(0, 255))
def test_a_byte_changed_is_no_fault(which, at, byte):
    kind, device, said = which
    head = {"device": device, "boot": "b", "seq": 0, "at_ns": NOW}
    body = bytearray(json.dumps(head | said).encode())
    body[round(at * (len(body) - 1))] = byte
    where, pipeline = topic(STORE.id, kind, device), Pipeline(STORE, ISSUER.public_pem)
    try:
        events = pipeline.feed(Entry(1, NOW, where, bytes(body)))
    except WireError:
        return
    events += pipeline.feed(Entry(2, NOW + 3000 * MS, TICK, b""))
    assert faults(events) == []
