"""The best one-to-one assignment under a gate, compiled, for the small tables of tracking.

Shortest augmenting paths (Jonker & Volgenant, 1987) on the pairs inside the gate only. Pairs that
compete with nobody are taken at once, so that a frame without a crowd costs next to nothing.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@njit(cache=True)
def assign_gated(cost: Array, limit: float) -> Index:
    """For each row of `cost` (N, M) its column, or −1, so that the sum of (cost − limit) over all
    pairs is least; a pair costing `limit` or more is never made."""
    rows, columns = cost.shape
    chosen = np.full(rows, -1, np.int64)
    owner = np.full(columns + rows, -1, np.int64)  # column `columns + r`: row r stays alone
    rivals = np.zeros(columns, np.int64)
    choices = np.zeros(rows, np.int64)
    for i in range(rows):
        for j in range(columns):
            if cost[i, j] < limit:
                choices[i] += 1
                rivals[j] += 1
    contested = choices > 0
    for i in range(rows):
        if choices[i] == 1:
            for j in range(columns):
                if cost[i, j] < limit and rivals[j] == 1:
                    chosen[i], owner[j], contested[i] = j, i, False
    row_price = np.zeros(rows)
    column_price = np.zeros(columns + rows)
    length = np.empty(columns + rows)
    before = np.empty(columns + rows, np.int64)
    reached = np.empty(columns + rows, np.bool_)
    for start in range(rows):
        if not contested[start]:
            continue
        length[:] = np.inf
        before[:] = -1
        reached[:] = False
        i, base = start, 0.0
        while True:
            for j in range(columns):
                if not reached[j] and cost[i, j] < limit:
                    step = base + cost[i, j] - limit - row_price[i] - column_price[j]
                    if step < length[j]:
                        length[j], before[j] = step, i
            alone = columns + i
            if not reached[alone]:
                step = base - row_price[i] - column_price[alone]
                if step < length[alone]:
                    length[alone], before[alone] = step, i
            best = -1
            for j in range(columns + rows):
                if not reached[j] and before[j] >= 0 and (best < 0 or length[j] < length[best]):
                    best = j
            reached[best] = True
            base = length[best]
            if owner[best] < 0:
                break
            i = owner[best]
        for j in range(columns + rows):
            if reached[j] and j != best:
                column_price[j] += length[j] - base
                row_price[owner[j]] += base - length[j]
        row_price[start] += base
        j = best
        while True:  # flip the path: each row on it takes the column that it reached
            i = before[j]
            owner[j] = i
            last = chosen[i]
            chosen[i] = j
            if i == start:
                break
            j = last
    for i in range(rows):
        if chosen[i] >= columns:
            chosen[i] = -1
    return chosen
