"""The scorecard's scenes as a Markdown table: what each plays, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sensors.store import parse_file
from service.score_runs import RECORDING
from simulator.scene import Scene

HEAD = (
    "| scene | what happens | a perfect system bills | units | F1 | reviewed | unreviewed: wrong |"
    " after review | plain rule |\n| --- | --- | --- | --: | --: | --: | --: | --: | --: |\n"
)


def table_of(card: Mapping[str, Any], sources: Sequence[Path]) -> str:
    """One row a scene, in the card's order; scene files among `sources` say what happens."""
    scenes = [
        parse_file(Scene, path.read_text(encoding="utf-8"), str(path))
        for path in sources
        if path.suffix != RECORDING
    ]
    told = {scene.name: (scene.description, scene.bills) for scene in scenes}
    made = card["made"]
    rows = [_row(name, one, *told.get(name, ("", ""))) for name, one in card["scenes"].items()]
    return (
        f"`{made['command']}` · vision: {card['vision']} · transport: {card['transport']} · "
        f"{card['items_true']} true units in {card['visits']} visits\n\n"
        + HEAD
        + "".join(rows)
        + _row("all", card, "", "")
    )


def _row(name: str, one: Mapping[str, Any], what: str, bills: str) -> str:
    unreviewed = one["unreviewed"]
    cells = [
        name,
        what,
        bills,
        str(one["items_true"]),
        f"{one['f1']:.1%}",
        f"{one['reviewed_visits']}/{one['visits']}",
        f"{unreviewed['wrong_charges']} of {unreviewed['items_billed']}",
        f"{one['after_review']['f1']:.1%}",
        f"{one['plain_rule']['f1']:.1%}",
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
