"""Counts what each device says, message by message, for `service.device_statistics`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from sensors.clock_offset import OffsetEstimate
from sensors.foreign import Foreign, ForeignTags, ForeignWeight
from sensors.wire import (
    BarrierCrossed,
    CodeShown,
    HealthReport,
    Payload,
    TagReads,
    VisionReport,
    WeightBatch,
)
from service.device_statistics import DeviceStatistics
from service.records import DeadLetter

MOST_DEVICES = 10_000
OTHERS = "(others)"
RATE_NS = 10_000_000_000
_LAGS_KEPT = 200
_NAME_CHARACTERS = 64
_KINDS = {
    WeightBatch: "weight",
    TagReads: "rfid",
    VisionReport: "vision",
    CodeShown: "gate",
    BarrierCrossed: "gate",
    HealthReport: "health",
    ForeignTags: "rfid",
    ForeignWeight: "weight",
}


class DeviceTally:
    """One device: what `DeviceStatistics` says of it, still being counted."""

    __slots__ = (
        "_counts",
        "_lags_ns",
        "_offset",
        "boot",
        "changed",
        "dead_letters",
        "down_reason",
        "first_seen_ns",
        "kind",
        "last_reason",
        "last_refused_ns",
        "last_seen_ns",
        "messages",
        "name",
        "repeats_before",
        "up",
        "was",
    )

    def __init__(self, was: DeviceStatistics) -> None:
        self.name = was.device
        self.kind = was.kind
        self.boot = was.boot
        self.first_seen_ns = was.first_seen_ns
        self.last_seen_ns = was.last_seen_ns
        self.messages = was.messages
        self.dead_letters = was.dead_letters
        self.last_reason = was.last_reason
        self.last_refused_ns = was.last_refused_ns
        self.up = was.up
        self.down_reason = was.down_reason
        self.repeats_before = was.repeats
        self.was = was
        self.changed = True
        self._lags_ns: list[int] = []
        self._offset = OffsetEstimate()
        self._counts: deque[tuple[int, int]] = deque()

    def hear(self, boot: str, received_ns: int, end_ns: int | None) -> None:
        """Note a message that tells of what was until `end_ns` by the device's clock.

        None where it has no time: a device of others, or a last will, whose boot is its own.
        """
        if not self.messages:
            self.first_seen_ns = received_ns
        self.messages += 1
        self.last_seen_ns = received_ns
        self.changed = True
        if end_ns is not None:
            if boot != self.boot:
                self.boot = boot
                self._offset = OffsetEstimate()
            delay_ns = received_ns - end_ns
            self._offset.add(received_ns, delay_ns)
            if len(self._lags_ns) < _LAGS_KEPT:
                self._lags_ns.append(delay_ns)

    def so_far(self, now_ns: int, repeats: int, missing: int) -> DeviceStatistics:
        """The statistics as of now; the lags are those since it was asked before."""
        lag_ms, lag_p95_ms = self.was.lag_ms, self.was.lag_p95_ms
        if self._lags_ns:
            lags = sorted(self._lags_ns)
            lag_ms = round(lags[len(lags) // 2] / 1e6, 3)
            lag_p95_ms = round(lags[int(0.95 * (len(lags) - 1) + 0.5)] / 1e6, 3)
            self._lags_ns = []
        offset = self._offset.now()
        self.was = DeviceStatistics(
            device=self.name,
            kind=self.kind,
            boot=self.boot,
            first_seen_ns=self.first_seen_ns,
            last_seen_ns=self.last_seen_ns,
            messages=self.messages,
            rate_hz=self._rate_hz(now_ns),
            lag_ms=lag_ms,
            lag_p95_ms=lag_p95_ms,
            skew_ms=self.was.skew_ms if offset is None else round(offset.offset_ns / 1e6, 3),
            skew_sigma_ms=(
                self.was.skew_sigma_ms if offset is None else round(offset.sigma_ns / 1e6, 3)
            ),
            repeats=self.repeats_before + repeats,
            missing=missing,
            dead_letters=self.dead_letters,
            last_reason=self.last_reason,
            last_refused_ns=self.last_refused_ns,
            up=self.up,
            down_reason=self.down_reason,
        )
        self.changed = False
        return self.was

    def _rate_hz(self, now_ns: int) -> float:
        counts = self._counts
        while len(counts) > 1 and counts[1][0] <= now_ns - RATE_NS:
            counts.popleft()
        rate_hz = self.was.rate_hz
        if counts and now_ns > counts[0][0]:
            rate_hz = round((self.messages - counts[0][1]) * 1e9 / (now_ns - counts[0][0]), 2)
        counts.append((now_ns, self.messages))
        return rate_hz


class DeviceTallies:
    """The tallies of all devices, from what an earlier run of the engine left.

    More than `MOST_DEVICES` names share one tally: whoever invents names fills no memory.
    """

    def __init__(self, before: Iterable[DeviceStatistics]) -> None:
        self._tallies = {was.device: DeviceTally(was) for was in before}
        for tally in self._tallies.values():
            tally.changed = False

    def hear(self, payload: Payload | Foreign, received_ns: int) -> None:
        """Note a message that was journaled."""
        tally = self._tallies.get(payload.device) or self._new(payload.device)
        kind = _KINDS.get(type(payload), "control")
        end_ns = payload.at_ns or None  # a last will has no time
        if isinstance(payload, WeightBatch):
            end_ns = payload.at_ns + len(payload.grams) * payload.period_ns
        elif isinstance(payload, TagReads):
            end_ns = payload.at_ns + payload.span_ns
        elif isinstance(payload, HealthReport):
            tally.up = payload.up
            tally.down_reason = "" if payload.up else payload.reason
        if kind != "health" or not tally.kind:  # a device is what it measures, if it does
            tally.kind = kind
        boot = "" if isinstance(payload, Foreign) else payload.boot
        tally.hear(boot, received_ns, end_ns)

    def refuse(self, letter: DeadLetter) -> int:
        """Note a dead letter; how many that device has now."""
        name = letter.topic.rpartition("/")[2][:_NAME_CHARACTERS].replace("\0", "?")
        tally = self._tallies.get(name) or self._new(name)
        tally.dead_letters += 1
        tally.last_reason = letter.reason
        tally.last_refused_ns = letter.received_ns
        tally.changed = True
        return tally.dead_letters

    def changed(
        self, now_ns: int, repeats: Callable[[str], int], missing: Callable[[str, str], int]
    ) -> list[DeviceStatistics]:
        """The statistics of the devices that said anything since the last time.

        `repeats` and `missing` tell how often a device repeated itself since the start, and what
        its boot left out.
        """
        return [
            tally.so_far(now_ns, repeats(tally.name), missing(tally.name, tally.boot))
            for tally in self._tallies.values()
            if tally.changed
        ]

    def _new(self, device: str) -> DeviceTally:
        name = device if len(self._tallies) < MOST_DEVICES else OTHERS
        if name not in self._tallies:
            self._tallies[name] = DeviceTally(DeviceStatistics(device=name))
        return self._tallies[name]
