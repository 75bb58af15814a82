"""The demo: one scene played in real time through every real part, then scored."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psutil
from rich.console import Console

from cart.events import Event
from sensors.codes import CodeIssuer
from sensors.store import Store
from service.eyes import MODEL
from service.journal import Journal
from service.live_store import LiveStore, LiveStoreError
from service.recording import write_recording
from service.records import Entry
from service.rehearsal import Rehearsal, Stagehands
from service.simulate import stage, versions
from service.video_film import take_notes
from simulator.score import score
from simulator.truth import Truth

WARM_UP_S = 150.0
LEAD_NS = 4_000_000_000
AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What came of a demo."""

    store: Store
    events: list[Event]
    truth: Truth
    score: dict[str, Any]
    load: dict[str, float]


def run_demo(
    scene: Path,
    seed: int,
    folder: Path,
    console: Console,
    on_result: Callable[[DemoResult], None],
    *,
    port: int = 0,
    broker_url: str | None = None,
    stay: bool = False,
    video: bool = False,
    weights: Path = MODEL,
) -> None:
    """Play `scene` in real time; files go to `folder`, the outcome to `on_result`.

    With `video` every camera is filmed beside the recording, with `stay` the page is served on
    afterwards. Raises LiveStoreError if a part dies.
    """
    staged = stage(scene)
    key_seed = secrets.token_bytes(32)
    issuer = CodeIssuer.from_seed(key_seed, staged.store.id)
    previews = f"openaisle-{secrets.token_hex(4)}"
    with LiveStore(
        staged.store_text,
        issuer.public_pem,
        folder,
        broker_url=broker_url,
        port=port,
        previews=previews,
    ) as running:
        assert running.address is not None
        console.print(f"Live page: [bold]{running.url}[/]", highlight=False)
        truth_file = folder / "truth.json"
        file = folder / "recording.mcap"
        rehearsal = Rehearsal(
            staged,
            seed,
            key_seed,
            running.address,
            previews,
            truth_file,
            film=file if video else None,
            weights=weights,
        )
        hands = Stagehands(rehearsal)
        try:
            console.print("Preparing cameras (the first time, the renderer is compiled) …")
            if not hands.warm_up(WARM_UP_S):
                raise LiveStoreError(hands.failed or "the cameras were not ready in time")
            start_ns = time.time_ns() + LEAD_NS
            hands.begin(start_ns)
            load = _Load()
            _watch(running, hands, console, load)
            figures = load.figures(running, hands)
        finally:
            hands.end()
        truth = msgspec.json.decode(truth_file.read_bytes(), type=Truth)
        entries, events = _so_far(running, folder)
        played_s = (entries[-1].received_ns - start_ns + LEAD_NS) / 1e9
        result = score(
            events,
            truth,
            staged.store,
            vision="frames",
            transport="mqtt",
            realtime_factor=played_s / max(figures["wall_s"], 1e-9),
        )
        facts = {
            "scene": staged.scene.name,
            "seed": seed,
            "vision": "frames",
            "transport": "mqtt",
            "realtime_factor": result["realtime_factor"],
            "versions": versions(),
        }
        write_recording(
            file,
            entries,
            staged.store_text,
            issuer.public_pem,
            facts,
            truth_file.read_bytes(),
            notes=take_notes(file),
            scene_text=staged.scene_text,
            world_text=staged.world_text,
        )
        on_result(DemoResult(staged.store, events, truth, result, figures))
        if stay:
            console.print(f"Still serving {running.url} — end with Ctrl-C")
            _stay(running)
            if running.error is not None:
                raise running.error


def _so_far(running: LiveStore, folder: Path) -> tuple[list[Entry], list[Event]]:
    """The journal up to an entry that the engine is through with, and the events of just that."""
    last = running.taken
    time.sleep(1.0)
    journal = Journal(folder / "journal.sqlite")
    try:
        entries = [entry for entry in journal.entries() if entry.number <= last]
        return entries, [event for number, event in journal.ledger() if number <= last]
    finally:
        journal.close()


def _watch(running: LiveStore, hands: Stagehands, console: Console, load: _Load) -> None:
    """Tell what happens until the scene is over and every visit has its receipt or review."""
    told = 0
    over_since: float | None = None
    while True:
        time.sleep(0.25)
        load.sample()
        failed = hands.failed
        if failed:
            raise LiveStoreError(failed)
        if running.error is not None:
            raise running.error
        told, fresh = running.happenings(told)
        for text in fresh:
            console.print(text, highlight=False, markup=False)
        if hands.over:
            over_since = over_since or time.monotonic()
            waited = time.monotonic() - over_since
            if (running.open_visits == 0 and waited > 4.0) or waited > AFTER_S:
                return


def _stay(running: LiveStore) -> None:
    try:
        while running.error is None:
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass


class _Load:
    """CPU time of this process and all below it, from construction on; sampled while they live."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._before = _cpu_s()
        self._latest = dict(self._before)

    def sample(self) -> None:
        """Note what every process has used so far."""
        self._latest.update(_cpu_s())

    def figures(self, running: LiveStore, hands: Stagehands) -> dict[str, float]:
        """The whole time's load and lag, for the report."""
        self.sample()
        wall_s = time.monotonic() - self._began
        used = sum(s - self._before.get(pid, 0.0) for pid, s in self._latest.items())
        lag = running.lag()
        return {
            "wall_s": wall_s,
            "cpu_cores": used / wall_s,
            "frames": hands.frames.value,
            "dropped_exposures": hands.dropped.value,
            "lag_p50_s": lag.p50,
            "lag_p95_s": lag.p95,
            "lag_worst_s": lag.worst,
            "messages": running.journaled,
            "dead_letters": running.dead_letters,
        }


def _cpu_s() -> dict[int, float]:
    """Seconds of CPU time by process id."""
    me = psutil.Process()
    used = {}
    for process in [me, *me.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used[process.pid] = float(times.user + times.system)
    return used
