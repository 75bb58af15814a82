"""Tasmota with an HX711: the sensor's part of `tele/<device>/SENSOR`."""

from __future__ import annotations

import msgspec

from sensors.foreign import Weighed, read_json
from sensors.timestamps import local_ns
from sensors.wire import WireError


class _Cell(msgspec.Struct, frozen=True):
    weight: float = msgspec.field(name="Weight")


class _Sensors(msgspec.Struct, frozen=True):
    cell: _Cell = msgspec.field(name="HX711")
    time: str | None = msgspec.field(name="Time", default=None)


_DECODER = msgspec.json.Decoder(_Sensors)


def read_hx711(body: bytes) -> Weighed:
    """`HX711.Weight`, as set up in kilograms. `Time` is local time in whole seconds without a
    zone, so it only orders the readings. Raises WireError."""
    said = read_json(_DECODER, body)
    try:
        clock_ns = None if said.time is None else local_ns(said.time)
    except ValueError as error:
        raise WireError(f"Time: {error}") from error
    return Weighed(value=said.cell.weight, clock_ns=clock_ns)
