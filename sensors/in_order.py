"""The messages of each device in the order of their numbers, however the bus mixed them up.

A message that overtakes others is held until they have come, or until it has waited as long as the
store allows; what comes after that is let through as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sensors.wire import Payload

Arrived = tuple[Payload, int]

MOST_STREAMS = 10_000
"""Whoever invents names beyond these fills no memory, and is read as it comes."""


@dataclass(slots=True)
class _Stream:
    """One boot of a device: the number that comes next, and what has overtaken it."""

    following: int
    held: dict[int, Arrived] = field(default_factory=dict)


class InOrder:
    """Call `take` with each message and its time of arrival, and `overdue` as time goes on."""

    def __init__(self, patience_ns: int) -> None:
        self._patience_ns = patience_ns
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._waiting: dict[tuple[str, str], int] = {}  # since when something is held

    def take(self, payload: Payload, received_ns: int) -> list[Arrived]:
        """What can be read now: nothing, the message, or with it those that waited for it."""
        key = (payload.device, payload.boot)
        stream = self._streams.get(key)
        if stream is None:
            for old in [k for k in self._streams if k[0] == payload.device]:
                if old not in self._waiting:
                    del self._streams[old]
            if len(self._streams) >= MOST_STREAMS:
                return [(payload, received_ns)]
            stream = self._streams[key] = _Stream(payload.seq)
        if payload.seq > stream.following:
            stream.held[payload.seq] = (payload, received_ns)
            self._waiting.setdefault(key, received_ns)
            return []
        if payload.seq < stream.following:
            return [(payload, received_ns)]
        stream.following += 1
        return [(payload, received_ns), *self._next(key, stream)]

    def overdue(self, now_ns: int) -> list[Arrived]:
        """Messages that have waited long enough for those before them."""
        found: list[Arrived] = []
        for key, since_ns in list(self._waiting.items()):
            if now_ns - since_ns >= self._patience_ns:
                stream = self._streams[key]
                stream.following = min(stream.held)
                found += self._next(key, stream)
        return found

    def _next(self, key: tuple[str, str], stream: _Stream) -> list[Arrived]:
        found = []
        while stream.following in stream.held:
            found.append(stream.held.pop(stream.following))
            stream.following += 1
        self._waiting.pop(key, None)
        if stream.held:
            self._waiting[key] = min(received_ns for _, received_ns in stream.held.values())
        return found
