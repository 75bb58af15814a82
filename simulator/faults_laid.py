"""Lays faults over what devices say: encoded messages in, in order of arrival, and so out.

Works alike on a scene being played and on a recording: it sees (received_ns, topic, body) alone,
and takes a fault's window by the time of arrival, which holds whatever a device's clock shows.
Sequence numbers stay as the device gave them. Only messages of devices that a fault strikes are
decoded; one that does not decode passes as it is. Draws are by fault and topic, so they do not
depend on how the devices' messages fall between one another.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sensors.store import Store
from sensors.wire import Payload, TagReads, WireError, decode, encode
from simulator.faults import ALL, DEVICE_KINDS, RULES, Fault, struck_devices
from simulator.faults_devices import (
    BrokenPlate,
    GhostReads,
    PoorDelivery,
    UnreadableTags,
    WrongClock,
)
from simulator.world import stream

Message = tuple[int, str, bytes]  # received_ns, topic, body

Change = Callable[[Payload, float], Payload]
Delivery = Callable[[list[float], float], list[float]]


def lay(
    faults: Sequence[Fault], messages: Iterable[Message], store: Store, start_ns: int, seed: int
) -> Iterator[Message]:
    """The messages as they arrive under the faults; `start_ns` is where their seconds begin.

    `messages` come in order of `received_ns`. What people say (kind `control`) and what is no
    topic of a device, as a tick, passes untouched.
    """
    overlay = Overlay(faults, store, start_ns, seed)
    for message in messages:
        yield from overlay.feed(*message)
    yield from overlay.rest()


class Overlay:
    """`lay` for a source that is fed message by message."""

    def __init__(self, faults: Sequence[Fault], store: Store, start_ns: int, seed: int) -> None:
        self._faults = list(enumerate(faults))
        self._store, self._start_ns, self._seed = store, start_ns, seed
        self._ways: dict[str, _Way] = {}
        self._waiting: list[tuple[int, int, str, bytes]] = []
        self._numbers = itertools.count()
        self._tags: dict[str, None] = {}  # read so far, where ghosts are to come from

    def feed(self, received_ns: int, topic: str, body: bytes) -> list[Message]:
        """Take the next message; what has arrived by its time, in order."""
        way = self._ways.get(topic)
        if way is None:
            way = self._ways[topic] = self._way(topic)
        at_s = (received_ns - self._start_ns) / 1e9
        if way.changes:
            body = self._changed(way.changes, topic, body, at_s)
        delays_s = [0.0]
        for delivery in way.deliveries:
            delays_s = delivery(delays_s, at_s)
        for delay_s in delays_s:
            due_ns = received_ns + round(delay_s * 1e9)
            heapq.heappush(self._waiting, (due_ns, next(self._numbers), topic, body))
        return self._due(received_ns)

    def rest(self) -> list[Message]:
        """What is still under way after the last message, in order."""
        return self._due(None)

    def _due(self, now_ns: int | None) -> list[Message]:
        due: list[Message] = []
        while self._waiting and (now_ns is None or self._waiting[0][0] <= now_ns):
            received_ns, _, topic, body = heapq.heappop(self._waiting)
            due.append((received_ns, topic, body))
        return due

    def _changed(self, changes: list[Change], topic: str, body: bytes, at_s: float) -> bytes:
        try:
            said = decode(topic, body, self._store.id)
        except WireError:
            return body
        payload = said
        for change in changes:
            payload = change(payload, at_s)
        return body if payload is said else encode(payload)

    def _way(self, topic: str) -> _Way:
        """What the faults do to the messages of one topic."""
        way = _Way()
        parts = topic.split("/")
        if len(parts) != 4 or parts[2] not in DEVICE_KINDS:
            return way
        kind, device = parts[2:]
        for number, fault in self._faults:
            rng = stream(self._seed, "fault", number, str(fault), topic)
            strikes = RULES[fault.kind].strikes
            if strikes == "plate" and kind == "weight":
                shelf, _, plate = fault.target.rpartition(".")
                if shelf == device:
                    way.changes.append(BrokenPlate(fault, int(plate) - 1))
            elif fault.kind == "tags-unreadable" and kind == "rfid":
                way.changes.append(UnreadableTags(fault, self._seed))
            elif fault.kind == "ghost-reads" and kind == "rfid" and device == fault.target:
                way.changes.append(GhostReads(fault, rng, self._tags))
            elif fault.kind == "rfid-silent" and fault.target == ALL and kind != "rfid":
                continue
            elif strikes in ("shelf", "device", "antenna") and (
                fault.target in (ALL, kind) or device in struck_devices(fault, self._store)
            ):
                if fault.kind in ("clock-offset", "clock-drift"):
                    way.changes.append(WrongClock(fault))
                else:
                    way.deliveries.append(PoorDelivery(fault, rng))
        haunted = {fault.target for _, fault in self._faults if fault.kind == "ghost-reads"}
        if kind == "rfid" and haunted - {device}:
            way.changes.append(self._note_tags)
        return way

    def _note_tags(self, payload: Payload, at_s: float) -> Payload:
        if isinstance(payload, TagReads):
            self._tags.update(dict.fromkeys(read.epc for read in payload.reads))
        return payload


@dataclass(slots=True)
class _Way:
    """From the device to the bus: what becomes of a message's content, and of its delivery."""

    changes: list[Change] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
