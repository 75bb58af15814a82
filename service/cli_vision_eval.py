"""The command `vision eval`: how well vision sees shoppers of stores that training never showed."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from service.cli_common import JsonOption, console, parse_seeds, write_json
from service.cli_models import ModelsOption, WeightsOption
from service.models_registry import find_weights
from service.vision_eval import Seen, Trial, evaluate_all

_ROWS = (
    ("people: mAP50, everybody labelled", "map50", "{:.3f}"),
    ("people: mAP50, of whom 25 % is seen", "map50_well_seen", "{:.3f}"),
    ("recall / precision at 0.3, labelled", ("recall", "precision"), "{:.3f} / {:.3f}"),
    (
        "recall / precision at 0.3, 25 % seen",
        ("recall_well_seen", "precision_well_seen"),
        "{:.3f} / {:.3f}",
    ),
    ("seen wrists within 5 / 10 % of height", ("wrist_pck_05", "wrist_pck_10"), "{:.3f} / {:.3f}"),
    ("seen wrists, median", "wrist_median_px", "{:.1f} px"),
    ("bodies whose left is left", "sides", "{:.3f}"),
    ("hand in space, 1+ view: median / 90 %", ("hand_median_m", "hand_90_m"), "{:.3f} / {:.3f} m"),
    (
        "hand in space, 2+ views: median / 90 %",
        ("hand_median_m_twice", "hand_90_m_twice"),
        "{:.3f} / {:.3f} m",
    ),
    (
        "hands reported of those seen, 1+ / 2+",
        ("hands_found", "hands_found_twice"),
        "{:.3f} / {:.3f}",
    ),
    ("floor error: median / 90 %", ("floor_median_m", "floor_90_m"), "{:.3f} / {:.3f} m"),
    (
        "NEES of the floor (1 is honest) / within 95 %",
        ("nees", "nees_within_95"),
        "{:.2f} / {:.3f}",
    ),
    ("IDF1, tracklets / joined by their links", ("idf1", "idf1_linked"), "{:.3f} / {:.3f}"),
    ("identity swaps per shopper-hour", "swaps_per_shopper_hour", "{:.2f}"),
    ("breaks per shopper-hour", "breaks_per_shopper_hour", "{:.1f}"),
    ("share of shopper time unseen", "unseen_share", "{:.4f}"),
    ("vision, CPU per frame", "ms_per_frame", "{:.1f} ms"),
)


def eval_command(
    seeds: Annotated[
        str,
        typer.Option(help="Stores: 1-5, or 1,3,7. By custom 101… are for tuning, 1… for reports."),
    ] = "1-4",
    seconds: Annotated[
        float, typer.Option(min=5, max=3600, help="Store time to be watched in each.")
    ] = 120.0,
    shoppers: Annotated[int, typer.Option(min=1, max=50, help="How many are in at once.")] = 6,
    cameras: Annotated[int, typer.Option(min=1, max=32, help="How many watch a store.")] = 4,
    every: Annotated[
        int, typer.Option(min=1, help="Compare pictures with the truth every so many exposures.")
    ] = 5,
    jobs: Annotated[int, typer.Option(min=1, help="Stores at once.")] = 1,
    weights: WeightsOption = None,
    models: ModelsOption = None,
    json: JsonOption = None,
) -> None:
    """How well people, hands and places are seen in generated stores never trained on.

    Every seed gives a store of `openaisle store generate`, with looks that no training picture
    has; shoppers are rendered, seen by real vision, and compared with where they truly were.

    `openaisle vision eval --seeds 1-4 --jobs 2 --json figures.json`
    """
    file = find_weights(weights, models)
    trials = [Trial(seed, seconds, shoppers, cameras, every, file) for seed in parse_seeds(seeds)]
    total, each = Seen(), []
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[at]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        bar = progress.add_task("", total=len(trials), at="")

        def tell(trial: Trial, at_s: float) -> None:
            progress.update(
                bar, description=f"store {trial.seed}", at=f"{at_s:.0f} of {seconds:g} s"
            )

        for seen in evaluate_all(trials, jobs, tell):
            each.append(finite(seen.figures()))
            total.add(seen)
            progress.update(bar, advance=1, at=f"{len(each)} of {len(trials)} stores")
    figures = finite(total.figures())
    show(figures)
    write_json(json, {"weights": file.name, "all": figures, "each": each})


def finite(figures: dict[str, Any]) -> dict[str, Any]:
    """Figures of which those that nothing was there for are None, rounded to four digits."""
    return {
        key: (round(value, 4) if math.isfinite(value) else None)
        if isinstance(value, float)
        else value
        for key, value in figures.items()
    }


def show(figures: dict[str, Any]) -> None:
    """Print the figures of all stores together."""
    minutes = figures["shopper_s"] / 60
    table = Table(
        title=f"{len(figures['stores'])} unseen stores, {minutes:.1f} shopper-minutes, "
        f"{figures['frames']} frames, {figures['pictures']} compared, {figures['people']} people"
    )
    table.add_column("figure")
    table.add_column("", justify="right")
    for label, keys, form in _ROWS:
        values = [figures[key] for key in ((keys,) if isinstance(keys, str) else keys)]
        known = None not in values
        table.add_row(label, form.format(*values) if known else "–")
    console.print(table)
