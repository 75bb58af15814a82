"""The commands that fit and judge how presence of RFID tags is told from their reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sensors.tag_gaps import EDGES
from sensors.tag_presence import PresenceModel
from service.cli_common import JsonOption, console, parse_seeds, write_json
from service.realism import RealDataError
from service.tag_runs import DATASET, RecordedRun, read_tag_runs
from service.tags_eval import QUANTILES, Verdict, evaluate, presence, time_out
from service.tags_fit import fit_kinds
from service.tags_play import Site, simulated_sites, sites_of_runs
from service.tags_speed import MESSAGES_PER_S, measure

TOLD_AT = (0.5, 0.8, 0.95)
_LEARNT_S, _HELD_S, _TAGS = 300.0, 300.0, 70

tags_app = typer.Typer(no_args_is_help=True, help="Tell from reads which RFID tags are there.")
RealDataOption = Annotated[
    Path | None,
    typer.Option("--real-data", envvar="OPENAISLE_REAL_DATA", help="Folder of real recordings."),
]


@tags_app.command("eval")
def evaluate_presence(
    real_data: RealDataOption = None,
    seeds: Annotated[
        str, typer.Option(help="Which tags are taken, and when: `1`, `1-5` or `1,3,7`.")
    ] = "1-5",
    worlds: Annotated[
        str, typer.Option(help="Seeds of simulated antennas to judge as well.")
    ] = "1-3",
    json: JsonOption = None,
) -> None:
    """How soon a taken tag is missed, and how often one that is there: real and simulated reads.

    Half of the tags are taken at random moments from runs that nothing was learnt from. Each
    certainty at which a change is told stands beside the time-out with as many false alarms; the
    last row leaves out that tags fade together.

    Example: `openaisle tags eval --real-data ../shared/data --json tags.json`
    """
    trials = parse_seeds(seeds)
    kinds: list[tuple[str, list[Site]]] = [
        ("recorded", sites_of_runs(_runs(real_data))),
        ("simulated", simulated_sites(parse_seeds(worlds), _TAGS, _LEARNT_S, _HELD_S)),
    ]
    found = []
    for name, sites in kinds:
        verdicts = [one for told_at in TOLD_AT for one in _judge(sites, trials, told_at)]
        verdicts += _judge(sites, trials, TOLD_AT[-1], alone=1.0)[:1]
        title = f"{name} reads: {len(sites)} antennas, {verdicts[0].tag_hours:.0f} hours of tags"
        console.print(_delays(title, verdicts))
        console.print(_reliability(verdicts[-3]))
        found.append({"reads": name, "verdicts": [one.as_json() for one in verdicts]})
    write_json(json, {"antennas": found})


@tags_app.command("fit")
def fit(real_data: RealDataOption = None, json: JsonOption = None) -> None:
    """Fit what a fresh antenna expects: kinds of tags, and how long each is silent.

    From the runs that `openaisle tags eval` does not judge by. The result belongs into
    `sensors/tag_kinds.py`.

    Example: `openaisle tags fit --real-data ../shared/data`
    """
    kinds, shares = fit_kinds(sites_of_runs(_runs(real_data)))
    console.print(f"KINDS = {kinds}")
    console.print("SHARES = (")
    for of_kind in shares:
        console.print(f"    {of_kind},")
    console.print(")")
    write_json(json, {"edges": EDGES.tolist(), "kinds": kinds, "shares": shares})


@tags_app.command("speed")
def speed(
    reads: Annotated[int, typer.Option(min=1, help="Reads a second, of all antennas.")] = 2000,
    antennas: Annotated[int, typer.Option(min=1, help="Among so many antennas.")] = 20,
    tags: Annotated[int, typer.Option(min=1, help="Tags before each of them.")] = 70,
    seconds: Annotated[int, typer.Option(min=1, help="Seconds of the store.")] = 120,
    json: JsonOption = None,
) -> None:
    """What decoding reads and telling presence from them cost on this machine.

    Example: `openaisle tags speed --antennas 50`
    """
    if reads < antennas * MESSAGES_PER_S:
        raise typer.BadParameter(
            f"at least {MESSAGES_PER_S} for each antenna", param_hint="--reads"
        )
    cost = measure(antennas, tags, reads, seconds)
    console.print(
        f"{cost.us_per_read:.1f} µs a read: decoding {cost.decode_s / cost.reads * 1e6:.1f},"
        f" presence {cost.presence_s / cost.reads * 1e6:.1f};"
        f" {cost.core_share:.2%} of a core for {cost.reads / cost.seconds:.0f} reads a second"
    )
    result = {
        "reads": cost.reads,
        "seconds": cost.seconds,
        "decode_s": cost.decode_s,
        "presence_s": cost.presence_s,
    }
    write_json(json, result)


def _runs(real_data: Path | None) -> list[RecordedRun]:
    if real_data is None:
        raise RealDataError(
            "where are the real recordings? Give --real-data DIR or set OPENAISLE_REAL_DATA"
        )
    return read_tag_runs(real_data / DATASET)


def _judge(
    sites: list[Site], seeds: list[int], told_at: float, alone: float | None = None
) -> list[Verdict]:
    model = PresenceModel(told_at=told_at)
    rule = f"P ≥ {told_at:g}"
    if alone is not None:
        model, rule = PresenceModel(told_at=told_at, alone=alone), f"{rule}, alone"
    tally = evaluate(sites, model, seeds)
    return [presence(rule, tally), time_out(tally)]


def _delays(title: str, verdicts: list[Verdict]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("told gone", no_wrap=True)
    names = [f"p{quantile:.0%}"[:-1] + " s" for quantile in QUANTILES]
    for name in (*names, "found", "false", "false/h", "log loss"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in verdicts:
        table.add_row(
            one.rule,
            *(f"{s:.1f}" if s < float("inf") else "–" for s in one.delays_s),
            f"{one.found_share:.0%}",
            str(one.false_absences),
            f"{one.false_absences / one.tag_hours:.2f}",
            f"{one.log_loss:.3f}",
        )
    return table


def _reliability(own: Verdict) -> Table:
    """What was believed in each band, and what was so."""
    table = Table(title="P(absent) believed, and so", title_justify="left")
    table.add_column("share of beliefs", justify="right")
    table.add_column("believed", justify="right")
    table.add_column("so", justify="right")
    for share, believed, so in own.reliability:
        table.add_row(f"{share:.1%}", f"{believed:.3f}", f"{so:.3f}")
    return table
