"""The records that the journal takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

from service.progress import MessageId

TICK = "tick"


@dataclass(frozen=True, slots=True)
class Entry:
    """One journaled message, or silence: topic `tick` and no body."""

    number: int
    received_ns: int
    topic: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came from the bus and is not journaled yet; `identity` None for silence."""

    received_ns: int
    topic: str
    body: bytes
    identity: MessageId | None = None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that cannot be used and why; `identity` where it could still be read."""

    received_ns: int
    topic: str
    body: bytes
    reason: str
    identity: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A pipeline's state after an entry; valid for the `key` of the code that made it."""

    journal_number: int
    event_number: int
    key: str
    body: bytes
