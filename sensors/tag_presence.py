"""Where each tag is: presence before each shelf antenna as a probability, and its changes.

For each tag a small hidden Markov model: it is before one of the antennas that have read it, or
before none. It leaves at `leaves_per_s`; from nowhere it may come before any antenna. A read
speaks for the antenna that read it against all others, as far as wrong zones are rare; silence
speaks against presence by the antenna's own statistics (`sensors.tag_gaps`), on the clock of the
tag's company (`sensors.tag_company`). Strength of reads is not used.

Method: forward algorithm with unnormalised weights (Rabiner, Proc. IEEE 77, 1989), as the survival
of renewal silences in place of a constant rate of reads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.epc import EpcError, decode_sgtin
from sensors.observations import TagPresence
from sensors.tag_field import MOST_TAGS, NS, AntennaField
from sensors.wire import TagReads

Array = NDArray[np.float64]

CLEAN_EVERY = 64  # slots of all antennas together
FORGET_NS = 600 * NS
BURST_NS = 10 * NS  # strays come in bursts: within one they are one piece of evidence
NOWHERE_ELSE = 1e-9
_MOST_WEIGHT = 1e60


@dataclass(frozen=True, slots=True)
class PresenceModel:
    """What is assumed of tags before antennas.

    `leaves_per_s`: how often a tag leaves. `arrives`: the probability that one that was nowhere
    has come before an antenna that reads it. `wrong_zone`: the share of reads that are by another
    antenna than the one that the tag is before. A change is told at the probability `told_at`.
    `alone`: how far a silence counts while nothing of the tag's company is heard; 1 leaves the
    company out.
    """

    leaves_per_s: float = 1 / 600
    arrives: float = 0.3
    wrong_zone: float = 0.05
    told_at: float = 0.95
    alone: float = 0.05


class TagPresences:
    """Presence of all tags before the shelf antennas of one store."""

    def __init__(self, antennas: Sequence[str], model: PresenceModel | None = None) -> None:
        self._model = model or PresenceModel()
        alone = self._model.alone
        self._fields = {antenna: AntennaField(antenna, alone) for antenna in antennas}
        self._number: dict[str, int] = {}
        self._nowhere = np.zeros(0)  # weight of each tag's being before no antenna
        self._total = np.zeros(0)  # that, and of being before any
        self._slots = 0

    def feed(self, message: TagReads, shift_ns: int = 0, lull_ns: int = 0) -> list[TagPresence]:
        """Take the next message of an antenna; the changes of presence that it reveals.

        `shift_ns` brings the device's clock onto the store's. Of a reader that says nothing where
        it read nothing, `lull_ns` is how long it may be silent and has listened all the same.
        Changes are told when a slot of listening ends, as of the message's end. Messages of other
        antennas are ignored.
        """
        field = self._fields.get(message.device)
        if field is None:
            return []
        at_ns = message.at_ns + shift_ns
        if not field.hear(message, at_ns, lull_ns):
            return []
        told = self._slot(field, at_ns + message.span_ns)
        self._slots += 1
        if self._slots % CLEAN_EVERY == 0:
            self._clean()
        return told

    def probabilities(self, antenna: str) -> dict[str, float]:
        """P(present) of each tag that the antenna knows, as of its last slot."""
        field = self._fields[antenna]
        here = field.here / self._total[field.tags]
        return dict(zip(field.epcs, here.tolist(), strict=True))

    def silences(self, antenna: str) -> dict[str, float]:
        """How long each tag has been silent, in slots on the clock of its company."""
        field = self._fields[antenna]
        return dict(zip(field.epcs, field.silences.tolist(), strict=True))

    def __len__(self) -> int:
        return len(self._number)

    def _slot(self, field: AntennaField, now_ns: int) -> list[TagPresence]:
        read, seconds = field.close_slot()
        rows = field.rows_of(read, self._number)
        self._grow()
        if not len(field):
            return []
        last_ns = np.array([at_ns for _, at_ns in read], dtype=np.int64)
        model, tags, before = self._model, field.tags, field.here
        elsewhere = 1 - (self._nowhere[tags] + before) / self._total[tags]
        counts = (elsewhere[rows] < NOWHERE_ELSE) | field.told[rows]
        counts |= last_ns - field.counted_ns[rows] >= BURST_NS
        field.counted_ns[rows] = np.where(counts, last_ns, field.counted_ns[rows])
        likely = field.pass_slot(rows, last_ns, seconds, elsewhere, counts)
        stays = before * math.exp(-model.leaves_per_s * seconds)
        nowhere = self._nowhere[tags] + before - stays
        here = stays * likely
        comes = np.where(counts, model.arrives * nowhere[rows], 0.0)
        nowhere[rows] -= comes
        rarer = (1 - model.wrong_zone) / model.wrong_zone
        here[rows] = np.where(counts, (here[rows] + comes) * rarer, here[rows])
        self._total[tags] += here - before + nowhere - self._nowhere[tags]
        self._nowhere[tags], field.here = nowhere, here
        if (self._total[tags] > _MOST_WEIGHT).any() or (self._total[tags] < 1 / _MOST_WEIGHT).any():
            self._normalise()
        return self._changes(field, rows, now_ns)

    def _changes(
        self, field: AntennaField, rows: NDArray[np.intp], now_ns: int
    ) -> list[TagPresence]:
        present = field.here / self._total[field.tags]
        came = np.zeros(len(field), dtype=bool)
        came[rows] = present[rows] >= self._model.told_at
        came &= ~field.told
        left = field.told & (present <= 1 - self._model.told_at)
        changed = np.flatnonzero(came | left)
        if not len(changed):
            return []
        longer = field.statistics.survival(field.silences[changed], field.kinds[changed])
        told = [
            TagPresence(
                at_ns=now_ns,
                antenna=field.antenna,
                epc=field.epcs[row],
                gtin=_gtin(field.epcs[row]),
                present=bool(came[row]),
                probability=float(present[row]),
                absence_log_ratio=max(0.0, -math.log(survives)),
                since_ns=int((field.since_ns if came[row] else field.read_ns)[row]),
            )
            for row, survives in zip(changed.tolist(), longer.tolist(), strict=True)
        ]
        field.told ^= came | left
        field.since_ns[left] = -1
        return told

    def _grow(self) -> None:
        more = len(self._number) - len(self._nowhere)
        if more:
            self._nowhere = np.pad(self._nowhere, (0, more), constant_values=1.0)
            self._total = np.pad(self._total, (0, more), constant_values=1.0)

    def _normalise(self) -> None:
        """Weights that sum to 1 for each tag; what rounding left of the sums is mended too."""
        total = self._nowhere.copy()
        for field in self._fields.values():
            total[field.tags] += field.here
        for field in self._fields.values():
            field.here = field.here / total[field.tags]
        self._nowhere = self._nowhere / total
        self._total = np.ones(len(total))

    def _clean(self) -> None:
        """Forget tags that were not read for FORGET_NS, and those beyond MOST_TAGS."""
        self._normalise()
        for field in self._fields.values():
            kept = field.told | (field.read_ns > field.until_ns - FORGET_NS)
            if kept.sum() > MOST_TAGS:
                newest = np.argsort(field.read_ns, kind="stable")[-MOST_TAGS:]
                kept[:] = False
                kept[newest] = True
            if not kept.all():
                self._nowhere[field.tags[~kept]] += field.here[~kept]
                field.keep(kept)
        self._renumber()

    def _renumber(self) -> None:
        used = np.zeros(len(self._nowhere), dtype=bool)
        for field in self._fields.values():
            used[field.tags] = True
        if used.all():
            return
        number = np.cumsum(used) - 1
        for field in self._fields.values():
            field.tags = number[field.tags]
        self._nowhere, self._total = self._nowhere[used], self._total[used]
        self._number = {epc: int(number[n]) for epc, n in self._number.items() if used[n]}


def _gtin(epc: str) -> str | None:
    try:
        return decode_sgtin(epc)[0]
    except EpcError:
        return None
