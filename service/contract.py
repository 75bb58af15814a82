"""The bus as an AsyncAPI document, made from the types that read and write it.

`python -m service.contract` prints what docs/asyncapi.yaml holds; a test compares the two.
"""

from __future__ import annotations

import re
from typing import Any, get_args

import msgspec
import yaml

from sensors.wire import (
    KINDS,
    ROOT,
    BarrierCrossed,
    Calibration,
    CodeShown,
    Count,
    HealthReport,
    Payload,
    Planogram,
    TagReads,
    Verdict,
    VisionReport,
    WeightBatch,
)
from service.bus import KEEPALIVE_S
from service.progress import Confirmation

PAYLOADS: tuple[type[msgspec.Struct], ...] = get_args(Payload)
_BINDING = "0.2.0"
_CHANNELS: dict[str, tuple[str, tuple[type[msgspec.Struct], ...]]] = {
    "weight": (
        "Samples of all plates of one shelf. `device` is the shelf's id in the store file.",
        (WeightBatch,),
    ),
    "gate": (
        "An entry code that was read, and somebody who passed. `device` is the gate's id in the"
        " store file.",
        (CodeShown, BarrierCrossed),
    ),
    "vision": ("What a vision worker saw at one instant.", (VisionReport,)),
    "rfid": (
        "Reads of tags by one antenna. `device` is the antenna's id in the store file.",
        (TagReads,),
    ),
    "health": (
        "A device's own word on whether it works, and its last will.",
        (HealthReport,),
    ),
    "control": (
        "What people tell the engine: verdicts, counts, changes of the planogram,"
        " calibrations of plates.",
        (Verdict, Count, Planogram, Calibration),
    ),
    "journaled": ("What the engine has settled of a device's messages.", (Confirmation,)),
}
# Units by the end of a field's name; counts and what has no dimension are "1".
_UNITS = {
    "_ns": "ns",
    "_ms": "ms",
    "_m_s": "m/s",
    "_m": "m",
    "_px": "px",
    "_dbm": "dBm",
    "grams": "g",
    "_g": "g",
    "fps": "1/s",
    "covariance": "m²",
}


def document() -> dict[str, Any]:
    """The whole contract; only texts, numbers, lists and mappings."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "OpenAisle bus",
            "version": "0.2.0",
            "description": "What devices of a store say, and how the engine confirms it. Rules that"
            " a schema cannot state are in mqtt.md. Devices of others are in devices-of-others.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"store": _server()},
        "channels": {kind: _channel(kind) for kind in _CHANNELS},
        "operations": _operations(),
        "components": {
            "messages": {
                payload.__name__: _message(payload)
                for _, payloads in _CHANNELS.values()
                for payload in payloads
            },
            "schemas": schemas(),
            "parameters": {
                "store": {"description": "The store's id, as in the store file."},
                "device": {"description": "The device's name; equal to `device` in the payload."},
            },
        },
    }


def schemas() -> dict[str, Any]:
    """The JSON schema of every payload by name, each number with its unit as `x-unit`."""
    _, found = msgspec.json.schema_components(
        [*PAYLOADS, Confirmation], ref_template="#/components/schemas/{name}"
    )
    return {name: _schema(schema) for name, schema in found.items()}


def text() -> str:
    """The document as YAML."""
    body = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=100)
    return (
        "# The bus of OpenAisle for machines; mqtt.md says the same for people.\n"
        f"# Made from the types by: python -m service.contract\n{body}"
    )


def _server() -> dict[str, Any]:
    return {
        "host": "broker.example:1883",
        "protocol": "mqtt",
        "protocolVersion": "3.1.1",
        "description": "The broker of one store; Mosquitto for a real one, the embedded one for"
        " development. The binding shows the session of a device that leaves a last will; the"
        " engine's own session is `openaisle-engine-<store>`, persistent.",
        "bindings": {
            "mqtt": {
                "clientId": "g1s1",
                "cleanSession": True,
                "keepAlive": KEEPALIVE_S,
                "lastWill": {
                    "topic": f"{ROOT}/corner/health/g1s1",
                    "qos": 1,
                    "retain": False,
                    "message": LAST_WILL,
                },
                "bindingVersion": _BINDING,
            }
        },
    }


LAST_WILL = (
    '{"device":"g1s1","boot":"5f1c2a9be07d4413.1","seq":0,"at_ns":0,"up":false,'
    '"reason":"its connection was lost"}'
)


def _channel(kind: str) -> dict[str, Any]:
    description, payloads = _CHANNELS[kind]
    return {
        "address": f"{ROOT}/{{store}}/{kind}/{{device}}",
        "description": description,
        "parameters": {
            name: {"$ref": f"#/components/parameters/{name}"} for name in ("store", "device")
        },
        "messages": {p.__name__: {"$ref": f"#/components/messages/{p.__name__}"} for p in payloads},
    }


def _operations() -> dict[str, Any]:
    found = {
        f"receive{kind.capitalize()}": _operation(
            "receive", kind, 1, "The engine journals it, then acknowledges and confirms it."
        )
        for kind in KINDS
    }
    found["sendConfirmation"] = _operation(
        "send",
        "journaled",
        0,
        "After each journaled batch the engine says up to which message all is settled.",
    )
    return found


def _operation(action: str, kind: str, qos: int, summary: str) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{kind}"},
        "summary": summary,
        "bindings": {"mqtt": {"qos": qos, "retain": False, "bindingVersion": _BINDING}},
    }


def _message(payload: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "name": payload.__name__,
        "contentType": "application/json",
        "summary": _plain(payload.__doc__ or "").split(". ")[0].split("; ")[0].rstrip("."),
        "payload": {"$ref": f"#/components/schemas/{payload.__name__}"},
    }


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in schema.items() if key != "title"}
    if "description" in shown:
        shown["description"] = _plain(shown["description"])
    shown["properties"] = {
        name: _with_unit(value, _unit_of(name)) for name, value in schema["properties"].items()
    }
    return shown


def _with_unit(schema: dict[str, Any], unit: str) -> dict[str, Any]:
    """The schema of a field with its unit at every number in it.

    In a JSON schema `$` is the end of the text, as `\\Z` is in Python.
    """
    shown = dict(schema)
    if "pattern" in shown:
        shown["pattern"] = shown["pattern"].replace(r"\Z", "$")
    for key in ("items", "prefixItems", "anyOf"):
        if isinstance(shown.get(key), dict):
            shown[key] = _with_unit(shown[key], unit)
        elif isinstance(shown.get(key), list):
            shown[key] = [_with_unit(part, unit) for part in shown[key]]
    if shown.get("type") in ("integer", "number"):
        shown["x-unit"] = unit
    return shown


def _unit_of(field: str) -> str:
    return next((unit for end, unit in _UNITS.items() if field.endswith(end)), "1")


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


if __name__ == "__main__":
    print(text(), end="")
