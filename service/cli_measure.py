"""The commands `measure …`: what the engine's evidence is worth, and what its doubts are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markdown import Markdown
from rich.table import Table

from sensors.store import StoreFileError
from service.ablation import ablate, ablation_table
from service.cli_common import JsonOption, console, parse_seeds, write_json, write_result
from service.crowd import SURE, measure_crowd
from service.realism import RealDataError
from service.score_runs import RECORDING, sources_of
from service.variants_score import OUTCOMES, measure_variants

MarkdownOption = Annotated[
    Path | None, typer.Option("--markdown", help="Write the table to this file.")
]
JobsOption = Annotated[
    int, typer.Option(help="Processes, of one thread each; 0 for as many as cores.", min=0)
]


def ablation_command(
    sources: Annotated[
        list[str], typer.Argument(help="Suites (baseline, store), scene files or folders of them.")
    ],
    seeds: Annotated[str, typer.Option(help="Seeds of each scene: 1, 1-5 or 1,3,7.")] = "1",
    jobs: JobsOption = 0,
    json: JsonOption = None,
    markdown: MarkdownOption = None,
) -> None:
    """What each kind of evidence is worth: the engine with some of it switched off.

    Every scene is played once, with emulated vision, and decided by each engine. Example:

    `openaisle measure ablation baseline --seeds 1-3 --markdown ablation.md`
    """
    found = sources_of(sources)
    recordings = [str(one) for one in found if one.suffix == RECORDING]
    if recordings:
        raise StoreFileError(f"{recordings[0]}: expected scenes, no recordings")
    with console.status("playing …") as status:
        result = ablate(
            found,
            parse_seeds(seeds),
            jobs or os.cpu_count() or 1,
            lambda scene: status.update(f"{scene} is decided …"),
        )
    table = ablation_table(result)
    console.print(Markdown(table))
    write_json(json, result)
    if markdown is not None:
        write_result(markdown, table.encode())


def crowd_command(
    visits: Annotated[int, typer.Option(help="How many visits.", min=1)] = 200,
    worlds: Annotated[int, typer.Option(help="Over how many generated worlds.", min=1)] = 10,
    seed: Annotated[int, typer.Option(help="Draws stores, worlds, crowds and noise.")] = 1,
    jobs: JobsOption = 0,
    json: JsonOption = None,
) -> None:
    """Whether probabilities mean what they say: random crowds in generated worlds.

    Prints log loss, calibration and risk against coverage, and who stood near where the engine
    was sure and wrong; `--json` has every visit. Example:

    `openaisle measure crowd --visits 1000 --worlds 40 --seed 7 --json crowd.json`
    """
    with console.status("playing …") as status:
        result = measure_crowd(
            visits,
            worlds,
            seed,
            jobs or os.cpu_count() or 1,
            lambda done: status.update(f"{done} of {visits} visits are played …"),
        )
    _show_crowd(result)
    write_json(json, result)


def _show_crowd(result: dict[str, Any]) -> None:
    risk = result["risk_coverage"]
    console.print(
        f"{risk['visits']} visits, {result['reviewed']} reviewed; of {risk['unreviewed']} others "
        f"{risk['unreviewed_wrongly_charged']} were charged too much: at 95 % confidence at most "
        f"{risk['wrong_charge_upper']:.1%} are",
        highlight=False,
    )
    table = Table(title="Promised and kept", title_justify="left")
    for head in ("", "from", "to", "promised", "right", "of"):
        table.add_column(head, justify="right" if head else "left")
    for what, key in (("visits", "visit_calibration"), ("lines", "line_calibration")):
        found = result[key]
        for n, one in enumerate(found["bins"]):
            table.add_row(
                what if n == 0 else "",
                f"{one['from']:g}",
                f"{one['to']:g}",
                f"{one['promised']:.1%}",
                f"{one['right'] / one['lines']:.1%}",
                str(one["lines"]),
            )
        table.add_section()
    console.print(table)
    for what, key in (("visits", "visit_calibration"), ("lines", "line_calibration")):
        found = result[key]
        if found["lines"]:
            console.print(
                f"{what}: log loss {found['log_loss']:.3f} nats, ECE {found['ece']:.3f}",
                highlight=False,
            )
    for what, key in (("bills", "sure_visits"), ("lines", "sure_lines")):
        wrong = ", ".join(
            f"{one['wrong']} of {one['count']} {crowd}" for crowd, one in result[key].items()
        )
        console.print(f"wrong {what} from P = {SURE}: {wrong or 'none so sure'}", highlight=False)


def variants_command(
    real_data: Annotated[
        Path | None,
        typer.Option(envvar="OPENAISLE_REAL_DATA", help="The folder of real recordings."),
    ] = None,
    count: Annotated[int, typer.Option(help="How many variants.", min=1)] = 200,
    seed: Annotated[int, typer.Option(help="Draws facings, weights and where noise begins.")] = 1,
    jobs: JobsOption = 0,
    json: JsonOption = None,
) -> None:
    """How other things would have been billed in a real store: variants of its recording.

    Another product, another plate, two units, a put-back, neighbours of the same weight: the real
    body, the real lift's waveform, the real noise of times that nothing was tuned on. Example:

    `openaisle measure variants --real-data ../shared/data --count 200 --json variants.json`
    """
    if real_data is None:
        raise RealDataError(
            "where are the real recordings? Give --real-data DIR or set OPENAISLE_REAL_DATA"
        )
    with console.status("laying …") as status:
        result = measure_variants(
            real_data,
            count,
            seed,
            jobs or os.cpu_count() or 1,
            lambda done: status.update(f"{done} of {count} variants are billed …"),
        )
    table = Table(title="Variants of a real recording (95 % intervals)", title_justify="left")
    for head in ("", "variants", *OUTCOMES):
        table.add_column(head, justify="right" if head else "left")
    for name, found in (*result["kinds"].items(), ("all", result["all"])):
        shares = [
            "{} ({:.0%}–{:.0%})".format(found[what], *found["intervals"][what]) for what in OUTCOMES
        ]
        table.add_row(name, str(found["variants"]), *shares)
    console.print(table)
    write_json(json, result)
