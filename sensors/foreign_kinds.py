"""The kinds of devices of others that a store file may name, and the adapter of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sensors.foreign import SeenTag, Weighed
from sensors.foreign_esphome import read_number
from sensors.foreign_impinj import read_events
from sensors.foreign_tasmota import read_hx711
from sensors.foreign_zebra import read_fixed, read_hand_held


@dataclass(frozen=True, slots=True)
class CellKind:
    """How a kind of load cell is read, and what its number is multiplied with, unless said."""

    read: Callable[[bytes], Weighed]
    grams_per_unit: float


READERS: dict[str, Callable[[bytes], list[SeenTag]]] = {
    "impinj-r700": read_events,
    "zebra-fixed": read_fixed,
    "zebra-rfd40": read_hand_held,
}
CELLS: dict[str, CellKind] = {
    "tasmota-hx711": CellKind(read_hx711, 1000.0),
    "esphome-number": CellKind(read_number, 1.0),
}
