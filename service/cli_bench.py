"""The commands `bench simulator` and `bench cameras`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from service.bench import BenchResult, bench_simulator
from service.bench_cameras import bench_cameras
from service.cli_common import JsonOption, console, write_json
from service.simulate import DATASETS


def simulator_command(
    scene: Annotated[Path, typer.Option(help="The scene to play.")] = DATASETS / "scenes/demo.yaml",
    jobs: Annotated[int, typer.Option(min=1, help="Processes at once.")] = min(
        2, os.cpu_count() or 1
    ),
    runs: Annotated[int, typer.Option(min=1, help="Seeds for each process.")] = 4,
    film: Annotated[bool, typer.Option(help="Measure filming too.")] = True,
    json: JsonOption = None,
) -> None:
    """How many times faster than real time scenes are played, beside plain yardsticks."""
    result = bench_simulator(
        scene, jobs, runs, film, lambda what: console.print(f"Measuring {what} …")
    )
    _show(result)
    write_json(json, msgspec.to_builtins(result))


def cameras_command(
    frames: Annotated[int, typer.Option(min=10, help="Pictures of each size.")] = 100,
    json: JsonOption = None,
) -> None:
    """What reading a camera costs, from its stream to the worker's hands, in CPU time."""
    costs = bench_cameras(frames, lambda what: console.print(f"Measuring {what} …"))
    for cost in costs:
        console.print(
            f"{cost.width_px}×{cost.height_px}: {cost.total_ms:.2f} ms of CPU a picture (decode "
            f"{cost.decode_ms:.2f}, write {cost.put_ms:.2f}, assemble and take "
            f"{cost.take_ms:.2f})",
            markup=False,
        )
    write_json(json, {"cameras": msgspec.to_builtins(costs)})


def _show(result: BenchResult) -> None:
    console.print(f"{result.scene}, {result.cameras} cameras:", markup=False)
    for pace in result.paces:
        processes = "1 process" if pace.processes == 1 else f"{pace.processes} processes"
        console.print(
            f"{pace.times_real:8.1f} × real time with {processes} ({pace.store_s:.0f} s in "
            f"{pace.wall_s:.1f} s; {pace.times_real_cpu:.1f} s per CPU second): {pace.what}",
            markup=False,
            soft_wrap=True,
        )
    for yardstick in result.yardsticks:
        console.print(
            f"{yardstick.times_real:8.1f} × yardstick: {yardstick.what}",
            markup=False,
            soft_wrap=True,
        )
    console.print(
        f"{result.cores} cores ({result.machine}), load average before: "
        f"{result.load[0]:.1f}, {result.load[1]:.1f}",
        markup=False,
    )
