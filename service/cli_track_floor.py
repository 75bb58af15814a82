"""Commands on people seen by several calibrated cameras: track-floor and track-floor-eval."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track as shown
from rich.table import Table

from sensors.store import Floor
from service.cli_common import JsonOption, console, write_json
from service.floor_files import (
    CAMERAS,
    FloorFileError,
    read_boxes,
    read_cameras,
    read_truth,
    write_places,
)
from service.floor_score import FloorScore, score_floor
from service.floor_tracks import FloorRun, track_floor

TRUTH = "gt_ground.csv"
LEVELS = "detections_*.csv"

AreaOption = Annotated[
    str | None,
    typer.Option(
        "--area",
        metavar="X0,Y0,X1,Y1",
        help="The floor, in metres; else where nearly all boxes stand.",
    ),
]
FpsOption = Annotated[float, typer.Option("--fps", help="Frames per second.")]


def track_floor_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="With cameras.json.")],
    detections: Annotated[
        Path, typer.Option("--detections", help="Boxes: frame,view,xmin,ymin,xmax,ymax,conf.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Where to write frame,id,x_m,y_m.")],
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="Score against true places: frame,person_id,x_cm,y_cm."),
    ] = None,
    area: AreaOption = None,
    fps: FpsOption = 2.0,
    json: JsonOption = None,
) -> None:
    """Track people on the floor from the boxes that several calibrated cameras saw.

    DIR/cameras.json is a list of cameras, each with `view`, `K`, `rvec`, `tvec_cm` (as OpenCV
    has them), `width`, `height` and `dist`. The tracker is the store's; a frame's places know
    nothing of later frames. Example:
    openaisle track-floor DIR --detections DIR/detections_easy.csv --out places.csv
    """
    floor = _floor(area, fps)
    cameras = read_cameras(folder / CAMERAS)
    frames = read_boxes(detections, list(cameras))
    true = read_truth(truth) if truth is not None else None
    run = track_floor(cameras, frames, floor, fps)
    write_places(out, run.places)
    count = sum(len(places.ids) for places in run.places.values())
    tracks = {person for places in run.places.values() for person in places.ids.tolist()}
    console.print(
        f"{out}: {count} places of {len(tracks)} tracks in {len(frames)} frames, "
        f"{run.ms_per_frame:.1f} ms each",
        markup=False,
    )
    result = {"places": count, "tracks": len(tracks), "frames": len(frames)}
    if true is None:
        write_json(json, result)
        return
    score = score_floor(run.places, true, range(len(frames)))
    table = _table()
    _row(table, detections.stem, "all", score, run)
    console.print(table)
    write_json(json, {**result, "score": asdict(score)})


def track_floor_eval(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="With cameras.json, gt_ground.csv, detections_*.csv."),
    ],
    area: AreaOption = None,
    fps: FpsOption = 2.0,
    json: JsonOption = None,
) -> None:
    """Track every file of boxes in DIR and print IDF1 and MOTA at one metre.

    Each file is tracked once from its first frame on and scored over all frames and over both
    halves: on WILDTRACK the parameters were chosen on the first half alone.
    """
    floor = _floor(area, fps)
    cameras = read_cameras(folder / CAMERAS)
    true = read_truth(folder / TRUTH)
    files = sorted(folder.glob(LEVELS))
    if not files:
        raise FloorFileError(f"{folder}: there is no {LEVELS}")
    table, rows = _table(), []
    for file in shown(files, description="tracking", console=console, transient=True):
        frames = read_boxes(file, list(cameras))
        run = track_floor(cameras, frames, floor, fps)
        half, last = len(frames) // 2, len(frames)
        level = file.stem.removeprefix(LEVELS.partition("*")[0])
        for first, end in ((0, half), (half, last), (0, last)):
            score = score_floor(run.places, true, range(first, end))
            _row(table, level, f"{first}–{end - 1}", score, run)
            rows.append({"file": file.name, "first": first, "end": end, **asdict(score)})
    console.print(table)
    write_json(json, {"scores": rows})


def _floor(area: str | None, fps: float) -> Floor | None:
    """The floor that was asked for. Raises FloorFileError."""
    if not 0.0 < fps < 1000.0:
        raise FloorFileError(f"--fps {fps:g}: expected frames per second above 0")
    if area is None:
        return None
    try:
        x0, y0, x1, y1 = (float(part) for part in area.split(","))
    except ValueError:
        x0 = y0 = x1 = y1 = math.nan
    if not (x0 < x1 and y0 < y1 and max(map(abs, (x0, y0, x1, y1))) < 1e4):
        raise FloorFileError(f"--area {area!r}: expected X0,Y0,X1,Y1 in metres, as in -3,-9,9,27")
    return Floor(x_min_m=x0, y_min_m=y0, x_max_m=x1, y_max_m=y1)


def _table() -> Table:
    table = Table(
        title="People on the floor, within 1 m", title_justify="left", padding=(0, 1, 0, 0)
    )
    for name in ("boxes", "frames"):
        table.add_column(name)
    for name in ("IDF1", "MOTA", "people", "missed", "false", "switches", "error m", "ms"):
        table.add_column(name, justify="right")
    return table


def _row(table: Table, name: str, frames: str, score: FloorScore, run: FloorRun) -> None:
    table.add_row(
        name,
        frames,
        f"{score.idf1:.1f}",
        f"{score.mota:.1f}",
        str(score.people),
        str(score.missed),
        str(score.false),
        str(score.switches),
        f"{score.error_m:.2f}",
        f"{run.ms_per_frame:.1f}",
    )
