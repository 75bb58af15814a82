"""Messages of devices of others as payloads of ours: what the pipeline takes after the decoder.

`ForeignFeed` owns what must be remembered for it: the last reading of each cell and the last time
of each tag, so that a message that comes twice says nothing new. It is driven by the journal
alone (what arrived, in its order and with its times), so a replay finds the same.
"""

from __future__ import annotations

import math
from collections import OrderedDict, deque
from dataclasses import replace
from typing import TypeVar

from sensors.foreign import Foreign, ForeignTags, ForeignWeight, SeenTag
from sensors.foreign_devices import LoadCell, TagReader
from sensors.held_plates import FOREIGN_BOOT, HeldPlates
from sensors.observations import Observation
from sensors.store import Store
from sensors.wire import HealthReport, TagReads, TagReport, WeightBatch
from sensors.wire_bounds import LONGEST_BATCH_NS

TAGS_REMEMBERED = 10_000  # for each reader, and of each its last
READS_REMEMBERED = 64
UNSAID_RSSI_DBM = (
    -60.0
)  # stands for a strength that a reader leaves out: the middle of what is seen
TRANSPORT_SIGMA_NS = 50_000_000

Ours = WeightBatch | TagReads | HealthReport
Dated = TypeVar("Dated", bound=Observation)


class ForeignFeed:
    """Call `due` with the time of each journal entry, then `take` with what it says."""

    def __init__(self, store: Store) -> None:
        plates = {s.id: s.plate_count for g in store.gondolas for s in g.shelves}
        cells: dict[str, list[LoadCell]] = {}
        for device in store.devices:
            if isinstance(device, LoadCell):
                cells.setdefault(device.shelf, []).append(device)
        self._shelves = {s: HeldPlates(s, plates[s], found) for s, found in cells.items()}
        self._taken: dict[str, OrderedDict[tuple[str, str], deque[int]]] = {
            device.id: OrderedDict() for device in store.devices if isinstance(device, TagReader)
        }

    def take(self, said: Foreign, received_ns: int) -> list[Ours]:
        """What a message amounts to; nothing where it repeats what was said before."""
        if isinstance(said, ForeignWeight):
            return [*self._shelves[said.shelf].take(said, received_ns)]
        if isinstance(said, ForeignTags):
            return [*self._reads(said)]
        return []

    def due(self, now_ns: int) -> list[Ours]:
        """The rows of foreign shelves up to now, and which of their cells fell silent."""
        return [payload for shelf in self._shelves.values() for payload in shelf.due(now_ns)]

    def dated(self, shelf: str, found: Dated) -> Dated:
        """What was found on a shelf, with the uncertainty of its time where its cells were stamped
        on arrival.

        A change comes up to one reading late, and the row that shows it up to one row later: the
        sum of two even spreads has the variance of period²/6.
        """
        held = self._shelves.get(shelf)
        if held is None:
            return found
        sigma_ns = math.hypot(found.time_sigma_ns, TRANSPORT_SIGMA_NS, held.period_ns / 6**0.5)
        return replace(found, time_sigma_ns=round(sigma_ns))

    def _reads(self, said: ForeignTags) -> list[TagReads]:
        """The new reads, by antenna and in spans that a message of ours may have."""
        taken = self._taken[said.device]
        fresh: dict[tuple[str, int], list[SeenTag]] = {}
        for antenna, tag in sorted(said.tags, key=lambda pair: pair[1].at_ns):
            times = taken.setdefault((antenna, tag.epc), deque(maxlen=READS_REMEMBERED))
            if tag.at_ns in times:
                continue
            times.append(tag.at_ns)
            taken.move_to_end((antenna, tag.epc))
            if len(taken) > TAGS_REMEMBERED:
                taken.popitem(last=False)
            fresh.setdefault((antenna, tag.at_ns // LONGEST_BATCH_NS), []).append(tag)
        return [_as_reads(antenna, tags) for (antenna, _), tags in fresh.items()]


def _as_reads(antenna: str, tags: list[SeenTag]) -> TagReads:
    """Reads of one antenna, oldest first, within the span of a message."""
    began_ns = tags[0].at_ns
    return TagReads(
        device=antenna,
        boot=FOREIGN_BOOT,
        seq=0,
        at_ns=began_ns,
        span_ns=tags[-1].at_ns - began_ns + 1,
        reads=[
            TagReport(
                tag.epc,
                tag.at_ns - began_ns,
                UNSAID_RSSI_DBM if tag.rssi_dbm is None else tag.rssi_dbm,
            )
            for tag in tags
        ],
    )
