"""Observations put back into the order in which things happened.

A source is a device that reports all the time (a shelf, a vision worker). Observations are held
until every live source has reached their time, so that nobody is judged on half of the evidence;
a source whose time has not gone forward for the allowed lateness, be it silent or its clock
standing still, is not waited for. A source that is behind but goes forward, working off what an
outage held up, is waited for unless it is more than `LONGEST_BACKLOG_NS` behind: then its clock
is wrong, and nobody waits.
"""

from __future__ import annotations

import heapq

from sensors.observations import Observation

LONGEST_BACKLOG_NS = 600_000_000_000


class Timeline:
    """Releases observations in order of device time."""

    def __init__(self, lateness_ns: int) -> None:
        self._lateness_ns = lateness_ns
        self._heap: list[tuple[int, int, Observation]] = []
        # By source: the latest time that it reached, and when that was heard.
        self._sources: dict[str, tuple[int, int]] = {}
        # Those that are waited for, by a time that they have reached (perhaps no longer the
        # latest). Arrival times only go forward: who is left out stays so until heard again.
        self._awaited: list[tuple[int, str]] = []
        self._asleep: set[str] = set()
        self._pushed = 0
        self.now_ns = 0
        self.late = 0

    def heard(self, source: str, at_ns: int, received_ns: int) -> None:
        """A reporting source has reached device time `at_ns`."""
        known = self._sources.get(source)
        if known is None or at_ns > known[0]:
            self._sources[source] = (at_ns, received_ns)
            if known is None or source in self._asleep:
                self._asleep.discard(source)
                heapq.heappush(self._awaited, (at_ns, source))

    def push(self, observation: Observation) -> None:
        """Hold an observation until its time has come; one that is too late comes out next."""
        if observation.at_ns < self.now_ns:
            self.late += 1
        self._pushed += 1
        heapq.heappush(self._heap, (observation.at_ns, self._pushed, observation))

    def release(self, received_ns: int) -> list[Observation]:
        """All observations whose time has come by arrival time `received_ns`, oldest first."""
        self.now_ns = max(self.now_ns, self._reached(received_ns))
        return self._pop(self.now_ns)

    def _reached(self, received_ns: int) -> int:
        """The least time of the sources that are waited for; the lateness ago without any."""
        oldest_ns = received_ns - self._lateness_ns
        while self._awaited:
            noted_ns, source = self._awaited[0]
            at_ns, went_forward_ns = self._sources[source]
            if went_forward_ns < oldest_ns or at_ns < received_ns - LONGEST_BACKLOG_NS:
                heapq.heappop(self._awaited)
                self._asleep.add(source)
            elif at_ns != noted_ns:
                heapq.heapreplace(self._awaited, (at_ns, source))
            else:
                return at_ns
        return oldest_ns

    def _pop(self, until_ns: int) -> list[Observation]:
        released = []
        while self._heap and self._heap[0][0] <= until_ns:
            released.append(heapq.heappop(self._heap)[2])
        return released
