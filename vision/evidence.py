"""Evidence that a track is somebody, as log odds that grow with detections and shrink with misses.

The target-existence recursion of integrated probabilistic data association (Musicki, Evans &
Stankovic, 1994), per camera. Successive looks at one scene err alike: a look counts in full only
when `INDEPENDENT_S` have passed since the last one, in proportion before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.view import View

Array = NDArray[np.float64]

INDEPENDENT_S = 0.5
MOST_ODDS = 4.0  # log odds: however long somebody was seen, a second of misses counts
MOST_OF_ONE = 8.0  # log-likelihood ratio that one detection may give
STAY_S = 20.0  # how long a person is seen for, on average
_SCORE_GAIN, _SCORE_EVEN = 10.0, 0.6  # of detectors' scores: as often a person as not
_SCORE_LEAST, _SCORE_MOST = -2.5, 1.5


def weight_of_look(dt_s: float) -> float:
    """What a look counts for that comes `dt_s` after the last one."""
    return min(1.0, dt_s / INDEPENDENT_S)


def of_looks(view: View) -> Array:
    """Log-likelihood ratios (N,) of detections being somebody rather than nobody, wherever they
    are: by their scores, and by how well their boxes fit a body at that place."""
    ratio = np.clip(_SCORE_GAIN * (view.scores - _SCORE_EVEN), _SCORE_LEAST, _SCORE_MOST)
    return np.asarray(ratio if view.fit is None else ratio + view.fit)


def log_density(squared: Array, log_volume: Array) -> Array:
    """The log of a Gaussian in the plane: from squared Mahalanobis distances, log determinants."""
    return np.asarray(-0.5 * (squared + log_volume) - np.log(2 * np.pi))


def probability(log_odds: Array) -> Array:
    """Log odds as probabilities."""
    return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))


def survive(log_odds: Array, dt_s: float) -> Array:
    """Log odds after `dt_s` in which people may have left."""
    stayed = probability(log_odds) * np.exp(-dt_s / STAY_S)
    return np.asarray(np.log(stayed / (1.0 - stayed)))
