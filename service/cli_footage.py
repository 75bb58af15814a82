"""Commands on footage of real cameras: track-video, and bench footage."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table

from service.calibrate_lens import CalibrationError
from service.cli_common import JsonOption, console, write_json
from service.film_source import write_picture
from service.footage import (
    body_height,
    detect_case,
    errors_of,
    fused_places,
    read_case,
    single_places,
)
from service.track_video import draw_tracks, track_video, write_tracks
from vision.detector import Detector, load_detector
from vision.tiled import TiledDetector

WeightsOption = Annotated[
    Path, typer.Option("--weights", help="People or pose weights, .onnx or .pt.")
]
TilesOption = Annotated[
    str, typer.Option("--tiles", help="Look at the picture in COLUMNSxROWS tiles, for far people.")
]


def track_video_command(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="A video, a folder of pictures, or a URL.")
    ],
    weights: WeightsOption,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the tracks in MOTChallenge's format.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw paths and boxes, no pixel of the video.")
    ] = None,
    fps: Annotated[
        float | None, typer.Option("--fps", min=0.1, help="At most so many frames a second.")
    ] = None,
    tiles: TilesOption = "1x1",
    json: JsonOption = None,
) -> None:
    """Track people through a video of any camera; it needs no calibration.

    Example: `openaisle track-video shop.mp4 --weights yolo11n.onnx --out tracks.txt --plot
    tracks.png`
    """
    detector = _detector(weights, tiles)
    with console.status("Tracking …") as status:
        tracks = track_video(
            source, detector, fps, lambda at_s: status.update(f"Tracking … {at_s:.1f} s")
        )
    lengths = tracks.lengths_s()
    table = Table("track", "seconds", "boxes", title=f"{tracks.name}: {len(tracks.at_s)} frames")
    for track in tracks.lasting:
        boxes = int((tracks.rows[:, 1] == track).sum())
        table.add_row(str(track), f"{lengths[track]:.1f}", str(boxes))
    console.print(table)
    short = len(lengths) - len(tracks.lasting)
    console.print(f"{len(tracks.lasting)} tracks of a second or longer, {short} shorter")
    if out is not None:
        write_tracks(out, tracks)
    if plot is not None:
        write_picture(plot, draw_tracks(tracks))
    write_json(
        json,
        {
            "source": tracks.name,
            "frames": len(tracks.at_s),
            "tracks": len(tracks.lasting),
            "shorter": short,
            "lengths_s": {str(k): v for k, v in lengths.items()},
        },
    )


def bench_footage_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="With config.json, gtLoc.json and videos.")
    ],
    weights: WeightsOption,
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, help="How much of the videos to look at.")
    ] = 60.0,
    fps: Annotated[
        float, typer.Option("--fps", min=0.5, max=30, help="Frames a second to look at.")
    ] = 5.0,
    tiles: TilesOption = "2x2",
    json: JsonOption = None,
) -> None:
    """Calibrate the cameras of a SceneScape case from its marks, fuse them, and compare with the
    ground truth: errors on the floor of each camera alone, and fused."""
    case = read_case(folder)
    for name, pose in case.poses.items():
        x, y, z = pose.camera.position_m
        console.print(
            f"{name}: {len(pose.marks)} marks, rms {pose.rms_px:.2f} px, at"
            f" ({x:.2f}, {y:.2f}, {z:.2f}) ± {100 * pose.place_sigma_m:.0f} cm",
            markup=False,
        )
    with console.status("Detecting …") as status:
        seen = detect_case(
            case,
            _detector(weights, tiles),
            fps,
            seconds,
            lambda name, at_s: status.update(f"Detecting … {name} {at_s:.1f} s"),
        )
    shortest = min(len(frames) for frames in seen.values())
    seen = {name: frames[:shortest] for name, frames in seen.items()}
    names = list(seen)
    rows = {n: errors_of(case, single_places(case, n, seen[n]), fps, [n]) for n in names}
    fused, tracks = fused_places(case, seen, fps)
    rows["fused"] = errors_of(case, fused, fps, names)
    table = Table(
        "errors in units of the map", "found", "missed", "extra", "median", "90 %", "bias x, y"
    )
    for name, row in rows.items():
        bias = ", ".join(f"{v:+.2f}" for v in row.bias_m)
        median, most = f"{row.median_m:.3f}", f"{row.p90_m:.3f}"
        table.add_row(name, str(row.found), str(row.missed), str(row.extra), median, most, bias)
    console.print(table)
    console.print(
        f"{shortest} instants, {case.truth.shape[1]} people, {tracks} tracks on the floor; people"
        f" are {body_height(case, seen):.2f} of the map's units tall"
    )
    write_json(
        json,
        {
            "poses": {n: p.camera.position_m.tolist() for n, p in case.poses.items()},
            "rms_px": {n: p.rms_px for n, p in case.poses.items()},
            "instants": shortest,
            "tracks": tracks,
            "body_height": body_height(case, seen),
            "errors": {n: _plain(asdict(row)) for n, row in rows.items()},
        },
    )


def _plain(row: dict[str, object]) -> dict[str, object]:
    """NaN is no JSON."""
    return {
        k: None if isinstance(v, float) and not np.isfinite(v) else v
        for k, v in row.items()
        if k != "bias_m"
    } | {"bias_m": row["bias_m"]}


def _detector(weights: Path, tiles: str) -> Detector:
    detector = load_detector(weights)
    try:
        columns, rows = (int(part) for part in tiles.lower().split("x"))
        return detector if columns * rows == 1 else TiledDetector(detector, columns, rows)
    except ValueError:
        raise CalibrationError(f"--tiles {tiles!r}: expected COLUMNSxROWS, as 2x2") from None
