"""What a fault does to one device: to the content of its messages, or to their delivery.

A change of content takes a payload and its second of arrival, and gives a payload. A delivery takes
the delays of a message's copies, seconds, and gives those that it has after the fault.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec
import numpy as np

from sensors.wire import Payload, TagReads, TagReport, WeightBatch
from simulator.faults import Fault

DUPLICATE_AFTER_S = (0.0, 0.5)  # how much later a repeated message comes again
REORDER_BY_S = (0.2, 1.2)  # how long a message is held back while later ones pass
GHOST_RSSI_DBM = (-70.0, -60.0)


@dataclass(slots=True)
class BrokenPlate:
    """A load cell that is dead, stuck, drifting or spiking."""

    fault: Fault
    column: int
    held_g: float | None = None
    spiked: bool = False

    def __call__(self, payload: Payload, at_s: float) -> Payload:
        if not isinstance(payload, WeightBatch) or self.column >= len(payload.grams[0]):
            return payload
        period_s = payload.period_ns / 1e9
        first_s = at_s - (len(payload.grams) - 1) * period_s
        rows = []
        for i, row in enumerate(payload.grams):
            reading = self._reading(row[self.column], first_s + i * period_s)
            rows.append([*row[: self.column], reading, *row[self.column + 1 :]])
        return payload if rows == payload.grams else msgspec.structs.replace(payload, grams=rows)

    def _reading(self, grams: float | None, at_s: float) -> float | None:
        fault, value = self.fault, self.fault.value or 0.0
        match fault.kind:
            case "plate-dead":
                return None if fault.covers(at_s) else grams
            case "plate-stuck":
                if not fault.covers(at_s) or self.held_g is None:
                    self.held_g = grams if grams is not None else self.held_g
                return self.held_g if fault.covers(at_s) else grams
            case "plate-drift" if grams is not None and at_s > fault.from_s:
                until_s = at_s if fault.to_s is None else min(at_s, fault.to_s)
                return round(grams + value * (until_s - fault.from_s) / 3600, 2)
            case "plate-spike" if grams is not None and at_s >= fault.from_s and not self.spiked:
                self.spiked = True
                return round(grams + value, 2)
        return grams


@dataclass(frozen=True, slots=True)
class WrongClock:
    """A device's clock that is off by seconds, or runs fast by parts per million."""

    fault: Fault

    def __call__(self, payload: Payload, at_s: float) -> Payload:
        fault, value = self.fault, self.fault.value or 0.0
        if fault.kind == "clock-offset":
            off_s = value if fault.covers(at_s) else 0.0
        else:
            until_s = at_s if fault.to_s is None else min(at_s, fault.to_s)
            off_s = max(0.0, until_s - fault.from_s) * value / 1e6
        if off_s == 0.0:
            return payload
        at_ns = max(0, payload.at_ns + round(off_s * 1e9))
        return msgspec.structs.replace(payload, at_ns=at_ns)


@dataclass(frozen=True, slots=True)
class UnreadableTags:
    """Tags that no antenna ever reads: those whose code, hashed with the seed, is low."""

    fault: Fault
    seed: int

    def __call__(self, payload: Payload, at_s: float) -> Payload:
        if not isinstance(payload, TagReads) or not self.fault.covers(at_s):
            return payload
        reads = [read for read in payload.reads if self._place(read.epc) >= (self.fault.value or 0)]
        if len(reads) == len(payload.reads):
            return payload
        return msgspec.structs.replace(payload, reads=reads)

    def _place(self, epc: str) -> float:
        """Where a tag stands from 0 to 1."""
        digest = hashlib.blake2b(f"{self.seed} {epc}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64


@dataclass(frozen=True, slots=True)
class GhostReads:
    """Reads of tags that other antennas have read, weak as over a distance."""

    fault: Fault
    rng: np.random.Generator
    tags: dict[str, None]

    def __call__(self, payload: Payload, at_s: float) -> Payload:
        if not isinstance(payload, TagReads) or not self.fault.covers(at_s) or not self.tags:
            return payload
        count = int(self.rng.poisson((self.fault.value or 0.0) * payload.span_ns / 1e9))
        if not count:
            return payload
        epcs = self.rng.choice(list(self.tags), count)
        ghosts = [
            TagReport(
                epc=str(epc),
                offset_ns=int(self.rng.integers(payload.span_ns)),
                rssi_dbm=round(float(self.rng.uniform(*GHOST_RSSI_DBM)), 1),
            )
            for epc in epcs
        ]
        reads = sorted([*payload.reads, *ghosts], key=lambda read: read.offset_ns)
        return msgspec.structs.replace(payload, reads=reads)


@dataclass(frozen=True, slots=True)
class PoorDelivery:
    """A way on which messages are lost, repeated, held up or passed by others."""

    fault: Fault
    rng: np.random.Generator

    def __call__(self, delays_s: list[float], at_s: float) -> list[float]:
        """Delays of every copy of a message sent at `at_s`, given those without this fault."""
        if not self.fault.covers(at_s):
            return delays_s
        kind, value = self.fault.kind, self.fault.value or 0.0
        if kind in ("shelf-silent", "rfid-silent"):
            return []
        if kind == "message-delay":
            return [delay_s + value for delay_s in delays_s]
        delivered: list[float] = []
        for delay_s in delays_s:
            if self.rng.random() >= value:
                delivered.append(delay_s)
            elif kind == "message-duplicate":
                delivered += [delay_s, delay_s + self.rng.uniform(*DUPLICATE_AFTER_S)]
            elif kind == "message-reorder":
                delivered.append(delay_s + self.rng.uniform(*REORDER_BY_S))
        return delivered
