"""The arithmetic of all plates of one shelf, sample by sample, compiled.

Owns no state: `sensors.weight` hands in the arrays of one shelf, which are changed in place. Rows
of `state` (ROWS, plates) are named below, grams if not said otherwise.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

FILLED, SEEN_NS, NUMBER = range(3)  # of `clock`

ROWS = 23
BASE, BASE_CHUNKS, HOLD = 0, 1, 2  # the level before; of how many chunks; chunks until it follows
LEVEL, TREND, STILL, THRESHOLD, ROUGH = 3, 4, 5, 6, 7  # of the last chunks; ROUGH a ratio
LEVEL_VAR, CHUNK_VAR, TREND_VAR, ROUGH_VAR, AGE = 8, 9, 10, 11, 12  # noise, g²; chunks it is from
PEAK = 13  # farthest from the baseline since it moves
SILENT = 14  # chunks without a sample
DOUBT = 18  # chunks for which it was suspiciously far off
CROSS_VAR = 20  # of what was guessed of a neighbour's cross-talk, g²
RESTED = 19  # chunks in a row that agreed
LAST, SAME, SPIKES = 15, 16, 17  # the last sample; how often it came again; spikes ever
TAKEN, CHANGES = 21, 22  # samples ever, and how many of them differed from the one before

CHUNKS = 32  # that are remembered
WINDOW = 4  # chunks of a level
DELAY = 6  # chunks after which a level goes into the baseline, so that a slow step does not
DRIFT_RATE = 0.05  # per chunk
NOISE_RATE = 0.01
LEAST_STEP_G = 11.0
STEP_SIGMAS = 6.0
LEAST_START_G = 5.0
START_SIGMAS = 6.0
LEAST_LIMIT_G, STILL_SIGMAS = 1.5, 4.2
LEAST_TREND_G, TREND_SIGMAS = 1.2, 2.7
SETTLED_SHARE = 0.003  # of a step may still be to come
PRESSED_G = 70.0  # more than that may be a hand that leans: it is looked at for longer
CLEAR = 24.0  # steps that are so many times the noise need be seen at rest but once
ROUGHEST = 900.0
USUAL_ROUGH = 1.5  # so much rougher than usual nobody wonders at
CLIPPED = 6.0  # of its variance: more is no noise, and does not raise it
DOUBT_SIGMAS = 3.0  # so far off, a plate is perhaps about to move: its baseline waits,
DOUBT_CHUNKS = 20  # but not for ever
HELD = 2.2  # by so much rougher than the others a plate is when a hand trembles on it
HELD_NS = 6_000_000_000  # and for so long one waits for the hand to go
SPIKE_G, SPIKE_SIGMAS = 30.0, 8.0
FEWEST_TO_SHAKE = 4
SHAKES_FROM = 2.5  # usual changes from chunk to chunk: when all plates do more, the shelf shakes


@njit(cache=True)
def take(
    grams: Array,
    first: int,
    begin_ns: int,
    period_ns: int,
    clock: Index,
    chunk: Array,
    ends_ns: Index,
    means: Array,
    roughs: Array,
    shakes: Array,
    state: Array,
    since_ns: Index,
) -> int:
    """Take samples from row `first` of `grams` (samples, plates) on.

    Stops after a chunk with which some moving plate came to rest, and says how many rows are
    used; −1 where all are and nothing rests. `chunk` (samples, plates) holds what does not fill a
    chunk yet; `ends_ns`, `means` and `roughs` are rings of the last chunks, `shakes` of how much
    the whole shelf shook. `since_ns` is when each plate began to move, −1 where it is still.
    """
    for i in range(first, grams.shape[0]):
        at_ns = begin_ns + i * period_ns
        if at_ns <= clock[SEEN_NS]:
            continue
        clock[SEEN_NS] = at_ns
        chunk[clock[FILLED]] = grams[i]
        clock[FILLED] += 1
        if clock[FILLED] == chunk.shape[0]:
            clock[FILLED] = 0
            if _close(at_ns, clock, chunk, ends_ns, means, roughs, shakes, state, since_ns):
                return i + 1
    return -1


@njit(cache=True)
def _close(
    at_ns: int,
    clock: Index,
    chunk: Array,
    ends_ns: Index,
    means: Array,
    roughs: Array,
    shakes: Array,
    state: Array,
    since_ns: Index,
) -> bool:
    """A chunk is full: its means, the state of every plate; whether a moving one rests."""
    number = clock[NUMBER]
    clock[NUMBER] = number + 1
    now = number % CHUNKS
    ends_ns[now] = at_ns
    for p in range(means.shape[1]):
        means[now, p], roughs[now, p] = _mean(chunk, p, state)
    shakes[number % WINDOW] = _shaking(means, now, number, state)
    shake = max(1.0, shakes.max() / SHAKES_FROM)
    usual = _roughness(number, roughs, state)
    rests = False
    for p in range(means.shape[1]):
        if np.isnan(means[now, p]):
            state[SILENT, p] += 1
            state[STILL, p] = state[SILENT, p] >= WINDOW
        else:
            state[SILENT, p] = 0
            _window(p, number, at_ns, means, shake, usual, state, since_ns)
            _follow(p, number, ends_ns, means, roughs, shake, state, since_ns)
        if since_ns[p] >= 0 and state[STILL, p] > 0:
            rests = True
    return rests


@njit(cache=True)
def _mean(chunk: Array, p: int, state: Array) -> tuple[float, float]:
    """Mean of a plate's samples and variance around their slope, a spike left out; counts
    samples that stay the same."""
    count, total, squares, at, at_squares, slope = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    origin = 0.0 if np.isnan(state[LAST, p]) else state[LAST, p]
    for i in range(chunk.shape[0]):
        value = chunk[i, p]
        if np.isnan(value):
            continue
        state[TAKEN, p] += 1
        if value == state[LAST, p]:
            state[SAME, p] += 1
        else:
            state[SAME, p] = 0
            state[CHANGES, p] += 1
        state[LAST, p] = value
        value -= origin
        count += 1
        total += value
        squares += value * value
        at += i
        at_squares += i * i
        slope += i * value
    if count == 0:
        return np.nan, 0.0
    mean = total / count
    variance = max(0.0, squares / count - mean * mean)
    limit = max(SPIKE_G, SPIKE_SIGMAS * np.sqrt(state[ROUGH_VAR, p]))
    if count >= 4 and variance * count > limit * limit / 2:
        worst, far = 0.0, 0.0
        for i in range(chunk.shape[0]):
            value = chunk[i, p] - origin
            if abs(value - mean) > far:  # never so where it is NaN
                worst, far = value, abs(value - mean)
        rest = (total - worst) / (count - 1)
        rest_var = max(0.0, (squares - worst * worst) / (count - 1) - rest * rest)
        if abs(worst - rest) > limit and (worst - rest) ** 2 > 30.0 * rest_var:
            state[SPIKES, p] += 1
            return origin + rest, rest_var
    if count > 2:  # a slope is no roughness
        across = at_squares / count - (at / count) ** 2
        together = slope / count - mean * at / count
        variance = max(0.0, variance - together * together / across)
    return origin + mean, variance


@njit(cache=True)
def _shaking(means: Array, now: int, number: int, state: Array) -> float:
    """What all plates do from chunk to chunk, by their usual changes: the median; 0 for few."""
    if number == 0 or means.shape[1] < FEWEST_TO_SHAKE:
        return 0.0
    before = (now - 1) % CHUNKS
    changes = np.empty(means.shape[1])
    count = 0
    for p in range(means.shape[1]):
        change = abs(means[now, p] - means[before, p])
        if not np.isnan(change):
            changes[count] = change / np.sqrt(state[CHUNK_VAR, p] + 0.04)
            count += 1
    if count < FEWEST_TO_SHAKE:
        return 0.0
    return _median(changes[:count])


@njit(cache=True)
def _roughness(number: int, roughs: Array, state: Array) -> float:
    """How rough each plate's last chunks are by its usual roughness (variances); their median."""
    plates = roughs.shape[1]
    for p in range(plates):
        rough = 0.0
        for k in range(WINDOW):
            rough += roughs[(number - k) % CHUNKS, p]
        state[ROUGH, p] = rough / WINDOW / max(state[ROUGH_VAR, p], 0.01)
    return _median(state[ROUGH])


@njit(cache=True)
def _median(values: Array) -> float:
    ordered = np.sort(values)
    middle: float = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return middle


@njit(cache=True)
def _window(
    p: int,
    number: int,
    at_ns: int,
    means: Array,
    shake: float,
    usual: float,
    state: Array,
    since_ns: Index,
) -> None:
    """Level, trend and rest of the last chunks of one plate, and what would be a step of it."""
    total, early, late = 0.0, 0.0, 0.0
    least, most = np.inf, -np.inf
    for k in range(WINDOW):
        slot = (number - k) % CHUNKS
        value = means[slot, p]
        total += value
        if k < WINDOW // 2:
            late += value
        else:
            early += value
        least, most = min(least, value), max(most, value)
    state[LEVEL, p] = total / WINDOW
    state[TREND, p] = (late - early) / (WINDOW // 2)
    rougher = max(shake, np.sqrt(max(1.0, min(ROUGHEST, state[ROUGH, p]) - USUAL_ROUGH)))
    state[THRESHOLD, p] = max(LEAST_STEP_G, STEP_SIGMAS * np.sqrt(state[LEVEL_VAR, p]) * rougher)
    spread = np.sqrt(state[CHUNK_VAR, p]) * rougher
    trend = np.sqrt(state[TREND_VAR, p]) * rougher
    away = state[LEVEL, p] - state[BASE, p]
    slack = SETTLED_SHARE * abs(away)
    rests = (
        most - least <= slack + max(LEAST_LIMIT_G, STILL_SIGMAS * spread)  # NaN never is
        and abs(state[TREND, p]) <= slack + max(LEAST_TREND_G, TREND_SIGMAS * trend)
        and (
            state[ROUGH, p] <= HELD * max(1.0, usual)
            or (since_ns[p] >= 0 and at_ns - since_ns[p] > HELD_NS)
        )
    )
    state[RESTED, p] = state[RESTED, p] + 1 if rests else 0
    clear = abs(away) / (np.sqrt(state[TREND_VAR, p]) + 0.1)
    needed = 1 if clear > CLEAR else 2 if clear > CLEAR / 2 else 3
    if away > PRESSED_G:
        needed += 1
    state[STILL, p] = state[RESTED, p] >= needed


@njit(cache=True)
def _follow(
    p: int,
    number: int,
    ends_ns: Index,
    means: Array,
    roughs: Array,
    shake: float,
    state: Array,
    since_ns: Index,
) -> None:
    """Let a plate's baseline and noise follow, or notice that it moves."""
    value = means[number % CHUNKS, p]
    if state[BASE_CHUNKS, p] < WINDOW:  # it is new, or heard of for the first time
        state[BASE_CHUNKS, p] += 1
        if state[BASE_CHUNKS, p] == 1:
            state[BASE, p] = value
        state[BASE, p] += (value - state[BASE, p]) / state[BASE_CHUNKS, p]
        state[HOLD, p] = DELAY
        return
    off = value - state[BASE, p]
    if since_ns[p] >= 0:
        if abs(off) > abs(state[PEAK, p]):
            state[PEAK, p] = off
        return
    away = state[LEVEL, p] - state[BASE, p]
    chunk_sigma = np.sqrt(state[CHUNK_VAR, p])
    start = max(LEAST_START_G, START_SIGMAS * chunk_sigma * shake)
    leaves = abs(off) > start
    if leaves or (state[HOLD, p] <= 0 and abs(away) > state[THRESHOLD, p]):
        toward = off if leaves else away
        edge = 2.5 * chunk_sigma + 0.5
        back = number - 1
        while (
            number - back < min(DELAY, number)
            and (means[back % CHUNKS, p] - state[BASE, p]) * toward > 0
            and abs(means[back % CHUNKS, p] - state[BASE, p]) > edge
        ):
            back -= 1
        since_ns[p] = ends_ns[back % CHUNKS]
        state[PEAK, p] = off
        state[STILL, p] = 0.0
        state[RESTED, p] = 0.0
        return
    if state[HOLD, p] > 0:
        state[HOLD, p] -= 1
        return
    old = means[(number - DELAY) % CHUNKS, p]
    if np.isnan(old) or np.isnan(away):
        return
    noise = np.sqrt(state[LEVEL_VAR, p]) + 0.2
    state[DOUBT, p] = state[DOUBT, p] + 1 if abs(away) > DOUBT_SIGMAS * noise else 0
    if 0 < state[DOUBT, p] < DOUBT_CHUNKS:
        return
    state[BASE_CHUNKS, p] += 1
    rate = max(1 / state[BASE_CHUNKS, p], DRIFT_RATE)
    state[BASE, p] += rate * (old - state[BASE, p])
    if state[BASE_CHUNKS, p] > 5 * WINDOW:
        state[AGE, p] += 1
        pace = max(1 / state[AGE, p], NOISE_RATE)
        _learn(p, pace, LEVEL_VAR, away * away, state)
        _learn(p, pace, CHUNK_VAR, off * off, state)
        _learn(p, pace, TREND_VAR, state[TREND, p] ** 2, state)
        _learn(p, pace, ROUGH_VAR, roughs[number % CHUNKS, p], state)


@njit(cache=True)
def _learn(p: int, pace: float, row: int, square: float, state: Array) -> None:
    limit = CLIPPED * max(state[row, p], 0.01)
    state[row, p] += pace * (min(square, limit) - state[row, p])
