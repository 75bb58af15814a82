"""The `cameras` command: does each camera of a cameras file give pictures, and which."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from sensors.store import load_store
from service.camera_process import CameraPlan, source_of
from service.cameras_file import CamerasFileError, load_cameras, plan_cameras, plan_gates
from service.cli_common import JsonOption, console, write_json
from service.gate_cameras import GateCameras
from service.kept_landmarks import FOLDER, KeptLandmarks
from service.live_store import broker_address
from vision.source import FrameSource, State

cameras_app = typer.Typer(help="Connect and check cameras.", no_args_is_help=True)
_GRACE_S = 1.0
_GOOD: tuple[State, ...] = ("up",)


@cameras_app.callback()
def cameras() -> None:
    """Connect and check cameras."""


@cameras_app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="The cameras file (docs/cameras.md).")],
    store: Annotated[
        Path | None,
        typer.Option(help="The store file too: are the cameras in it, do sizes and rates agree?"),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.5, max=600, help="How long to watch each camera.")
    ] = 5.0,
    json: JsonOption = None,
) -> None:
    """Open every camera at once, watch it for some seconds, and say what it gives.

    Ends with status 1 where one is not up. Example: `openaisle cameras check cameras.yaml --store
    store.yaml`
    """
    known = load_store(store) if store is not None else None
    written = load_cameras(file)
    plans = [*plan_cameras(written, file, known), *plan_gates(written, file, known)]
    found = _watch(plans, seconds)
    _show(found)
    write_json(json, {"file": str(file), "seconds": seconds, "cameras": found})
    if any(one["state"] not in _GOOD for one in found):
        raise typer.Exit(1)


@cameras_app.command("accept")
def accept(
    store: Annotated[Path, typer.Argument(help="The store file.")],
    camera: Annotated[str, typer.Argument(help="The camera that hangs right as it hangs now.")],
    data: Annotated[Path, typer.Option("--data", help="What serve writes to.")] = Path(
        "store-data"
    ),
    landmarks: Annotated[
        Path | None, typer.Option(help="The folder of `vision run --landmarks`, instead of --data.")
    ] = None,
) -> None:
    """Take a camera's view from now on for right, also while the store runs.

    For one that is shown as moved and is not, as where everything around it was rebuilt. One that
    was moved must be calibrated anew, which needs no accepting. Example: `openaisle cameras accept
    store.yaml cam2 --data store-data`
    """
    known = load_store(store)
    if camera not in [one.id for one in known.cameras]:
        ids = ", ".join(one.id for one in known.cameras)
        raise CamerasFileError(f"{store}: there is no camera {camera!r}, only {ids or 'none'}")
    folder = landmarks or data / FOLDER
    if KeptLandmarks(folder, known).forget(camera):
        console.print(f"{camera}: its view is learned anew", markup=False)
    else:
        console.print(f"{camera}: nothing is kept of its view in {folder}", markup=False)


@cameras_app.command("codes")
def codes(
    store: Annotated[Path, typer.Argument(help="The store file.")],
    cameras: Annotated[
        Path, typer.Option("--cameras", help="Where the gates' cameras are (docs/cameras.md).")
    ],
    broker: Annotated[
        str,
        typer.Option(
            envvar="OPENAISLE_BROKER",
            help="mqtt://[user:password@]host:port of the store's broker.",
        ),
    ],
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Stop after so long; default: never.")
    ] = None,
) -> None:
    """Read entry codes with the cameras under `gates`, for a machine that stands beside them.

    `openaisle serve --cameras FILE` does it as well. Example: `openaisle cameras codes store.yaml
    --cameras gate.yaml`, with the broker's address in OPENAISLE_BROKER.
    """
    known = load_store(store)
    file = load_cameras(cameras)
    plans = plan_gates(file, cameras, known, time.time_ns())
    if not plans:
        raise CamerasFileError(f"{cameras}: gates: says of no camera that it reads codes")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    address = broker_address(broker)
    with GateCameras(known.id, plans, address):
        console.print(f"codes are read at {', '.join(file.gates)}", markup=False)
        console.print(f"broker: mqtt://{address.host}:{address.port}", markup=False)
        stop.wait(seconds)


class _Watched:
    """One camera while it is watched, in a thread of its own."""

    def __init__(self, plan: CameraPlan) -> None:
        self.plan = plan
        self.source: FrameSource = source_of(plan)
        self.ages_ms: list[float] = []
        self.first_ns = self.last_ns = 0
        self._lasted = False
        self.thread = threading.Thread(target=self._take, daemon=True)

    def _take(self) -> None:
        for frame in self.source.frames():
            self.first_ns = self.first_ns or frame.at_ns
            self.last_ns = frame.at_ns
            self.ages_ms.append(frame.age_ns(time.time_ns()) / 1e6)

    def result(self) -> dict[str, Any]:
        """What it gave, JSON-ready."""
        status = self.source.status
        state, reason = status.health(time.time_ns(), self.plan.stalled_after_s)
        if state == "down" and reason == "the recording has ended" and self.ages_ms:
            state = "up"
        if state == "opening":
            reason = "it has not answered yet"
        facts, counts = status.facts, status.counts
        span_s = (self.last_ns - self.first_ns) / 1e9
        ages = sorted(self.ages_ms)
        return {
            "camera": self.plan.camera,
            "state": state,
            "reason": reason,
            "note": status.note,
            "codec": facts.codec if facts else "",
            "width_px": facts.width_px if facts else 0,
            "height_px": facts.height_px if facts else 0,
            "stated_fps": round(facts.fps, 2) if facts else 0.0,
            "fps": round((len(ages) - 1) / span_s, 2) if span_s > 0 else 0.0,
            "age_ms": round(ages[len(ages) // 2], 1) if ages else None,
            "frames": counts.frames,
            "thinned": counts.thinned,
            "late": counts.late,
            "broken": counts.broken,
            "scaled": counts.scaled,
            "refused": counts.refused,
            "failed": counts.failed,
        }


def _watch(plans: list[CameraPlan], seconds: float) -> list[dict[str, Any]]:
    """Watch all cameras side by side; a camera counts from its first picture on."""
    watched = [_Watched(plan) for plan in plans]
    for one in watched:
        one.thread.start()
    began_s = time.monotonic()
    longest_s = seconds + max(p.address.open_timeout_s if p.address else 30.0 for p in plans)
    enough_s = {one.plan.camera: longest_s for one in watched}
    columns = (TextColumn("{task.description}"), BarColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task(f"watching {len(watched)} cameras", total=longest_s)
        while True:
            time.sleep(0.05)
            passed_s = time.monotonic() - began_s
            progress.update(bar, completed=passed_s)
            for one in watched:
                name = one.plan.camera
                given_up = one.source.status.counts.failed > 0 and passed_s > seconds
                if one.ages_ms or one.source.status.counts.refused or given_up:
                    enough_s[name] = min(enough_s[name], passed_s + seconds)
                if given_up or not one.thread.is_alive():
                    enough_s[name] = min(enough_s[name], passed_s)
            if passed_s >= max(enough_s.values()):
                break
    results = [one.result() for one in watched]
    for one in watched:
        one.source.close()
    for one in watched:
        one.thread.join(_GRACE_S)
    return results


def _show(found: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("camera", "state", "size", "codec"):
        table.add_column(name)
    for name in ("fps", "age ms", "frames", "late", "broken"):
        table.add_column(name, justify="right")
    for one in found:
        size = f"{one['width_px']}×{one['height_px']}" if one["width_px"] else "–"
        age = "–" if one["age_ms"] is None else f"{one['age_ms']:.0f}"
        style = "green" if one["state"] in _GOOD else "red"
        cells = [one["camera"], f"[{style}]{one['state']}[/]", size, one["codec"] or "–"]
        cells += [f"{one['fps']:.1f}", age, str(one["frames"]), str(one["late"])]
        cells += [str(one["broken"])]
        table.add_row(*cells)
    console.print(table)
    for one in found:
        if said := one["reason"] or one["note"]:
            console.print(f"{one['camera']}: {said}", markup=False)
