"""The command `score`: suites of scenes and recordings against the truth."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from service.cli_common import JsonOption, console, parse_seeds, vision_of, write_json, write_result
from service.recording import RecordingError
from service.report import show_card, show_comparison, show_score
from service.score_page import page_of
from service.score_runs import (
    LEAD_IN_S,
    RECORDING,
    Job,
    Lost,
    Outcome,
    more_seeds,
    run_suite,
    sources_of,
)
from service.score_table import table_of
from simulator.labeler import ERROR_SHARE
from simulator.scorecard import SCHEMA, Sheet, card
from simulator.scorecard_compare import compare

COMPARE = "compare"
MOST_LOST_SHOWN = 5
PAGE_ADDRESS = "http://127.0.0.1:8642/"
_ROOT = Path(__file__).resolve().parent.parent


def score(
    sources: Annotated[
        list[str],
        typer.Argument(
            help="Suites (baseline, store), scene files, recordings with truth, or folders of "
            "them; or `compare A.json B.json`."
        ),
    ],
    seeds: Annotated[str, typer.Option(help="Seeds of each scene: 1, 1-5 or 1,3,7.")] = "1",
    vision: Annotated[
        str, typer.Option(help="frames: render and detect; emulated: fast, from the truth.")
    ] = "emulated",
    jobs: Annotated[
        int, typer.Option(help="Processes, of one thread each; 0 for as many as cores.", min=0)
    ] = 0,
    units: Annotated[
        int, typer.Option(help="Go on with further seeds until a scene has so many true units.")
    ] = 0,
    most_seeds: Annotated[int, typer.Option(help="Seeds of a scene at most, with --units.")] = 200,
    keep: Annotated[
        Path | None,
        typer.Option(help="Record the runs with a wrongly billed visit in this folder."),
    ] = None,
    keep_all: Annotated[bool, typer.Option("--keep-all", help="Record every run.")] = False,
    events: Annotated[
        Path | None,
        typer.Option("--events", help="Score this event log instead of a replay (one recording)."),
    ] = None,
    json: JsonOption = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the scorecard as a page to this file.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(help="Write the scenes with their results as a table.")
    ] = None,
) -> None:
    """Score bills against the truth, beside a plain rule: docs/scorecard.md.

    Scenes are played; recordings are billed again from their messages. Examples:

    `openaisle score baseline store --seeds 1-5 --json card.json --html card.html`

    `openaisle score kept/*.mcap`

    Two scorecards that `--json` wrote are compared, run by run, with what is better, worse or
    within chance; of the options only `--json` counts then:

    `openaisle score compare before.json after.json --json difference.json`
    """
    if sources[0] == COMPARE:
        _compare(sources[1:], json)
        return
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RecordingError(f"--keep {keep}: cannot be made: {error.strerror}") from error
    elif keep_all:
        raise RecordingError("--keep-all: needs --keep, the folder for the recordings")
    found = sources_of(sources)
    if keep is not None and len({one.stem for one in found}) < len(found):
        raise RecordingError("--keep: two sources have one name; their recordings would too")
    if events is not None and (len(found) != 1 or found[0].suffix != RECORDING):
        raise RecordingError("--events goes with exactly one recording")
    todo = [
        Job(source, seed, vision_of(vision), keep, keep_all, events)
        for source in found
        for seed in ([None] if source.suffix == RECORDING else parse_seeds(seeds))
    ]
    outcomes = _run(todo, jobs or os.cpu_count() or 1, units, most_seeds)
    sheets = [one for one in outcomes if isinstance(one, Sheet)]
    lost = [one for one in outcomes if isinstance(one, Lost)]
    if not sheets:
        raise RecordingError("\n".join(str(one) for one in lost[:MOST_LOST_SHOWN]))
    result = _card(sheets, lost, sources)
    show_score(console, result)
    show_card(console, result)
    write_json(json, result)
    if html is not None:
        write_result(html, page_of(result).encode())
    if markdown is not None:
        write_result(markdown, table_of(result, found).encode())
    for one in lost:
        console.print(f"[bold red]no result:[/] {escape(str(one))}", highlight=False)
    if lost:
        raise typer.Exit(1)


def _run(todo: list[Job], workers: int, units: int, most_seeds: int) -> list[Outcome]:
    """The outcomes of the jobs, and of those that are added to reach so many units."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=len(todo))

        def show(outcome: Outcome) -> None:
            name = outcome.scene if isinstance(outcome, Sheet) else outcome.job.source.stem
            progress.update(task, advance=1, description=escape(name))

        outcomes = run_suite(todo, workers, show)
        while more := more_seeds(todo, outcomes, units, most_seeds):
            progress.update(task, total=len(todo) + len(more))
            outcomes += run_suite(more, workers, show)
            todo = [*todo, *more]
    places = {job.source: n for n, job in reversed(list(enumerate(todo)))}
    ordered = sorted(range(len(todo)), key=lambda n: (places[todo[n].source], n))
    return [outcomes[n] for n in ordered]


def _card(sheets: Sequence[Sheet], lost: Sequence[Lost], sources: Sequence[str]) -> dict[str, Any]:
    """The scorecard with what it was made by, runs without a result and ways to the moments."""
    result = card(sheets)
    result["made"] = {
        "command": shlex.join(["openaisle", *sys.argv[1:]]),
        "sources": list(sources),
        "version": version("openaisle"),
        "commit": _commit(),
        "labeler_error": ERROR_SHARE,
    }
    result["lost"] = [
        {"source": str(one.job.source), "seed": one.job.seed, "error": one.error} for one in lost
    ]
    for failure in result["failures"]:
        if failure["recording"] is not None:
            from_s = round(max(0.0, failure["at_s"] - LEAD_IN_S), 1)
            path = shlex.quote(failure["recording"])
            failure["command"] = f"openaisle replay {path} --page --from {from_s:g}"
            failure["link"] = f"{PAGE_ADDRESS}#t={from_s:g}"
    return result


def _commit() -> str | None:
    """The commit of the checkout that this runs from, "+" where files differ from it."""
    if not (_ROOT / ".git").exists():
        return None
    try:
        head, changes = (
            subprocess.run(
                ["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=True
            ).stdout.strip()
            for arguments in (
                ("rev-parse", "--short=12", "HEAD"),
                ("status", "--porcelain", "--untracked-files=no"),
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{head}+" if changes else head


def _compare(paths: Sequence[str], json: Path | None) -> None:
    if len(paths) != 2:
        raise RecordingError("compare: expected two scorecards, A.json and B.json")
    a, b = (read_card(Path(path)) for path in paths)
    try:
        result = compare(a, b)
    except (KeyError, TypeError) as error:
        raise RecordingError(f"{' or '.join(paths)}: not a whole scorecard: {error}") from error
    show_comparison(console, result)
    write_json(json, result)


def read_card(path: Path) -> dict[str, Any]:
    """A scorecard as `score --json` wrote it. Raises RecordingError."""
    try:
        found = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise RecordingError(f"{path}: not a scorecard: {error}") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise RecordingError(f"{path}: not a scorecard: expected schema {SCHEMA!r}")
    return found
