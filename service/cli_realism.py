"""The command that holds simulated sensors against real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from service.cli_common import JsonOption, console, write_json
from service.realism import QUANTILES, Comparison, Part, RealDataError
from service.realism_catalogue import compare_catalogue
from service.realism_plates import compare_plates
from service.realism_rfid import compare_tags

PARTS: tuple[Part, ...] = (compare_plates, compare_tags, compare_catalogue)


def realism(
    real_data: Annotated[
        Path | None,
        typer.Option(envvar="OPENAISLE_REAL_DATA", help="The folder of real recordings."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Compare simulated sensors with real recordings; exit status 1 where a test fails.

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
    write_json(json, {"comparisons": [comparison.as_json() for comparison in found]})
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


def _cells(values: tuple[float, ...]) -> list[str]:
    return [f"{value:.3g}" for value in values]
