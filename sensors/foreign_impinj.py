"""Impinj R700 and its kin: the events of the IoT device interface, as sent to MQTT."""

from __future__ import annotations

import binascii

import msgspec

from sensors.foreign import MOST_TAGS, SeenTag, read_json, seen_tag
from sensors.wire import WireError


class _TagEvent(msgspec.Struct, frozen=True, rename="camel"):
    """A tag at a port. What is absent depends on the reader's preset."""

    antenna_port: int | None = None
    epc: str | None = None
    epc_hex: str | None = None
    last_seen_time: str | None = None
    peak_rssi_cdbm: int | None = None


class _Event(msgspec.Struct, frozen=True, rename="camel"):
    timestamp: str
    event_type: str
    tag_inventory_event: _TagEvent | None = None


_DECODER = msgspec.json.Decoder(list[_Event] | _Event)


def read_events(body: bytes) -> list[SeenTag]:
    """The tags of one message, an event or a list of them; other kinds of events say no tags.

    A read's time is when the tag was last seen, else that of its event. Raises WireError.
    """
    said = read_json(_DECODER, body)
    events = said if isinstance(said, list) else [said]
    if len(events) > MOST_TAGS:
        raise WireError(f"{len(events)} events; {MOST_TAGS} at most make a message")
    return [
        _tag(f"event {number}", event)
        for number, event in enumerate(events)
        if event.event_type == "tagInventory"
    ]


def _tag(where: str, event: _Event) -> SeenTag:
    tag = event.tag_inventory_event
    if tag is None:
        raise WireError(f"{where}: tagInventoryEvent is missing")
    if tag.antenna_port is None:
        raise WireError(f"{where}: antennaPort is missing: switch it on in the reader's preset")
    if tag.epc is None and tag.epc_hex is None:
        raise WireError(f"{where}: neither epc nor epcHex: switch one on in the reader's preset")
    binary = None if tag.epc is None else _from_base64(where, tag.epc)
    epc = binary if tag.epc_hex is None else tag.epc_hex
    assert epc is not None
    if binary is not None and binary != epc.upper():
        raise WireError(f"{where}: epc says {binary[:40]}, epcHex {epc[:40]!r}")
    return seen_tag(
        where,
        port=tag.antenna_port,
        epc=epc,
        at=tag.last_seen_time or event.timestamp,
        rssi_dbm=None if tag.peak_rssi_cdbm is None else tag.peak_rssi_cdbm / 100,
    )


def _from_base64(where: str, text: str) -> str:
    """Upper-case hex of URL-safe base64, with or without its padding."""
    bare = text.rstrip("=")
    standard = bare.replace("-", "+").replace("_", "/")
    try:
        if "+" in bare or "/" in bare or len(text) - len(bare) > 2:
            raise ValueError("not of the URL-safe alphabet")
        raw = binascii.a2b_base64(standard + "=" * (-len(bare) % 4), strict_mode=True)
        if binascii.b2a_base64(raw, newline=False).decode().rstrip("=") != standard:
            raise ValueError("its last digit has bits to spare")
    except ValueError as error:
        raise WireError(f"{where}: epc {text[:40]!r} is not URL-safe base64: {error}") from error
    return raw.hex().upper()
