"""Device clocks against the arrival clock: a foreign clock is brought home, a jittery one left.

The delay of a message is its arrival time less its device time. A message cannot arrive before
it was made, so a delay below zero is a clock that runs ahead, and seen at once; but it tells only
of this message, for a single timestamp may be wrong on a good clock. A delay above zero may also
be transport: messages that waited out an outage come in a burst, with delays of a minute and good
clocks. Only when the least delay stays high over `SUSTAINED_NS` of arrival time is it the clock.
Offsets within `TOLERATED_NS` are left alone, so that corrections never reorder what a good device
says. A device that starts again (another boot) may have another clock, and is learnt anew.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

TOLERATED_NS = 1_000_000_000
SUSTAINED_NS = 30_000_000_000
WINDOW_NS = 120_000_000_000
BOOTS_KEPT = 4
MOST_DEVICES = 10_000  # whoever invents names beyond these fills no memory


@dataclass(slots=True)
class _Least:
    """The least of some delays within the last `WINDOW_NS` of arrival time."""

    queue: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, received_ns: int, delay_ns: int) -> None:
        while self.queue and self.queue[-1][1] >= delay_ns:
            self.queue.pop()
        self.queue.append((received_ns, delay_ns))

    def at(self, received_ns: int) -> int | None:
        """The least delay of the window that ends now; None where it holds none."""
        while self.queue and self.queue[0][0] < received_ns - WINDOW_NS:
            self.queue.popleft()
        return self.queue[0][1] if self.queue else None


@dataclass(slots=True)
class _Delays:
    """The recent delays of one boot of a device, those of a clock ahead apart from the others.

    `ahead` has the greater one of every two delays in a row, so one stray timestamp is not in it.
    """

    since_ns: int
    last_ns: int | None = None
    ahead: _Least = field(default_factory=_Least)
    others: _Least = field(default_factory=_Least)

    def offset(self, received_ns: int, delay_ns: int) -> int:
        """Note a message's delay; what its device time is to be moved by."""
        if self.last_ns is not None:
            self.ahead.add(received_ns, max(delay_ns, self.last_ns))
        self.last_ns = delay_ns
        if delay_ns < -TOLERATED_NS:
            steady_ns = self.ahead.at(received_ns)
            return delay_ns if steady_ns is None else min(delay_ns, steady_ns)
        self.others.add(received_ns, delay_ns)
        least_ns = self.others.at(received_ns)
        sure = received_ns - self.since_ns >= SUSTAINED_NS
        return least_ns if sure and least_ns is not None and least_ns > TOLERATED_NS else 0


class Clocks:
    """The clock offsets of all devices of a store."""

    def __init__(self) -> None:
        self._devices: dict[str, dict[str, _Delays]] = {}

    def correct(self, device: str, boot: str, at_ns: int, received_ns: int) -> int:
        """The device time `at_ns` on the arrival clock, where the device's own is off."""
        boots = self._devices.get(device)
        if boots is None:
            if len(self._devices) >= MOST_DEVICES:
                return at_ns
            boots = self._devices[device] = {}
        if boot not in boots:
            boots[boot] = _Delays(received_ns)
            if len(boots) > BOOTS_KEPT:
                del boots[next(iter(boots))]
        return at_ns + boots[boot].offset(received_ns, received_ns - at_ns)
