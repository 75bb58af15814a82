"""What each kind of evidence is worth: the engine with some of it switched off, on the same runs.

Each scene is played once; every engine hears the same observations. Steps build the engine up from
weights alone, then take one kind away from the whole, then give it histories that mislead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cart.profile import Profiles
from fusion.switches import EVERYTHING, Switches
from service.heard import Heard, decide, hear, over_processes
from service.simulate import stage
from simulator.histories import History, visits_before
from simulator.score import COUNTS, Figures, score
from simulator.scorecard_bootstrap import Counts, intervals, paired_intervals, ratios
from simulator.scorecard_risk import unaided

COLUMNS = ("all", "unreviewed", "unaided")
NOTHING = Switches(
    planogram=False, hand=False, sight=False, tags=False, history=False, joint=False, late=False
)
_BUILT_UP = (
    ("planogram", "+ planogram and place"),
    ("hand", "+ hands"),
    ("sight", "+ camera's sight of products"),
    ("tags", "+ exit gate"),
    ("history", "+ purchase history"),
    ("joint", "+ joint decision"),
    ("late", "+ late evidence"),
)
_TAKEN_AWAY = (
    ("planogram", "without planogram and place"),
    ("hand", "without hands"),
    ("sight", "without sight of products"),
    ("tags", "without exit gate"),
    ("joint", "without joint decision"),
    ("late", "without late evidence"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One engine to be measured; `beside` is the step that its change is counted from."""

    name: str
    used: Switches
    history: History
    beside: str | None


WHOLE = "everything, nobody known"


def steps() -> list[Step]:
    """All engines, from weights alone to everything, and everything less one thing."""
    used, found = NOTHING, [Step("weights alone", NOTHING, "none", None)]
    for switch, name in _BUILT_UP:
        used = replace(used, **{switch: True})
        history: History = "matching" if used.history else "none"
        found.append(Step(name, used, history, found[-1].name))
    found.append(Step(WHOLE, EVERYTHING, "none", found[-1].name))
    found += [
        Step(name, replace(EVERYTHING, **{switch: False}), "none", WHOLE)
        for switch, name in _TAKEN_AWAY
    ]
    kinds: tuple[History, ...] = ("matching", "drifted", "adversarial")
    return found + [Step(f"with {kind} histories", EVERYTHING, kind, WHOLE) for kind in kinds]


Columns = Mapping[str, Counts]


def ablate(
    sources: Sequence[Path], seeds: Sequence[int], workers: int, told: Callable[[str], None]
) -> dict[str, Any]:
    """Measure every step on every scene and seed; `told` hears of each scene that is done.

    Gives what `--json` writes: see docs/measures.md.
    """
    asked = [(source, seed) for source in sources for seed in seeds]
    by_scene: dict[str, dict[str, dict[str, Counter[str]]]] = {}
    for scene, found in over_processes(partial(_measure, steps()), asked, workers):
        told(scene)
        for step, columns in found.items():
            counts = by_scene.setdefault(scene, {}).setdefault(
                step, {column: Counter() for column in COLUMNS}
            )
            for column in COLUMNS:
                counts[column].update(columns[column])
    return {
        "scenes": sorted(by_scene),
        "seeds": list(seeds),
        "vision": "emulated",
        "transport": "direct",
        "steps": [_figures(step, by_scene) for step in steps()],
    }


def _measure(found: Sequence[Step], asked: tuple[Path, int]) -> tuple[str, dict[str, Columns]]:
    """The scene's name and the counts of every step on one run of it."""
    source, seed = asked
    heard = hear(stage(source), seed)
    return heard.truth.scene, {step.name: _columns(heard, step) for step in found}


def _columns(heard: Heard, step: Step) -> Columns:
    profiles = Profiles()
    for bill in visits_before(heard.truth, heard.store, step.history):
        profiles.apply(bill)
    events = decide(heard, step.used, profiles)

    def scored(found: Sequence[Any]) -> Figures:
        return score(
            found,
            heard.truth,
            heard.store,
            vision="emulated",
            transport="direct",
            realtime_factor=None,
        )

    ours = scored(events)
    reviewed = {"reviewed_visits": ours["reviewed_visits"]}
    return {
        "all": {**_counts(ours), **reviewed},
        "unreviewed": _counts(ours["unreviewed"]),
        "unaided": _counts(scored(unaided(events))),
    }


def _counts(figures: Figures) -> dict[str, int]:
    return {key: figures[key] for key in COUNTS}


def _figures(
    step: Step, by_scene: Mapping[str, Mapping[str, Mapping[str, Counter[str]]]]
) -> dict[str, Any]:
    """A step's ratios by column, their intervals by resampling scenes, and its change."""

    def clusters(name: str, column: str) -> list[Counter[str]]:
        return [by_scene[scene][name][column] for scene in sorted(by_scene)]

    totals = {column: _added(clusters(step.name, column)) for column in COLUMNS}
    change = None
    if step.beside is not None:
        change = {
            column: paired_intervals(clusters(step.beside, column), clusters(step.name, column))
            for column in COLUMNS
        }
    return {
        "step": step.name,
        "history": step.history,
        "beside": step.beside,
        "counts": {column: dict(totals[column]) for column in COLUMNS},
        "ratios": {column: ratios(totals[column]) for column in COLUMNS},
        "intervals": {column: intervals(clusters(step.name, column)) for column in COLUMNS},
        "change": change,
    }


def _added(parts: Sequence[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def ablation_table(result: Mapping[str, Any]) -> str:
    """The steps as a table in Markdown, intervals in brackets."""
    lines = [
        "| engine | F1, all visits | change of F1 | wrong charges per 100 units | reviewed visits "
        "| F1, if nobody reviewed |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for step in result["steps"]:
        change = "–"
        if step["change"] is not None and step["change"]["all"]["f1"] is not None:
            low, high = step["change"]["all"]["f1"]
            change = f"{100 * low:+.1f} to {100 * high:+.1f}"
        lines.append(
            f"| {step['step']} | {_shown(step, 'all', 'f1', 100)} | {change} "
            f"| {_shown(step, 'all', 'wrong_charges_per_100', 1)} "
            f"| {_shown(step, 'all', 'reviewed_share', 100)} "
            f"| {_shown(step, 'unaided', 'f1', 100)} |"
        )
    return "\n".join(lines) + "\n"


def _shown(step: Mapping[str, Any], column: str, ratio: str, times: float) -> str:
    value, interval = step["ratios"][column][ratio], step["intervals"][column][ratio]
    shown = f"{times * value:.1f}"
    if interval is None:
        return shown
    low, high = (times * edge for edge in interval)
    return f"{shown} ({low:.1f}–{high:.1f})"
