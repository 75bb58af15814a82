"""The command `bench fusion`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from sensors.store import StoreFileError, load_store
from service.bench_big_store import bench_big_store
from service.bench_day import Day, bench_day
from service.bench_fusion import FusionBench, bench_fusion
from service.bench_latency import SCENES, bench_latency
from service.cli_common import JsonOption, console, write_json
from service.simulate import DATASETS

MOST_SHOPPERS = 50
BIG_SHELVES = 400


def bench_fusion_command(
    shoppers: Annotated[
        str, typer.Option(help="How many stand within reach of every incident.")
    ] = "1,2,5,10",
    incidents: Annotated[int, typer.Option(min=20, max=100_000, help="Of each number.")] = 300,
    store: Annotated[
        Path | None, typer.Option(help="A store file; by default the corner shop.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of what is taken, and where hands are seen.")] = 1,
    hours: Annotated[
        float, typer.Option(help="Also a day of so many hours: speed and memory.", min=0, max=48)
    ] = 0.0,
    seconds: Annotated[
        float,
        typer.Option(help="Also 50 shoppers before 400 shelves, for so long.", min=0, max=3600),
    ] = 0.0,
    latency: Annotated[
        bool, typer.Option("--latency", help="Also how long after the fact lines are told.")
    ] = False,
    json: JsonOption = None,
) -> None:
    """How long a decision takes, by how many shoppers may have done it, beside a plain rule.

    All of them stand before one gondola with their hands at it, so each incident is everybody's:
    what one core can decide in the worst crowd. Example:

    `openaisle bench fusion --shoppers 1,10 --incidents 1000`

    `openaisle bench fusion --shoppers 1 --hours 12 --seconds 60 --latency --json fusion.json`
    """

    def told(what: str) -> None:
        console.print(f"Measuring {what} …", highlight=False)

    numbers = _numbers(shoppers)
    result = bench_fusion(
        load_store(store or DATASETS / "stores" / "corner.yaml"), numbers, incidents, seed, told
    )
    _show(result)
    found = msgspec.to_builtins(result)
    if hours:
        day = bench_day(hours, seed, told)
        _show_day(day)
        found["day"] = msgspec.to_builtins(day)
    if seconds:
        told(f"{MOST_SHOPPERS} shoppers before {BIG_SHELVES} shelves")
        market = load_store(DATASETS / "stores" / "market.yaml")
        big = bench_big_store(market, MOST_SHOPPERS, BIG_SHELVES, seconds, seed)
        console.print(
            f"{big.shoppers} shoppers, {big.shelves} shelves: {big.load:.2f} of one core for "
            f"{big.observations / big.seconds:.0f} observations a second, {big.picks} picks",
            highlight=False,
        )
        found["big_store"] = msgspec.to_builtins(big)
    if latency:
        found["latency_s"] = bench_latency(SCENES, seed, told)
        _show_latency(found["latency_s"])
    write_json(json, found)


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


def _show_day(day: Day) -> None:
    console.print(
        f"{day.hours:.1f} hours of {day.store}, {day.visits} visits: {day.times_real_time:.0f} × "
        "real time, the engine alone",
        highlight=False,
    )
    for one in day.memory:
        console.print(
            f"  after {one.hour} h: {one.visits} visits, state {one.state_bytes / 1e6:.2f} MB, "
            f"process {one.process_bytes / 1e6:.0f} MB",
            highlight=False,
        )


def _show_latency(found: dict[str, Any]) -> None:
    for name, one in found.items():
        if one["count"]:
            console.print(
                f"{name}: p50 {one['p50']:.2f} s, p95 {one['p95']:.2f} s, aim {one['aim_p95']:g}, "
                f"of {one['count']}",
                highlight=False,
            )
