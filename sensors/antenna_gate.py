"""What the antennas of a gate read around each way out, with the tracklets that were nearest.

Who carries what is not decided here: people who go out soon after one another are before the
antenna together, so a read counts for all of their crossings, and fusion weighs them.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot

from sensors.observations import ExitReads, GateCrossing, Observation, TagRead, TrackPoint

NS = 1_000_000_000
BEFORE_NS = 2 * NS
AFTER_NS = 3 * NS // 2
SEEN_NS = NS  # a tracklet's place is as old as that at most
NEAR_M = 3.0
NEAREST = 3


@dataclass(frozen=True, slots=True)
class _Crossing:
    gate: str
    crossed_ns: int
    tracklets: tuple[tuple[str, float], ...]


class GateReads:
    """Collects the reads of gate antennas; takes observations in the order of their time.

    `gates` has the middle of each gate on the floor (metres), `antennas` the gate of each gate
    antenna.
    """

    def __init__(
        self, gates: Mapping[str, tuple[float, float]], antennas: Mapping[str, str]
    ) -> None:
        self._antennas = dict(antennas)
        self._centres_m = {gate: gates[gate] for gate in self._antennas.values()}
        self._reads: dict[str, deque[tuple[int, str]]] = {g: deque() for g in self._centres_m}
        self._seen: dict[str, TrackPoint] = {}
        self._open: deque[_Crossing] = deque()
        self._swept_ns = 0

    def take(self, observation: Observation) -> list[ExitReads]:
        """The next observation; what was read at crossings whose time is over by then."""
        if not self._antennas:
            return []
        over = []
        while self._open and observation.at_ns > self._open[0].crossed_ns + AFTER_NS:
            over.append(self._close(self._open.popleft()))
        if observation.at_ns - self._swept_ns >= SEEN_NS:
            self._sweep(observation.at_ns)
        match observation:
            case TagRead():
                gate = self._antennas.get(observation.antenna)
                if gate is not None:
                    self._reads[gate].append((observation.at_ns, observation.epc))
            case TrackPoint():
                if any(_apart_m(observation, at) <= NEAR_M for at in self._centres_m.values()):
                    self._seen[observation.tracklet] = observation
                else:
                    self._seen.pop(observation.tracklet, None)
            case GateCrossing(direction="out", gate=gate) if gate in self._centres_m:
                self._open.append(_Crossing(gate, observation.at_ns, self._nearest(observation)))
        return over

    def _nearest(self, crossing: GateCrossing) -> tuple[tuple[str, float], ...]:
        centre = self._centres_m[crossing.gate]
        near = [
            (round(_apart_m(point, centre), 3), tracklet)
            for tracklet, point in self._seen.items()
            if crossing.at_ns - point.at_ns <= SEEN_NS
        ]
        return tuple((tracklet, m) for m, tracklet in sorted(near)[:NEAREST] if m <= NEAR_M)

    def _close(self, crossing: _Crossing) -> ExitReads:
        began_ns, ended_ns = crossing.crossed_ns - BEFORE_NS, crossing.crossed_ns + AFTER_NS
        reads = Counter(
            epc for at_ns, epc in self._reads[crossing.gate] if began_ns <= at_ns <= ended_ns
        )
        return ExitReads(
            at_ns=ended_ns,
            gate=crossing.gate,
            crossed_ns=crossing.crossed_ns,
            began_ns=began_ns,
            reads=tuple(sorted(reads.items())),
            tracklets=crossing.tracklets,
        )

    def _sweep(self, now_ns: int) -> None:
        """Forget what no crossing can ask for any more."""
        self._swept_ns = now_ns
        oldest_ns = min((c.crossed_ns for c in self._open), default=now_ns) - BEFORE_NS
        for reads in self._reads.values():
            while reads and reads[0][0] < oldest_ns:
                reads.popleft()
        self._seen = {t: p for t, p in self._seen.items() if now_ns - p.at_ns <= SEEN_NS}


def _apart_m(point: TrackPoint, at_m: tuple[float, float]) -> float:
    return hypot(point.x_m - at_m[0], point.y_m - at_m[1])
