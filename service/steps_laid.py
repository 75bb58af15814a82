"""What is laid over the noise of one shelf: steps slow and fast, presses, leaning, drift, spikes.

A step is rung in as `simulator.plates` does it; its neighbours feel 1 to 2 % of it, it creeps on
by 0.1 to 0.3 %, and a cell's hysteresis is 0.05 % of its 20 kg. A slow one comes to rest over some
tenths of a second. Before every third lift the hand presses first. Leaning trembles, as muscles do
(8 to 12 Hz, and slower swings of force).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from service.steps_noise import RATE_HZ

Array = NDArray[np.float64]

LEAST_G, MOST_G = 15.0, 1_500.0
EVERY_S = 6.0  # mean time between things that happen to a shelf
APART_S = 4.0  # a plate and its neighbours are left alone so long after a step
REST_S = 10.0  # before the first one
CREEP_S = 20.0
HYSTERESIS_G, MEMORY_G = 10.0, 5_000.0  # 0.05 % of 20 kg; it turns as so much comes or goes
BRIEF_S = 0.3  # no level can be read off in less
SETTLED_G, SETTLED_SHARE = 1.0, 0.005  # what a settled step lacks at most, whichever is more
DRIFT_DAY_G = 17.0  # median range of a day; the worst plates have 80
MOST_DRIFT_DAY_G = 80.0
LINEAR_DRIFT_G_H = 10.0
POOR_SHARE = 0.02
SPIKES_PER_READING = 0.001
SETTLING_S = (0.1, 0.5)
SLOW_S = (0.3, 1.0)
CROSS_TALK = (0.01, 0.02)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """One step: what each plate felt of it, the plates it was meant for, and when (seconds).

    `settled_s` is when the last plate was within 1 g or 0.5 % of its end, for good, neighbours'
    cross-talk included. `slow` ones
    came to rest by and by; `pair` numbers steps that were laid at one time on far plates.
    """

    began_s: float
    settled_s: float
    felt_g: Array
    plates: tuple[int, ...]
    slow: bool
    pair: int | None = None


@dataclass(frozen=True, slots=True)
class Touch:
    """A hand that pressed or leaned on a plate (0-based) and let go, seconds."""

    kind: Literal["press", "lean"]
    began_s: float
    ended_s: float
    plate: int


@dataclass(slots=True)
class Shelf:
    """Readings to be (samples, plates), what was laid into them, and which way each cell went
    last (1 up, −1 down)."""

    grams: Array
    steps: list[Laid] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    way: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.way = np.zeros(self.grams.shape[1])


def add_drift(shelf: Shelf, rng: np.random.Generator) -> None:
    """Wandering and linear drift, and spikes on some plates: what idle plates do, too."""
    samples, plates = shelf.grams.shape
    sigma = np.minimum(DRIFT_DAY_G * np.exp(rng.normal(0.0, 0.7, plates)), MOST_DRIFT_DAY_G)
    walk = rng.normal(0.0, 1.0, (samples, plates)) * (sigma * math.sqrt(1 / RATE_HZ / 86_400))
    slope = rng.uniform(-LINEAR_DRIFT_G_H, LINEAR_DRIFT_G_H, plates) / 3600 / RATE_HZ
    shelf.grams += np.cumsum(walk + slope, axis=0)
    poor = rng.random(plates) < POOR_SHARE
    hit = (rng.random((samples, plates)) < SPIKES_PER_READING) & poor
    size = rng.choice((-1.0, 1.0), int(hit.sum())) * rng.uniform(100.0, 400.0, int(hit.sum()))
    shelf.grams[hit] += size


def add_events(shelf: Shelf, rng: np.random.Generator) -> None:
    """Steps, presses and leaning at random, so that each plate is touched some fifty times an
    hour."""
    samples, plates = shelf.grams.shape
    shelf.way[:] = rng.uniform(-1.0, 1.0, plates)
    end_s = samples / RATE_HZ - 4.0
    free_s: Array = np.full(plates, REST_S)
    at_s, pairs = REST_S, 0
    while (at_s := at_s + float(rng.exponential(EVERY_S))) < end_s:
        open_now = np.flatnonzero(free_s < at_s)
        if not len(open_now):
            continue
        plate = int(rng.choice(open_now))
        kind = rng.random()
        if kind < 0.12:
            until = _press(shelf, at_s, plate, float(rng.uniform(0.2, 1.0)), rng)
        elif kind < 0.20:
            until = _lean(shelf, at_s, plate, rng)
        elif kind < 0.35 and plate + 1 in open_now:  # a neighbour moves at about the same time
            until = _step(shelf, at_s, (plate,), rng)
            other_s = at_s + float(rng.uniform(-1.0, 1.0))
            until = max(until, _step(shelf, other_s, (plate + 1,), rng))
            free_s[plate : plate + 3] = until + APART_S
        elif kind < 0.45 and plate + 1 in open_now:  # it stands across two plates
            until = _step(shelf, at_s, (plate, plate + 1), rng)
            free_s[plate : plate + 3] = until + APART_S
        elif kind < 0.55 and (far := open_now[np.abs(open_now - plate) >= 4]).size:
            other, pairs = int(rng.choice(far)), pairs + 1
            until = max(_step(shelf, at_s, (p,), rng, pairs) for p in (plate, other))
            free_s[max(0, other - 1) : other + 2] = until + APART_S
        else:
            until = _step(shelf, at_s, (plate,), rng)
        free_s[max(0, plate - 1) : plate + 2] = until + APART_S
    shelf.steps = [_disturbed(step, shelf.steps) for step in shelf.steps]


def _disturbed(step: Laid, others: list[Laid]) -> Laid:
    """A plate that neighbours shake by their cross-talk as it settles has not settled before
    they have."""
    worst = float(np.abs(step.felt_g).max())
    settled_s = step.settled_s
    for other in others:
        felt = float(np.abs(other.felt_g[list(step.plates)]).max())
        if (
            other is not step
            and felt > max(SETTLED_G, SETTLED_SHARE * worst)
            and step.began_s - BRIEF_S < other.settled_s
            and other.began_s < step.settled_s + BRIEF_S
        ):
            settled_s = max(settled_s, other.settled_s)
    return replace(step, settled_s=settled_s)


def _step(
    shelf: Shelf,
    at_s: float,
    plates: tuple[int, ...],
    rng: np.random.Generator,
    pair: int | None = None,
) -> float:
    """Lay a step of 15 to 1,500 g, log-uniform; when it had settled, s."""
    count = shelf.grams.shape[1]
    grams = math.exp(rng.uniform(math.log(LEAST_G), math.log(MOST_G)))
    lifted = rng.random() < 0.6
    load = np.zeros(count)
    share = float(rng.uniform(0.3, 0.7)) if len(plates) == 2 else 1.0
    for plate, part in zip(plates, (share, 1 - share), strict=False):
        load[plate] = (-grams if lifted else grams) * part
    felt = _felt(load, rng)
    turned = _hysteresis(shelf, felt)
    slow = bool(rng.random() < 0.5)
    tau_s = float(rng.uniform(*SETTLING_S)) / 3.5
    ring = float(rng.uniform(2.5, 6.0)) * 2 * math.pi
    first = max(0, math.ceil(at_s * RATE_HZ))
    since = np.arange(first, len(shelf.grams)) / RATE_HZ - at_s
    ramp_s = float(rng.uniform(*SLOW_S)) if slow else 0.0
    delays = np.linspace(0.0, ramp_s, 16) if slow else np.zeros(1)
    near = since[: round((ramp_s + 9 * tau_s) * RATE_HZ) + 2]
    late = np.maximum(near[:, None] - delays, 0.0)
    shape = np.ones(len(since))
    shape[: len(near)] = ((late > 0) * (1 - np.exp(-late / tau_s) * np.cos(ring * late))).mean(1)
    creep = float(rng.uniform(0.001, 0.003)) * -np.expm1(-since / CREEP_S)
    shelf.grams[first:] += np.outer(shape, felt + turned) + np.outer(creep, felt)
    worst = float(np.abs(felt).max())
    lacks = np.flatnonzero(np.abs(1 - shape) * worst > max(SETTLED_G, SETTLED_SHARE * worst))
    settled_s = float(since[lacks[-1] + 1]) if lacks.size else 0.0
    if lifted and rng.random() < 1 / 3:
        _press(shelf, at_s - 0.5, plates[0], 0.5, rng)
    shelf.steps.append(Laid(at_s, at_s + settled_s, felt, plates, slow, pair))
    return at_s + settled_s


def _press(
    shelf: Shelf, at_s: float, plate: int, seconds: float, rng: np.random.Generator
) -> float:
    """A hand presses with 4 to 45 g for a while and lets go; when it has, s."""
    first, last = round(at_s * RATE_HZ), round((at_s + seconds) * RATE_HZ)
    grams = float(rng.uniform(4.0, 45.0))
    shape = np.sin(np.pi * np.linspace(0.0, 1.0, last - first))
    load = np.zeros(shelf.grams.shape[1])
    load[plate] = grams
    shelf.touches.append(Touch("press", at_s, at_s + seconds, plate))
    shelf.grams[first:last] += np.outer(shape, _felt(load, rng))
    return at_s + seconds


def _lean(shelf: Shelf, at_s: float, plate: int, rng: np.random.Generator) -> float:
    """A hand holds or leans with 50 to 800 g for 1 to 5 s and trembles; when it lets go, s."""
    seconds = float(rng.uniform(1.0, 5.0))
    first, last = round(at_s * RATE_HZ), round((at_s + seconds) * RATE_HZ)
    times = np.arange(last - first) / RATE_HZ
    edge = np.clip(np.minimum(times, seconds - times) / 0.15, 0.0, 1.0)
    tremble = 1 + float(rng.uniform(0.02, 0.06)) * np.sin(
        2 * math.pi * rng.uniform(8.0, 12.0) * times
    )
    for hertz in rng.uniform(0.4, 3.0, 3):
        swing, phase = rng.uniform(0.02, 0.08), rng.uniform(0.0, 2 * math.pi)
        tremble += swing * np.sin(2 * math.pi * hertz * times + phase)
    load = np.zeros(shelf.grams.shape[1])
    load[plate] = float(rng.uniform(50.0, 800.0))
    shelf.touches.append(Touch("lean", at_s, at_s + seconds, plate))
    shelf.grams[first:last] += np.outer(edge * tremble, _felt(load, rng))
    return at_s + seconds


def _hysteresis(shelf: Shelf, felt: Array) -> Array:
    """What a change reads too much because loads come and go by different ways, as in
    `simulator.plates`: the detector cannot know it, so its sigma has to."""
    before = shelf.way
    shelf.way = before + (np.sign(felt) - before) * -np.expm1(-np.abs(felt) / MEMORY_G)
    turned: Array = HYSTERESIS_G * (shelf.way - before)
    return turned


def _felt(load: Array, rng: np.random.Generator) -> Array:
    felt = load.copy()
    felt[1:] += rng.uniform(*CROSS_TALK) * load[:-1]
    felt[:-1] += rng.uniform(*CROSS_TALK) * load[1:]
    return felt
