"""The command `steps eval`: how well changes of weight are found, over real noise."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress
from rich.table import Table

from sensors.store import StoreFileError
from service.cli_common import JsonOption, console, parse_seeds, write_json
from service.realism import RealDataError
from service.steps_eval import Aim, aims, as_json, by_noise, by_size, evaluate, figures
from service.steps_score import Judged, Tally

steps_app = typer.Typer(
    help="Changes of weight: how well they are found.",
    no_args_is_help=True,
)


@steps_app.callback()
def _several() -> None:
    """Keep `eval` a command of its own."""


@steps_app.command("eval")
def eval_command(
    real_data: Annotated[
        Path | None,
        typer.Option(envvar="OPENAISLE_REAL_DATA", help="The folder of real recordings."),
    ] = None,
    half: Annotated[
        str,
        typer.Option(help="first: the half that constants are tuned on; second: the one to quote."),
    ] = "second",
    seeds: Annotated[
        str, typer.Option(help="Seeds of what is laid: ten minutes of every shelf each.")
    ] = "1-10",
    idle_hours: Annotated[
        float, typer.Option(help="Plate-hours without anything laid, at least.", min=0)
    ] = 1_000.0,
    jobs: Annotated[int, typer.Option(help="Processes; 0 for as many as cores.", min=0)] = 0,
    json: JsonOption = None,
) -> None:
    """Lay steps over the noise of a real store's plates and see which are found.

    Steps of 15 to 1,500 g, slow and fast, with neighbours moving, hands pressing and leaning,
    drift and spikes, over the AutoCheckout recording's noise played on and on. Exit status 1
    where an aim is missed.

    Example: `openaisle steps eval --real-data ../shared/data --half first --seeds 1-2
    --idle-hours 50`
    """
    if real_data is None:
        raise RealDataError(
            "where are the real recordings? Give --real-data DIR or set OPENAISLE_REAL_DATA"
        )
    if half not in ("first", "second"):
        raise StoreFileError(f"--half {half!r}: expected first or second")
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("laying steps …", total=1.0)
        busy, idle = evaluate(
            real_data,
            "first" if half == "first" else "second",
            parse_seeds(seeds),
            idle_hours,
            jobs or os.cpu_count() or 1,
            lambda share: progress.update(task, completed=share),
        )
    console.print(_sizes(busy))
    if busy.pairs:
        console.print(
            f"two steps at once on far plates, kept apart: {busy.apart} of {busy.pairs}; "
            f"transients told: {busy.transients} ({busy.presses} presses and leanings laid)"
        )
    promised = aims(busy, idle)
    console.print(_aims(promised))
    write_json(json, as_json(busy, idle))
    if not all(one.passed for one in promised):
        raise typer.Exit(1)


def _sizes(busy: Tally) -> Table:
    table = Table(title="Steps laid over real noise", title_justify="left")
    for name in ("", "steps", "recall", "σ", "within 1 σ", "within 2 σ", "late p95", "began off"):
        table.add_column(name, justify="right" if name else "left")
    for group in (by_size(busy.judged), by_noise(busy.judged), _kinds(busy.judged)):
        for name, part in group:
            if part:
                one = figures(part)
                table.add_row(
                    name,
                    f"{one['steps']}",
                    f"{one['recall']:.2%}",
                    f"{one['sigma_g']:.2f} g",
                    f"{one['within_1_sigma']:.1%}",
                    f"{one['within_2_sigma']:.1%}",
                    f"{one['late_p95_s']:.2f} s",
                    f"{one['began_off_p50_s']:.2f} s",
                )
        table.add_section()
    return table


def _kinds(judged: list[Judged]) -> list[tuple[str, list[Judged]]]:
    return [
        ("fast", [one for one in judged if not one.slow]),
        ("slow", [one for one in judged if one.slow]),
        ("across two plates", [one for one in judged if one.plates == 2]),
        ("all", judged),
    ]


def _aims(promised: list[Aim]) -> Table:
    table = Table(title="Aims", title_justify="left")
    for name in ("", "aim", "measured", ""):
        table.add_column(name)
    for one in promised:
        verdict = "[green]kept[/]" if one.passed else "[bold red]missed[/]"
        table.add_row(one.what, one.aim, one.value, verdict)
    return table
