"""The scorecard as one HTML file that needs nothing beside it: plots, tables and failed visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service import score_plots
from simulator.score import LATENCIES
from simulator.scorecard import COLUMNS
from simulator.scorecard_causes import CAUSES

MOST_FAILURES = 60
MOST_SOURCES_NAMED = 4
_TEMPLATES = Path(__file__).resolve().parent / "web" / "templates"
_RATIO_ROWS = (
    ("precision", "precision", "share"),
    ("recall", "recall", "share"),
    ("F1", "f1", "share"),
    ("receipts exact", "receipts_exact_share", "share"),
    ("wrong charges per 100 units", "wrong_charges_per_100", "number"),
    ("missed per 100 units", "missed_per_100", "number"),
)
_COUNT_ROWS = (
    ("units truly taken", "items_true"),
    ("units billed", "items_billed"),
    ("units correct", "items_correct"),
    ("wrong charges", "wrong_charges"),
    ("missed", "missed_items"),
)


def page_of(card: Mapping[str, Any]) -> str:
    """The page of a scorecard, as `score --json` writes it. The same card gives the same page."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {"share": _share, "number": _number, "told": told}
    scenes = card["scenes"]
    samples = {k: [s for one in scenes.values() for s in one["samples"][k]] for k in LATENCIES}
    return environment.get_template("score.html").render(
        card=card,
        made={
            **card["made"],
            "sources": _named(card["made"]["sources"]),
            "seeds": _spans(card["seeds"]),
            "clusters": "whole scenes" if len(scenes) > 1 else "the scene's runs",
            "kept": any(one["recording"] for one in card["failures"]),
        },
        lost=card["lost"],
        tiles=_tiles(card),
        results=_results(card),
        causes=CAUSES,
        promise=_promise(card["risk_coverage"]),
        failures=card["failures"][:MOST_FAILURES],
        plots={
            "scenes": score_plots.scene_scores([_scene_row(n, s) for n, s in scenes.items()]),
            "causes": score_plots.causes(
                [(name, scene["causes"], scene["items_true"]) for name, scene in scenes.items()]
            ),
            "risk": score_plots.risk_coverage(card["risk_coverage"]),
            "reliability": score_plots.reliability(card["calibration"]),
            "latency": score_plots.latencies(samples),
        },
    )


def told(error: Mapping[str, Any]) -> str:
    """One error in words."""
    billed, true, other = error["billed"], error["true"], error["other"]
    if error["cause"] == "wrong shopper":
        return f"charged {billed}, which {other} took"
    if billed and true:
        return f"charged {billed} for {true}"
    if billed:
        return (
            f"charged {billed} too often"
            if error["cause"] == "wrong count"
            else f"charged {billed}, which nobody took"
        )
    return f"not charged {true}"


def _tiles(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    plain = card["ratios"]["plain_rule"]
    tiles = [
        ("F1, before verdicts", "all", "f1", "share"),
        ("F1 after review", "after_review", "f1", "share"),
        ("Receipts exact", "all", "receipts_exact_share", "share"),
        ("Wrong charges per 100", "all", "wrong_charges_per_100", "number"),
        ("Missed per 100", "all", "missed_per_100", "number"),
        ("Visits reviewed", "all", "reviewed_share", "share"),
    ]
    found = []
    for title, column, key, form in tiles:
        interval = _interval(card["intervals"][column][key], form)
        beside = "" if key == "reviewed_share" else f"plain rule {_form(plain[key], form)}"
        found.append(
            {
                "title": title,
                "value": _form(card["ratios"][column][key], form),
                "notes": [note for note in (interval, beside) if note],
            }
        )
    return found


def _results(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    columns = [card, *(card[name] for name in COLUMNS[1:])]
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "cells": [
                {
                    "value": _form(card["ratios"][column][key], form),
                    "interval": _interval(card["intervals"][column][key], form),
                }
                for column in COLUMNS
            ],
        }
        for name, key, form in _RATIO_ROWS
    ]
    rows += [
        {
            "name": name,
            "cells": [{"value": f"{column[key]:,}", "interval": ""} for column in columns],
        }
        for name, key in _COUNT_ROWS
    ]
    rows += [
        {
            "name": name,
            "cells": [{"value": f"{column[key] / 100:,.2f}", "interval": ""} for column in columns],
        }
        for name, key in (
            ("overcharged, money", "overcharged_cents"),
            ("undercharged, money", "undercharged_cents"),
        )
    ]
    return rows


def _scene_row(name: str, scene: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "ours": scene["f1"],
        "after": scene["after_review"]["f1"],
        "unaided": scene["unaided"]["f1"],
        "plain": scene["plain_rule"]["f1"],
        "ours_interval": scene["intervals"]["all"]["f1"],
        "plain_interval": scene["intervals"]["plain_rule"]["f1"],
    }


def _promise(risk: Mapping[str, Any]) -> str:
    if not risk["unreviewed"]:
        return "No visit went unreviewed."
    return (
        f"Of {risk['unreviewed']} unreviewed visits {risk['unreviewed_wrongly_charged']} were "
        f"charged too much; with 95 % confidence fewer than {_share(risk['wrong_charge_upper'])} "
        "of such visits are."
    )


def _form(value: float, form: str) -> str:
    return _share(value) if form == "share" else _number(value)


def _interval(ends: Sequence[float] | None, form: str) -> str:
    if ends is None:
        return ""
    if form == "share":
        return f"{100 * ends[0]:.1f} – {100 * ends[1]:.1f} %"
    return f"{_number(ends[0])} – {_number(ends[1])}"


def _share(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _named(sources: Sequence[str]) -> str:
    """A few sources by name, more by number."""
    if len(sources) > MOST_SOURCES_NAMED:
        return f"{len(sources)} scenes and recordings"
    return ", ".join(sources)


def _spans(numbers: Sequence[int]) -> str:
    """Sorted numbers as `1-5, 8`."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in spans)
