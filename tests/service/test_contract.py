"""docs/asyncapi.yaml is what the types say, and the decoder refuses what it does not allow."""

import copy
import json
import math
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from sensors.decode import Decoder
from sensors.store import load_store
from sensors.wire import KINDS, HealthReport, Payload, WireError, decode
from service import contract
from service.bus import confirmation_topic
from service.progress import Confirmation, encode_confirmation

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "asyncapi.yaml").read_text(encoding="utf-8")
ASYNCAPI = yaml.safe_load(TEXT)
SCHEMAS = ASYNCAPI["components"]["schemas"]
EXAMPLES = re.findall(
    r"^Topic `([^`]+)`:\n+```json\n(.*?)^```",
    (ROOT / "docs" / "mqtt.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
DECODER = Decoder(load_store(ROOT / "datasets" / "stores" / "corner.yaml"))
# Where a bound of one field depends on another: the edge of it alone is no message.
TIED = {"at_ns", "period_ns", "covariance", "began_ns", "ended_ns", "offset_ns", "scores"}
TIED |= {"unknown", "device"}


def test_the_page_is_what_the_types_say():
    assert contract.text() == TEXT, "write it anew: python -m service.contract > docs/asyncapi.yaml"


def test_every_kind_and_payload_has_its_place():
    addresses = {c["address"]: c for c in ASYNCAPI["channels"].values()}
    assert set(addresses) == {
        f"openaisle/{{store}}/{kind}/{{device}}" for kind in (*KINDS, "journaled")
    }
    for kind in KINDS:
        with pytest.raises(WireError, match=f"{kind}/x: "):
            decode(f"openaisle/corner/{kind}/x", b"{}", "corner")
    assert confirmation_topic("{store}", "{device}") in addresses
    named = {name for channel in addresses.values() for name in channel["messages"]}
    assert named == {payload.__name__ for payload in (*get_args(Payload), Confirmation)}
    assert named == set(ASYNCAPI["components"]["messages"])


def test_the_service_says_how_messages_are_sent():
    """What is written here, tests of the brokers find on the bus: test_foreign_live.py."""
    operations = ASYNCAPI["operations"].values()
    for operation in operations:
        mqtt = operation["bindings"]["mqtt"]
        sends = operation["action"] == "send"
        assert (mqtt["qos"], mqtt["retain"]) == (0 if sends else 1, False)
        assert operation["channel"]["$ref"].endswith("/journaled") == sends
    assert len(operations) == len(ASYNCAPI["channels"])


def test_the_last_will_is_a_message():
    will = ASYNCAPI["servers"]["store"]["bindings"]["mqtt"]["lastWill"]
    assert (will["qos"], will["retain"]) == (1, False)
    said = DECODER.decode(will["topic"], will["message"].encode())
    assert isinstance(said, HealthReport)
    assert (said.up, said.at_ns) == (False, 0)


def test_references_lead_somewhere():
    for reference in re.findall(r"\$ref: '?#/([^'\s]+)'?", TEXT):
        node = ASYNCAPI
        for part in reference.split("/"):
            node = node[part]


def test_every_number_has_a_unit():
    def numbers(node):
        if isinstance(node, dict):
            if node.get("type") in ("integer", "number"):
                yield node
            for value in node.values():
                yield from numbers(value)
        elif isinstance(node, list):
            for value in node:
                yield from numbers(value)

    found = list(numbers(SCHEMAS))
    assert {node["x-unit"] for node in found} >= {"ns", "ms", "m", "m/s", "m²", "g", "dBm", "px"}
    assert all(node["x-unit"] for node in found)
    assert SCHEMAS["TagReport"]["properties"]["rssi_dbm"]["x-unit"] == "dBm"


def test_nothing_is_without_bounds():
    """Numbers, texts and lists have a greatest one, so that no message can be of any size."""

    def boundless(node, path):
        if isinstance(node, dict):
            bounds = {
                "integer": {"maximum"},
                "number": {"maximum", "exclusiveMaximum"},
                "string": {"maxLength", "pattern"},
                "array": {"maxItems"},
            }.get(str(node.get("type")))
            if bounds is not None and bounds.isdisjoint(node):
                yield path
            for key, value in node.items():
                yield from boundless(value, f"{path}.{key}")
        elif isinstance(node, list):
            for i, value in enumerate(node):
                yield from boundless(value, f"{path}[{i}]")

    said = {name: schema for name, schema in SCHEMAS.items() if name != "Confirmation"}
    assert list(boundless(said, "")) == []


def resolved(schema):
    while "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    return schema


def places(value, schema, path=()):
    """Every value of an example with what the contract says of it: (path, value, schema)."""
    schema = resolved(schema)
    if "anyOf" in schema and value is not None:
        schema = next(s for s in schema["anyOf"] if s.get("type") != "null")
        schema = {**resolved(schema), "nullable": True}
    yield path, value, schema
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, schema["properties"][key], (*path, key))
    elif isinstance(value, list):
        for i, part in enumerate(value[:2]):
            inner = schema.get("prefixItems", [])
            yield from places(part, inner[i] if i < len(inner) else schema["items"], (*path, i))


def refused_by(schema, value):
    """Values next to this one that the schema does not allow."""
    kind = schema.get("type")
    if not schema.get("nullable"):
        yield None
    if "enum" in schema:
        yield from ("nobody", "", 7)
    if kind == "string":
        yield from (7, ["a"])
        if "pattern" in schema:
            yield from ("", "no such ~ thing", "x" * 3000, f"{value}\n")
        if "maxLength" in schema:
            yield "x" * (schema["maxLength"] + 1)
        if schema.get("minLength"):
            yield ""
    if kind in ("integer", "number"):
        yield from ("1", True, [1])
        beyond = {"minimum": -1, "exclusiveMinimum": 0, "maximum": 1, "exclusiveMaximum": 0}
        for bound, way in beyond.items():
            if bound in schema:
                edge = schema[bound]
                far = way * max(1, abs(edge) * 1e-6)
                yield edge + (round(far) if kind == "integer" else far)
    if kind == "integer":
        yield 0.5
    if kind == "boolean":
        yield from (1, "true")
    if kind == "array":
        yield from ({}, "a")
        if "maxItems" in schema and value:
            yield [copy.deepcopy(value[0]) for _ in range(schema["maxItems"] + 1)]
        if schema.get("minItems"):
            yield value[: schema["minItems"] - 1]
    if kind == "object":
        yield {**value, "unheard_of": 1}
        for key in schema["required"]:
            yield {k: v for k, v in value.items() if k != key}


def edges(schema):
    """The last values that the bounds of a number allow."""
    if schema.get("type") in ("integer", "number"):
        for bound in ("minimum", "maximum"):
            if bound in schema:
                yield schema[bound] if schema["type"] == "integer" else float(schema[bound])


def changed(node, path, value):
    if not path:
        return value
    node = copy.copy(node)
    node[path[0]] = changed(node[path[0]], path[1:], value)
    return node


def name_of(body):
    kinds = {"code": "CodeShown", "crossed": "BarrierCrossed", "verdict": "Verdict"}
    return kinds.get(body.get("type"), str(body.get("type")).capitalize())


def cases():
    for topic, text in EXAMPLES:
        body = json.loads(text)
        kind = topic.split("/")[2]
        channel = ASYNCAPI["channels"][kind]["messages"]
        name = next(iter(channel)) if len(channel) == 1 else name_of(body)
        if kind == "vision":
            body["hands"][0] |= {"occluded": False, "covariance": [1.0, 0.0, 0.0, 1.0, 0.0, 1.0]}
        yield pytest.param(topic, body, SCHEMAS[name], id=f"{name}-{body['seq']}")


@pytest.mark.parametrize(("topic", "body", "schema"), list(cases()))
def test_what_the_contract_forbids_is_refused_and_its_edges_are_not(topic, body, schema):
    if "/journaled/" in topic:
        ours = Confirmation(**body)
        assert json.loads(encode_confirmation(ours)) == body
        assert set(body) == set(schema["properties"])
        return
    DECODER.decode(topic, json.dumps(body).encode())
    tried = 0
    for path, value, node in places(body, schema):
        for wrong in refused_by(node, value):
            tried += 1
            message = json.dumps(changed(body, path, wrong)).encode()
            with pytest.raises(WireError):
                said = DECODER.decode(topic, message)
                pytest.fail(f"{path} = {str(wrong)[:80]} is accepted: {said}")
        for edge in edges(node):
            assert math.isfinite(edge)
            if TIED.isdisjoint(path):
                # what is right by itself may still not be so in this store
                decode(topic, json.dumps(changed(body, path, edge)).encode(), "corner")
    assert tried >= 20
