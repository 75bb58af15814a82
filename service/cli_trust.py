"""The command `trust audit`: what history and trust changed in recordings, and for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from service.cli_common import JsonOption, console, write_json
from service.report import lines_text
from service.trust_audit import Change, Day, Effect
from service.trust_audit import audit as audited

trust_app = typer.Typer(no_args_is_help=True, help="What history and trust changed, and for whom.")


@trust_app.callback()
def trust() -> None:
    """What is remembered of shoppers, and what it did."""


@trust_app.command("audit")
def audit(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings (.mcap), in their order.")],
    labeler: Annotated[
        bool, typer.Option("--labeler", help="Answer reviews by the truth of a played scene.")
    ] = False,
    json: JsonOption = None,
) -> None:
    """Bill recordings with and without history and trust, and say what that changed.

    Shoppers are remembered from one recording to the next. For each variant: how often an outcome
    was another, for whom (a pseudonym), by how much money, and, where a recording holds the truth,
    whether for better or worse. Example:

    `openaisle trust audit monday.mcap tuesday.mcap --json audit.json`
    """
    days = [Day.open(path) for path in recordings]
    effects = audited(days, labeler=labeler)
    names = {product.gtin: product.name for day in days for product in day.store.products}
    console.print(_table(effects))
    for effect in effects:
        for change in effect.changes:
            console.print(_said(effect.variant, change, names), markup=False)
    write_json(json, {"recordings": len(days), "variants": msgspec.to_builtins(effects)})


def _table(effects: list[Effect]) -> Table:
    table = Table(title="Beside neither history nor trust", title_justify="left")
    for column in ("", *(effect.variant for effect in effects)):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    verdicts = [Counter(change.verdict for change in effect.changes) for effect in effects]
    rows = {
        "visits": [str(effect.visits) for effect in effects],
        "used": [str(effect.uses) for effect in effects],
        "outcomes changed": [str(len(effect.changes)) for effect in effects],
        "of shoppers": [str(len({one.shopper for one in effect.changes})) for effect in effects],
        "more billed, cents": [
            f"{sum(one.more_cents for one in effect.changes):+d}" for effect in effects
        ],
        "for better": [str(found["better"]) for found in verdicts],
        "for worse": [str(found["worse"]) for found in verdicts],
        "to the same bill": [str(found["same"]) for found in verdicts],
        "not known": [str(found["unknown"]) for found in verdicts],
    }
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def _said(variant: str, change: Change, names: Mapping[str, str]) -> str:
    before, after = (lines_text(lines, names) for lines in (change.before, change.after))
    looks = [
        " (held for a look)" if held else "" for held in (change.held_before, change.held_after)
    ]
    why = f": {'; '.join(change.reasons)}" if change.reasons else ""
    return (
        f"{change.recording}, {change.visit} of {change.shopper}, with {variant}: "
        f"{before}{looks[0]} became {after}{looks[1]}, {change.more_cents:+d} cents, "
        f"{change.verdict}{why}"
    )
