"""The commands `emulation fit` and `emulation check`: vision without frames, kept honest."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table

from sensors.store import StoreFileError
from service.cli_common import JsonOption, console, parse_seeds, write_json
from service.cli_score import read_card
from service.emulation import fit, fit_scenes, runs_of
from service.eyes import EMULATION
from service.model_card import enter_emulation
from service.report import figure
from service.score_runs import Job, Lost, run_suite, sources_of
from simulator.emulation import save_emulation
from simulator.scorecard import Sheet, card

OVERALL_WITHIN = 0.03
SCENE_WITHIN = 0.10

emulation_app = typer.Typer(
    help="Vision emulated from the truth: fit it to rendered frames, and check it against them.",
    no_args_is_help=True,
)


@emulation_app.command("fit")
def fit_command(
    scenes: Annotated[
        list[str] | None,
        typer.Argument(
            help="Scenes to fit on, ours (fit-*.yaml) by default; or recordings of them from "
            "frames (score … --vision frames --keep DIR --keep-all), which need no rendering."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds: 1, 1-5 or 1,3,7.")] = "1-2",
    jobs: Annotated[int, typer.Option(help="Processes; 0 for as many as cores.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="The file of fitted figures.")] = EMULATION,
) -> None:
    """Fit the emulation to what our vision reports from rendered frames.

    How often people are lost, tracklets break and swap, how far floor points and hands are off,
    each by how many cameras see them clearly and how near others are.
    """
    found = sources_of(scenes) if scenes else fit_scenes()
    numbers = parse_seeds(seeds)
    with Progress(console=console, transient=True) as progress:
        runs = list(runs_of(found, numbers))
        task = progress.add_task("rendering and watching …", total=len(runs))
        emulation = fit(
            found,
            numbers,
            jobs or os.cpu_count() or 1,
            shlex.join(["openaisle", *sys.argv[1:]]),
            lambda: progress.advance(task),
        )
    save_emulation(out, emulation)
    enter_emulation(out, emulation.made_by, emulation.person_seconds)
    tracking, hands = emulation.tracking, emulation.hands
    console.print(
        f"{emulation.person_seconds:.0f} person-seconds → {out}\n"
        f"floor error, clear view: p50 {tracking.error_m[-1][5]:.3f} m, "
        f"p90 {tracking.error_m[-1][9]:.3f} m · swaps among close people: "
        f"{3600 * tracking.swap_per_s[-1]:.1f} an hour · hands unseen while reaching, one clear "
        f"view: {hands.chain[1][1][0][0]:.0%} stay so from frame to frame",
        markup=False,
    )


@emulation_app.command("check")
def check_command(
    scenes: Annotated[
        list[str] | None, typer.Argument(help="Suites or scenes that the fit has not seen.")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds: 1, 1-5 or 1,3,7.")] = "1",
    jobs: Annotated[int, typer.Option(help="Processes; 0 for as many as cores.", min=0)] = 0,
    frames: Annotated[
        Path | None,
        typer.Option(help="Take the half from frames from this scorecard of the same scenes."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Play scenes both ways and set the scores beside each other.

    Fails where F1 differs by more than 0.03 overall or 0.10 in a scene.
    """
    found = sources_of(scenes or ["baseline"])
    numbers, workers = parse_seeds(seeds), jobs or os.cpu_count() or 1
    cards: dict[str, dict[str, Any]] = {}
    if frames is not None:
        cards["frames"] = read_card(frames)
    for vision in ("frames", "emulated"):
        if vision in cards:
            continue
        todo = [Job(scene, seed, vision) for scene in found for seed in numbers]
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(vision, total=len(todo))
            outcomes = run_suite(todo, workers, lambda _: progress.advance(task))  # noqa: B023
        lost = [str(one) for one in outcomes if isinstance(one, Lost)]
        if lost:
            raise StoreFileError("\n".join(lost))
        cards[vision] = card([one for one in outcomes if isinstance(one, Sheet)])
    if cards["frames"]["scenes"].keys() != cards["emulated"]["scenes"].keys():
        raise StoreFileError(f"--frames {frames}: expected a scorecard of the same scenes")
    result = _compared(cards["frames"], cards["emulated"])
    _show(result)
    write_json(json, {**result, **cards})
    if not result["agrees"]:
        raise typer.Exit(1)


def _compared(frames: dict[str, Any], emulated: dict[str, Any]) -> dict[str, Any]:
    rows = [
        {
            "scene": name,
            "units": scene["items_true"],
            "frames": _figures(scene),
            "emulated": _figures(emulated["scenes"][name]),
        }
        for name, scene in frames["scenes"].items()
    ]
    apart = [abs(row["frames"]["f1"] - row["emulated"]["f1"]) for row in rows]
    overall = abs(frames["f1"] - emulated["f1"])
    return {
        "agrees": overall <= OVERALL_WITHIN and max(apart) <= SCENE_WITHIN,
        "overall_apart": overall,
        "scenes_apart": sum(gap > SCENE_WITHIN for gap in apart),
        "scenes": rows,
        "overall": {
            kind: {
                **_figures(one),
                "swaps_per_shopper_hour": one["tracking"]["swaps_per_shopper_hour"],
                "ece": one["calibration"]["ece"],
            }
            for kind, one in (("frames", frames), ("emulated", emulated))
        },
    }


def _figures(scores: dict[str, Any]) -> dict[str, float]:
    return {
        "f1": scores["f1"],
        "unreviewed_f1": scores["unreviewed"]["f1"],
        "reviewed_share": scores["reviewed_visits"] / max(1, scores["visits"]),
        "wrong_charges": scores["wrong_charges"],
    }


def _show(result: dict[str, Any]) -> None:
    table = Table("scene", "units", "F1 frames", "F1 emulated", "apart", title="Two ways to see")
    for row in result["scenes"]:
        first, second = row["frames"]["f1"], row["emulated"]["f1"]
        table.add_row(
            row["scene"],
            str(row["units"]),
            f"{first:.1%}",
            f"{second:.1%}",
            f"{second - first:+.2f}" + (" !" if abs(second - first) > SCENE_WITHIN else ""),
        )
    console.print(table)
    for kind, one in result["overall"].items():
        console.print(
            f"{kind}: F1 {one['f1']:.1%} · reviewed {one['reviewed_share']:.0%} · wrong charges "
            f"{one['wrong_charges']} · swaps per shopper-hour "
            f"{figure(one['swaps_per_shopper_hour'], 2)} · ECE {figure(one['ece'], 3)}",
            highlight=False,
        )
    verdict = "agree" if result["agrees"] else "do not agree"
    console.print(
        f"The two {verdict}: {result['overall_apart']:.3f} apart overall (at most "
        f"{OVERALL_WITHIN}), {result['scenes_apart']} scenes more than {SCENE_WITHIN} apart",
        highlight=False,
    )
