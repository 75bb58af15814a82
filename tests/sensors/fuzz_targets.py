"""What the fuzzers feed: every decoder of bytes from outside, samples of what it reads, and what
must hold of whatever it accepts.

A target takes any bytes. It lets pass the one error that its decoder may raise; anything else
that is raised, and anything accepted that is no sense, is a find.
"""

import itertools
import json
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import jwt
import msgspec
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sensors.codes import CodeIssuer, CodeRefused, CodeVerifier
from sensors.decode import Decoder
from sensors.epc import GREATEST_SERIAL, EpcError, check_digit, decode_sgtin, encode_sgtin
from sensors.foreign import Foreign, ForeignTags, ForeignWeight
from sensors.foreign_feed import ForeignFeed
from sensors.store import Store, StoreFileError, parse_store
from sensors.wire import Message, TagReads, WeightBatch, WireError, decode, encode, topic
from service.progress import Confirmation, decode_confirmation, identify

ROOT = Path(__file__).parents[2]
NS = 1_000_000_000
NOW_NS = 1_767_600_000 * NS
LONGEST_REASON = 1000
EXAMPLE = re.compile(r"^Topic `([^`]+)`:\n+```json\n(.*?)^```", re.MULTILINE | re.DOTALL)
EPC = re.compile(r"([0-9A-F]{4}){1,31}")
NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
NAMED = dict.fromkeys(
    ("device", "boot", "tracklet", "earlier", "later", "review", "facing", "shelf"), NAME
) | {"gtin": re.compile(r"[0-9]{14}"), "epc": EPC}
VENDORS = {
    "impinj-r700": [
        b'[{"timestamp":"2021-02-02T22:18:35.658476625Z","eventType":"tagInventory",'
        b'"tagInventoryEvent":{"epc":"4oARYGAAAgpmgfI_","epcHex":"E28011606000020A6681F23F",'
        b'"antennaPort":1,"antennaName":"Portal1","lastSeenTime":"2021-02-02T22:18:35.499734Z"}}]',
        b'{"timestamp":"2021-02-02T22:18:35Z","eventType":"tagInventory","tagInventoryEvent":'
        b'{"epc":"4oARYGAAAgpmgfI_","antennaPort":2,"peakRssiCdbm":-7400}}',
        b'[{"timestamp":"2021-02-02T22:18:35Z","eventType":"gpiTransition"}]',
    ],
    "zebra-fixed": [
        b'{"data":{"idHex":"aa0004ef55555555aa21bf43","peakRssi":-34,"antenna":4},'
        b'"timestamp":"2026-08-13T09:14:28.651+0000","type":"CUSTOM"}',
    ],
    "zebra-rfd40": [
        b'{"type":"BALANCED_PERFORMANCE","timestamp":"2026-05-17T12:34:56.789Z","data":{"tagData":'
        b'[{"EPC":"BEDD11112222333344445555","EPCid":"BEDD11112222333344445555",'
        b'"channel":911.75,"eventNum":1,"peakRssi":-39,"phase":0,"seenCount":1}]}}',
    ],
    "tasmota-hx711": [
        b'{"Time":"2026-11-22T08:14:02","HX711":{"Weight":1.234,"Count":3,"WeightRaw":1234,'
        b'"AbsRaw":567890},"TempUnit":"C"}',
    ],
    "esphome-number": [b"412.5", b"-3e2", b"nan"],
}
DEVICES = [
    {"id": "d0", "kind": "impinj-r700", "antennas": {1: "rfid-g3", 2: "rfid-out"}},
    {"id": "d1", "kind": "zebra-fixed", "antennas": {4: "rfid-4"}},
    {"id": "d2", "kind": "zebra-rfd40", "antennas": {1: "rfid-5"}},
    {"id": "d3", "kind": "tasmota-hx711", "shelf": "g1s1", "plate": 1},
    {"id": "d4", "kind": "esphome-number", "shelf": "g1s1", "plate": 2},
]
KINDS = ("weight", "gate", "vision", "rfid", "health", "control")


@dataclass(frozen=True)
class Target:
    """One decoder: `check` raises where it does what it must not."""

    name: str
    samples: list[bytes]
    check: Callable[[bytes], None]


def targets() -> list[Target]:
    """All decoders of bytes from outside."""
    corner = (ROOT / "datasets" / "stores" / "corner.yaml").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8")
    store, foreign = _stores(corner)
    examples = [(where, json.dumps(json.loads(b)).encode()) for where, b in EXAMPLE.findall(page)]
    ours = Decoder(store)
    found = [
        Target(
            f"wire-{kind}",
            [body for where, body in examples if f"/{kind}/" in where],
            lambda body, kind=kind: _ours(ours, kind, body),
        )
        for kind in KINDS
    ]
    whole = [where.encode() + b"\n" + body for where, body in examples]
    found.append(Target("topic", whole, lambda both: _any_topic(ours, both)))
    check = _Others(foreign)
    for device in foreign.devices:
        found.append(
            Target(
                device.kind,
                VENDORS[device.kind],
                lambda body, where=device.topic: check(where, body),
            )
        )
    settled = [body for where, body in examples if "/journaled/" in where]
    found.append(Target("confirmation", settled, _confirmation))
    issuer = CodeIssuer.from_seed(b"s" * 32, "corner")
    codes = [issuer.issue(name, NOW_NS, name).encode() for name in ("ada", "bob")]
    found.append(Target("code", codes, _Codes(issuer.public_pem)))
    claims = json.dumps(jwt.decode(codes[0], options={"verify_signature": False})).encode()
    found.append(Target("signed-claims", [claims], _SignedClaims(issuer.public_pem)))
    found.append(Target("epc", [b"3034257BF7194E4000001A85", b"3074257BF7194E4000001A85"], _epc))
    found.append(Target("store-file", [_small(corner)], _store_file))
    return found


def mutated(sample: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """A sample with a few things done to it, most of which leave its form nearly right."""
    body = bytearray(sample)
    for _ in range(rng.choice((0, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(body) + 1)
        match rng.randrange(9):
            case 0:
                body[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del body[at : at + rng.randrange(1, 9)]
            case 2:
                body[at:at] = rng.choice(_WORDS)
            case 3:
                body = body[:at]
            case 4:
                numbers = list(re.finditer(rb"-?\d+(?:\.\d+)?", body))
                if numbers:
                    one = rng.choice(numbers)
                    body[one.start() : one.end()] = rng.choice(_WORDS)
            case 5:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                body[at:at] = other[start : start + rng.randrange(40)]
            case 6:
                body[at:at] = body[at : at + rng.randrange(1, 60)]
            case 7:
                texts = list(re.finditer(rb'"[^"]*"', body))
                if texts:
                    one, two = rng.choice(texts), rng.choice(texts)
                    body[one.start() : one.end()] = two.group()
            case 8:
                texts = list(re.finditer(rb'"[^"]*"', body))
                if texts:
                    one = rng.choice(texts)
                    at = rng.choice((one.start() + 1, one.end() - 1))
                    body[at:at] = rng.choice(_WORDS)
    return bytes(body)


_WORDS = [
    *(b"0", b"-1", b"1e308", b"1e999", b"-0.0", b"1E-400", b"9" * 30, b"9" * 5000, b"NaN"),
    *(b"Infinity", b"nan", b"null", b"true", b"[]", b"{}", b'""', b'"', b"[" * 2000),
    b'{"a":' * 500,
    *(
        b"\\n",
        b"\\u0000",
        b"\\ud800",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        "٣".encode(),
        "ß".encode(),
        b"\n",
    ),
    *(str(2**62).encode(), str(2**62 + 1).encode(), str(2**63).encode(), b"-9223372036854775808"),
    *(b"1000000", b"0.1", b"4611686018427387904", b"1970-01-01T00:00:00Z", b"+99:99", b'"device"'),
]


def _stores(text: str) -> tuple[Store, Store]:
    """The corner shop, and the same with a device of others of every kind."""
    content = yaml.safe_load(text)
    antenna = content["antennas"][0]
    content["antennas"] += [antenna | {"id": f"rfid-{n}"} for n in (4, 5)]
    devices = [{"topic": f"others/{d['id']}", **d} for d in DEVICES]
    return parse_store(text), Store.model_validate(content | {"devices": devices})


def _small(text: str) -> bytes:
    """A store file with one rack, shelf and product, so that it is read quickly."""
    content = yaml.safe_load(text)
    content["products"] = content["products"][:1]
    content["gondolas"] = content["gondolas"][:1]
    (gondola,) = content["gondolas"]
    gondola["shelves"] = gondola["shelves"][:1]
    gondola["shelves"][0]["facings"] = [
        {"gtin": content["products"][0]["gtin"], "plates": [1, 2], "units": 3}
    ]
    content["cameras"] = content["cameras"][:1]
    content["antennas"] = [{"id": "rfid-out", "kind": "gate", "gate": content["gates"][0]["id"]}]
    content["gates"] = content["gates"][:1]
    content["devices"] = [
        {"id": "d0", "kind": "impinj-r700", "topic": "a/b", "antennas": {1: "rfid-out"}},
        {"id": "d1", "kind": "esphome-number", "topic": "c", "shelf": "g1s1", "plate": 1},
    ]
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()


def _ours(decoder: Decoder, kind: str, body: bytes) -> None:
    """A body on the topic of the device that it names, or of one that is installed."""
    named = identify_device(body)
    for device in dict.fromkeys(
        (named, {"weight": "g1s1", "gate": "gate-in", "rfid": "rfid-g3"}.get(kind, "office"))
    ):
        _accepted(decoder, topic("corner", kind, device), body)


def identify_device(body: bytes) -> str:
    """The device in a body that is nearly a message."""
    found = re.search(rb'"device": ?"([A-Za-z0-9_.:-]{1,64})"', body)
    return found[1].decode() if found else "x"


def _any_topic(decoder: Decoder, both: bytes) -> None:
    where, _, body = both.partition(b"\n")
    try:
        text = where.decode()
    except UnicodeDecodeError:  # MQTT clients refuse such a topic before we see it
        return
    _accepted(decoder, text, body)


def _accepted(decoder: Decoder, where: str, body: bytes) -> None:
    identify(where, body)
    try:
        said = decoder.decode(where, body)
    except WireError as error:
        _short(error)
        return
    assert isinstance(said, Message)
    assert where == topic("corner", where.split("/")[2], said.device)
    makes_sense(said)
    name = identify(where, body)
    assert name is not None
    assert (name.device, name.boot, name.seq) == (said.device, said.boot, said.seq)
    assert decode(where, encode(said), "corner") == said


def makes_sense(said: object) -> None:
    """Of any message or record: numbers are finite and of this world, texts and lists bounded."""
    if isinstance(said, WeightBatch):
        assert len({len(row) for row in said.grams}) == 1
        assert 0 < said.period_ns * len(said.grams) <= 10 * NS
    if isinstance(said, TagReads):
        assert 0 < said.span_ns <= 10 * NS
        for read in said.reads:
            assert EPC.fullmatch(read.epc)
            assert 0 <= read.offset_ns <= said.span_ns
            assert -150 <= read.rssi_dbm <= 30
    match said:
        case bool() | None:
            pass
        case int():
            assert abs(said) <= 2**62
        case float():
            assert math.isfinite(said)
            assert abs(said) <= 1e12
        case str():
            assert len(said) <= 2048
        case list() | tuple() | dict():
            assert len(said) <= 5000
            for part in said.values() if isinstance(said, dict) else said:
                makes_sense(part)
        case _:
            names = (
                [f.name for f in fields(said)]
                if is_dataclass(said)
                else getattr(said, "__struct_fields__", ())
            )
            for name in names:
                value = getattr(said, name)
                makes_sense(value)
                if name in NAMED:
                    assert NAMED[name].fullmatch(value), (name, value)


class _Others:
    """Devices of others: what they say is of the store, and comes out as messages of ours."""

    def __init__(self, store: Store) -> None:
        self._decoder = Decoder(store)
        self._feed = ForeignFeed(store)
        self._plates = {s.id: s.plate_count for g in store.gondolas for s in g.shelves}
        self._antennas = {antenna.id for antenna in store.antennas}
        self._now_ns = itertools.count(NOW_NS, NS // 10)

    def __call__(self, where: str, body: bytes) -> None:
        try:
            said = self._decoder.decode(where, body)
        except WireError as error:
            _short(error)
            return
        assert isinstance(said, Foreign)
        makes_sense(said)
        if isinstance(said, ForeignWeight):
            assert 1 <= said.plate <= self._plates[said.shelf]
            assert abs(said.grams) < 1e7
        if isinstance(said, ForeignTags):
            for antenna, tag in said.tags:
                assert antenna in self._antennas
                assert EPC.fullmatch(tag.epc)
                assert 0 <= tag.at_ns <= 2**62
        now_ns = next(self._now_ns)
        for ours in [*self._feed.due(now_ns), *self._feed.take(said, now_ns)]:
            makes_sense(ours)
            kind = {"WeightBatch": "weight", "TagReads": "rfid"}.get(type(ours).__name__, "health")
            assert decode(topic("corner", kind, ours.device), encode(ours), "corner") == ours
        assert self._feed.take(said, now_ns) == []


def _confirmation(body: bytes) -> None:
    try:
        said = decode_confirmation(body)
    except msgspec.DecodeError:
        return
    assert isinstance(said, Confirmation)


class _Codes:
    """Only what was issued opens, whatever is done to it."""

    def __init__(self, public_pem: str) -> None:
        self._public_pem = public_pem

    def __call__(self, code: bytes) -> None:
        verifier = CodeVerifier(self._public_pem, "corner")
        text = code.decode("utf-8", "surrogateescape")
        try:
            admitted = verifier.verify(text, NOW_NS)
        except CodeRefused as error:
            _short(error)
            return
        assert (admitted.shopper, admitted.staff) in (("ada", False), ("bob", False))
        try:
            verifier.verify(text, NOW_NS)
        except CodeRefused:
            return
        raise AssertionError("a code opens twice")


class _SignedClaims:
    """Claims that the store itself signed, be they what they may: a pass for now, or a reason."""

    def __init__(self, public_pem: str) -> None:
        self._public_pem = public_pem
        self._key = Ed25519PrivateKey.from_private_bytes(b"s" * 32)

    def __call__(self, body: bytes) -> None:
        try:
            claims = json.loads(body)
            code = jwt.encode(claims, self._key, algorithm="EdDSA")
        except (ValueError, TypeError, RecursionError):  # nothing that could be signed
            return
        try:
            admitted = CodeVerifier(self._public_pem, "corner").verify(code, NOW_NS)
        except CodeRefused as error:
            _short(error)
            return
        assert isinstance(admitted.shopper, str)
        assert isinstance(admitted.staff, bool)
        assert claims["iat"] - 60 <= NOW_NS // NS <= claims["exp"] + 60


def _epc(text: bytes) -> None:
    try:
        gtin, serial = decode_sgtin(text.decode("utf-8", "replace"))
    except EpcError as error:
        _short(error)
        return
    assert re.fullmatch(r"[0-9]{14}", gtin)
    assert gtin[13] == check_digit(gtin)
    assert 0 <= serial <= GREATEST_SERIAL
    digits = 12 - (int(text, 16) >> 82 & 7)
    assert int(encode_sgtin(gtin, serial, digits), 16) | 7 << 85 == int(text, 16) | 7 << 85


def _store_file(text: bytes) -> None:
    try:
        store = parse_store(text.decode("utf-8", "replace"))
    except StoreFileError as error:
        assert len(str(error)) <= 100_000
        return
    assert store.gondolas
    assert store.products
    plates = {s.id: s.plate_count for g in store.gondolas for s in g.shelves}
    for device in store.devices:
        assert "+" not in device.topic
        assert getattr(device, "plate", 1) <= plates.get(getattr(device, "shelf", ""), 1)


def _short(error: Exception) -> None:
    assert 0 < len(str(error)) <= LONGEST_REASON, f"a reason of {len(str(error))} characters"
