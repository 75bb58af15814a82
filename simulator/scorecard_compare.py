"""Two scorecards side by side: what got better, what worse, and what is within chance.

Scenes are compared by name. Intervals are paired: for a scene, the same seeds are drawn from
both cards; overall, the same scenes. A difference counts as one where its interval leaves out 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.scorecard_bootstrap import KEYS, RATIOS, paired_intervals, ratios

COMPARED = ("all", "unreviewed", "after_review", "unaided")
LESS_IS_BETTER = ("wrong_charges_per_100", "missed_per_100", "reviewed_share")

Card = Mapping[str, Any]
Runs = dict[tuple[str, int], Mapping[str, Any]]


def compare(a: Card, b: Card) -> dict[str, Any]:
    """Differences `b` less `a`, overall and per scene that both have; a dict fit for JSON.

    `cautions` says what else differs between the two.
    """
    runs_a, runs_b = _runs(a), _runs(b)
    names = [name for name in a["scenes"] if name in b["scenes"]]
    seeded = {name: [k for k in runs_a if k[0] == name and k in runs_b] for name in names}
    scenes = {
        name: _differences([runs_a[k] for k in seeded[name]], [runs_b[k] for k in seeded[name]])
        for name in names
        if seeded[name]
    }
    clusters = [seeded[name] for name in scenes]
    return {
        "a": _made(a),
        "b": _made(b),
        "cautions": _cautions(a, b, runs_a, runs_b),
        "runs_compared": sum(len(found) for found in clusters),
        "overall": _overall(clusters, runs_a, runs_b),
        "scenes": scenes,
    }


def _runs(card: Card) -> Runs:
    return {(run["scene"], run["seed"]): run for run in card["runs"]}


def _overall(
    clusters: Sequence[Sequence[tuple[str, int]]], runs_a: Runs, runs_b: Runs
) -> dict[str, Any]:
    if len(clusters) == 1:
        clusters = [[key] for key in clusters[0]]
    return {
        column: _difference(
            [_added([runs_a[key][column] for key in found]) for found in clusters],
            [_added([runs_b[key][column] for key in found]) for found in clusters],
        )
        for column in COMPARED
    }


def _differences(a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        column: _difference([run[column] for run in a], [run[column] for run in b])
        for column in COMPARED
    }


def _difference(a: Sequence[Mapping[str, int]], b: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    before, after, chance = ratios(_added(a)), ratios(_added(b)), paired_intervals(a, b)
    return {
        name: {
            "a": before[name],
            "b": after[name],
            "difference": after[name] - before[name],
            "interval": chance[name],
            "verdict": _verdict(name, after[name] - before[name], chance[name]),
        }
        for name in RATIOS
    }


def _verdict(name: str, difference: float, interval: tuple[float, float] | None) -> str:
    if difference == 0:
        return "same"
    if interval is None or interval[0] <= 0 <= interval[1]:
        return "within chance"
    return "better" if (difference < 0) == (name in LESS_IS_BETTER) else "worse"


def _added(parts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update({key: part.get(key, 0) for key in KEYS})
    return dict(total)


def _made(card: Card) -> dict[str, Any]:
    return {**card.get("made", {}), "vision": card["vision"], "transport": card["transport"]}


def _cautions(a: Card, b: Card, runs_a: Runs, runs_b: Runs) -> list[str]:
    found = [
        f"{key} differs: {a[key]} against {b[key]}"
        for key in ("vision", "transport")
        if a[key] != b[key]
    ]
    for card, other, name in ((a, b, "the first"), (b, a, "the second")):
        alone = [scene for scene in card["scenes"] if scene not in other["scenes"]]
        if alone:
            found.append(f"only in {name}, left out: {', '.join(alone)}")
    for these, those, name in ((runs_a, runs_b, "the first"), (runs_b, runs_a, "the second")):
        shared = {scene for scene, _ in those}
        lone = sum(key not in those for key in these if key[0] in shared)
        if lone:
            found.append(f"seeds differ: {lone} runs stand only in {name} and were left out")
    return found
