"""The records that the journal takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field

from sensors.foreign import Foreign
from sensors.wire import Payload
from service.progress import MessageId

TICK = "tick"


@dataclass(frozen=True, slots=True)
class Entry:
    """One journaled message, or silence: topic `tick` and no body.

    `payload` is what the body says where it was just decoded, so that nobody decodes it again;
    None where the entry was read from disk.
    """

    number: int
    received_ns: int
    topic: str
    body: bytes
    payload: Payload | Foreign | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What came from the bus and is not journaled yet.

    `identity` is None for silence and for devices of others, whose messages have no name: those
    are journaled as often as they come. `payload` is what the body says, if it was decoded.
    """

    received_ns: int
    topic: str
    body: bytes
    identity: MessageId | None = None
    payload: Payload | Foreign | None = field(default=None, compare=False, repr=False)


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
