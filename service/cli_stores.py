"""Commands that run a store: init, demo and serve."""

from __future__ import annotations

import datetime
import json
import os
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from sensors.store import StoreFileError, parse_store
from service.cameras_file import in_words, load_cameras, plan_cameras, plan_gates
from service.cli_common import write_events
from service.cli_models import WeightsOption
from service.demo import DemoResult, run_demo
from service.keys import code_issuer
from service.live_store import LiveStore, read_password
from service.models_registry import find_weights
from service.report import show_receipts, show_reviews, show_score
from service.simulate import DATASETS, read_store_text, stage
from service.vision_supervisor import RECORDINGS_BEGIN_S, grouped

FIRST_POLICY = """
policy:
  audit_share: 0.01  # of the bills that nobody looked at: these are looked at again
"""
console = Console(emoji=False, soft_wrap=True)


def demo(
    seed: Annotated[int, typer.Option(help="Draws the shopping and the world's faults.")] = 1,
    scene: Annotated[Path, typer.Option(help="The scene to play.")] = DATASETS / "scenes/demo.yaml",
    port: Annotated[int, typer.Option(help="The page's port; 0 takes a free one.")] = 8642,
    stay: Annotated[bool, typer.Option("--stay", help="Keep serving when all is done.")] = False,
    broker: Annotated[
        str | None, typer.Option(help="mqtt://host:port of another broker than the embedded one.")
    ] = None,
    video: Annotated[
        bool, typer.Option("--video", help="Film every camera beside the recording.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Where journal, recording and score go.")] = None,
    weights: WeightsOption = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write the score here too.")] = None,
) -> None:
    """Play a whole store in real time: frames, shelves, gates, broker, fusion, receipts, page.

    Shoppers of the scene walk in, take what they like and walk out. Every frame is rendered and
    detected, every message crosses a broker. The page's address is printed; at the end each
    receipt stands beside the truth, then the score.
    """
    folder = out or Path("runs") / f"demo-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    if port and _taken(port):
        console.print(f"Port {port} is taken; another one is used.")
        port = 0

    def show(result: DemoResult) -> None:
        _show_demo(result, folder, json)

    run_demo(
        scene,
        seed,
        folder,
        console,
        show,
        port=port,
        broker_url=broker,
        stay=stay,
        video=video,
        weights=find_weights(weights),
    )


def _show_demo(result: DemoResult, folder: Path, json: Path | None) -> None:
    """Print what came of a demo and write its files."""
    show_receipts(console, result.events, result.store, result.truth)
    show_reviews(console, result.events, result.store)
    show_score(console, result.score)
    load = result.load
    console.print(
        f"load: {load['cpu_cores']:.2f} of {os.cpu_count()} cores over {load['wall_s']:.0f} s · "
        f"frames seen {load['frames']}, exposures dropped {load['dropped_exposures']} · lag from "
        f"frame to engine p50 {load['lag_p50_s']:.2f} s, p95 {load['lag_p95_s']:.2f} s, "
        f"worst {load['lag_worst_s']:.2f} s · messages {load['messages']}, "
        f"dead letters {load['dead_letters']}"
    )
    console.print(f"Recording: {folder / 'recording.mcap'} · event log: {folder / 'events.jsonl'}")
    text = msgspec.json.format(msgspec.json.encode({**result.score, "load": load}), indent=2)
    (folder / "score.json").write_bytes(text)
    write_events(folder / "events.jsonl", result.events)
    if json is not None:
        json.write_bytes(text)


def serve(
    store: Annotated[Path, typer.Argument(help="The store file.")] = DATASETS
    / "stores/corner.yaml",
    data: Annotated[Path, typer.Option("--data", help="Journal, ledger and keys.")] = Path(
        "store-data"
    ),
    broker: Annotated[
        str | None,
        typer.Option(
            envvar="OPENAISLE_BROKER",
            help="mqtt://host:port of the store's broker; default: an embedded one.",
        ),
    ] = None,
    broker_port: Annotated[
        int, typer.Option(help="Where the embedded broker listens, on 127.0.0.1; 0: anywhere.")
    ] = 18830,
    host: Annotated[str, typer.Option(help="Where the page listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The page's port.")] = 8642,
    password_file: Annotated[
        Path | None, typer.Option(help="A file with the page's password; needed beyond loopback.")
    ] = None,
    cameras: Annotated[
        Path | None,
        typer.Option(help="Look through the cameras of this file too (docs/cameras.md)."),
    ] = None,
    weights: WeightsOption = None,
) -> None:
    """Run a store: engine, ledger and live page, until interrupted.

    Devices publish to the broker as docs/mqtt.md says. Everything that arrives is journaled
    before it counts; after a crash, start it again and it goes on where it was.
    """
    text = read_store_text(store)
    known = parse_store(text, str(store))
    groups, gates, looking = [], [], ""
    if cameras is not None:
        file = load_cameras(cameras)
        start_ns = time.time_ns() + round(RECORDINGS_BEGIN_S * 1e9)
        groups = grouped(plan_cameras(file, cameras, known, start_ns), file.groups)
        gates = plan_gates(file, cameras, known, start_ns)
        looking = in_words(file, cameras, known)
    issuer = code_issuer(data, known.id, create=True)
    password = read_password(password_file)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with LiveStore(
        text,
        issuer.public_pem,
        data,
        broker_url=broker,
        broker_port=broker_port,
        host=host,
        port=port,
        password=password,
        cameras=groups,
        gates=gates,
        weights=find_weights(weights),
    ) as running:
        assert running.address is not None
        console.print(f"page: [link]{running.url}[/]")
        console.print(f"broker: mqtt://{running.address.host}:{running.address.port}")
        if looking:
            console.print(looking, markup=False)
        while not stop.wait(0.5):
            if running.error is not None:
                raise running.error


def init(
    folder: Annotated[Path, typer.Argument(help="A folder for the new store.")],
    name: Annotated[str, typer.Option(help="What the store is called.")] = "My store",
) -> None:
    """Make a first store of one's own: a store file, a world and a scene to change and try."""
    if folder.exists() and not folder.is_dir():
        raise StoreFileError(f"{folder}: is a file; name a new folder")
    if folder.exists() and any(folder.iterdir()):
        raise StoreFileError(f"{folder}: is not empty; name a new folder")
    texts = _first_files(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreFileError(f"{folder}: cannot be written: {error.strerror}") from error
    for line in (
        f"{folder}/store.yaml  what is installed: change it to your store",
        f"{folder}/world.yaml  how far the truth may lie from it",
        f"{folder}/scene.yaml  who comes and what they take",
        f"Try it:  openaisle simulate {folder}/scene.yaml",
        f"Run it:  openaisle serve {folder}/store.yaml --data {folder}/data",
    ):
        console.print(line, markup=False)


def _first_files(name: str) -> dict[str, str]:
    """The files of a new store, by file name. Raises StoreFileError where they are no store."""
    quoted = json.dumps(name, ensure_ascii=False)  # a string of JSON is one of YAML
    changes = {
        "stores/corner": ("store", "id: corner", "id: store"),
        "worlds/corner": ("world", "id: corner", "id: world"),
        "scenes/one-shopper": ("scene", "world: corner", "world: world"),
    }
    texts = {}
    for source, (file, old, new) in changes.items():
        text = read_store_text(DATASETS / f"{source}.yaml").replace(old, new, 1)
        if file == "store":
            text = text.rstrip("\n") + FIRST_POLICY
        else:
            text = text.replace("store: corner", "store: store", 1)
        texts[f"{file}.yaml"] = text.replace("name: Corner shop", f"name: {quoted}", 1)
    try:
        with tempfile.TemporaryDirectory() as trial:
            scene = Path(trial) / "trial" / "scene.yaml"
            scene.parent.mkdir()
            for file, text in texts.items():
                (scene.parent / file).write_text(text, encoding="utf-8")
            shown = stage(scene).store.name
    except UnicodeEncodeError:
        shown = ""
    except StoreFileError as error:
        raise StoreFileError(f"--name {name!r} cannot be used: {error}") from error
    if shown != name:
        raise StoreFileError(f"--name {name!r}: cannot be written in a store file")
    return texts


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
