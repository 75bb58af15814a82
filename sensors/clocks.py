"""Device clocks against the arrival clock: a foreign clock is brought home, a jittery one left.

The offset of a device is estimated as the least delay seen among its recent messages (the
fastest message is the least delayed one). An offset within `TOLERATED_NS` is indistinguishable
from transport and left alone, so that corrections never reorder what a good device says.
"""

from __future__ import annotations

from collections import deque

TOLERATED_NS = 1_000_000_000
WINDOW = 200


class Clocks:
    """The clock offsets of all devices of a store."""

    def __init__(self) -> None:
        self._delays: dict[str, deque[int]] = {}

    def correct(self, device: str, at_ns: int, received_ns: int) -> int:
        """The device time `at_ns`, moved onto the arrival clock where it is off by over 1 s."""
        delays = self._delays.setdefault(device, deque(maxlen=WINDOW))
        delays.append(received_ns - at_ns)
        offset = min(delays)
        return at_ns + offset if abs(offset) > TOLERATED_NS else at_ns
