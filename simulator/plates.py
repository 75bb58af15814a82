"""The load cells of all shelves: what they read when units come, go, and hands press.

A reading is gain · load + tare + drift + creep + hysteresis + shaking + noise in whole quanta,
rung in by every change. Vectorised over all plates of the store.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from simulator.vibration import Vibration
from simulator.world import SECONDS_PER_DAY, TrueStore, stream

Array = NDArray[np.float64]

PERIOD_NS = 16_666_667
SAMPLES = 12
BATCH_NS = 200_000_000
_SETTLED = 3.5  # time constants until a step is within 3 % of its end
_DONE = 9.0  # time constants until a step is folded into the base
_MEMORY_G = 5_000.0  # how much must come or go until a cell forgets which way it went before


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    at_ns: int
    shelf: str
    grams: Array
    tau_s: float
    ring_rad_s: float


@dataclass(frozen=True, slots=True, eq=False)
class _Press:
    at_ns: int
    shelf: str
    grams: Array
    seconds: float


class Plates:
    """Load cells of one store. `loads` are the grams that rest on each shelf's plates at first."""

    def __init__(self, store: Store, true: TrueStore, loads: dict[str, Array], seed: int) -> None:
        self._faults = true.world.plates
        self._rng = stream(true.world.seed, seed, "readings")
        self._slices: dict[str, slice] = {}
        self._phases: dict[str, int] = {}
        self._true = true.plates
        start = 0
        for shelf in (s for g in store.gondolas for s in g.shelves):
            self._slices[shelf.id] = slice(start, start + shelf.plate_count)
            self._phases[shelf.id] = int(self._rng.integers(BATCH_NS))
            start += shelf.plate_count
        names = list(self._slices)
        self._noise_g = np.concatenate([self._true[n].noise_g for n in names])
        self._poor = np.concatenate([self._true[n].poor for n in names])
        self._base_g = np.concatenate(
            [self._felt(n, loads.get(n, np.zeros(len(self._true[n].gain)))) for n in names]
        )
        self._base_g += np.concatenate([self._true[n].tare_g for n in names])
        self._creep = np.concatenate([self._true[n].creep for n in names])
        self._creep_keep = math.exp(-BATCH_NS / 1e9 / self._faults.creep_s)
        self._to_creep_g = np.zeros(start)
        self._way = stream(true.world.seed, seed, "hysteresis").uniform(-1.0, 1.0, start)
        self._vibration = Vibration(
            np.concatenate([self._true[n].motion_hz for n in names]),
            self._felt_motions(names, start),
            self._faults.burst_log_sigma,
            SAMPLES,
            PERIOD_NS / 1e9,
            stream(true.world.seed, seed, "vibration"),
        )
        self._steps: list[_Step] = []
        self._presses: list[_Press] = []
        self._walk_g = self._faults.drift_day_sigma_g * math.sqrt(BATCH_NS / 1e9 / SECONDS_PER_DAY)

    @property
    def shelves(self) -> list[str]:
        """Names of the shelves, in the store's order."""
        return list(self._slices)

    @property
    def press_share(self) -> float:
        """Share of grasps in which a hand presses on a plate."""
        return self._faults.press_share

    def change(self, at_ns: int, shelf: str, grams: Array) -> None:
        """At `at_ns`, `grams` (one value per plate) come to rest on a shelf, or leave it."""
        settle_s = float(self._rng.uniform(*self._faults.settling_s))
        ring = float(self._rng.uniform(2.5, 6.0)) * 2 * math.pi
        felt = self._felt(shelf, grams)
        part = self._slices[shelf]
        self._to_creep_g[part] += self._creep[part] * felt
        felt += self._turned(part, felt)
        self._steps.append(_Step(at_ns, shelf, felt, settle_s / _SETTLED, ring))

    def press(self, at_ns: int, shelf: str, along_m: float, width_m: float, seconds: float) -> None:
        """A hand presses around `along_m` for a while and lets go; `width_m` is a plate's."""
        count = len(self._true[shelf].gain)
        middles = (np.arange(count) + 0.5) * width_m
        shape = np.exp(-0.5 * ((middles - along_m) / 0.05) ** 2)
        grams = float(self._rng.uniform(*self._faults.press_g)) * shape / max(shape.sum(), 1e-9)
        self._presses.append(_Press(at_ns, shelf, self._felt(shelf, grams), seconds))

    def batch(self, begin_ns: int) -> dict[str, tuple[int, Array]]:
        """The batch of every shelf whose first sample falls in the 200 ms from `begin_ns`.

        By shelf: true time of the first sample, and readings (12, plates) in grams. To be called
        for successive begins, 200 ms apart, once all changes up to `begin_ns` + 400 ms are known.
        """
        times = np.arange(SAMPLES, dtype=np.float64) * (PERIOD_NS / 1e9)
        self._base_g += self._rng.normal(0.0, self._walk_g, len(self._base_g))
        grams = self._rng.standard_normal((SAMPLES, len(self._base_g))) * self._noise_g
        creeping = self._to_creep_g * (1 - self._creep_keep)
        self._to_creep_g -= creeping
        self._base_g += creeping
        grams += self._base_g
        grams += self._vibration.batch()
        spikes = (
            self._rng.random((SAMPLES, int(self._poor.sum()))) < self._faults.spikes_per_reading
        )
        if spikes.any():
            jumps = self._rng.choice((-1.0, 1.0), spikes.shape) * self._rng.uniform(
                100.0, 400.0, spikes.shape
            )
            grams[:, self._poor] += np.where(spikes, jumps, 0.0)
        begins = {name: begin_ns + phase for name, phase in self._phases.items()}
        waiting: list[_Step] = []
        for step in self._steps:
            since = (begins[step.shelf] - step.at_ns) / 1e9 + times
            part = self._slices[step.shelf]
            if since[0] > _DONE * step.tau_s:
                self._base_g[part] += step.grams
                grams[:, part] += step.grams
                continue
            late = np.maximum(since, 0.0)
            shape = 1 - np.exp(-late / step.tau_s) * np.cos(step.ring_rad_s * late)
            grams[:, part] += np.outer(np.where(since > 0, shape, 0.0), step.grams)
            waiting.append(step)
        self._steps = waiting
        self._presses = [p for p in self._presses if not self._pressed(p, begins, times, grams)]
        quantum_g = self._faults.quantum_g
        grams = np.round(np.round(grams / quantum_g) * quantum_g, 3)
        return {name: (begins[name], grams[:, part]) for name, part in self._slices.items()}

    def _pressed(self, press: _Press, begins: dict[str, int], times: Array, grams: Array) -> bool:
        """Add a press to the readings; true when it is over."""
        since = (begins[press.shelf] - press.at_ns) / 1e9 + times
        inside = (since > 0) & (since < press.seconds)
        shape = np.where(inside, np.sin(math.pi * np.clip(since / press.seconds, 0.0, 1.0)), 0.0)
        grams[:, self._slices[press.shelf]] += np.outer(shape, press.grams)
        return bool(since[0] > press.seconds)

    def _felt_motions(self, names: list[str], plates: int) -> Array:
        """What every plate of the store feels of every shelf's motions, (motions, plates)."""
        felt = np.zeros((2 * len(names), plates))
        for number, name in enumerate(names):
            felt[2 * number : 2 * number + 2, self._slices[name]] = self._true[name].motion_g
        return felt

    def _turned(self, part: slice, felt: Array) -> Array:
        """What hysteresis adds to a change: a cell that is unloaded comes down by another way.

        `_way` is 1 on the way up, -1 on the way down, and gets there with the load that moved.
        """
        before = self._way[part].copy()
        self._way[part] += (np.sign(felt) - before) * -np.expm1(-np.abs(felt) / _MEMORY_G)
        turned: Array = self._faults.hysteresis_g * (self._way[part] - before)
        return turned

    def _felt(self, shelf: str, grams: Array) -> Array:
        """What the cells feel of a load: their gain, and a little of their neighbours' load."""
        cells = self._true[shelf]
        felt = grams * cells.gain
        felt[1:] += cells.crosstalk[1:] * grams[:-1]
        felt[:-1] += cells.crosstalk[:-1] * grams[1:]
        whole: Array = felt
        return whole
