"""Commands that calibrate: cameras (board, intrinsics, pose), and the risk of going unreviewed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from sensors.camera import CameraModel
from sensors.store import StoreFileError, load_store
from service.board_print import write_board
from service.calibrate_drawing import draw_lens, draw_pose
from service.calibrate_lens import CalibrationError, calibrate_lens
from service.calibrate_marks import calibrate_pose, load_marks, marks_of_board
from service.cli_calibrate_risk import risk_command
from service.cli_common import JsonOption, console, write_json, write_result
from service.film_source import read_picture, write_picture
from service.store_edit import Value, fragment, write_camera
from vision.board import Board

calibrate_app = typer.Typer(
    help="Measure a camera's lens, where it hangs (docs/calibration.md), and what to review.",
    no_args_is_help=True,
)

ColumnsOption = Annotated[int, typer.Option(help="Squares of the board from left to right.")]
RowsOption = Annotated[int, typer.Option(help="Squares of the board from top to bottom.")]
SquareOption = Annotated[
    float, typer.Option(help="Side of a square in mm, as measured on the print.")
]
StoreOption = Annotated[
    Path | None,
    typer.Option(help="Write the result into this store file, at --camera; the rest stays."),
]
CameraOption = Annotated[str, typer.Option(help="The camera's id in the store file.")]
OutOption = Annotated[
    Path | None, typer.Option(help="Write the result as YAML, to be pasted below `cameras:`.")
]
DrawingOption = Annotated[
    Path | None, typer.Option(help="Draw what is left over into this .png or .jpg.")
]


@calibrate_app.callback()
def calibrate() -> None:
    """Measure a camera's lens, where it hangs (docs/calibration.md), and what to review."""


calibrate_app.command("risk")(risk_command)


@calibrate_app.command("board")
def board_command(
    out: Annotated[Path, typer.Option(help="Where to: .pdf, .svg or .png.")],
    columns: ColumnsOption = 9,
    rows: RowsOption = 6,
    square_mm: SquareOption = 30.0,
) -> None:
    """Print the board for the other commands, at its true size.

    9 × 6 squares of 30 mm fill an A4 sheet, which does for a lens. To lie on the floor and be seen
    from the ceiling a board needs squares of 100 to 200 mm: `--columns 5 --rows 4 --square-mm 150`.
    """
    board = _board(columns, rows, square_mm)
    wide, high = write_board(board, out)
    console.print(
        f"{out}: {wide:g} × {high:g} mm. Print it at 100 % (no fitting to the page), measure a"
        " square, glue it to something flat and stiff.",
        markup=False,
    )


@calibrate_app.command("intrinsics")
def intrinsics_command(
    source: Annotated[
        str, typer.Argument(help="A folder of pictures, a video file, or a stream's URL.")
    ],
    columns: ColumnsOption = 9,
    rows: RowsOption = 6,
    square_mm: SquareOption = 30.0,
    store: StoreOption = None,
    camera: CameraOption = "cam1",
    out: OutOption = None,
    drawing: DrawingOption = None,
    json: JsonOption = None,
) -> None:
    """Measure the lens: fx, fy, cx, cy, k1, k2, from 10 to 60 pictures of the printed board.

    Hold it before the camera at many places and tilts, corners of the picture included. Example:
    `openaisle calibrate intrinsics board.mp4 --store store.yaml --camera cam1 --drawing lens.png`
    """
    board = _board(columns, rows, square_mm)
    if store is not None:
        _camera_of(store, camera)  # a name mistyped is told before minutes of looking
    with console.status("Looking for the board …") as status:
        run = calibrate_lens(
            source,
            board,
            lambda looked, found: status.update(f"The board is in {found} of {looked} pictures …"),
        )
    fit = run.fit
    table = Table("picture", "corners", "tilt", "rms px", title=f"{source}: {len(fit.used)} used")
    for k, rms, left, tilt in zip(
        fit.used, fit.rms_of_views_px, fit.residuals_px, fit.tilt_deg, strict=True
    ):
        worst = " ← worst" if rms == max(fit.rms_of_views_px) else ""
        table.add_row(escape(run.names[k]), str(len(left)), f"{tilt:.0f}°", f"{rms:.2f}{worst}")
    console.print(table)
    fields = ("fx", "fy", "cx", "cy", "k1", "k2")
    for key, sigma in zip(fields, fit.sigma, strict=True):
        console.print(f"{key} {run.values()[key]:10.4f} ± {sigma:.4f}", markup=False)
    console.print(
        f"rms {fit.rms_px:.2f} px; corners were seen in {fit.covered:.0%} of the picture",
        markup=False,
    )
    _warn(run.warnings())
    if drawing is not None:
        write_picture(drawing, draw_lens(run))
    values: dict[str, Value] = dict(run.values())
    _keep(values, camera, store, out)
    write_json(json, {"camera": camera, **run.facts()})


@calibrate_app.command("pose")
def pose_command(
    marks: Annotated[
        Path | None,
        typer.Argument(help="A .yaml or .csv file of marks: pixels and places on the floor."),
    ] = None,
    store: StoreOption = None,
    camera: CameraOption = "cam1",
    lens: Annotated[
        Path | None,
        typer.Option(help="Take the intrinsics from this file of `calibrate intrinsics --out`."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="The camera's picture: to draw on, or with the board in it.")
    ] = None,
    board_at: Annotated[
        str | None,
        typer.Option(
            help="Instead of marks: the board lies on the floor, its lower left corner at X,Y (m)"
            " and its lower edge turned by YAW (degrees): X,Y,YAW."
        ),
    ] = None,
    columns: ColumnsOption = 5,
    rows: RowsOption = 4,
    square_mm: SquareOption = 150.0,
    write: Annotated[
        bool, typer.Option(help="Write the pose into --store; else it is only shown.")
    ] = True,
    out: OutOption = None,
    drawing: DrawingOption = None,
    json: JsonOption = None,
) -> None:
    """Measure where a camera hangs and looks, from marks on the floor (six or more, spread out).

    The intrinsics are those of --camera in --store, or of --lens. A marks file says, for each mark,
    `- {name: a, pixel: [312, 401], floor_m: [2.5, 1.0]}` below `marks:`. Example:
    `openaisle calibrate pose marks.yaml --store store.yaml --camera cam1 --drawing pose.png`
    """
    if (marks is None) == (board_at is None):
        raise CalibrationError("give a file of marks, or --board-at with --picture")
    model = _lens_of(store, camera, lens)
    rgb = read_picture(picture) if picture is not None else None
    if rgb is not None and (rgb.shape[1], rgb.shape[0]) != (model.width_px, model.height_px):
        raise CalibrationError(
            f"{picture}: {rgb.shape[1]}×{rgb.shape[0]} pixels; camera {camera} was calibrated at"
            f" {model.width_px}×{model.height_px}"
        )
    if marks is not None:
        found = load_marks(marks)
    elif rgb is None:
        raise CalibrationError("--board-at needs --picture, with the board in it")
    else:
        found = marks_of_board(_board(columns, rows, square_mm), rgb, _place(str(board_at)))
    run = calibrate_pose(model, found)
    fit = run.fit
    table = Table("mark", "px", "on the floor", "without it", title=f"camera {camera}")
    for row in run.facts()["marks"]:
        off = np.hypot(*row["residual_px"])
        note = "" if row["used"] else " ← left out"
        table.add_row(
            escape(row["name"]), f"{off:.1f}{note}", _cm(row["floor_m"]), _cm(row["left_out_m"])
        )
    console.print(table)
    for key, value in run.values().items():
        console.print(f"{key}: {value}", markup=False)
    console.print(
        f"rms {fit.rms_px:.2f} px; direction ± {fit.turn_sigma_deg:.2f}°,"
        f" place ± {100 * fit.place_sigma_m:.1f} cm",
        markup=False,
    )
    _warn(run.warnings())
    if drawing is not None:
        write_picture(drawing, draw_pose(run, rgb))
    values: dict[str, Value] = dict(run.values())
    _keep(values, camera, store if write else None, out)
    write_json(json, {"camera": camera, **run.facts()})


def _board(columns: int, rows: int, square_mm: float) -> Board:
    try:
        return Board(columns, rows, square_mm / 1000)
    except ValueError as error:
        raise CalibrationError(str(error)) from error


def _place(text: str) -> tuple[float, float, float]:
    try:
        x, y, yaw = (float(part) for part in text.split(","))
    except ValueError:
        x = y = yaw = math.nan
    if not all(map(math.isfinite, (x, y, yaw))):
        raise CalibrationError(f"--board-at {text!r}: expected X,Y,YAW, as 2.5,1,90")
    return x, y, yaw


def _lens_of(store: Path | None, camera: str, lens: Path | None) -> CameraModel:
    if lens is not None:
        return _lens_file(lens)
    if store is None:
        raise CalibrationError("the intrinsics are missing: give --store and --camera, or --lens")
    return _camera_of(store, camera)


def _camera_of(store: Path, camera: str) -> CameraModel:
    cameras = {c.id: c for c in load_store(store).cameras}
    if camera not in cameras:
        raise StoreFileError(
            f"{store}: cameras: there is no {camera!r}; known: {', '.join(cameras) or 'none'}"
        )
    return cameras[camera].model()


def _lens_file(path: Path) -> CameraModel:
    import yaml  # noqa: PLC0415

    try:
        entry = yaml.safe_load(path.read_text(encoding="utf-8"))[0]
        keys = ("width_px", "height_px", "fx", "fy", "cx", "cy")
        wide, high, fx, fy, cx, cy = (float(entry[key]) for key in keys)
        k1, k2 = float(entry.get("k1", 0.0)), float(entry.get("k2", 0.0))
        pose = np.eye(3), np.zeros(3)
        return CameraModel(str(entry["id"]), int(wide), int(high), fx, fy, cx, cy, *pose, k1, k2)
    except (OSError, yaml.YAMLError, KeyError, IndexError, TypeError, ValueError) as error:
        raise CalibrationError(
            f"{path}: expected what `calibrate intrinsics --out` writes: {error}"
        ) from error


def _keep(values: dict[str, Value], camera: str, store: Path | None, out: Path | None) -> None:
    text = fragment(camera, values)
    if out is not None:
        write_result(out, text.encode())
        console.print(f"{out}: put these keys into the camera's entry below `cameras:`.")
    if store is not None:
        write_camera(store, camera, values)
        console.print(f"{store}: camera {camera} has the new figures.", markup=False)
    if store is None and out is None:
        console.print("For the store file, below `cameras:` (or give --store, or --out):")
        console.print(text, markup=False, highlight=False)


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}")


def _cm(metres: float | None) -> str:
    return "–" if metres is None else f"{100 * metres:.1f} cm"
