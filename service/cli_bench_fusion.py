"""The command `bench fusion`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from sensors.store import StoreFileError, load_store
from service.bench_fusion import FusionBench, bench_fusion
from service.cli_common import JsonOption, console, write_json
from service.simulate import DATASETS

MOST_SHOPPERS = 50


def bench_fusion_command(
    shoppers: Annotated[
        str, typer.Option(help="How many stand within reach of every incident.")
    ] = "1,2,5,10",
    incidents: Annotated[int, typer.Option(min=20, max=100_000, help="Of each number.")] = 300,
    store: Annotated[
        Path | None, typer.Option(help="A store file; by default the corner shop.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is taken, and where hands are seen.")] = 1,
    json: JsonOption = None,
) -> None:
    """How long a decision takes, by how many shoppers may have done it, beside a plain rule.

    All of them stand before one gondola with their hands at it, so each incident is everybody's:
    what one core can decide in the worst crowd. Example:

    `openaisle bench fusion --shoppers 1,10 --incidents 1000`
    """
    result = bench_fusion(
        load_store(store or DATASETS / "stores" / "corner.yaml"),
        _numbers(shoppers),
        incidents,
        seed,
        lambda what: console.print(f"Measuring {what} …"),
    )
    _show(result)
    write_json(json, msgspec.to_builtins(result))


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or not all(1 <= number <= MOST_SHOPPERS for number in numbers):
        raise StoreFileError(
            f"--shoppers {text!r}: expected numbers of 1 to {MOST_SHOPPERS}, such as 1,5"
        )
    return numbers


def _show(result: FusionBench) -> None:
    table = Table()
    for head in ("shoppers", "p50 ms", "p99 ms", "plain rule ms", "×", "states", "dropped"):
        table.add_column(head, justify="right")
    for pace in result.paces:
        table.add_row(
            str(pace.shoppers),
            f"{pace.p50_ms:.2f}",
            f"{pace.p99_ms:.2f}",
            f"{pace.plain_p50_ms:.3f}",
            f"{pace.times_plain:.0f}",
            str(pace.most_states),
            f"{pace.dropped:.4f}",
        )
    console.print(table)
    console.print(
        f"{result.cores} cores, load average before: {result.load[0]:.1f}, {result.load[1]:.1f}",
        markup=False,
    )
