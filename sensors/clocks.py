"""Device clocks against the arrival clock: a foreign clock is brought home, a jittery one left.

The delay of a message is its arrival time less its device time. A message cannot arrive before
it was made, so a delay below zero is a clock that runs ahead, and seen at once. A delay above
zero may also be transport: messages that waited out an outage come in a burst, with delays of a
minute and good clocks. Only when the least delay stays high over `SUSTAINED_NS` of arrival time
is it the clock. Offsets within `TOLERATED_NS` are left alone, so that corrections never reorder
what a good device says.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

TOLERATED_NS = 1_000_000_000
SUSTAINED_NS = 30_000_000_000
WINDOW_NS = 120_000_000_000


@dataclass(slots=True)
class _Delays:
    """The recent delays of one device, kept so that the least one comes first."""

    since_ns: int
    least: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, received_ns: int, delay_ns: int) -> int:
        """Note a delay; the least one within the window."""
        while self.least and self.least[-1][1] >= delay_ns:
            self.least.pop()
        self.least.append((received_ns, delay_ns))
        while self.least[0][0] < received_ns - WINDOW_NS:
            self.least.popleft()
        return self.least[0][1]


class Clocks:
    """The clock offsets of all devices of a store."""

    def __init__(self) -> None:
        self._devices: dict[str, _Delays] = {}

    def correct(self, device: str, at_ns: int, received_ns: int) -> int:
        """The device time `at_ns` on the arrival clock, where the device's own is off."""
        delays = self._devices.setdefault(device, _Delays(received_ns))
        least_ns = delays.add(received_ns, received_ns - at_ns)
        behind = least_ns > TOLERATED_NS and received_ns - delays.since_ns >= SUSTAINED_NS
        return at_ns + least_ns if behind or least_ns < -TOLERATED_NS else at_ns
