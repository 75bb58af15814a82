"""The command `fit reach`: what the engine knows of reaching hands, fitted to played scenes."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fusion.reach import FITTED
from service.cli_common import JsonOption, console, parse_seeds, vision_of, write_json
from service.fit_reach import RECORDING, collect, fit, fit_scenes, judged
from service.score_runs import sources_of

fit_app = typer.Typer(
    help="Fit the engine's constants to played scenes, where the truth is known.",
    no_args_is_help=True,
)


@fit_app.callback()
def _several() -> None:
    """Keep `reach` a command of its own."""


@fit_app.command("reach")
def reach_command(
    scenes: Annotated[
        list[str] | None,
        typer.Argument(
            help="Scenes to play, those of the shipped fit by default; or recordings with truth."
        ),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds to fit on.")] = "105-108",
    held_out: Annotated[
        str, typer.Option(help="Seeds that only judge the fit; or a folder of recordings.")
    ] = "201-204",
    vision: Annotated[
        str, typer.Option(help="frames: render and detect; emulated: fast, from the truth.")
    ] = "emulated",
    jobs: Annotated[int, typer.Option(help="Processes; 0 for as many as cores.", min=0)] = 0,
    json: JsonOption = None,
) -> None:
    """Fit whose hand it was, and print constants for `fusion/reach.py`.

    Says, on seeds that the fit has not seen, how likely the true visit is thought to be before and
    after, and whether probabilities mean what they say.
    """
    found, seen = sources_of(scenes) if scenes else fit_scenes(), vision_of(vision)
    workers = jobs or os.cpu_count() or 1
    with console.status("playing …"):
        learned = collect(found, parse_seeds(seeds), seen, workers)
        if Path(held_out).exists():
            unseen = collect(sources_of([held_out]), [1], seen, workers)
        else:
            scenes_only = [one for one in found if one.suffix != RECORDING] or fit_scenes()
            unseen = collect(scenes_only, parse_seeds(held_out), seen, workers)
    with console.status("fitting …"):
        fitted = fit(learned, FITTED)
    before, after = judged(unseen, FITTED), judged(unseen, fitted)
    for name, value in asdict(fitted).items():
        console.print(f"{name} = {_rounded(value)}", highlight=False)
    for title, one in (("as it is", before), ("fitted", after)):
        console.print(
            f"{title}: {one['deeds']} deeds, log loss {one['log_loss']:.4f}, "
            f"right {one['right']:.1%}, P below 0.9: {one['below_0.9']:.1%}, wrong from 0.9: "
            f"{one['wrong_from_0.9']}, ECE {one['ece']:.4f}",
            highlight=False,
        )
    write_json(json, {"constants": asdict(fitted), "before": before, "after": after})


def _rounded(value: float | tuple[float, ...]) -> float | tuple[float, ...]:
    if isinstance(value, tuple):
        return tuple(round(one, 3) for one in value)
    return round(value, 4)
