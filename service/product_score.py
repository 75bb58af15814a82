"""How well a gallery names what crops show: top-1 and top-5, unknown against known, calibration,
confusions, by size of the crop, and with several crops of a thing pooled. Also fits the scale.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

from vision.gallery import Gallery, Scale, log_softmax

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

NOT_ENROLLED = -1
SIZES_PX = (16, 24, 32, 48, 64, 96, 10_000)
_BINS = 15
_TEMPERATURES = (0.005, 2.0)  # where cosines tell everything, and next to nothing


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Crops that were compared with a gallery: `cosines` (N, G), the product that each shows,
    `truth` (N,), NOT_ENROLLED for none of the gallery's, which crops show one and the same `thing`
    (N,), and the longer side of each, `side_px` (N,)."""

    cosines: Array
    truth: Indices
    thing: Indices
    side_px: Indices

    def part(self, chosen: NDArray[np.bool_]) -> Shown:
        """Some of the crops, chosen by a mask (N,)."""
        return Shown(
            self.cosines[chosen], self.truth[chosen], self.thing[chosen], self.side_px[chosen]
        )


def score_products(gallery: Gallery, shown: Shown, before: Scale | None = None) -> dict[str, Any]:
    """Figures of a gallery on crops; `ece_before` is that of the scale `before`, if it is given."""
    known = shown.truth != NOT_ENROLLED
    ranked = np.argsort(-shown.cosines[known], axis=1, kind="stable")
    truth = shown.truth[known]
    hit = ranked[:, :5] == truth[:, None]
    shares = np.exp(log_softmax(gallery.logits(shown.cosines)))
    wanted = np.where(known, shown.truth, len(gallery))
    figures: dict[str, Any] = {
        "products": len(gallery),
        "crops": len(shown.truth),
        "crops_of_enrolled": int(known.sum()),
        "top1": _mean(hit[:, 0]),
        "top5": _mean(hit.any(axis=1)),
        "right_where_it_may_say_unknown": _mean(shares.argmax(axis=1) == wanted),
        "unknown_auroc": auroc(shares[:, -1], ~known),
        "ece": calibration_error(shares, wanted),
    }
    if before is not None:
        other = Gallery(gallery.network, gallery.dimensions, before)
        figures["ece_before"] = calibration_error(
            np.exp(log_softmax(other.logits(shown.cosines))), wanted
        )
    figures["by_size_px"] = _by_size(hit, shown.side_px[known])
    figures["pooled"] = _by_count(gallery, shown)
    return figures


def confusions(gallery: Gallery, shown: Shown, most: int = 15) -> list[tuple[str, str, int]]:
    """Which product was taken for which, and how often, the commonest first."""
    known = shown.truth != NOT_ENROLLED
    taken, truth = shown.cosines[known].argmax(axis=1), shown.truth[known]
    gtins = gallery.gtins()
    pairs = Counter((gtins[t], gtins[k]) for t, k in zip(truth, taken, strict=True) if t != k)
    return [(a, b, n) for (a, b), n in sorted(pairs.items(), key=lambda p: (-p[1], p[0]))[:most]]


def confusion_matrix(gallery: Gallery, shown: Shown) -> NDArray[np.intp]:
    """How often product i was taken for product j, (G, G)."""
    known = shown.truth != NOT_ENROLLED
    table = np.zeros((len(gallery), len(gallery)), dtype=np.intp)
    np.add.at(table, (shown.truth[known], shown.cosines[known].argmax(axis=1)), 1)
    return table


def matrix_picture(table: NDArray[np.intp], cell_px: int = 8) -> NDArray[np.uint8]:
    """A confusion matrix (G, G) as a picture: a row for each product that was shown, darker where
    more of its crops were taken for the column's."""
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    ink = np.array([150.0, 110.0, 30.0])  # what the darkest cells lack of white: a deep blue
    cells = 255.0 - (0.1 + 0.9 * shares[..., None]) * (255.0 - ink[::-1]) * (shares[..., None] > 0)
    picture: NDArray[np.uint8] = np.kron(
        cells.astype(np.uint8), np.ones((cell_px, cell_px, 1), np.uint8)
    )
    return picture


def fit_scale(gallery: Gallery, shown: Shown, start: Scale) -> Scale:
    """The temperature and place of "unknown" that make single crops likeliest, then the
    correlation that makes pooled ones likeliest."""
    wanted = np.where(shown.truth != NOT_ENROLLED, shown.truth, shown.cosines.shape[1])

    def scale_at(at: Array) -> Scale:
        temperature = float(np.clip(np.exp(at[0]), *_TEMPERATURES))
        return replace(start, temperature=temperature, unknown_at=float(np.tanh(at[1])))

    def surprise(at: Array) -> float:
        scale = scale_at(at)
        logs = log_softmax(Gallery("", 0, scale).logits(shown.cosines))
        return -float(logs[np.arange(len(wanted)), wanted].mean())

    first = np.array(
        [np.log(start.temperature), np.arctanh(np.clip(start.unknown_at, -0.99, 0.99))]
    )
    best = minimize(surprise, first, method="Nelder-Mead", options={"maxiter": 200}).x
    found = scale_at(best)
    scale = replace(
        found,
        temperature=round(found.temperature, 4),
        unknown_at=round(found.unknown_at, 4),
    )
    tries = [replace(scale, correlation=c) for c in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)]
    return min(tries, key=lambda s: _pooled_surprise(s, shown, wanted))


def calibration_error(shares: Array, wanted: Indices) -> float:
    """Expected calibration error of the likeliest answers, 15 bins (Guo et al. 2017)."""
    if not len(wanted):
        return float("nan")
    sure, right = shares.max(axis=1), shares.argmax(axis=1) == wanted
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    gap = 0.0
    for k in range(_BINS):
        own = bins == k
        if own.any():
            gap += float(own.mean()) * abs(float(sure[own].mean()) - float(right[own].mean()))
    return gap


def auroc(values: Array, positive: NDArray[np.bool_]) -> float:
    """How often a positive has a greater value than a negative, ties half; NaN without both."""
    up, down = values[positive], np.sort(values[~positive])
    if not len(up) or not len(down):
        return float("nan")
    below = np.searchsorted(down, up, "left") + np.searchsorted(down, up, "right")
    return float(below.mean() / (2 * len(down)))


def _pooled_surprise(scale: Scale, shown: Shown, wanted: Indices) -> float:
    gallery = Gallery("", 0, scale)
    total, things = 0.0, np.unique(shown.thing)
    for thing in things:
        own = shown.thing == thing
        logs = log_softmax(gallery.pooled(shown.cosines[own])[None])
        total -= float(logs[0, wanted[own][0]])
    return total / len(things)


def _by_size(hit: NDArray[np.bool_], side_px: Indices) -> dict[str, dict[str, float]]:
    found = {}
    for low, high in zip((0, *SIZES_PX), SIZES_PX, strict=False):
        own = (side_px > low) & (side_px <= high)
        if own.any():
            name = f"{low + 1}…{high}" if high < SIZES_PX[-1] else f"over {low}"
            found[name] = {
                "crops": int(own.sum()),
                "top1": _mean(hit[own, 0]),
                "top5": _mean(hit[own].any(axis=1)),
            }
    return found


def _by_count(gallery: Gallery, shown: Shown) -> dict[str, dict[str, float]]:
    """Things seen in 1, 2, 4 … crops: whether the best product is right, and the calibration."""
    found: dict[str, dict[str, float]] = {}
    groups = [np.flatnonzero(shown.thing == t) for t in np.unique(shown.thing)]
    most = max((len(g) for g in groups), default=0)
    for count in (c for c in (1, 2, 4, 8) if c <= most):
        rows = _pooled_rows(gallery, shown, [g[:count] for g in groups if len(g) >= count])
        shares, truth = rows
        known = truth != NOT_ENROLLED
        wanted = np.where(known, truth, len(gallery))
        found[str(count)] = {
            "things": len(truth),
            "top1": _mean(shares[known, :-1].argmax(axis=1) == truth[known]),
            "right_where_it_may_say_unknown": _mean(shares.argmax(axis=1) == wanted),
            "unknown_auroc": auroc(shares[:, -1], ~known),
            "ece": calibration_error(shares, wanted),
        }
    return found


def _pooled_rows(
    gallery: Gallery, shown: Shown, groups: Sequence[Indices]
) -> tuple[Array, Indices]:
    logits = np.stack([gallery.pooled(shown.cosines[g]) for g in groups])
    return np.exp(log_softmax(logits)), shown.truth[[g[0] for g in groups]]


def _mean(of: ArrayLike) -> float:
    values = np.asarray(of, dtype=np.float64)
    return float(values.mean()) if values.size else float("nan")
