"""The command `bench ingest`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from sensors.store import StoreFileError
from service.bench_ingest import COMPARED_AT, IngestBench, IngestPace, bench_ingest
from service.cli_common import JsonOption, console, write_json

MOST_SHELVES = 5000


def bench_ingest_command(
    shelves: Annotated[
        str, typer.Option(help="Sizes of stores, in shelves of 12 plates at 60 Hz.")
    ] = "50,100,200,400,800",
    seconds: Annotated[
        float, typer.Option(min=1.0, help="How long each size is measured, after a warm-up.")
    ] = 15.0,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Through all of the engine, not only to the steps of weight."),
    ] = False,
    json: JsonOption = None,
) -> None:
    """Whether ingest keeps up with a big store, and what it costs beside a bare paho loop.

    A Mosquitto of its own on a free port, one process that speaks for all shelves (five messages
    of 12 samples × 12 plates a second each) and antennas (20 reads a message), the engine's
    ingest with its journal and step detection, and a paho client that only receives the same
    messages. CPU is in seconds per second: below 1.0 is less than one core.

    Example: `openaisle bench ingest --shelves 400 --seconds 30`
    """
    result = bench_ingest(
        _sizes(shelves),
        seconds,
        lambda what: console.print(f"Measuring {what} …"),
        whole=whole,
    )
    _show(result)
    write_json(json, msgspec.to_builtins(result))


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not all(1 <= size <= MOST_SHELVES for size in sizes):
        raise StoreFileError(
            f"--shelves {text!r}: expected numbers of 1 to {MOST_SHELVES}, such as 50,400"
        )
    return sizes


def _show(result: IngestBench) -> None:
    chosen = min(result.paces, key=lambda pace: abs(pace.shelves - COMPARED_AT))
    console.print(
        f"{chosen.times_bare:.2f} × the CPU of a bare paho loop, at {chosen.shelves} shelves: "
        f"{chosen.samples_per_s:,.0f} samples and {chosen.tag_reads_per_s:,.0f} tag reads a second "
        f"on {chosen.cpu:.2f} of a core, {chosen.lost} messages lost",
        markup=False,
    )
    heads = ("shelves", "samples/s", "messages/s", "CPU", "bare", "×", "lag p95 ms", "lost")
    console.print(_table(heads, [_cells(pace) for pace in result.paces]))
    console.print("CPU in seconds per second. Of ingest and steps, in µs a message:")
    split = [[str(p.shelves), f"{p.per_message_us:.0f}", *_split(p)] for p in result.paces]
    console.print(_table(("shelves", "all", *chosen.cpu_parts), split))
    console.print(
        f"{result.cores} cores, load average before: {result.load[0]:.1f}, {result.load[1]:.1f}",
        markup=False,
    )
    for pace in result.paces:
        if pace.behind_s > 1.0:
            console.print(
                f"{pace.shelves} shelves: the load itself was {pace.behind_s:.1f} s late: this "
                "machine is too busy to say anything of that size",
                markup=False,
            )


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=None, header_style="bold")
    for head in heads:
        table.add_column(head, justify="right")
    for row in rows:
        table.add_row(*row)
    return table


def _cells(pace: IngestPace) -> list[str]:
    return [
        str(pace.shelves),
        f"{pace.samples_per_s:,.0f}",
        f"{pace.messages_per_s:,.0f}",
        f"{pace.cpu:.3f}",
        f"{pace.cpu_bare:.3f}",
        f"{pace.times_bare:.2f}",
        f"{pace.lag_p95_ms:.0f}",
        str(pace.lost),
    ]


def _split(pace: IngestPace) -> list[str]:
    return [f"{spent / pace.messages_per_s * 1e6:.0f}" for spent in pace.cpu_parts.values()]
