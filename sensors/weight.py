"""Changes of weight on one shelf: from batches of plate samples to `WeightStep`s.

Samples are cut into chunks of about 0.1 s, whose medians shrug off spikes. A plate is *moving*
from the moment that its median leaves the baseline by more than its noise explains, until it has
kept still for `SETTLE_CHUNKS`. Neighbouring plates that move together make one step. Noise is the
plate's own, or what the whole shelf does at that moment (a trolley bumps into the gondola), so
shaking raises the threshold instead of raising steps. Lifting and putting down again nets to
zero and is no step.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.observations import WeightStep
from sensors.wire import WeightBatch

CHUNK_NS = 100_000_000
SETTLE_CHUNKS = 4
LEAST_STEP_G = 8.0
LEAST_NOISE_G = 0.4
FORCED_CUT_NS = 20_000_000_000
FEWEST_TO_SHAKE = 4
GROUP_WAIT_NS = 800_000_000
DRIFT_RATE = 0.05
NOISE_RATE = 0.03

Array = NDArray[np.float64]


@dataclass(slots=True)
class _Group:
    """Neighbouring plates that move together: [first, last], 0-based."""

    first: int
    last: int
    began_ns: int
    settled_ns: int | None = None


class StepDetector:
    """Finds the weight steps of one shelf in a stream of batches."""

    def __init__(self, shelf: str, plates: int) -> None:
        self.shelf = shelf
        self._base: Array = np.full(plates, np.nan)
        self._noise: Array = np.full(plates, 2.0)
        self._recent: deque[Array] = deque(maxlen=SETTLE_CHUNKS + 1)
        self._changes: deque[float] = deque(maxlen=SETTLE_CHUNKS)
        self._moving_since = np.full(plates, -1, dtype=np.int64)
        self._groups: list[_Group] = []
        self._seen_ns = -1

    def feed(self, batch: WeightBatch, shift_ns: int = 0) -> list[WeightStep]:
        """Take the next batch; the steps that settled within it, oldest first.

        `shift_ns` brings the device's clock onto the store's. Samples that are not later than
        those already seen are ignored.
        """
        grams = np.array(batch.grams, dtype=np.float64)  # None becomes NaN
        per_chunk = max(1, round(CHUNK_NS / batch.period_ns))
        whole = len(grams) // per_chunk * per_chunk
        levels = list(_median(grams[:whole].reshape(-1, per_chunk, grams.shape[1])))
        if whole < len(grams):
            levels.append(_median(grams[whole:]))
        steps: list[WeightStep] = []
        for number, level in enumerate(levels):
            end = min((number + 1) * per_chunk, len(grams))
            at_ns = batch.at_ns + shift_ns + (end - 1) * batch.period_ns
            if at_ns > self._seen_ns:
                self._seen_ns = at_ns
                length_ns = (end - number * per_chunk) * batch.period_ns
                steps += self._chunk(at_ns, level, length_ns)
        return steps

    def _chunk(self, at_ns: int, level: Array, length_ns: int) -> list[WeightStep]:
        self._remember(level)
        shaking = self._shaking()
        away = level - self._base
        far = np.abs(away)
        threshold = np.maximum(5.0 * self._noise, max(LEAST_STEP_G, 5.0 * shaking))
        if not self._groups and (far < threshold).all():  # never so where a plate is silent
            self._noise += NOISE_RATE * (1.25 * far - self._noise)
            np.maximum(self._noise, LEAST_NOISE_G, out=self._noise)
            self._base += DRIFT_RATE * away
            return []
        noise = np.maximum(self._noise, shaking)
        return self._move(at_ns, level, length_ns, noise, threshold)

    def _move(
        self, at_ns: int, level: Array, length_ns: int, noise: Array, threshold: Array
    ) -> list[WeightStep]:
        """A chunk in which some plate moves, or is silent."""
        fresh = np.isnan(self._base) & ~np.isnan(level)
        self._base[fresh] = level[fresh]
        away = level - self._base
        starts = (np.abs(away) > threshold) & (self._moving_since < 0)
        self._moving_since[starts] = at_ns - length_ns
        still = self._moving_since < 0
        with np.errstate(invalid="ignore"):
            calm = still & (np.abs(away) < threshold)
        self._noise[calm] += NOISE_RATE * (1.25 * np.abs(away[calm]) - self._noise[calm])
        np.maximum(self._noise, LEAST_NOISE_G, out=self._noise)
        self._base[calm] += DRIFT_RATE * away[calm]
        self._regroup()
        return [s for s in (self._settle(g, at_ns, noise) for g in list(self._groups)) if s]

    def _remember(self, level: Array) -> None:
        if self._recent:
            self._changes.append(_middle(np.abs(level - self._recent[-1])))
        self._recent.append(level)

    def _shaking(self) -> float:
        """What all plates of the shelf do from chunk to chunk: the median absolute change.

        On a shelf of few plates a pick could pass for it, so there it is not told apart. Of
        plates that were silent meanwhile nothing is known.
        """
        if not self._changes or len(self._base) < FEWEST_TO_SHAKE:
            return 0.0
        if not math.isnan(sum(self._changes)):
            return max(self._changes)
        change = np.abs(np.diff(np.array(self._recent), axis=0))
        usable = change[:, ~np.isnan(change).any(axis=0)]
        return float(np.max(np.median(usable, axis=1))) if usable.size else 0.0

    def _regroup(self) -> None:
        """Join moving plates that are neighbours (one still plate between them at most)."""
        groups: list[_Group] = []
        for plate in np.flatnonzero(self._moving_since >= 0):
            began = int(self._moving_since[plate])
            if groups and plate - groups[-1].last <= 2:
                groups[-1].last = int(plate)
                groups[-1].began_ns = min(groups[-1].began_ns, began)
            else:
                groups.append(_Group(int(plate), int(plate), began))
        for group in groups:
            for old in self._groups:
                if old.first <= group.last and group.first <= old.last:
                    group.settled_ns = old.settled_ns
        self._groups = groups

    def _settle(self, group: _Group, at_ns: int, noise: Array) -> WeightStep | None:
        """A step once every plate of the group is still, or the wait for them is over."""
        tail = np.array(self._recent)[-SETTLE_CHUNKS:]
        low, high = max(0, group.first - 1), min(len(self._base), group.last + 2)
        window = tail[:, group.first : group.last + 1]
        spread = _span(window)
        still = spread <= np.maximum(4.0, 4.0 * noise[group.first : group.last + 1])
        forced = at_ns - group.began_ns > FORCED_CUT_NS
        full = len(tail) == SETTLE_CHUNKS
        if not forced and not (full and still.any()):
            return None
        if group.settled_ns is None:
            group.settled_ns = at_ns
        if not forced and not still.all() and at_ns - group.settled_ns < GROUP_WAIT_NS:
            return None
        level = _median(tail[:, low:high])
        delta = np.nan_to_num(level - self._base[low:high])
        sigma = np.sqrt(noise[low:high] ** 2 / 2 + 0.3**2)
        self._base[low:high] = np.where(np.isnan(level), self._base[low:high], level)
        self._moving_since[low:high] = -1
        self._groups.remove(group)
        if np.abs(delta).max() < LEAST_STEP_G or abs(delta.sum()) < LEAST_STEP_G:
            return None
        return WeightStep(
            at_ns=at_ns,
            shelf=self.shelf,
            began_ns=group.began_ns,
            plates=tuple(range(low + 1, high + 1)),
            delta_g=tuple(round(float(d), 2) for d in delta),
            sigma_g=tuple(round(float(s), 3) for s in sigma),
        )


def _median(rows: Array) -> Array:
    """Column medians (…, columns) of rows (…, rows, columns).

    They ignore NaN and stay quiet where a column has nothing else.
    """
    ordered = np.sort(rows, axis=-2)
    length = rows.shape[-2]
    if not np.isnan(ordered[..., -1, :]).any():
        return (ordered[..., (length - 1) // 2, :] + ordered[..., length // 2, :]) / 2
    count = (~np.isnan(rows)).sum(axis=-2, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis=-2)
    high = np.take_along_axis(ordered, np.minimum(count // 2, length - 1), axis=-2)
    middle: Array = np.where(count > 0, (low + high) / 2, np.nan)[..., 0, :]
    return middle


def _middle(values: Array) -> float:
    """The median; NaN where one of them is."""
    ordered: list[float] = np.sort(values).tolist()
    if math.isnan(ordered[-1]):
        return math.nan
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def _span(rows: Array) -> Array:
    """Column ranges; 0 where a column has no value."""
    with np.errstate(invalid="ignore"):
        span: Array = np.nanmax(np.where(np.isnan(rows), -np.inf, rows), axis=0) - np.nanmin(
            np.where(np.isnan(rows), np.inf, rows), axis=0
        )
    return np.where(np.isfinite(span), span, 0.0)
