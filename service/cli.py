"""The command line's root: `openaisle COMMAND --help` teaches each command."""

from __future__ import annotations

import logging
import sys

import structlog
import typer
from rich.console import Console
from rich.markup import escape

from service.cli_lazy import Entry, lazy_group
from service.user_errors import is_user_error

_RUN = "Run a store"
_TRY = "Play, record and score"
_SEE = "Cameras and vision"
_FOLLOW = "Track people in footage of any camera"
_MAKE = "Measure, fit and train"

app = typer.Typer(
    name="openaisle",
    cls=lazy_group(
        Entry("demo", "service.cli_stores:demo", "Play a whole store in real time.", _RUN),
        Entry("init", "service.cli_stores:init", "Make a first store of your own.", _RUN),
        Entry(
            "serve", "service.cli_stores:serve", "Run a store: engine, ledger and live page.", _RUN
        ),
        Entry(
            "devices",
            "service.cli_devices:devices_app",
            "Who may speak on the bus, and how each device does.",
            _RUN,
        ),
        Entry("code", "service.cli_review:code", "Issue an entry code for a shopper.", _RUN),
        Entry(
            "review", "service.cli_review:review_app", "Decide what the engine is unsure of.", _RUN
        ),
        Entry(
            "store",
            "service.cli_store_files:store_app",
            "Check, draw and generate store files.",
            _RUN,
        ),
        Entry(
            "simulate", "service.cli_runs:simulate", "Play scenes fast, bill and score them.", _TRY
        ),
        Entry("score", "service.cli_score:score", "Score bills against the truth.", _TRY),
        Entry(
            "measure",
            "service.cli_measures:measure_app",
            "What evidence is worth, what doubts mean, over real noise.",
            _TRY,
        ),
        Entry("record", "service.cli_recordings:record", "Record what a store hears.", _TRY),
        Entry("replay", "service.cli_replay:replay", "Bill a recording again.", _TRY),
        Entry(
            "explain",
            "service.cli_explain:explain",
            "Why a visit was billed as it was: each hypothesis, each sensor.",
            _TRY,
        ),
        Entry(
            "trust",
            "service.cli_trust:trust_app",
            "What history and trust changed, and for whom.",
            _TRY,
        ),
        Entry(
            "recording",
            "service.cli_recordings:recording_app",
            "Look into, cut and export recordings.",
            _TRY,
        ),
        Entry(
            "import",
            "service.cli_runs:import_app",
            "Turn recordings of other systems into ours.",
            _TRY,
        ),
        Entry("cameras", "service.cli_cameras:cameras_app", "Connect and check cameras.", _SEE),
        Entry(
            "calibrate",
            "service.cli_calibrate:calibrate_app",
            "Measure a camera's lens and place; choose what to review.",
            _SEE,
        ),
        Entry(
            "vision",
            "service.cli_vision:vision_app",
            "Run vision alone, and measure how well it sees.",
            _SEE,
        ),
        Entry(
            "models",
            "service.cli_models:models_app",
            "Weights that find people: ours and others'.",
            _SEE,
        ),
        Entry(
            "products",
            "service.cli_products:products_app",
            "Recognise products by their looks.",
            _SEE,
        ),
        Entry(
            "track-video",
            "service.cli_footage:track_video_command",
            "Through a video; no calibration needed.",
            _FOLLOW,
        ),
        Entry(
            "track", "service.cli_track:track", "From one camera's boxes, in MOT format.", _FOLLOW
        ),
        Entry(
            "track-eval",
            "service.cli_track:track_eval",
            "Score that on MOT sequences: HOTA, MOTA, IDF1.",
            _FOLLOW,
        ),
        Entry(
            "track-floor",
            "service.cli_track_floor:track_floor_command",
            "On the floor, from several cameras' boxes.",
            _FOLLOW,
        ),
        Entry(
            "track-floor-eval",
            "service.cli_track_floor:track_floor_eval",
            "Score that on every file of boxes in a folder.",
            _FOLLOW,
        ),
        Entry(
            "tags", "service.cli_tags:tags_app", "Tell from reads which RFID tags are there.", _MAKE
        ),
        Entry("bench", "service.cli_benches:bench_app", "Measure speed on this machine.", _MAKE),
        Entry(
            "realism",
            "service.cli_realism:realism",
            "Compare simulated sensors with real recordings.",
            _MAKE,
        ),
        Entry(
            "steps",
            "service.cli_steps:steps_app",
            "Measure how changes of weight are found.",
            _MAKE,
        ),
        Entry(
            "emulation",
            "service.cli_emulation:emulation_app",
            "Fit emulated vision to rendered frames.",
            _MAKE,
        ),
        Entry(
            "fit", "service.cli_fit:fit_app", "Fit the engine's constants to played scenes.", _MAKE
        ),
        Entry("train", "service.cli_runs:train_app", "Train the weights in `models/`.", _MAKE),
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def openaisle() -> None:
    """An open checkout-free store: engine and simulator.

    Start with `openaisle demo`; make a store of your own with `openaisle init DIR`.
    """


def main() -> None:
    """Run the command line; what the user can mend is said in a line, with exit status 2."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        app()
    except Exception as error:
        if not is_user_error(error):
            raise
        Console(stderr=True, emoji=False).print(
            f"[bold red]openaisle:[/] {escape(str(error))}", highlight=False, soft_wrap=True
        )
        sys.exit(2)
