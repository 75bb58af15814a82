"""When the tags in an antenna's field are read: spells of reads, and silences with a heavy tail.

A renewal process of two states for each tag. In a spell a tag is read at random moments; in a
silence, never. Spells are exponential, silences lognormal with a median of the tag's own, so that
the misses gather on particular tags.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.world import TagFaults

Array = NDArray[np.float64]


class Fading:
    """The spells of all tags before one antenna, in seconds of the scene."""

    def __init__(self, faults: TagFaults, rng: np.random.Generator) -> None:
        self._faults = faults
        self._rng = rng
        self._heard = np.zeros(0, dtype=bool)
        self._until_s = np.zeros(0)
        self._silent_s = np.zeros(0)

    def grow(self, silent_s: Array, now_s: float) -> None:
        """Begin with more tags at `now_s`; `silent_s` is the median silence of each."""
        count, sigma = len(silent_s), self._faults.silent_log_sigma
        heard = self._rng.random(count) < heard_share(self._faults, silent_s)
        # What is left of a silence that has begun already: long ones are met more often.
        whole_s = silent_s * np.exp(self._rng.normal(sigma**2, sigma, count))
        left_s = np.where(
            heard,
            self._rng.exponential(self._faults.heard_s, count),
            whole_s * self._rng.random(count),
        )
        self._heard = np.concatenate([self._heard, heard])
        self._until_s = np.concatenate([self._until_s, now_s + left_s])
        self._silent_s = np.concatenate([self._silent_s, silent_s])

    def reads(self, begin_s: float, end_s: float, per_s: Array) -> tuple[NDArray[np.intp], Array]:
        """Which tags are read in an interval, and when, at these rates within their spells.

        Intervals follow one another; `per_s` has one rate per tag. The reads are not in order.
        """
        who: list[NDArray[np.intp]] = []
        when: list[Array] = []
        tags = np.flatnonzero((per_s > 0) & self._heard | (self._until_s < end_s))
        since_s = np.full(len(tags), begin_s)
        while len(tags):
            until_s = self._until_s[tags]
            to_s = np.minimum(until_s, end_s)
            lasts_s = np.where(self._heard[tags], np.maximum(to_s - since_s, 0.0), 0.0)
            counts = self._rng.poisson(per_s[tags] * lasts_s)
            place = np.repeat(np.arange(len(tags)), counts)
            who.append(tags[place])
            when.append(since_s[place] + lasts_s[place] * self._rng.random(len(place)))
            turning = until_s < end_s
            tags, since_s = tags[turning], to_s[turning]
            if len(tags):
                self._turn(tags)
        return np.concatenate(who or [tags]), np.concatenate(when or [since_s])

    def _turn(self, tags: NDArray[np.intp]) -> None:
        """End the spells and silences of these tags."""
        silence = self._rng.normal(0.0, self._faults.silent_log_sigma, len(tags))
        spell_s = self._rng.exponential(self._faults.heard_s, len(tags))
        silence_s = self._silent_s[tags] * np.exp(silence)
        self._until_s[tags] += np.where(self._heard[tags], silence_s, spell_s)
        self._heard[tags] = ~self._heard[tags]


def heard_share(faults: TagFaults, silent_s: Array) -> Array:
    """The share of time that tags with these median silences spend in spells of reads."""
    mean_s = silent_s * np.exp(faults.silent_log_sigma**2 / 2)
    share: Array = faults.heard_s / (faults.heard_s + mean_s)
    return share
