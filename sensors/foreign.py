"""What devices of others say, in terms of ours: tags seen at a port, a weight on one cell.

An adapter is a function from a message's bytes to one of these; it keeps no state and knows no
store. It raises WireError that names the field; the decoder puts the device's name before it.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from sensors.timestamps import instant_ns
from sensors.wire import WireError, in_short
from sensors.wire_bounds import STRONGEST_DBM, WEAKEST_DBM

MOST_TAGS = 5000
_EPC = re.compile(r"(?:[0-9A-F]{4}){1,31}")
_HEAVIEST_G = 1e7
Said = TypeVar("Said")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTag:
    """One read: `port` is the reader's own number of the antenna, `epc` upper-case hex."""

    port: int
    epc: str
    at_ns: int
    rssi_dbm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What one cell shows, in the unit that the cell was set up for.

    `clock_ns` only orders the readings of a device: its local time, with an unknown zone.
    """

    value: float
    clock_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A message of a device of others; `device` is its id in the store file.

    `at_ns` is the vendor's time of the newest thing in it, None where it sends none: then the
    time of arrival has to do. It has no name of its own, so a repeat cannot be told by one.
    """

    device: str
    at_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignTags(Foreign):
    """Reads of one reader, by antenna of the store file; none where it spoke of something else."""

    tags: tuple[tuple[str, SeenTag], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignWeight(Foreign):
    """What stands on one plate (1-based) of a shelf, grams."""

    shelf: str
    plate: int
    grams: float
    clock_ns: int | None = None


def read_json(decoder: msgspec.json.Decoder[Said], body: bytes) -> Said:
    """The body as the decoder's type. Raises WireError; a key that stands twice is an error too."""
    try:
        said = decoder.decode(body)
        json.loads(body, object_pairs_hook=_once)
    except msgspec.DecodeError as error:
        raise WireError(in_short(error)) from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise WireError(f"not usable as JSON: {in_short(error)}") from error
    return said


def seen_tag(where: str, *, port: int, epc: str, at: str, rssi_dbm: float | None) -> SeenTag:
    """A read with all of it checked; `where` names it in errors."""
    epc = epc.upper()
    if not _EPC.fullmatch(epc):
        raise WireError(f"{where}: EPC {epc[:40]!r} is not hex in whole 16-bit words")
    if rssi_dbm is not None and not WEAKEST_DBM <= rssi_dbm <= STRONGEST_DBM:
        raise WireError(
            f"{where}: a strength of {rssi_dbm} dBm is not within"
            f" {WEAKEST_DBM:g} to {STRONGEST_DBM:g}"
        )
    try:
        return SeenTag(port=port, epc=epc, at_ns=instant_ns(at), rssi_dbm=rssi_dbm)
    except ValueError as error:
        raise WireError(f"{where}: time: {error}") from error


def grams_of(weighed: Weighed, grams_per_unit: float) -> float:
    """What a cell shows in grams. Raises WireError where no plate bears that."""
    grams = weighed.value * grams_per_unit
    if not math.isfinite(grams) or abs(grams) >= _HEAVIEST_G:
        raise WireError(f"a weight of {grams:g} g is not within ±{_HEAVIEST_G:g}")
    return grams


def _once(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {twice[:40]!r} stands there twice")
