"""The tags before one antenna: their silences, and what they weigh for being there.

Time is cut into slots of SLOT_NS *of listening*: what the antenna did not report does not count,
so an outage is no silence. Per slot each tag was read or was not; all of it is vectorised over
the tags, and a read costs the entry of a dictionary.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensors.tag_company import Company
from sensors.tag_gaps import SilenceStatistics
from sensors.wire import TagReads

Array = NDArray[np.float64]
Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]

NS = 1_000_000_000
SLOT_NS = NS // 2
NEVER_NS = -(10**18)
CLOCK_FELL = 50  # messages in a row of a time that was reported before: its clock was set back
FORGOTTEN_S = 3600.0  # after so much listening, what was learnt counts for 1/e
STRAYS = 0.5  # of a tag that is likelier elsewhere nothing is learnt
MOST_TAGS = 4096  # of one antenna: beyond, those that were read longest ago are forgotten


class AntennaField:
    """What one antenna knows of each tag that it has read, n rows.

    `tags` number the tags across antennas; `here` are weights, not normalised, of the tag being
    before this antenna; `silences` are on the clock of each tag's company; `kinds` (n, k) are
    logarithms of how likely the tag is of each kind of `sensors.tag_gaps`; `told` is whether the
    tag was last told to be here; `since_ns` is its first read since it was not (-1: none),
    `counted_ns` the last read that spoke for this antenna against another. The
    clock of a silence runs by `alone` (0 to 1) however little of the tag's company is heard.
    """

    def __init__(self, antenna: str, alone: float) -> None:
        self.antenna = antenna
        self._alone = alone
        self.statistics = SilenceStatistics()
        self.company = Company()
        self.epcs: list[str] = []
        self.tags = np.zeros(0, dtype=np.intp)
        self.here = np.zeros(0)
        self.silences = np.zeros(0)
        self.kinds = np.zeros((0, len(self.statistics.newcomer())))
        self.told = np.zeros(0, dtype=bool)
        self.read_ns = np.zeros(0, dtype=np.int64)
        self.since_ns = np.zeros(0, dtype=np.int64)
        self.counted_ns = np.zeros(0, dtype=np.int64)
        self._row: dict[str, int] = {}
        self._read: dict[str, int] = {}  # in the open slot, and when last
        self._listened_ns = 0
        self.until_ns = -1  # the end of what it has reported
        self._stale = 0
        self._unforgotten_s = 0.0

    def __len__(self) -> int:
        return len(self.epcs)

    def hear(self, message: TagReads, at_ns: int, lull_ns: int) -> bool:
        """Take in a message that begins at `at_ns`; whether its end fills a slot.

        The antenna has listened since its message before if that ended within `lull_ns`. What it
        reports of a time that it has reported, a slot ago or longer, is no news and left out.
        """
        end_ns = at_ns + message.span_ns
        if end_ns <= self.until_ns - SLOT_NS:
            self._stale += 1
            if self._stale < CLOCK_FELL:
                return False
            self.until_ns = at_ns
        self._stale = 0
        if at_ns - self.until_ns <= lull_ns:
            self._listened_ns += max(0, end_ns - self.until_ns)
        else:
            self._listened_ns += message.span_ns
        self.until_ns = max(self.until_ns, end_ns)
        read = self._read
        for report in message.reads:
            read[report.epc] = at_ns + report.offset_ns
        return self._listened_ns >= SLOT_NS

    def close_slot(self) -> tuple[list[tuple[str, int]], float]:
        """The tags read in the slot with the time of their last read, and its seconds."""
        read, seconds = list(self._read.items()), self._listened_ns / NS
        self._read, self._listened_ns = {}, 0
        return read, seconds

    def rows_of(self, read: Sequence[tuple[str, int]], number: dict[str, int]) -> Rows:
        """The rows of the tags read; `number` names those of tags that other antennas know."""
        new = [epc for epc, _ in read if epc not in self._row]
        if new:
            first, more = len(self.epcs), len(new)
            self._row.update((epc, first + n) for n, epc in enumerate(new))
            self.epcs += new
            numbers = [number.setdefault(epc, len(number)) for epc in new]
            self.tags = np.concatenate([self.tags, np.array(numbers, dtype=np.intp)])
            self.here = np.pad(self.here, (0, more))
            self.silences = np.pad(self.silences, (0, more), constant_values=np.nan)
            self.kinds = np.concatenate(
                [
                    self.kinds,
                    np.broadcast_to(self.statistics.newcomer(), (more, self.kinds.shape[1])),
                ]
            )
            self.told = np.pad(self.told, (0, more))
            self.read_ns = np.pad(self.read_ns, (0, more))
            self.counted_ns = np.pad(self.counted_ns, (0, more), constant_values=NEVER_NS)
            self.since_ns = np.pad(self.since_ns, (0, more), constant_values=-1)
            self.company.grow(more)
        return np.fromiter((self._row[epc] for epc, _ in read), dtype=np.intp, count=len(read))

    def pass_slot(
        self, rows: Rows, last_ns: NDArray[np.int64], seconds: float, elsewhere: Array, counts: Mask
    ) -> Array:
        """One slot in which these rows were read, last at `last_ns`, and the others were not.

        `elsewhere` (n,) is how likely each tag is before another antenna: strays do not tell how
        long tags that are here keep silent. A read that does not count (`counts`, by row read) ends
        a silence and takes back what it said, and says no more.

        How likely what each tag did is if it is here (n,), against any if it is not: of those
        that were silent the share of silences that last on, 1 for those that were read.
        """
        heard = self._alone + (1 - self._alone) * self.company.heard(rows)
        silences = self.silences + heard * (seconds * NS / SLOT_NS)
        longer, before = (
            self.statistics.survival(so_far, self.kinds) for so_far in (silences, self.silences)
        )
        silent: Array = longer / before
        silent[rows] = np.where(counts, 1.0, 1.0 / before[rows])
        again = rows[~np.isnan(self.silences[rows]) & (elsewhere[rows] <= STRAYS)]
        self.kinds[again] = self.statistics.learn(self.silences[again], self.kinds[again])
        silences[rows] = 0.0
        self.silences = silences
        self.read_ns[rows] = last_ns
        self.since_ns[rows] = np.where(self.since_ns[rows] < 0, last_ns, self.since_ns[rows])
        self.company.learn(rows)
        self._forget(seconds)
        return silent

    def keep(self, rows: Mask) -> None:
        """Forget all tags but these."""
        self.epcs = [epc for epc, kept in zip(self.epcs, rows.tolist(), strict=True) if kept]
        self._row = {epc: n for n, epc in enumerate(self.epcs)}
        self.tags, self.here, self.silences = self.tags[rows], self.here[rows], self.silences[rows]
        self.kinds, self.told = self.kinds[rows], self.told[rows]
        self.read_ns, self.since_ns = self.read_ns[rows], self.since_ns[rows]
        self.counted_ns = self.counted_ns[rows]
        self.company.keep(rows)

    def _forget(self, seconds: float) -> None:
        self._unforgotten_s += seconds
        if self._unforgotten_s >= FORGOTTEN_S / 100:
            kept = float(np.exp(-self._unforgotten_s / FORGOTTEN_S))
            self._unforgotten_s = 0.0
            self.statistics.forget(kept)
            self.company.forget(kept)
