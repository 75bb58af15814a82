"""Commands that make runs and weights: simulate, import and train."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from sensors.store import StoreFileError
from service.autocheckout import import_autocheckout
from service.cli_common import (
    EventsOption,
    JsonOption,
    console,
    parse_seeds,
    transport_of,
    vision_of,
    write_events,
    write_json,
)
from service.cli_models import WeightsOption
from service.jobs import Task, play_all
from service.models_registry import find_weights
from service.recording import write_recording
from service.report import show_receipts, show_reviews, show_score
from service.simulate import Run, stage
from service.train_joints import train_joints
from service.train_pose import train_pose
from simulator.faults import check_faults, parse_fault
from simulator.score import pool


def simulate(
    scenes: Annotated[list[Path], typer.Argument(help="Scene files.")],
    seeds: Annotated[str, typer.Option(help="Seeds: 1, 1-5 or 1,3,7.")] = "1",
    vision: Annotated[
        str, typer.Option(help="frames: render and detect; emulated: fast, from the truth.")
    ] = "emulated",
    record: Annotated[
        Path | None, typer.Option(help="Write a recording of the last run to this file.")
    ] = None,
    video: Annotated[
        bool, typer.Option("--video", help="Film every camera beside the recording.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="Break something too: kind:target[:value][@from-to]."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Runs to play at once, a process each.")] = 1,
    transport: Annotated[
        str, typer.Option(help="direct: no socket; broker: through MQTT to an engine process.")
    ] = "direct",
    weights: WeightsOption = None,
    events: EventsOption = None,
    json: JsonOption = None,
) -> None:
    """Play scenes on a virtual clock, bill them and score the bills.

    The same seeds give the same messages and events, byte for byte. Example:
    `openaisle simulate datasets/scenes/demo.yaml --seeds 1-5 --vision frames`
    """
    if video and record is None:
        raise StoreFileError("--video: the videos lie beside a recording: say --record too")
    if record is not None and not record.parent.is_dir():
        raise StoreFileError(f"--record {record}: there is no folder {record.parent}")
    staged = [stage(path) for path in scenes]
    seen, over = vision_of(vision), transport_of(transport)
    if weights is not None and seen != "frames":
        raise StoreFileError("--weights: emulated vision sees with none: say --vision frames too")
    faults = tuple(parse_fault(text) for text in fault or [])
    for one in staged:
        if wrong := check_faults(faults, one.store):
            raise StoreFileError("\n".join(f"--fault: {line}" for line in wrong))
    tasks = [
        Task(path, seed, seen, transport=over, faults=faults, weights=find_weights(weights))
        for path in scenes
        for seed in parse_seeds(seeds)
    ]
    tasks[-1] = replace(tasks[-1], record=record, video=video)
    runs: list[Run] = []
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[at]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        bar = progress.add_task("", total=len(tasks), at="")

        def tell(task: Task, seconds: float) -> None:
            name = f"{escape(task.scene.stem)}, seed {task.seed}"
            progress.update(bar, description=name, at=f"{seconds:.0f} s of store time")

        for run in play_all(tasks, jobs, tell):
            runs.append(run)
            progress.update(bar, advance=1, at=f"{len(runs)} of {len(tasks)} runs")
    run, store = runs[-1], staged[-1].store
    if len(runs) == 1:
        show_receipts(console, run.events, store, run.truth)
        show_reviews(console, run.events, store)
    total = pool([one.score for one in runs])
    show_score(console, total)
    if events is not None:
        write_events(events, run.events)
    if record is not None:
        console.print(f"Recording: {record}", markup=False)
    write_json(json, total)


import_app = typer.Typer(help="Turn recordings of other systems into ours.", no_args_is_help=True)


@import_app.command("autocheckout")
def import_autocheckout_command(
    folder: Annotated[Path, typer.Argument(help="The folder with plate_data.json and the rest.")],
    out: Annotated[Path, typer.Option(help="The recording to write (.mcap).")],
) -> None:
    """Import a case of the 2020 AutoCheckout competition (AiFi NanoStore)."""
    imported = import_autocheckout(folder)
    facts = {"imported_from": "AutoCheckout", "notes": imported.notes, "vision": "joints"}
    write_recording(out, imported.entries, imported.store_text, imported.code_key, facts)
    for note in imported.notes:
        console.print(f"note: {note}", markup=False)
    console.print(f"{len(imported.entries)} messages → {out}", markup=False)


train_app = typer.Typer(help="Train the weights in models/.", no_args_is_help=True)


@train_app.command("pose")
def train_pose_command(
    out: Annotated[Path, typer.Option(help="Where pictures and runs go.")] = Path("build/pose"),
    pictures: Annotated[int, typer.Option(help="Pictures to render for training.")] = 6500,
    epochs: Annotated[int, typer.Option(help="Passes over the pictures.")] = 12,
    hours: Annotated[float | None, typer.Option(help="A limit of time instead of epochs.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of stores, people and training.")] = 1,
    models: Annotated[Path, typer.Option(help="Where weights, card and manifest go.")] = Path(
        "models"
    ),
    start: Annotated[
        Path | None,
        typer.Option(help="Go on from these weights of ours (.onnx or .pt), not from random ones."),
    ] = None,
) -> None:
    """Train the person-pose network on rendered pictures of random stores.

    From scratch, or on from weights of before:
    `openaisle train pose --start models/person-pose.onnx --hours 1`.
    Needs the extra `train` (torch, ultralytics), best in an environment of its own.
    """
    train_pose(out, pictures, epochs, seed, hours=hours, models=models, start=start)


@train_app.command("joints")
def train_joints_command(
    out: Annotated[Path, typer.Option(help="Where pictures go; `train pose` shares them.")] = Path(
        "build/pose"
    ),
    pictures: Annotated[int, typer.Option(help="Pictures to render for training.")] = 6500,
    steps: Annotated[int, typer.Option(help="Batches of 32 crops.")] = 12_000,
    minutes: Annotated[float | None, typer.Option(help="A limit of time instead of steps.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of stores, people and training.")] = 1,
    models: Annotated[Path, typer.Option(help="Where weights, card and manifest go.")] = Path(
        "models"
    ),
) -> None:
    """Train the network that finds joints in crops of people, from scratch on rendered pictures.

    Its weights lie beside the detector's, as NAME.joints.onnx, and are used wherever they do.
    Needs torch and onnx of the extra `train`.
    """
    train_joints(out, pictures, steps, seed, minutes=minutes, models=models)
