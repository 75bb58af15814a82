"""Which detection belongs to which track: gates, costs, and the best assignment under them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

Array = NDArray[np.float64]

GATE = 13.8  # χ² with two degrees of freedom, 99.9 %
_APPEARANCE = 0.5  # clothes break ties; they do not outvote motion
_MISS = 25.0


def assign(squared: Array, log_volume: Array, alike: Array) -> NDArray[np.intp]:
    """Pairs (P, 2) of track and detection with the least total cost.

    `squared` (N, M) are Mahalanobis distances, `log_volume` (N, M) the log determinants of their
    covariances, so that a vague track does not draw detections from a sharp one; `alike` (N, M)
    log-likelihood ratios of looks. Pairs outside the gate never match.
    """
    cost = squared + log_volume - 2.0 * _APPEARANCE * alike
    cost = np.where(squared > GATE, _MISS, np.minimum(cost, _MISS))
    rows, columns = linear_sum_assignment(cost)
    kept = squared[rows, columns] <= GATE
    return np.stack([rows[kept], columns[kept]], axis=1).astype(np.intp)
