"""The command that holds simulated sensors against real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from service.cli_common import JsonOption, console, write_json
from service.realism import QUANTILES, Comparison, Part, Quoted, Quotes, RealDataError
from service.realism_catalogue import compare_catalogue
from service.realism_plates import compare_plates
from service.realism_plates_quoted import quoted_of_plates
from service.realism_rfid import compare_tags
from service.realism_rfid_quoted import quoted_of_tags

PARTS: tuple[Part, ...] = (compare_plates, compare_tags, compare_catalogue)
QUOTES: tuple[Quotes, ...] = (quoted_of_plates, quoted_of_tags)


def realism(
    real_data: Annotated[
        Path | None,
        typer.Option(envvar="OPENAISLE_REAL_DATA", help="The folder of real recordings."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Compare simulated sensors with real recordings; exit status 1 where a test fails.

    Also holds the figures that the design quotes for real sensors against the recordings.

    Example: `openaisle realism --real-data ../shared/data`
    """
    if real_data is None:
        raise RealDataError(
            "where are the real recordings? Give --real-data DIR or set OPENAISLE_REAL_DATA"
        )
    if not real_data.is_dir():
        raise RealDataError(f"--real-data {real_data}: there is no such folder")
    found = [comparison for part in PARTS for comparison in part(real_data)]
    console.print(_table(found))
    quoted = [one for quotes in QUOTES for one in quotes(real_data)]
    console.print(_quotes(quoted))
    result = {
        "comparisons": [comparison.as_json() for comparison in found],
        "quoted": [one.as_json() for one in quoted],
    }
    write_json(json, result)
    if not all(comparison.passed for comparison in found):
        raise typer.Exit(1)


def _table(found: list[Comparison]) -> Table:
    table = Table(title="Real sensors, and simulated ones below each", title_justify="left")
    table.add_column("")
    for name in (*(f"p{q:.0%}"[:-1] if q < 1 else "worst" for q in QUANTILES), "of"):
        table.add_column(name, justify="right")
    table.add_column("distance", justify="right")
    table.add_column("test")
    for one in found:
        unit = f", {one.unit}" if one.unit else ""
        table.add_row(f"{one.what}{unit}", *_cells(one.real), str(one.counts[0]))
        verdict = "[green]passed[/]" if one.passed else "[bold red]failed[/]"
        table.add_row(
            "  simulated",
            *_cells(one.simulated),
            str(one.counts[1]),
            f"{one.distance:.2f}",
            f"{one.test}: {verdict}",
            end_section=True,
        )
    return table


def _quotes(quoted: list[Quoted]) -> Table:
    table = Table(title="What the design quotes, and what was recorded", title_justify="left")
    for name in ("", "quoted", "recorded", ""):
        table.add_column(name)
    verdicts = {True: "[green]holds[/]", False: "[bold red]differs[/]", None: "not recorded"}
    for one in quoted:
        table.add_row(one.what, one.quoted, one.found, verdicts[one.holds])
    return table


def _cells(values: tuple[float, ...]) -> list[str]:
    return [f"{value:.3g}" for value in values]
