"""Fits emulated vision to what real vision reported of people whose true places are known.

Rates are events over time under each condition, with a little prior time, so that a condition
that was never met falls back on all the others together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from simulator.emulation import (
    QUANTILES,
    STEP_S,
    VIEWS,
    Emulation,
    HandErrors,
    HandSeeing,
    Links,
    Tracking,
)
from simulator.emulation_tally import Tally, Watched, Watcher
from simulator.visibility import Sight

Array = NDArray[np.float64]

_PRIOR_S = 20.0


def fit_emulation(
    runs: Iterable[tuple[Store, Sight, Sequence[Watched]]],
    made_by: str,
    model_sha256: str,
    scenes: Sequence[str],
) -> Emulation:
    """The figures that runs of real vision give. Raises ValueError where nobody was seen."""
    sums = Tally()
    for store, sight, instants in runs:
        Watcher(store, sight, sums).watch(instants)
    if not sums.starts:
        raise ValueError("vision saw nobody in these runs")
    return Emulation(
        made_by=made_by,
        model_sha256=model_sha256,
        scenes=list(scenes),
        person_seconds=round(sums.person_s, 1),
        tracking=_tracking(sums),
        hands=_hands(sums),
        links=Links(
            told_right=_share(len(sums.right), sums.could_be_right, 0.8),
            right_ratio=_deciles(sums.right, [4.0]),
            told_wrong=_share(len(sums.wrong), sums.could_be_wrong, 0.1),
            wrong_ratio=_deciles(sums.wrong, [-2.0]),
        ),
        sightings=sums.sightings.fitted(),
    )


def _tracking(sums: Tally) -> Tracking:
    away = {v: [float(np.hypot(*e)) for e in sums.floor[v]] for v in range(VIEWS)}
    every = [e for v in range(VIEWS) for e in away[v]]
    sigma = [s for v in range(VIEWS) for s in sums.sigma[v]]
    ghosts = [(s, m) for s, m in sums.ghosts if s > 0.3]
    return Tracking(
        start_s=_deciles(sums.starts, [0.3]),
        lose_per_s=_rates(sums.losses, sums.found_s),
        find_per_s=_rates(sums.finds, sums.lost_s, least=0.2),
        break_per_s=_rates(sums.breaks, sums.found_s),
        gap_s=_deciles(sums.gaps, [0.0]),
        forget_s=_threshold(sums.kept_gaps, sums.forgotten_gaps),
        swap_per_s=[
            round(float(n / max(t, 1.0)), 6)
            for n, t in zip(sums.swaps, sums.company_s + _PRIOR_S, strict=True)
        ],
        error_m=[_deciles(away[v], every) for v in range(VIEWS)],
        memory_s=_memory(sums.floor_runs, 5),
        reported_sigma_m=[round(float(np.median(sums.sigma[v] or sigma)), 4) for v in range(VIEWS)],
        ghosts_per_s=round(len(ghosts) / max(sums.person_s, 1.0), 6),
        ghost_s=_deciles([s for s, _ in ghosts], [0.5]),
        ghost_away_m=_deciles([m for _, m in ghosts], [1.0]),
    )


def _hands(sums: Tally) -> HandSeeing:
    pooled = sums.chain.sum(axis=(0, 1))
    chain: list[list[list[list[float]]]] = []
    for reaching in range(2):
        chain.append([])
        for views in range(VIEWS):
            counts = sums.chain[reaching, views] + 0.5 * np.eye(3)
            counts = counts + 2.0 * pooled / np.maximum(pooled.sum(axis=1, keepdims=True), 1.0)
            shares = counts / counts.sum(axis=1, keepdims=True)
            chain[-1].append(np.round(shares, 5).tolist())
    wrong = sums.sides[:, 1].sum()
    stolen = sums.stolen[:, 1].sum()
    every = [e for found in sums.hand.values() for e in found]
    return HandSeeing(
        chain=chain,
        errors=[[_errors(sums.hand[r, s], every) for s in (1, 2)] for r in range(2)],
        memory_s=_memory(sums.hand_runs, 3),
        wrong_side=[_share(int(w), int(g + w), 0.1) for g, w in sums.sides],
        wrong_side_s=round(STEP_S * float(wrong) / max(1, sums.side_turns), 3),
        stolen=[_share(int(w), int(g + w), 0.0) for g, w in sums.stolen],
        stolen_s=round(max(STEP_S, STEP_S * float(stolen) / max(1, sums.stolen_bursts)), 3),
    )


def _errors(found: list[Array], every: list[Array]) -> HandErrors:
    """Bias by least squares on (1, distance, height), and what is left of it."""
    rows = np.array(found if len(found) >= 60 else every)
    error, causes, sigma = rows[:, :3], rows[:, 3:6], rows[:, 6]
    bias, *_ = np.linalg.lstsq(causes, error, rcond=None)
    left = error - causes @ bias
    covariance = np.cov(left.T) + 1e-6 * np.eye(3)
    factor = np.linalg.cholesky(covariance)
    stretch = np.linalg.norm(np.linalg.solve(factor, left.T), axis=0)
    return HandErrors(
        bias=np.round(bias.T, 5).tolist(),
        spread=np.round(factor, 5).tolist(),
        stretch=_deciles(stretch.tolist(), [1.0]),
        reported_sigma_m=_deciles(sigma.tolist(), [0.15]),
    )


def _rates(events: Array, seconds: Array, least: float = 0.0) -> list[list[float]]:
    mean = float(events.sum()) / max(float(seconds.sum()), 1.0)
    rates = (events + _PRIOR_S * mean) / (seconds + _PRIOR_S)
    return np.round(np.maximum(rates, least), 6).tolist()  # type: ignore[no-any-return]


def _share(hits: int, of: int, prior: float) -> float:
    return round((hits + 2 * prior) / (of + 2), 5)


def _deciles(values: Sequence[float], otherwise: Sequence[float]) -> list[float]:
    found = np.quantile(values if len(values) >= 5 else [*values, *otherwise], QUANTILES)
    return np.round(found, 4).tolist()  # type: ignore[no-any-return]


def _threshold(kept: list[float], forgotten: list[float]) -> float:
    """The gap that best tells those after which the tracklet was kept from the others."""
    candidates = sorted({*kept, *forgotten, 1.0})
    faults = [sum(k > c for k in kept) + sum(f <= c for f in forgotten) for c in candidates]
    return round(float(candidates[int(np.argmin(faults))]), 3)


def _memory(runs: list[Array], lag: int) -> float:
    """Correlation time of errors, from the autocorrelation `lag` steps apart, seconds."""
    pairs = [(run[:-lag], run[lag:]) for run in runs if len(run) > lag]
    if not pairs:
        return STEP_S
    mean = np.concatenate(runs).mean(axis=0)
    first = np.concatenate([a for a, _ in pairs]) - mean
    second = np.concatenate([b for _, b in pairs]) - mean
    ratio = float((first * second).sum() / max(float((first * first).sum()), 1e-12))
    return round(float(-lag * STEP_S / math.log(min(max(ratio, 0.02), 0.98))), 3)
