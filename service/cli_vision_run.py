"""The `vision run` command: the vision workers of a store alone, on this machine."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from sensors.store import parse_store
from service.cameras_file import in_words, load_cameras, plan_cameras
from service.cli_common import console
from service.cli_models import WeightsOption
from service.live_store import broker_address
from service.models_registry import find_weights
from service.simulate import read_store_text
from service.vision_supervisor import RECORDINGS_BEGIN_S, VisionSupervisor, grouped
from vision.detector import load_detector


def run_command(
    store: Annotated[Path, typer.Argument(help="The store file.")],
    cameras: Annotated[
        Path, typer.Option("--cameras", help="Where the cameras are (docs/cameras.md).")
    ],
    broker: Annotated[
        str,
        typer.Option(
            envvar="OPENAISLE_BROKER",
            help="mqtt://[user:password@]host:port of the store's broker.",
        ),
    ],
    weights: WeightsOption = None,
    landmarks: Annotated[
        Path | None,
        typer.Option(
            help="A folder that keeps how each camera looks, to notice one moved while off."
        ),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Stop after so long; default: never.")
    ] = None,
) -> None:
    """Run a store's vision without the store, for a machine that stands beside the cameras.

    `openaisle serve STORE --broker mqtt://…` elsewhere takes what it sees; `openaisle serve
    --cameras FILE` does both in one place. A worker that dies is started again, and its cameras
    are shown as down meanwhile.
    """
    text = read_store_text(store)
    known = parse_store(text, str(store))
    file = load_cameras(cameras)
    start_ns = time.time_ns() + round(RECORDINGS_BEGIN_S * 1e9)
    plans = plan_cameras(file, cameras, known, start_ns)
    seeing = find_weights(weights)
    load_detector(seeing)  # what is wrong with them is better said here
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    address = broker_address(broker)
    groups = grouped(plans, file.groups)
    with VisionSupervisor(
        known.id, text, groups, address, weights=seeing, landmarks=landmarks
    ):  # nobody sees previews
        console.print(in_words(file, cameras, known), markup=False)
        console.print(f"broker: mqtt://{address.host}:{address.port}", markup=False)
        stop.wait(seconds)
