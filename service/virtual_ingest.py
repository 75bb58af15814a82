"""Ingest on a virtual clock: real messages over a real broker, journaled as of another time.

A played scene knows when, and in which order, each message would arrive. `VirtualIngest` takes
the messages as the broker brings them, holds each until its turn has come, and journals it with
its virtual time of arrival. So a scene that crosses a broker faster than real time, with restarts
and crashes on the way, gives the journal that it gives without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from service.ingest import Ingest
from service.progress import MessageId
from service.records import TICK, Arrival
from service.session import Delivery


class Turn(msgspec.Struct, frozen=True):
    """When a message is to be journaled; `identity` None for silence."""

    received_ns: int
    identity: MessageId | None = None


def write_turns(path: Path, turns: Sequence[Turn]) -> None:
    """Write down the order of arrival."""
    path.write_bytes(msgspec.json.encode(turns))


def read_turns(path: Path) -> list[Turn]:
    """Read what `write_turns` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=list[Turn])


class VirtualIngest(Ingest):
    """Ingest that ends by itself when every message has had its turn; silence comes from turns."""

    def __init__(self, turns: Sequence[Turn], *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._turns = turns
        self._next = self.journal.last_journal_number
        self._held: dict[MessageId, list[tuple[Delivery, Arrival]]] = {}

    def _handle(self, batch: list[Delivery]) -> None:
        for delivery in batch:
            arrival = self._decode(delivery)
            assert arrival.identity is not None
            self._held.setdefault(arrival.identity, []).append((delivery, arrival))
        deliveries: list[Delivery] = []
        arrivals: list[Arrival] = []
        while self._next < len(self._turns):
            turn = self._turns[self._next]
            if turn.identity is None:
                arrivals.append(Arrival(turn.received_ns, TICK, b""))
            elif turn.identity in self._held:
                delivery, arrival = self._held[turn.identity][0]
                arrivals.append(replace(arrival, received_ns=turn.received_ns))
            else:
                break
            self._next += 1
        entries = self.journal.append(arrivals)
        settled = [i for i in self._held if self.journal.is_settled(i)]
        for identity in settled:
            deliveries += [delivery for delivery, _ in self._held.pop(identity)]
        self._client.acknowledge(deliveries)
        self._confirm(settled)
        if entries:
            self.counters.journaled += len(entries)
            self._on_entries(entries)
        if self._next == len(self._turns) and not self._held:
            self.stop()
