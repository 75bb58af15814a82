"""Whether the cells of a shelf can be trusted: alive, silent, stuck at one value, or spiking."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CellState = Literal["new", "live", "silent", "stuck", "spiking"]

STUCK_RUNS = 50.0  # times as long as a cell usually shows one value
STUCK_NS = 10_000_000_000
SPIKING_SHARE = 0.0005  # of its samples


def stuck_cells(same: Array, taken: Array, changes: Array, period_ns: int) -> NDArray[np.bool_]:
    """Which cells have shown one value for far longer than they ever do.

    All (plates,): `same` samples in a row that did not differ, of `taken` ever, of which `changes`
    differed. A cell that never varied is not called stuck: it may be quiet, and coarse.
    """
    usual = taken / np.maximum(changes, 1.0)
    stuck: NDArray[np.bool_] = (
        (changes > 1) & (same * period_ns >= STUCK_NS) & (same > STUCK_RUNS * usual)
    )
    return stuck


def cell_states(
    taken: Array, silent: Array, stuck: NDArray[np.bool_], spikes: Array
) -> tuple[CellState, ...]:
    """One word per plate, the gravest; all arrays (plates,)."""
    return tuple(
        "new"
        if not taken[p]
        else "silent"
        if silent[p]
        else "stuck"
        if stuck[p]
        else "spiking"
        if spikes[p] > max(2.0, SPIKING_SHARE * taken[p])
        else "live"
        for p in range(len(taken))
    )
