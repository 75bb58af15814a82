"""What has arrived and is not journaled yet, between the network thread and the ingest thread.

Bounded in messages and in bytes: while it is full the session does not read on, so nothing is
ever dropped here; the broker holds the rest, and a slow consumer is seen in `fullest_bytes` and
the session's pauses.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from service.session import Delivery

MOST_MESSAGES = 5000
MOST_BYTES = 32_000_000
_OVERHEAD_BYTES = 300  # of a delivery in memory, beside its body


class Inbox:
    """A queue of deliveries; `put` for one thread, `take` for another.

    `put` never blocks and never refuses: who calls it looks at `has_room` first. What one read of
    the socket brings may so lie above the bounds, and no more.
    """

    def __init__(self, most_messages: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES) -> None:
        self.fullest_messages = 0
        self.fullest_bytes = 0
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._waiting: list[Delivery] = []
        self._bytes = 0
        self._wanted = 1
        self._closed = False
        self._changed = threading.Condition()

    def has_room(self) -> bool:
        """Whether another read of the socket may be put."""
        return len(self._waiting) < self._most_messages and self._bytes < self._most_bytes

    def put(self, deliveries: Sequence[Delivery]) -> None:
        """Append what arrived."""
        size = sum([len(delivery.body) for delivery in deliveries])
        with self._changed:
            self._waiting += deliveries
            self._bytes += size + _OVERHEAD_BYTES * len(deliveries)
            self.fullest_messages = max(self.fullest_messages, len(self._waiting))
            self.fullest_bytes = max(self.fullest_bytes, self._bytes)
            if len(self._waiting) >= self._wanted:
                self._changed.notify()

    def take(self, silence_s: float, gather_s: float, most: int) -> list[Delivery]:
        """Up to `most` of what arrives within `gather_s` of the first; nothing after a silence.

        Returns at once when the inbox is closed.
        """
        with self._changed:
            if not self._wait_for(1, silence_s):
                return []
            self._wait_for(most, gather_s)
            taken = self._waiting[:most]
            self._waiting = self._waiting[most:]
            if self._waiting:
                self._bytes -= sum([len(d.body) + _OVERHEAD_BYTES for d in taken])
            else:
                self._bytes = 0
            return taken

    def close(self) -> None:
        """Make `take` wait no longer."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _wait_for(self, count: int, timeout_s: float) -> bool:
        self._wanted = count
        self._changed.wait_for(lambda: self._closed or len(self._waiting) >= count, timeout_s)
        return len(self._waiting) > 0
