"""Reads of tags, recorded or simulated, played as messages of one antenna to the estimator.

They pass the decoder as those of a device do: `openaisle tags` judges and fits with them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sensors.decode import Decoder
from sensors.epc import encode_sgtin
from sensors.observations import TagPresence
from sensors.tag_presence import PresenceModel, TagPresences
from sensors.wire import TagReads, TagReport, encode, topic
from service.realism_rfid import ANTENNA, GTIN, shelf_of_tags, simulated_reads
from service.tag_runs import RecordedRun
from simulator.world import World

NS = 1_000_000_000
MESSAGE_NS = NS // 5
MESSAGE_S = MESSAGE_NS / NS
ANY_DBM = -60.0  # strength is not used


@dataclass(frozen=True, slots=True)
class Recording:
    """What was read in `seconds`: (moment in seconds, number of the tag), in order of time."""

    seconds: float
    reads: tuple[tuple[float, int], ...]


@dataclass(frozen=True, slots=True)
class Site:
    """What one antenna read: recordings to learn from, and one held out."""

    name: str
    learnt: tuple[Recording, ...]
    held: Recording


def sites_of_runs(runs: Sequence[RecordedRun]) -> list[Site]:
    """One site for each group of runs; its last run is held out."""
    sites = []
    for group in sorted({run.group for run in runs}):
        *learnt, held = [_recording(run) for run in runs if run.group == group]
        if learnt:
            sites.append(Site(f"group {group}", tuple(learnt), held))
    return sites


def simulated_sites(seeds: Sequence[int], tags: int, learnt_s: float, held_s: float) -> list[Site]:
    """One site for each seed: so many tags on a shelf before an antenna of the default world."""
    sites = []
    for seed in seeds:
        reads: list[tuple[float, int]] = []
        number: dict[str, int] = {}
        for epc, at_s, _ in simulated_reads(tags, learnt_s + held_s, World(id="default"), seed):
            reads.append((at_s, number.setdefault(epc, len(number))))
        learnt = tuple(one for one in reads if one[0] < learnt_s)
        held = tuple((at_s - learnt_s, tag) for at_s, tag in reads if at_s >= learnt_s)
        sites.append(Site(f"world {seed}", (Recording(learnt_s, learnt),), Recording(held_s, held)))
    return sites


def learn(site: Site, model: PresenceModel) -> Player:
    """A player whose estimator has heard what the site has to learn from."""
    player = Player(model)
    for recording in site.learnt:
        for _ in player.play(recording):
            pass
    return player


class Player:
    """Plays reads as messages of one antenna, through the decoder, to an estimator."""

    def __init__(self, model: PresenceModel) -> None:
        store = shelf_of_tags(1)
        self._topic = topic(store.id, "rfid", ANTENNA)
        self._decoder = Decoder(store)
        self._said = 0
        self.presences = TagPresences([ANTENNA], model)

    def copy(self) -> Player:
        """Another one in the same state."""
        twin = copy.copy(self)
        twin.presences = copy.deepcopy(self.presences)
        return twin

    def play(self, recording: Recording) -> Iterator[tuple[float, list[TagPresence]]]:
        """Message by message: its end in seconds of the recording, and the changes told."""
        reads, n = recording.reads, 0
        for number in range(round(recording.seconds / MESSAGE_S)):
            begin_s, end_s = number * MESSAGE_S, (number + 1) * MESSAGE_S
            reports = []
            while n < len(reads) and reads[n][0] < end_s:
                at_s, tag = reads[n]
                offset_ns = min(max(0, round((at_s - begin_s) * NS)), MESSAGE_NS)
                reports.append(TagReport(epc_of(tag), offset_ns, ANY_DBM))
                n += 1
            yield end_s, self._say(reports)

    def _say(self, reports: list[TagReport]) -> list[TagPresence]:
        message = TagReads(
            device=ANTENNA,
            boot="played",
            seq=self._said,
            at_ns=self._said * MESSAGE_NS,
            span_ns=MESSAGE_NS,
            reads=reports,
        )
        self._said += 1
        heard = self._decoder.decode(self._topic, encode(message))
        assert isinstance(heard, TagReads)
        return self.presences.feed(heard)


@lru_cache(maxsize=10_000)
def epc_of(tag: int) -> str:
    """The code of a tag by its number."""
    return encode_sgtin(GTIN, tag + 1)


def _recording(run: RecordedRun) -> Recording:
    first_s = run.reads[0].at_s
    return Recording(run.seconds, tuple((read.at_s - first_s, read.serial) for read in run.reads))
