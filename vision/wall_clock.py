"""From a stream's own time stamps to the time of day at which its pictures were taken.

A stream counts from an arbitrary zero. Pictures arrive a little after they were taken, and never
before, so the least (arrival − time stamp) of the last seconds is the zero's best estimate, free
of the network's jitter. Method: the minimum filter of NTP (Mills, RFC 5905, §10).
"""

from __future__ import annotations

from collections import deque

WINDOW_NS = 10_000_000_000
_AHEAD_NS = 1_000_000_000
_BEHIND_NS = 5_000_000_000


class StreamClock:
    """Maps one stream's time stamps to this machine's clock.

    `delay_ns` is what the camera itself needs from the exposure to the network; it cannot be
    measured from here. A stream whose time stamps jump is mapped anew.
    """

    def __init__(self, delay_ns: int = 0) -> None:
        self._delay_ns = delay_ns
        self._least: deque[tuple[int, int]] = deque()  # (arrival, offset), offsets ascending

    def at_ns(self, stamp_ns: int, received_ns: int) -> int:
        """When a picture was taken that is stamped `stamp_ns` and came at `received_ns`."""
        offset = received_ns - stamp_ns
        least = self._least
        if least:
            known = least[0][1]
            if offset < known - _AHEAD_NS or offset > known + _BEHIND_NS:
                least.clear()
        while least and least[-1][1] >= offset:
            least.pop()
        least.append((received_ns, offset))
        while received_ns - least[0][0] > WINDOW_NS:
            least.popleft()
        return stamp_ns + least[0][1] - self._delay_ns
