"""How well tags are known to be there or gone: the presence estimator on real and simulated reads.

The reads of each antenna are played as messages, through the decoder, to the estimator: first
those it learns from, then those held out, in which every other tag on average is taken away at a
random moment: its reads end there. The held-out reads are played again with those tags missing,
until HORIZON_S have passed, so that a late discovery counts too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.observations import TagPresence
from sensors.tag_presence import PresenceModel
from service.realism_rfid import ANTENNA
from service.tags_play import Player, Recording, Site, epc_of, learn

Array = NDArray[np.float64]

HORIZON_S = 120.0
TAKEN_SHARE = 0.5
QUANTILES = (0.25, 0.5, 0.75, 0.95)
BANDS = (0.0, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)
_LEAST = 1e-9
BELIEF_EVERY = 3  # messages: the fewest that fill a slot


@dataclass(slots=True)
class Tally:
    """What was counted over all sites.

    `delays_s`: from a tag's being taken until its absence was told (infinite: not within
    HORIZON_S), and `silent_s` how long it had been silent by then. `false`: absences told of tags
    that were there, in `stayed_s` seconds of tags, and `silences_s` how long those were silent,
    each time. `beliefs` has rows of P(absent), whether the tag was gone, how long it was silent (s)
    and what the row counts for.
    """

    delays_s: list[float] = field(default_factory=list)
    silent_s: list[float] = field(default_factory=list)
    false: int = 0
    stayed_s: float = 0.0
    silences_s: list[float] = field(default_factory=list)
    beliefs: list[tuple[float, float, float, float]] = field(default_factory=list)


def evaluate(sites: Sequence[Site], model: PresenceModel, seeds: Sequence[int]) -> Tally:
    """Play what was held out, with tags taken away as each seed has it."""
    tally = Tally()
    for site in sites:
        learnt = learn(site, model)
        first_s: dict[int, float] = {}
        for at_s, tag in site.held.reads:
            first_s.setdefault(tag, at_s)
        for seed in seeds:
            rng = np.random.default_rng([seed, len(first_s)])
            gone_s = {
                tag: float(rng.uniform(at_s, site.held.seconds))
                for tag, at_s in first_s.items()
                if rng.random() < TAKEN_SHARE
            }
            _Trial(learnt.copy(), site.held, gone_s, model, tally).run()
    return tally


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule of presence did, of `removed` tags and in `tag_hours` of tags that stayed.

    Delays are in seconds (infinite: not within HORIZON_S). `reliability` has for each band of
    BANDS how much of the beliefs lay in it, what was believed and what was so on average.
    """

    rule: str
    removed: int
    tag_hours: float
    delays_s: tuple[float, ...]
    found_share: float
    false_absences: int
    log_loss: float
    reliability: tuple[tuple[float, float, float], ...]

    def as_json(self) -> dict[str, Any]:
        """The same for machines: null for infinite."""
        return {
            "rule": self.rule,
            "removed": self.removed,
            "tag_hours": self.tag_hours,
            "delay_quantiles": list(QUANTILES),
            "delays_s": [None if s == inf else s for s in self.delays_s],
            "found_share": self.found_share,
            "false_absences": self.false_absences,
            "false_per_tag_hour": self.false_absences / self.tag_hours,
            "log_loss": self.log_loss,
            "bands": list(BANDS),
            "reliability": [list(band) for band in self.reliability],
        }


def presence(rule: str, tally: Tally) -> Verdict:
    """How the estimator did."""
    absent, gone, _, weights = np.array(tally.beliefs).T
    return _verdict(rule, tally, np.array(tally.delays_s), tally.false, absent, gone, weights)


def time_out(tally: Tally) -> Verdict:
    """How the rule "gone after so many seconds of silence" does with as few false absences.

    The least such number of seconds. Its probabilities are the shares that turned out, which is
    the best that two numbers can do.
    """
    silences_s = np.sort(tally.silences_s)[::-1]
    limit_s = float(silences_s[tally.false])
    delays_s = np.maximum(limit_s - np.array(tally.silent_s), 0.0)
    delays_s[delays_s > HORIZON_S] = inf
    _, gone, silent_s, weights = np.array(tally.beliefs).T
    over = silent_s > limit_s
    absent = np.zeros(len(gone))
    for part in (over, ~over):
        absent[part] = np.average(gone[part], weights=weights[part]) if part.any() else 0.0
    false = int((silences_s > limit_s).sum())
    rule = f"silent {limit_s:.1f} s"
    return _verdict(rule, tally, delays_s, false, absent, gone, weights)


def _verdict(
    rule: str,
    tally: Tally,
    delays_s: Array,
    false: int,
    absent: Array,
    gone: Array,
    weights: Array,
) -> Verdict:
    right = np.clip(np.where(gone > 0, absent, 1 - absent), _LEAST, 1.0)
    bands = np.digitize(absent, BANDS[1:-1])
    reliability = [
        (
            float(weights[some].sum() / weights.sum()),
            _mean(absent, weights, some),
            _mean(gone, weights, some),
        )
        for band in range(len(BANDS) - 1)
        for some in (bands == band,)
    ]
    return Verdict(
        rule=rule,
        removed=len(delays_s),
        tag_hours=tally.stayed_s / 3600,
        delays_s=tuple(np.quantile(delays_s, QUANTILES, method="higher").tolist()),
        found_share=float(np.isfinite(delays_s).mean()),
        false_absences=false,
        log_loss=float(np.average(-np.log(right), weights=weights)),
        reliability=tuple(reliability),
    )


def _mean(values: Array, weights: Array, some: NDArray[np.bool_]) -> float:
    return float(np.average(values[some], weights=weights[some])) if some.any() else nan


class _Trial:
    """One playing of what was held out at a site, with some tags taken away."""

    def __init__(
        self,
        player: Player,
        held: Recording,
        gone_s: Mapping[int, float],
        model: PresenceModel,
        tally: Tally,
    ) -> None:
        self._player = player
        self._held = held
        self._model = model
        self._tally = tally
        self._gone_s = {epc_of(tag): at_s for tag, at_s in gone_s.items()}
        self._first_s: dict[str, float] = {}
        self._last_s: dict[str, float] = {}
        self._absent_s: dict[str, float] = {}

    def run(self) -> None:
        """Play it once, and again without those that were taken."""
        held = self._held
        reads = [
            (at_s, tag) for at_s, tag in held.reads if at_s < self._gone_s.get(epc_of(tag), inf)
        ]
        n = 0
        left = Recording(held.seconds, tuple(reads))
        for number, (end_s, told) in enumerate(self._player.play(left), 1):
            while n < len(reads) and reads[n][0] < end_s:
                at_s, tag = reads[n]
                self._was_there(epc_of(tag), at_s)
                n += 1
            self._note(told, end_s)
            if number % BELIEF_EVERY == 0:
                self._believe(end_s)
        for epc in self._first_s:
            self._was_there(epc, min(held.seconds, self._gone_s.get(epc, inf)))
        again = [(at_s, tag) for at_s, tag in held.reads if epc_of(tag) not in self._gone_s]
        begin_s = held.seconds
        while begin_s < held.seconds + HORIZON_S:
            for end_s, told in self._player.play(Recording(held.seconds, tuple(again))):
                self._note(told, begin_s + end_s)
            begin_s += held.seconds
        self._count()

    def _was_there(self, epc: str, at_s: float) -> None:
        """A tag was there at a moment when it was read, or the end came for it."""
        self._first_s.setdefault(epc, at_s)
        self._tally.silences_s.append(at_s - self._last_s.get(epc, at_s))
        if at_s < self._gone_s.get(epc, self._held.seconds):
            self._last_s[epc] = at_s

    def _note(self, told: Sequence[TagPresence], at_s: float) -> None:
        for change in told:
            if change.present:
                self._absent_s.pop(change.epc, None)
                continue
            self._absent_s[change.epc] = at_s
            until_s = self._gone_s.get(change.epc, self._held.seconds)
            if change.epc in self._first_s and at_s <= until_s:
                self._tally.false += 1

    def _believe(self, at_s: float) -> None:
        """Note what is believed of each tag, weighted as if tags left as the model has it.

        Here every other tag is taken, at an even rate; by the model hardly any is.
        """
        for epc, present in self._player.presences.probabilities(ANTENNA).items():
            first_s = self._first_s.get(epc, inf)
            if first_s < at_s:
                of_s = self._held.seconds - first_s
                if self._gone_s.get(epc, inf) < at_s:
                    weight = self._model.leaves_per_s * of_s / TAKEN_SHARE
                    row = 1 - present, 1.0, at_s - self._last_s[epc], weight
                else:
                    weight = 1 / (1 - TAKEN_SHARE * (at_s - first_s) / of_s)
                    row = 1 - present, 0.0, at_s - self._last_s[epc], weight
                self._tally.beliefs.append(row)

    def _count(self) -> None:
        tally = self._tally
        for epc, first_s in self._first_s.items():
            gone_s = self._gone_s.get(epc, inf)
            tally.stayed_s += min(gone_s, self._held.seconds) - first_s
            if gone_s < inf:
                delay_s = self._absent_s.get(epc, inf) - gone_s
                tally.delays_s.append(max(0.0, delay_s) if delay_s <= HORIZON_S else inf)
                tally.silent_s.append(gone_s - self._last_s[epc])
