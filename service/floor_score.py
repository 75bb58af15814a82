"""How well people were tracked on the floor: CLEAR MOT and IDF1 over places, within a distance.

CLEAR MOT (Bernardin & Stiefelhagen, 2008): a track stays with its person while it is near them, the
others are assigned at least total distance; a person who goes on under another track is a switch.
IDF1 (Ristani et al., 2016): the share of places under the one best naming of tracks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from service.floor_files import Places

Array = NDArray[np.float64]

NEAR_M = 1.0
_NOBODY = Places(np.zeros(0, dtype=np.intp), np.zeros((0, 2)))


@dataclass(frozen=True, slots=True)
class FloorScore:
    """Counts over all frames, IDF1 and MOTA in per cent, the median distance in metres."""

    idf1: float
    mota: float
    people: int
    missed: int
    false: int
    switches: int
    error_m: float


def score_floor(
    found: Mapping[int, Places], truth: Mapping[int, Places], frames: Iterable[int]
) -> FloorScore:
    """Compare places found with true ones in `frames`."""
    track_of: dict[int, int] = {}
    common: Counter[tuple[int, int]] = Counter()
    people = tracks = missed = false = switches = 0
    errors: list[float] = []
    for frame in frames:
        true, here = truth.get(frame, _NOBODY), found.get(frame, _NOBODY)
        gap = np.linalg.norm(true.xy_m[:, None] - here.xy_m[None], axis=2)
        for i, j in np.argwhere(gap <= NEAR_M).tolist():
            common[int(true.ids[i]), int(here.ids[j])] += 1
        pairs = _match(true, here, gap, track_of)
        for i, j in pairs:
            person, track = int(true.ids[i]), int(here.ids[j])
            switches += track_of.get(person, track) != track
            track_of[person] = track
            errors.append(float(gap[i, j]))
        people, tracks = people + len(true.ids), tracks + len(here.ids)
        missed, false = missed + len(true.ids) - len(pairs), false + len(here.ids) - len(pairs)
    return FloorScore(
        idf1=100.0 * 2.0 * _best_naming(common) / max(1, people + tracks),
        mota=100.0 * (1.0 - (missed + false + switches) / max(1, people)),
        people=people,
        missed=missed,
        false=false,
        switches=switches,
        error_m=float(np.median(errors)) if errors else float("nan"),
    )


def _match(
    true: Places, here: Places, gap: Array, track_of: Mapping[int, int]
) -> list[tuple[int, int]]:
    """Pairs of person and track: those of before where still near, then the nearest."""
    column = {track: j for j, track in enumerate(here.ids.tolist())}
    pairs: list[tuple[int, int]] = []
    taken: set[int] = set()
    for i, person in enumerate(true.ids.tolist()):
        j = column.get(track_of.get(person, -1), -1)
        if j >= 0 and j not in taken and gap[i, j] <= NEAR_M:
            pairs.append((i, j))
            taken.add(j)
    rows = sorted(set(range(len(true.ids))) - {i for i, _ in pairs})
    columns = sorted(set(range(len(here.ids))) - taken)
    cost = gap[np.ix_(rows, columns)]
    far = 1e3 * NEAR_M
    chosen = linear_sum_assignment(np.where(cost <= NEAR_M, cost, far))
    for r, c in zip(*chosen, strict=True):
        if cost[r, c] <= NEAR_M:
            pairs.append((rows[r], columns[c]))
    return pairs


def _best_naming(common: Mapping[tuple[int, int], int]) -> int:
    """The most places that agree when each track is one person's."""
    people = {p: i for i, p in enumerate(sorted({p for p, _ in common}))}
    tracks = {t: j for j, t in enumerate(sorted({t for _, t in common}))}
    counts = np.zeros((len(people), len(tracks)))
    for (person, track), count in common.items():
        counts[people[person], tracks[track]] = count
    return int(counts[linear_sum_assignment(counts, maximize=True)].sum())
