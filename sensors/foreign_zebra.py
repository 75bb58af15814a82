"""Zebra readers: the fixed ones (FX and FXR) and the hand-held RFD40, as they send to MQTT."""

from __future__ import annotations

import msgspec

from sensors.foreign import MOST_TAGS, SeenTag, read_json, seen_tag
from sensors.wire import WireError

HAND_HELD_PORT = 1


class _Tag(msgspec.Struct, frozen=True, rename="camel"):
    id_hex: str
    antenna: int
    peak_rssi: float | None = None


class _Event(msgspec.Struct, frozen=True):
    data: _Tag
    timestamp: str


class _HandTag(msgspec.Struct, frozen=True):
    epc: str | None = msgspec.field(default=None, name="EPC")
    epc_id: str | None = msgspec.field(default=None, name="EPCid")
    peak_rssi: float | None = msgspec.field(default=None, name="peakRssi")


class _HandTags(msgspec.Struct, frozen=True):
    tag_data: list[_HandTag] = msgspec.field(name="tagData")


class _HandEvent(msgspec.Struct, frozen=True):
    data: _HandTags
    timestamp: str


_FIXED = msgspec.json.Decoder(list[_Event] | _Event)
_HAND_HELD = msgspec.json.Decoder(_HandEvent)


def read_fixed(body: bytes) -> list[SeenTag]:
    """The tags of one message of a fixed reader, an event or a list of them. Raises WireError."""
    said = read_json(_FIXED, body)
    events = said if isinstance(said, list) else [said]
    if len(events) > MOST_TAGS:
        raise WireError(f"{len(events)} events; {MOST_TAGS} at most make a message")
    return [
        seen_tag(
            f"event {number}",
            port=event.data.antenna,
            epc=event.data.id_hex,
            at=event.timestamp,
            rssi_dbm=event.data.peak_rssi,
        )
        for number, event in enumerate(events)
    ]


def read_hand_held(body: bytes) -> list[SeenTag]:
    """The tags of one message of an RFD40, all at its time and port 1. Raises WireError."""
    said = read_json(_HAND_HELD, body)
    if len(said.data.tag_data) > MOST_TAGS:
        raise WireError(f"data.tagData: more than {MOST_TAGS} tags")
    return [
        seen_tag(
            f"data.tagData[{number}]",
            port=HAND_HELD_PORT,
            epc=_the_epc(f"data.tagData[{number}]", tag),
            at=said.timestamp,
            rssi_dbm=tag.peak_rssi,
        )
        for number, tag in enumerate(said.data.tag_data)
    ]


def _the_epc(where: str, tag: _HandTag) -> str:
    epc = tag.epc if tag.epc is not None else tag.epc_id
    if epc is None:
        raise WireError(f"{where}: neither EPC nor EPCid")
    if tag.epc_id is not None and tag.epc_id != epc:
        raise WireError(f"{where}: EPC says {epc[:40]!r}, EPCid {tag.epc_id[:40]!r}")
    return epc
