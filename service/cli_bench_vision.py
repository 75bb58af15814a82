"""The command `bench vision`: the whole worker's speed, beside ultralytics on the same films."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from service.bench_vision import VisionBench, bench_vision
from service.cli_common import JsonOption, console, write_json
from service.cli_models import ModelsOption, WeightsOption
from service.models_registry import find_weights


def bench_vision_command(
    seconds: Annotated[float, typer.Option(min=1, max=600, help="Store time to be filmed.")] = 20.0,
    shoppers: Annotated[int, typer.Option(min=1, max=50, help="How many are in at once.")] = 6,
    cameras: Annotated[int, typer.Option(min=1, max=32, help="How many films.")] = 4,
    seed: Annotated[int, typer.Option(help="Draws store and shoppers.")] = 1,
    weights: WeightsOption = None,
    models: ModelsOption = None,
    json: JsonOption = None,
) -> None:
    """Frames per second of one core, from recorded H.264 to reports, and each stage's share.

    Ultralytics' own `track()` runs on the same films with the same weights and size, where
    `pip install 'openaisle[train]'` has put it.
    """
    result = bench_vision(
        find_weights(weights, models),
        seconds,
        shoppers,
        cameras,
        seed,
        lambda what: console.print(escape(what)),
    )
    _show(result)
    write_json(json, msgspec.to_builtins(result))


def _show(result: VisionBench) -> None:
    table = Table("worker", "frames / CPU s", "searched", "ms of CPU a frame", "times the peer")
    for one in result.contenders:
        table.add_row(
            one.what,
            f"{one.frames_per_cpu_s:.1f}",
            f"{one.searches} of {one.frames}",
            f"{1000 / one.frames_per_cpu_s:.2f}",
            f"{result.times_faster[one.what]:.2f}" if one.what in result.times_faster else "",
        )
    console.print(table)
    if result.peer_missing:
        console.print(result.peer_missing, markup=False)
    stages = Table("stage of ours", "ms a frame", "share")
    for stage in result.stages:
        stages.add_row(stage.what, f"{stage.ms_per_frame:.2f}", f"{stage.share:.1%}")
    console.print(stages)
    console.print(
        f"{result.cameras} cameras, {result.shoppers} shoppers, {result.store_s:g} s, "
        f"{result.weights}; {result.cores} cores ({result.machine}), load average before: "
        f"{result.load[0]:.1f}, {result.load[1]:.1f}",
        markup=False,
    )
