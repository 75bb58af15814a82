"""How far a device's clock is from the arrival clock, and how sure that is.

A message's delay is its arrival less its device time: what the transport took, less the clock's
lead. The transport's share is never below zero and often near its least, so the least delay of
each `SLOT_NS` is the clock's lag but for the least transport (the idea of NTP's clock filter, RFC
5905, section 10). The offset is the median of those of the last two minutes; its standard
deviation has their spread, the share of the transport that no one-way message tells, and, while
there are few slots, the spread of the delays themselves.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

SLOT_NS = 5_000_000_000
SLOTS = 24
LEAST_TRANSPORT_SIGMA_NS = 3_000_000
FEW_SLOTS = 3


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Device time less arrival time, nanoseconds: above 0 for a clock that runs ahead."""

    offset_ns: int
    sigma_ns: int


class OffsetEstimate:
    """The clock offset of one boot of a device, from the delays of its messages."""

    __slots__ = ("_greatest_ns", "_least_ns", "_slot", "_slots")

    def __init__(self) -> None:
        self._slots: deque[tuple[int, int]] = deque(maxlen=SLOTS)
        self._slot = -1
        self._least_ns = 0
        self._greatest_ns = 0

    def add(self, received_ns: int, delay_ns: int) -> None:
        """Note a message: when it arrived, and that less the end of what it tells of."""
        slot = received_ns // SLOT_NS
        if slot != self._slot:
            if self._slot >= 0:
                self._slots.append((self._least_ns, self._greatest_ns))
            self._slot = slot
            self._least_ns = self._greatest_ns = delay_ns
        elif delay_ns < self._least_ns:
            self._least_ns = delay_ns
        elif delay_ns > self._greatest_ns:
            self._greatest_ns = delay_ns

    def now(self) -> ClockOffset | None:
        """The estimate; None before the first message."""
        if self._slot < 0:
            return None
        slots = list(self._slots)
        if len(slots) < FEW_SLOTS:  # a slot that has just begun may not hold a short delay yet
            slots.append((self._least_ns, self._greatest_ns))
        least = [slot[0] for slot in slots]
        middle_ns = median(least)
        spread_ns = 1.4826 * median([abs(delay_ns - middle_ns) for delay_ns in least])
        if len(slots) < FEW_SLOTS:
            spread_ns = max(spread_ns, max(most for _, most in slots) - min(least))
        sigma_ns = (spread_ns**2 + LEAST_TRANSPORT_SIGMA_NS**2) ** 0.5
        return ClockOffset(-round(middle_ns), round(sigma_ns))
