"""The processes that play a scene in real time: one for shelves and gates, one for cameras.

They speak to the store as real devices would, over MQTT; frames go from the renderer to the
detector within the cameras' process and their annotated previews to the page through shared
memory. What the scene truly was is written to a file apart when it has ended.
"""

from __future__ import annotations

import multiprocessing
import queue
import time
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sensors.codes import CodeIssuer
from sensors.wire import encode, topic
from service.bus import BrokerAddress
from service.eyes import MODEL, WORKER, FrameEyes
from service.previews import PreviewWriter
from service.publisher import Publisher
from service.simulate import Staged, read_picture, truth_bytes
from service.video_film import Film, write_notes
from simulator.faults_laid import Message, Overlay
from simulator.player import CodeShown, Exposure, Said, ScenePlayer
from simulator.scene_script import STAFF_PREFIX
from simulator.world import realise
from vision.overlay import draw, to_jpeg

CONFIRM_TIMEOUT_S = 20.0
QUEUED_EXPOSURES = 2


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What both processes need to know; cameras are filmed beside the recording `film`, if any."""

    staged: Staged
    seed: int
    key_seed: bytes
    address: BrokerAddress
    previews: str
    truth_file: Path
    film: Path | None = None
    weights: Path = MODEL


class Stagehands:
    """Starts and watches the two processes."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._exposures: Any = self._context.Queue(QUEUED_EXPOSURES)
        self._ready: Flag = self._context.Event()
        self._over: Flag = self._context.Event()
        self.frames = self._context.Value("q", 0)
        self.dropped = self._context.Value("q", 0)
        self._rehearsal = rehearsal
        self._cameras = self._context.Process(
            target=run_cameras,
            args=(rehearsal, self._exposures, self._ready, self._over, self.frames),
            name="cameras",
            daemon=True,
        )
        self._devices: SpawnProcess | None = None

    def warm_up(self, timeout_s: float) -> bool:
        """Start the cameras and wait until the first frame could be taken."""
        self._cameras.start()
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self._cameras.is_alive():
            if self._ready.wait(0.2):
                return True
        return False

    def begin(self, start_ns: int) -> None:
        """Let the scene begin at `start_ns`."""
        self._devices = self._context.Process(
            target=run_devices,
            args=(self._rehearsal, start_ns, self._exposures, self._over, self.dropped),
            name="devices",
            daemon=True,
        )
        self._devices.start()

    @property
    def over(self) -> bool:
        """Whether the scene has been played to its end."""
        return self._over.is_set()

    @property
    def failed(self) -> str | None:
        """Which process has died, if any."""
        for process in (self._cameras, self._devices):
            if process is not None and process.exitcode not in (None, 0):
                return f"the {process.name} process ended with status {process.exitcode}"
        return None

    def end(self) -> None:
        """Wait for both to finish what they are at; end them if they do not."""
        self._over.set()
        for process in (self._devices, self._cameras):
            if process is not None and process.pid is not None:
                process.join(CONFIRM_TIMEOUT_S)
                if process.is_alive():
                    process.terminate()
                    process.join(5.0)


def run_devices(
    rehearsal: Rehearsal, start_ns: int, exposures: Any, over: Flag, dropped: Any
) -> None:
    """Play the scene: say what shelves and gates say when its time comes, expose the cameras."""
    staged = rehearsal.staged
    store = staged.store.id
    honest = CodeIssuer.from_seed(rehearsal.key_seed, store)
    forger = CodeIssuer(Ed25519PrivateKey.generate(), store)
    issued = iter(range(1_000_000))

    def issue(shopper: str, at_ns: int, forged: bool) -> str:
        return (forger if forged else honest).issue(
            shopper,
            at_ns,
            nonce=f"{start_ns}-{next(issued)}",
            staff=shopper.startswith(STAFF_PREFIX),
        )

    player = ScenePlayer(staged.store, staged.world, staged.scene, rehearsal.seed, start_ns, issue)
    overlay = Overlay(staged.scene.faults, staged.store, start_ns, rehearsal.seed)
    with Publisher(rehearsal.address, store, name="devices") as publisher:
        for happening in player:
            if isinstance(happening, Exposure):
                _sleep_until(happening.at_ns)
                try:
                    exposures.put_nowait(happening)
                except queue.Full:
                    dropped.value += 1
                continue
            _sleep_until(happening.received_ns)
            message = _message(store, happening)
            if message is not None:
                _publish(publisher, overlay.feed(*message))
        _publish(publisher, overlay.rest())
        publisher.wait_until_confirmed(CONFIRM_TIMEOUT_S)
    rehearsal.truth_file.write_bytes(truth_bytes(player.truth))
    over.set()


def _message(store: str, happening: Said | CodeShown) -> Message | None:
    """What a shelf or gate says; None where its reader makes nothing of a code."""
    if isinstance(happening, Said):
        return happening.received_ns, happening.topic, happening.body
    body = read_picture(store, happening)
    where = topic(store, "gate", happening.gate)
    return None if body is None else (happening.received_ns, where, body)


def _publish(publisher: Publisher, messages: list[Message]) -> None:
    for received_ns, where, body in messages:
        _sleep_until(received_ns)
        publisher.publish_bytes(where, body)


def run_cameras(rehearsal: Rehearsal, exposures: Any, ready: Flag, over: Flag, frames: Any) -> None:
    """Render, detect, track and report, frame set after frame set, until the scene is over."""
    staged = rehearsal.staged
    true = realise(staged.store, staged.world, rehearsal.seed)
    boot = f"run{time.time_ns() // 1_000_000:x}"
    eyes = FrameEyes(staged.store, true, rehearsal.seed, boot, rehearsal.weights)
    eyes.warm_up()
    cameras = list(true.cameras)
    previews = PreviewWriter(rehearsal.previews, cameras)
    film = None if rehearsal.film is None else Film(staged.store, rehearsal.film, video=True)
    try:
        with Publisher(rehearsal.address, staged.store.id, name=WORKER) as publisher:
            ready.set()
            turn = 0
            overlay: Overlay | None = None
            while True:
                try:
                    exposure = exposures.get(timeout=0.5)
                except queue.Empty:
                    if over.is_set():
                        break
                    continue
                if overlay is None:  # the first exposure is taken as the scene begins
                    overlay = Overlay(
                        staged.scene.faults, staged.store, exposure.at_ns, rehearsal.seed
                    )
                body = encode(eyes.see(exposure))
                where = topic(staged.store.id, "vision", WORKER)
                _publish(publisher, overlay.feed(exposure.at_ns, where, body))
                frames.value += len(eyes.frames)
                if film is not None and eyes.sight is not None:
                    film.take(eyes.painter, eyes.sight)
                turn += 1
                camera = cameras[turn % len(cameras)]
                if camera in eyes.frames:
                    previews.put(
                        camera, to_jpeg(draw(eyes.frames[camera], eyes.vision.latest[camera]), 80)
                    )
            if overlay is not None:
                _publish(publisher, overlay.rest())
            publisher.wait_until_confirmed(CONFIRM_TIMEOUT_S)
    finally:
        previews.close()
        if film is not None and rehearsal.film is not None:
            film.close()
            write_notes(rehearsal.film, film.notes)


def _sleep_until(at_ns: int) -> None:
    ahead = at_ns - time.time_ns()
    if ahead > 0:
        time.sleep(ahead / 1e9)
