"""Changes of weight on one shelf: from batches of plate samples to `WeightStep`s.

Samples are averaged over chunks of about 0.1 s without their spikes. A plate is *moving* from the
moment that a chunk, or the mean of the last four, leaves its baseline by more than its own noise
and the shelf's shaking explain, until four chunks agree and have no trend. Then the level of these
four less the baseline is a step; where that is nothing, something pressed, leaned or was put back:
a transient. Neighbouring plates that began together make one step, others are kept apart. What a
neighbour feels of a step by cross-talk goes into that step, or comes off its own. The stated sigma
is what levels of plates at rest were seen to differ from their baselines by.

The arithmetic is in `sensors.plate_kernel`; docs/weight.md tells how well it does.
"""

from __future__ import annotations

import math
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from sensors.observations import WeightStep, WeightTransient
from sensors.plate_cells import CellState, cell_states, stuck_cells
from sensors.plate_gain import PlateGain
from sensors.wire import WeightBatch

CHUNK_NS = 100_000_000
FORCED_CUT_NS = 20_000_000_000
GROUP_WAIT_NS = 450_000_000  # for neighbours that began together to rest as well
TOGETHER_NS = 150_000_000  # plates that begin within this may be one thing
CROSS_TALK, CROSS_TALK_SIGMA = 0.015, 0.004  # of a step, in a neighbour's reading
MOST_CROSS_TALK, CROSS_TALK_SLACK_G = 0.03, 2.0
TAIL_SHARE = 0.65  # of the trend over 0.2 s, what a settling of 0.05 to 0.15 s has still to come
ONSET_SHARE = 0.15  # of a step is not yet its beginning
SETTLING_SHARE = 0.25  # of that trend, in the stated sigma
STEP_SHARE = 0.0021  # of the step: creep, hysteresis
LEAST_SIGMA_G = 0.15
MOST_ROUGHER = 4.0  # times the variance that a plate is believed to have gained at once

Array = NDArray[np.float64]
Found = WeightStep | WeightTransient


@cache
def _kernel() -> ModuleType:
    """Imported with the first detector: a command that needs none need not wait for it."""
    from sensors import plate_kernel  # noqa: PLC0415

    return plate_kernel


class StepDetector:
    """Finds the weight steps of one shelf in a stream of batches."""

    def __init__(self, shelf: str, plates: int) -> None:
        k = _kernel()
        self.shelf = shelf
        self._plates = plates
        self._clock = np.array([0, -1, 0], dtype=np.int64)
        self._ends_ns = np.zeros(k.CHUNKS, dtype=np.int64)
        self._means = np.full((k.CHUNKS, self._plates), np.nan)
        self._roughs = np.zeros((k.CHUNKS, self._plates))
        self._shakes = np.zeros(k.WINDOW)
        self._state = np.zeros((k.ROWS, self._plates))
        self._state[[k.BASE, k.LEVEL, k.LAST]] = np.nan
        self._state[[k.LEVEL_VAR, k.TREND_VAR, k.ROUGH_VAR]] = 1.0
        self._state[k.CHUNK_VAR] = 2.0
        self._state[k.AGE] = 10.0
        self._since_ns = np.full(self._plates, -1, dtype=np.int64)
        self._rest_ns = np.full(self._plates, -1, dtype=np.int64)
        self._chunk = np.zeros((1, self._plates))
        self._period_ns = CHUNK_NS
        self._gains: dict[int, PlateGain] = {}
        self._take(k, np.zeros((0, plates)), 0, 0, 1)  # compiled now, not with the first message

    def feed(self, batch: WeightBatch, shift_ns: int = 0) -> list[Found]:
        """Take the next batch; the steps and transients that ended within it, oldest first.

        `shift_ns` brings the device's clock onto the store's. Samples that are not later than
        those already seen are ignored.
        """
        k = _kernel()
        grams = np.array(batch.grams, dtype=np.float64)  # None becomes NaN
        for plate, cell in self._gains.items():
            grams[:, plate - 1] = (grams[:, plate - 1] - cell.tare_g) / cell.gain
        self._period_ns = period_ns = batch.period_ns
        per_chunk = max(1, round(CHUNK_NS / period_ns))
        if per_chunk != len(self._chunk):
            self._chunk = np.zeros((per_chunk, self._plates))
            self._clock[k.FILLED] = 0
        found: list[Found] = []
        used = 0
        while used >= 0:
            used = self._take(k, grams, used, batch.at_ns + shift_ns, period_ns)
            if used >= 0:
                found += self._settle(k, int(self._clock[k.SEEN_NS]))
        return found

    def calibrate(self, plate: int, cell: PlateGain) -> None:
        """From the next batch on, readings of `plate` (1-based) are taken as `cell` says.

        No step comes of it: the baseline and what is remembered move along.
        """
        k = _kernel()
        before = self._gains.get(plate, PlateGain())
        scale = before.gain / cell.gain
        shift_g = (before.tare_g - cell.tare_g) / cell.gain
        for rows in (self._means, self._chunk):
            rows[:, plate - 1] = rows[:, plate - 1] * scale + shift_g
        for row in (k.BASE, k.LEVEL, k.LAST):
            self._state[row, plate - 1] = self._state[row, plate - 1] * scale + shift_g
        self._gains[plate] = cell

    @property
    def cells(self) -> tuple[CellState, ...]:
        """How each plate's cell fares."""
        k = _kernel()
        state = self._state
        return cell_states(state[k.TAKEN], state[k.SILENT], self._stuck(k), state[k.SPIKES])

    def _stuck(self, k: ModuleType) -> NDArray[np.bool_]:
        state = self._state
        return stuck_cells(state[k.SAME], state[k.TAKEN], state[k.CHANGES], self._period_ns)

    def _take(self, k: ModuleType, grams: Array, first: int, begin_ns: int, period_ns: int) -> int:
        used: int = k.take(
            grams,
            first,
            begin_ns,
            period_ns,
            self._clock,
            self._chunk,
            self._ends_ns,
            self._means,
            self._roughs,
            self._shakes,
            self._state,
            self._since_ns,
        )
        return used

    def _settle(self, k: ModuleType, at_ns: int) -> list[Found]:
        """What ended with this chunk: groups of plates that all rest, or have waited enough."""
        found: list[Found] = []
        still = self._state[k.STILL] > 0
        moving = self._since_ns >= 0
        rests = moving & still
        self._rest_ns[rests & (self._rest_ns < 0)] = at_ns
        self._rest_ns[~rests] = -1
        settled_for_ns = self._ends_ns[(self._clock[k.NUMBER] - 1 - 2 * k.WINDOW) % k.CHUNKS]
        for group in self._groups(k, np.flatnonzero(moving)):
            ready = [p for p in group if still[p] and not self._felt(k, p, still)]
            began_ns = int(self._since_ns[group].min())
            if at_ns - began_ns > FORCED_CUT_NS and began_ns <= settled_for_ns:
                ready = group
            elif not ready:
                continue
            elif len(ready) < len(group):
                ready = [p for p in group if p in ready or self._state[k.RESTED, p] > 0]
            if len(ready) < len(group):
                largest = max(abs(self._away(k, p)) for p in ready)
                slight = MOST_CROSS_TALK * largest + CROSS_TALK_SLACK_G
                if all(p in ready or abs(self._away(k, p)) <= slight for p in group):
                    ready = group
                elif (
                    at_ns - min(n for n in self._rest_ns[ready].tolist() if n >= 0) < GROUP_WAIT_NS
                ):
                    continue
            one = self._cut(k, ready, began_ns, at_ns)
            if one is not None:
                found.append(one)
        return found

    def _groups(self, k: ModuleType, moving: NDArray[np.intp]) -> list[list[int]]:
        """Moving plates that are neighbours, one still plate between them at most, and began
        together, or of which one feels no more than the other's cross-talk."""
        groups: list[list[int]] = []
        onset_ns = 0
        for p in moving.tolist():
            began_ns = self._onset_ns(k, p, self._away(k, p))
            if groups and p - groups[-1][-1] <= 2:
                last = groups[-1][-1]
                low, high = sorted((abs(self._away(k, p)), abs(self._away(k, last))))
                slight = low <= MOST_CROSS_TALK * high + CROSS_TALK_SLACK_G
                if slight or abs(began_ns - onset_ns) <= TOGETHER_NS:
                    groups[-1].append(p)
                    if not slight or abs(self._away(k, p)) == high:
                        onset_ns = began_ns
                    continue
            groups.append([p])
            onset_ns = began_ns
        return groups

    def _felt(self, k: ModuleType, plate: int, still: NDArray[np.bool_]) -> bool:
        """Whether a neighbour that still moves explains by cross-talk where a plate rests."""
        away = abs(self._away(k, plate))
        return any(
            self._since_ns[q] >= 0
            and not still[q]
            and self._since_ns[plate] >= self._since_ns[q] - CHUNK_NS
            and away <= MOST_CROSS_TALK * abs(float(self._state[k.PEAK, q])) + CROSS_TALK_SLACK_G
            and away < 0.5 * abs(float(self._state[k.PEAK, q]))
            for q in (plate - 1, plate + 1)
            if 0 <= q < self._plates
        )

    def _away(self, k: ModuleType, plate: int) -> float:
        return float(self._state[k.LEVEL, plate] - self._state[k.BASE, plate])

    def _cut(self, k: ModuleType, group: list[int], began_ns: int, at_ns: int) -> Found | None:
        """The step, or transient, of plates that rest; they begin anew from here."""
        state = self._state
        dead = (state[k.SILENT] > 0) | np.isnan(state[k.LEVEL]) | self._stuck(k)
        span = range(group[0], group[-1] + 1)
        plates = [p for p in span if not dead[p] and (p in group or self._calm(k, p))]
        peak = [round(float(state[k.PEAK, p]), 2) for p in group]
        if not plates:
            self._let_go(k, group)
            return None
        change = state[k.LEVEL] + self._to_come(k) - state[k.BASE]
        for edge, inner in ((group[0] - 1, group[0]), (group[-1] + 1, group[-1])):
            if 0 <= edge < self._plates and self._since_ns[edge] >= 0 and not dead[edge]:
                change[inner] -= CROSS_TALK * change[edge]
                state[k.CROSS_VAR, inner] += (CROSS_TALK_SIGMA * change[edge]) ** 2
        largest = max((abs(float(change[p])) for p in plates), default=0.0)
        total = sum(float(change[p]) for p in plates)
        quiet = math.sqrt(sum(float(state[k.THRESHOLD, p]) ** 2 for p in plates) / len(plates))
        beyond = abs(total) >= quiet or any(abs(change[p]) >= state[k.THRESHOLD, p] for p in plates)
        if not beyond or abs(total) < k.LEAST_STEP_G:
            if largest >= k.LEAST_STEP_G and beyond:  # it only moved along the shelf
                self._rebase(k, plates)
            self._roughen(k, plates, at_ns - began_ns)
            self._let_go(k, group)
            return WeightTransient(
                at_ns=at_ns,
                shelf=self.shelf,
                began_ns=began_ns,
                plates=tuple(p + 1 for p in group),
                peak_g=tuple(peak),
            )
        for edge, inner in ((group[0] - 1, group[0]), (group[-1] + 1, group[-1])):
            if not 0 <= edge < self._plates or dead[edge]:
                continue
            if self._calm(k, edge) and state[k.RESTED, edge] > 0:
                limit = max(3 * math.sqrt(state[k.LEVEL_VAR, edge]), MOST_CROSS_TALK * largest)
                if abs(change[edge]) <= limit + 1.0:
                    plates.append(edge)
                    continue
            state[k.BASE, edge] += CROSS_TALK * change[inner]
            state[k.CROSS_VAR, edge] += (CROSS_TALK_SIGMA * change[inner]) ** 2
        plates.sort()
        main = max(group, key=lambda p: abs(float(change[p])))
        sigma = self._sigma(k, change)
        step = WeightStep(
            at_ns=at_ns,
            shelf=self.shelf,
            began_ns=self._onset_ns(k, main, float(change[main])),
            plates=tuple(p + 1 for p in plates),
            delta_g=tuple(round(float(change[p]), 2) for p in plates),
            sigma_g=tuple(round(float(sigma[p]), 3) for p in plates),
        )
        self._rebase(k, plates)
        self._let_go(k, group)
        return step

    def _roughen(self, k: ModuleType, plates: list[int], lasted_ns: int) -> None:
        """Plates that trembled for long and came to nothing have become noisier: learn it."""
        if lasted_ns > k.HELD_NS:
            by = np.clip(self._state[k.ROUGH, plates], 1.0, MOST_ROUGHER)
            for row in (k.LEVEL_VAR, k.CHUNK_VAR, k.TREND_VAR, k.ROUGH_VAR):
                self._state[row, plates] *= by

    def _onset_ns(self, k: ModuleType, plate: int, whole_g: float) -> int:
        """When a plate's change itself began: after the last chunk that had none of it.

        A hand often presses first; and a plate may have moved before, and come back.
        """
        newest = int(self._clock[k.NUMBER]) - 1
        began_ns = int(self._since_ns[plate])
        if not whole_g:
            return began_ns
        sigma = math.sqrt(self._state[k.CHUNK_VAR, plate])
        least = max(ONSET_SHARE, 2.5 * sigma / max(abs(whole_g), 0.1))
        for number in range(newest, max(newest - k.CHUNKS + 1, 0), -1):
            slot = number % k.CHUNKS
            if self._ends_ns[slot] <= began_ns:
                break
            if (self._means[slot, plate] - self._state[k.BASE, plate]) / whole_g < least:
                return int(self._ends_ns[slot])
        return began_ns

    def _to_come(self, k: ModuleType) -> Array:
        """What the last of the settling will still add, as far as the trend is more than noise."""
        trend = self._state[k.TREND]
        square = trend * trend
        tail: Array = TAIL_SHARE * trend * square / (square + 4 * self._state[k.TREND_VAR] + 1e-9)
        return tail

    def _sigma(self, k: ModuleType, change: Array) -> Array:
        """The standard deviation of what is stated of each plate, g."""
        state = self._state
        window = k.WINDOW
        few = np.maximum(0.0, window / np.maximum(state[k.BASE_CHUNKS], window) - 0.1)
        sigma: Array = np.sqrt(
            state[k.LEVEL_VAR] * (1.1 + few)
            + state[k.CROSS_VAR]
            + (SETTLING_SHARE * state[k.TREND]) ** 2
            + (STEP_SHARE * change) ** 2
            + LEAST_SIGMA_G**2
        )
        return sigma

    def _calm(self, k: ModuleType, plate: int) -> bool:
        return bool(self._since_ns[plate] < 0 and self._state[k.BASE_CHUNKS, plate] >= k.WINDOW)

    def _rebase(self, k: ModuleType, plates: list[int]) -> None:
        self._state[k.BASE, plates] = (self._state[k.LEVEL] + self._to_come(k))[plates]
        self._state[k.BASE_CHUNKS, plates] = k.WINDOW
        self._state[k.CROSS_VAR, plates] = 0.0
        self._state[k.HOLD, plates] = k.DELAY

    def _let_go(self, k: ModuleType, group: list[int]) -> None:
        self._since_ns[group] = -1
        self._rest_ns[group] = -1
        self._state[k.PEAK, group] = 0.0
        self._state[k.HOLD, group] = k.DELAY
