"""The command line's root: `openaisle COMMAND --help` teaches each command."""

from __future__ import annotations

import logging
import sys

import structlog
import typer
from rich.console import Console
from rich.markup import escape

from sensors.store import StoreFileError
from service.autocheckout import ImportFailedError
from service.broker import BrokerError
from service.broker_run import BrokerRunError
from service.calibrate_lens import CalibrationError
from service.cameras_file import CamerasFileError
from service.cli_bench import bench_app
from service.cli_bench_vision import bench_vision_command
from service.cli_calibrate import calibrate_app
from service.cli_cameras import cameras_app
from service.cli_emulation import emulation_app
from service.cli_fit import fit_app
from service.cli_footage import bench_footage_command, track_video_command
from service.cli_models import models_app
from service.cli_products import products_app
from service.cli_realism import realism
from service.cli_recordings import record, recording_app
from service.cli_replay import replay
from service.cli_review import code, review_app
from service.cli_runs import import_app, simulate, train_app
from service.cli_score import score
from service.cli_store_files import store_app
from service.cli_stores import demo, init, serve
from service.cli_track import bench_tracking_command, track, track_eval
from service.cli_track_floor import track_floor_command, track_floor_eval
from service.cli_vision import vision_app
from service.film_source import FilmError
from service.floor_files import FloorFileError
from service.footage import FootageError
from service.joint_crops import CropsMissing
from service.journal import JournalError
from service.live_store import LiveStoreError
from service.lock import AlreadyRunningError
from service.models_import import ImportUnusableError
from service.models_registry import WeightsNotFound
from service.mot_eval import BenchUnavailableError
from service.mot_files import MotFileError
from service.picture_lists import PicturesError
from service.realism import RealDataError
from service.recording import RecordingError
from service.restore import RestoreError
from service.train_pose import TrainingUnavailableError
from service.video import VideoError
from service.warm_start import StartUnusable
from service.web.serve import ServeError
from simulator.emulation import EmulationError
from vision.detector import ModelMissing, TorchMissing, WeightsUnusable
from vision.gallery import GalleryError

USER_ERRORS = (
    StoreFileError,
    StartUnusable,
    CropsMissing,
    ImportFailedError,
    BrokerError,
    BrokerRunError,
    JournalError,
    LiveStoreError,
    AlreadyRunningError,
    RealDataError,
    RecordingError,
    RestoreError,
    TrainingUnavailableError,
    ServeError,
    VideoError,
    MotFileError,
    BenchUnavailableError,
    CalibrationError,
    FilmError,
    FootageError,
    CamerasFileError,
    FloorFileError,
    ModelMissing,
    GalleryError,
    PicturesError,
    TorchMissing,
    WeightsUnusable,
    WeightsNotFound,
    ImportUnusableError,
    EmulationError,
)

app = typer.Typer(
    name="openaisle",
    help="An open checkout-free store: engine and simulator.\n\n"
    "Start with `openaisle demo`; make a store of your own with `openaisle init DIR`.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo)
app.command()(init)
app.command()(serve)
app.command()(simulate)
app.command()(record)
app.command()(replay)
app.command()(score)
app.command()(realism)
app.command()(code)
app.command()(track)
app.command("track-eval")(track_eval)
app.command("track-floor")(track_floor_command)
app.command("track-floor-eval")(track_floor_eval)
bench_app.command("tracking")(bench_tracking_command)
app.add_typer(store_app, name="store")
app.add_typer(recording_app, name="recording")
bench_app.command("vision")(bench_vision_command)
app.add_typer(bench_app, name="bench")
app.add_typer(products_app, name="products")
app.add_typer(import_app, name="import")
app.add_typer(models_app, name="models")
app.add_typer(train_app, name="train")
app.add_typer(emulation_app, name="emulation")
app.add_typer(fit_app, name="fit")
app.add_typer(review_app, name="review")
app.add_typer(vision_app, name="vision")
app.add_typer(cameras_app, name="cameras")
app.add_typer(calibrate_app, name="calibrate")
app.command("track-video")(track_video_command)
bench_app.command("footage")(bench_footage_command)


def main() -> None:
    """Run the command line; what the user can mend is said in a line, with exit status 2."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        app()
    except USER_ERRORS as error:
        Console(stderr=True, emoji=False).print(
            f"[bold red]openaisle:[/] {escape(str(error))}", highlight=False, soft_wrap=True
        )
        sys.exit(2)
