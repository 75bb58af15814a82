"""Commands that need no running store: simulate, replay, score, import and train."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cart.events import Event, from_json, to_json
from sensors.store import Store, StoreFileError, parse_store
from service.autocheckout import import_autocheckout
from service.pipeline import Pipeline
from service.recording import Recording, RecordingError, write_recording
from service.recording import replay as replay_recording
from service.report import receipts_of, show_receipts, show_reviews, show_score
from service.simulate import Run, Staged, Vision, stage, truth_bytes
from service.simulate import simulate as play
from service.train_pose import train_pose
from simulator.score import pool
from simulator.score import score as score_events
from simulator.truth import Truth

console = Console()
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Write the result for machines to this file.")
]
EventsOption = Annotated[
    Path | None, typer.Option("--events", help="Write the event log, one JSON line each.")
]


def simulate(
    scenes: Annotated[list[Path], typer.Argument(help="Scene files.")],
    seeds: Annotated[str, typer.Option(help="Seeds: 1, 1-5 or 1,3,7.")] = "1",
    vision: Annotated[
        str, typer.Option(help="frames: render and detect; emulated: fast, from the truth.")
    ] = "emulated",
    record: Annotated[
        Path | None, typer.Option(help="Write a recording of the last run to this file.")
    ] = None,
    events: EventsOption = None,
    json: JsonOption = None,
) -> None:
    """Play scenes on a virtual clock, bill them and score the bills.

    The same seeds give the same messages and events, byte for byte. Example:
    `openaisle simulate datasets/scenes/demo.yaml --seeds 1-5 --vision frames`
    """
    scores: list[dict[str, Any]] = []
    numbers = parse_seeds(seeds)
    staged = [stage(path) for path in scenes]
    last: tuple[Staged, Run, int] | None = None
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[at]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as progress:
        task = progress.add_task("", total=len(staged) * len(numbers), at="")
        for scene in staged:
            for seed in numbers:
                progress.update(task, description=f"{escape(scene.scene.name)}, seed {seed}")
                run = play(
                    scene,
                    seed,
                    _vision(vision),
                    lambda s: progress.update(task, at=f"{s:.0f} s of store time"),
                )
                progress.advance(task)
                scores.append(run.score)
                last = (scene, run, seed)
    assert last is not None
    scene, run, seed = last
    if len(scores) == 1:
        show_receipts(console, run.events, scene.store, run.truth)
        show_reviews(console, run.events, scene.store)
    total = pool(scores)
    show_score(console, total)
    if events is not None:
        write_events(events, run.events)
    if record is not None:
        facts = {
            "scene": scene.scene.name,
            "seed": seed,
            **{key: run.score[key] for key in ("vision", "transport", "realtime_factor")},
        }
        write_recording(
            record, run.entries, scene.store_text, run.code_key, facts, truth_bytes(run.truth)
        )
        console.print(f"Recording: {record}", markup=False)
    _write_json(json, total)


def replay(
    recording: Annotated[Path, typer.Argument(help="A recording (.mcap).")],
    events: EventsOption = None,
    json: JsonOption = None,
    partial: Annotated[
        bool, typer.Option(help="Read a truncated recording as far as it is whole.")
    ] = False,
) -> None:
    """Bill a recording again: the same decoder, journal entries and fusion as live.

    Two replays give the same bytes. Scores the result where the recording carries the truth.
    """
    opened = Recording.open(recording, partial=partial)
    store = parse_store(opened.store_text, f"{recording}: store.yaml")
    found = list(replay_recording(opened, Pipeline))
    truth = truth_of(opened)
    show_receipts(console, found, store, truth)
    show_reviews(console, found, store)
    result: dict[str, Any] = _outcome(found, store)
    if truth is not None:
        result = _score(found, truth, store, opened.facts)
        show_score(console, result)
    if events is not None:
        write_events(events, found)
    _write_json(json, result)


def score(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings that carry the truth.")],
    events: Annotated[
        Path | None,
        typer.Option("--events", help="Score this event log instead of a replay (one recording)."),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Score bills against the truth, pooled over recordings."""
    if events is not None and len(recordings) != 1:
        raise RecordingError("--events goes with exactly one recording")
    scores = []
    for path in recordings:
        opened = Recording.open(path)
        truth = truth_of(opened)
        if truth is None:
            raise RecordingError(f"{path}: the recording carries no truth to score against")
        store = parse_store(opened.store_text, f"{path}: store.yaml")
        found = read_events(events) if events else list(replay_recording(opened, Pipeline))
        scores.append(_score(found, truth, store, opened.facts))
    total = pool(scores)
    show_score(console, total)
    _write_json(json, total)


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
) -> None:
    """Train the person-pose network from scratch on rendered pictures of random stores.

    Needs the extra `train` (torch, ultralytics), best in an environment of its own.
    """
    train_pose(out, pictures, epochs, seed, hours=hours, models=models)


def parse_seeds(text: str) -> list[int]:
    """`1`, `1-5` and `1,3,7` as numbers. Raises StoreFileError."""
    try:
        numbers: list[int] = []
        for part in text.split(","):
            first, _, last = part.partition("-")
            numbers += range(int(first), int(last or first) + 1)
    except ValueError:
        raise StoreFileError(f"--seeds {text!r}: expected 1, 1-5 or 1,3,7") from None
    return numbers


def truth_of(recording: Recording) -> Truth | None:
    """The truth that a recording carries, if any. Raises RecordingError where it is damaged."""
    if not recording.truth:
        return None
    try:
        return msgspec.json.decode(recording.truth, type=Truth)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(f"{recording.path}: the truth is unreadable: {error}") from error


def write_events(path: Path, events: Sequence[Event]) -> None:
    """Write an event log."""
    path.write_bytes(b"".join(to_json(event) + b"\n" for event in events))


def read_events(path: Path) -> list[Event]:
    """Read an event log. Raises RecordingError naming the line."""
    found = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            found.append(from_json(line))
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            raise RecordingError(f"{path}, line {number}: {error}") from error
    return found


def _vision(text: str) -> Vision:
    if text == "frames":
        return "frames"
    if text == "emulated":
        return "emulated"
    raise StoreFileError(f"--vision {text!r}: expected frames or emulated")


def _score(
    events: Sequence[Event], truth: Truth, store: Store, facts: dict[str, Any]
) -> dict[str, Any]:
    factor = facts.get("realtime_factor")
    known = isinstance(factor, int | float) and 0 < factor < math.inf
    return score_events(
        events,
        truth,
        store,
        vision=str(facts.get("vision", "unknown")),
        transport=str(facts.get("transport", "unknown")),
        realtime_factor=factor if known else None,
    )


def _outcome(events: Sequence[Event], store: Store) -> dict[str, Any]:
    """What can be said without the truth, under the score's keys."""
    return {
        "receipts": [
            {
                "shopper": r.shopper,
                "lines": [
                    {"gtin": x.gtin, "quantity": x.quantity, "total_cents": x.total_cents}
                    for x in r.lines
                ],
                "total_cents": r.total_cents,
            }
            for r in receipts_of(events, store)
        ]
    }


def _write_json(path: Path | None, result: dict[str, Any]) -> None:
    if path is not None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2))
