"""Commands on single-camera tracking: track, track-eval, and bench tracking."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table

from service.bench_tracking import TrackingBench, bench_tracking
from service.cli_common import JsonOption, console, write_json
from service.mot_files import MotFileError, read_sequence, write_results
from service.mot_quality import Quality, measure_quality, sequences_under
from service.mot_track import fill_gaps, track_sequence

OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Look back: fill a track's gaps of up to a second.")
]


def track(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="With det.txt and seqinfo.ini; see below.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Where to write the tracks.")],
    floor: Annotated[
        bool, typer.Option("--floor/--no-floor", help="Use cam_para.txt where it is there.")
    ] = True,
    offline: OfflineOption = False,
    json: JsonOption = None,
) -> None:
    """Track people in one camera's picture from their boxes alone.

    DIR is a MOT-style folder: `det.txt` has a box a line (frame, id, left, top, width, height,
    score; the id is not read), `seqinfo.ini` the frame rate, length and size, and `cam_para.txt`,
    where there, the camera's pose over the floor. Tracks are written in the same format. The
    first use on a machine compiles the tracker, which takes up to half a minute.
    """
    sequence = read_sequence(folder)
    rows = track_sequence(sequence, use_ground=floor)
    if offline:
        rows = fill_gaps(rows, sequence.frame_rate_hz)
    write_results(out, rows.tolist())
    tracks = len({row[1] for row in rows.tolist()})
    on_floor = floor and sequence.ground is not None
    console.print(
        f"{out}: {len(rows)} boxes of {tracks} tracks in {sequence.frames} frames of "
        f"{sequence.name}{', on the floor of cam_para.txt' if on_floor else ''}"
        f"{', offline' if offline else ''}",
        markup=False,
    )
    write_json(
        json,
        {
            "sequence": sequence.name,
            "frames": sequence.frames,
            "boxes": len(rows),
            "tracks": tracks,
            "floor": on_floor,
            "offline": offline,
        },
    )


def track_eval(
    root: Annotated[
        Path, typer.Argument(metavar="ROOT", help="Of MOT-style folders that have gt.txt too.")
    ],
    peers: Annotated[
        bool, typer.Option("--peers", help="Run other people's trackers on the same boxes too.")
    ] = False,
    only: Annotated[
        str, typer.Option("--only", help="Only folders whose name begins so, as MOT17.")
    ] = "",
    offline: OfflineOption = False,
    json: JsonOption = None,
) -> None:
    """Score the tracker on MOT sequences: HOTA, MOTA, IDF1 and identity switches.

    Evaluated by TrackEval with MOTChallenge's own preprocessing (`pip install
    'openaisle[bench]'`). Of MOT17 folders only the frames after the first half count, because
    public detectors were trained on the first. One set of settings for all, tuned on MOT15.
    """
    sequences = [one for one in sequences_under(root) if one.folder.name.startswith(only)]
    if not sequences:
        raise MotFileError(f"{root}: no folder with det.txt and gt.txt begins with {only!r}")
    result = measure_quality(sequences, peers, offline, _tell)
    _show_quality(result)
    write_json(json, msgspec.to_builtins(result))


def bench_tracking_command(
    frames: Annotated[int, typer.Option(min=60, help="Frames of the simulated crowd.")] = 300,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each tracker; the best counts.")] = 3,
    json: JsonOption = None,
) -> None:
    """Processor time per frame of the box tracker beside other people's, in one run.

    At 20 and 50 detections of a simulated crowd, the same for everybody; HOTA on that crowd
    beside it. Trackers that are not installed are named: `pip install 'openaisle[bench]'`.
    """
    result = bench_tracking((20, 50), frames, runs, _tell)
    _show_bench(result)
    write_json(json, msgspec.to_builtins(result))


def _tell(what: str) -> None:
    console.print(f"Measuring {what} …", markup=False, style="dim")


def _show_quality(result: Quality) -> None:
    table = Table("sequence", "tracker", "frames", "HOTA", "MOTA", "IDF1", "switches")
    for column in table.columns[3:]:
        column.justify = "right"
    last = ""
    for row in sorted(result.rows, key=lambda row: (row.sequence, -row.score.hota)):
        score = row.score
        table.add_row(
            row.sequence if row.sequence != last else "",
            row.tracker,
            row.frames,
            f"{score.hota:.2f}",
            f"{score.mota:.2f}",
            f"{score.idf1:.2f}",
            str(score.switches),
        )
        last = row.sequence
    console.print(table)
    _show_missing(result.missing)


def _show_bench(result: TrackingBench) -> None:
    table = Table("tracker", "detections", "CPU ms per frame", "HOTA")
    for column in table.columns[1:]:
        column.justify = "right"
    for pace in sorted(result.paces, key=lambda pace: (pace.detections, pace.ms_per_frame)):
        table.add_row(
            pace.tracker,
            str(pace.detections),
            f"{pace.ms_per_frame:.3f}",
            "–" if pace.hota is None else f"{pace.hota:.2f}",
        )
    console.print(table)
    for detections, times in result.times_faster.items():
        console.print(f"{times:.1f} × faster than the fastest other at {detections} detections")
    _show_missing(result.missing)
    if any(pace.hota is None for pace in result.paces):
        console.print("HOTA is not measured: pip install 'openaisle[bench]'", markup=False)
    console.print(
        f"{result.cores} cores ({result.machine}), load average before: "
        f"{result.load[0]:.1f}, {result.load[1]:.1f}",
        markup=False,
    )


def _show_missing(missing: dict[str, str]) -> None:
    for name, how in missing.items():
        console.print(f"not run: {name} is not installed: {how}", markup=False)
