"""The vision worker: frames of a group of cameras in, reports on the bus out.

`VisionWorker` is one turn after the other; `python -m service.vision_worker` is the process, with
its orders on standard input. Frames reach it through memory shared with each camera's reading
process and never leave it, but for small annotated previews in which heads are pixelated.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import secrets
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
import structlog

from sensors.store import Store, parse_store
from sensors.wire import Payload
from service.bus import BrokerAddress
from service.camera_health import CameraTeller
from service.camera_process import CameraPlan
from service.camera_reader import CameraReader
from service.frame_ring import Head
from service.kept_landmarks import KeptLandmarks
from service.kept_process import Orders
from service.known_products import gallery_of, known_products
from service.previews import PreviewWriter
from service.publisher import Publisher, PublisherError
from vision.detector import load_eyes
from vision.frame import Picture
from vision.instants import Instants
from vision.moved import Moved, MovedCheck
from vision.overlay import draw, to_jpeg
from vision.pipeline import VisionPipeline
from vision.source import State

log = structlog.get_logger(__name__)

WEIGHTS = Path(__file__).resolve().parent.parent / "models" / "person-pose.onnx"
IDLE_S = 0.004
POLL_EVERY_S = 0.1
KEEP_EVERY_S = 60.0
_BEAT = struct.Struct("<Q")

Publish = Callable[[str, Payload], None]


class WorkerOrders(msgspec.Struct, frozen=True):
    """What a worker process is told. `beat_fd` is a file of eight bytes that it counts up in."""

    device: str
    store_text: str
    plans: list[CameraPlan]
    host: str
    port: int
    username: str | None
    password: str | None
    ca_file: str | None
    previews: str | None
    weights: str
    beat_fd: int
    landmarks: str | None = None


class VisionWorker:
    """Takes the cameras' frames instant by instant, sees, and publishes; call `turn` for ever.

    Cameras that are not up are left out, and neither waited for. `instants` counts what was looked
    at, `used` the frames of each camera, `spent_s` the seconds of each stage.
    """

    def __init__(
        self,
        store: Store,
        readers: Sequence[CameraReader],
        vision: VisionPipeline,
        publish: Publish,
        boot: str,
        *,
        previews: PreviewWriter | None = None,
        moved_check: MovedCheck | None = None,
        landmarks: KeptLandmarks | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        rates = {camera.id: camera.fps for camera in store.cameras}
        fps = max(r.plan.rules.fps or rates.get(r.camera, 10.0) for r in readers)
        self._readers = {reader.camera: reader for reader in readers}
        self._vision = vision
        self._publish = publish
        self._previews = previews
        self._moved_check = moved_check or MovedCheck([c.model() for c in store.cameras])
        self._landmarks = landmarks
        self._kept: set[str] = set()  # cameras of which a file was there
        self._kept_s = time.monotonic()
        for camera in self._readers if landmarks is not None else ():
            assert landmarks is not None
            before = landmarks.load(camera)
            if before is not None:
                self._moved_check.know(camera, before)
                self._kept.add(camera)
        self._clock_ns = clock_ns
        self._instants = Instants(round(1e9 / fps))
        self._delivering: list[str] = []
        self._moved: dict[str, Moved] = {}
        self._teller = CameraTeller(boot)
        self._polled_s = 0.0
        self._turn = 0
        self.health: dict[str, tuple[State, str]] = {}
        self.instants = 0
        self.used: Counter[str] = Counter()
        self.spent_s = {"assemble": 0.0, "see": 0.0, "tell": 0.0}

    def turn(self) -> bool:
        """Look at the next instant if there is one; whether there was."""
        now_ns = self._clock_ns()
        self._attend(now_ns)
        began_s = time.perf_counter()
        waiting: dict[str, list[Head]] = {c: self._readers[c].heads() for c in self._delivering}
        instant = self._instants.next(now_ns, waiting, self._delivering)
        if instant is None:
            return False
        frames: dict[str, Picture] = {}
        for camera, head in instant.frames.items():
            picture = self._readers[camera].take(head)
            if picture is not None:
                frames[camera] = picture
        assembled_s = time.perf_counter()
        for camera, picture in frames.items():
            self._check(instant.at_ns, camera, picture)
        trusted = {c: picture for c, picture in frames.items() if c not in self._moved}
        report = self._vision.see(instant.at_ns, trusted)
        seen_s = time.perf_counter()
        self._publish("vision", report)
        self._show(frames)
        self.spent_s["assemble"] += assembled_s - began_s
        self.spent_s["see"] += seen_s - assembled_s
        self.spent_s["tell"] += time.perf_counter() - seen_s
        self.used.update(trusted.keys())
        self.instants += 1
        return True

    def run(self, stop: threading.Event, beat: Callable[[], None] = lambda: None) -> None:
        """Turn after turn until `stop`; `beat` is called in each."""
        while not stop.is_set():
            beat()
            if not self.turn():
                stop.wait(IDLE_S)

    def _attend(self, now_ns: int) -> None:
        """Keep the readers running, note how their cameras are, and say so where it is due."""
        if time.monotonic() - self._polled_s < POLL_EVERY_S:
            return
        self._polled_s = time.monotonic()
        delivering: list[str] = []
        for camera, reader in self._readers.items():
            reader.poll()
            state, reason = reader.health(now_ns)
            if state == "up":
                delivering.append(camera)
                if camera in self._moved:
                    finding = self._moved[camera]
                    state, reason = finding.state, finding.note
            else:
                reader.pass_by()
            self.health[camera] = (state, reason)
            message = self._teller.tell(now_ns, camera, state, reason, reader.status)
            if message is not None:
                self._publish("health", message)

        self._delivering = delivering
        self._keep_landmarks()

    def _keep_landmarks(self) -> None:
        """Write what was learned now and then; a file that somebody took away is a new view
        accepted."""
        kept = self._landmarks
        if kept is None:
            return
        for camera in [c for c in self._kept if not kept.path(c).exists()]:
            self._kept.discard(camera)
            self._moved.pop(camera, None)
            self._moved_check.relearn(camera)
        if time.monotonic() - self._kept_s < KEEP_EVERY_S:
            return
        self._kept_s = time.monotonic()
        for camera in self._readers:
            learned = self._moved_check.learned(camera)
            if learned is not None and kept.save(camera, learned):
                self._kept.add(camera)

    def _check(self, at_ns: int, camera: str, picture: Picture) -> None:
        finding = self._moved_check.look(camera, picture, at_ns)
        if finding is None:
            self._moved.pop(camera, None)
        else:
            self._moved[camera] = finding

    def _show(self, frames: Mapping[str, Picture]) -> None:
        """A preview of one camera in each turn, also of one whose pictures are not trusted: no
        picture leaves without heads being looked for, so such a one is shown very coarsely."""
        if self._previews is None:
            return
        cameras = list(self._readers)
        self._turn += 1
        camera = cameras[self._turn % len(cameras)]
        picture = frames.get(camera)
        if picture is None:
            return
        if camera in self._moved:
            picture = coarse(picture)
            self._previews.put(camera, to_jpeg(picture))
        else:
            self._previews.put(camera, to_jpeg(draw(picture, self._vision.latest.get(camera, []))))


def coarse(rgb: Picture) -> Picture:
    """A picture (H, W, 3) in which nobody can be told: blocks of a thirtieth of its width."""
    blocks = cv2.resize(rgb, (30, 22), interpolation=cv2.INTER_AREA)
    size_px = (rgb.shape[1], rgb.shape[0])
    return cv2.resize(blocks, size_px, interpolation=cv2.INTER_NEAREST).astype(np.uint8, copy=False)


def run_worker(told: WorkerOrders, stop: threading.Event) -> None:
    """Run a worker until `stop`."""
    store = parse_store(told.store_text)
    address = BrokerAddress(
        told.port,
        told.host,
        told.username,
        told.password,
        None if told.ca_file is None else Path(told.ca_file),
    )
    boot = secrets.token_hex(4)
    names = [plan.camera for plan in told.plans]
    beat_memory = mmap.mmap(told.beat_fd, _BEAT.size)
    beats = 0

    def beat() -> None:
        nonlocal beats
        beats += 1
        _BEAT.pack_into(beat_memory, 0, beats)

    with contextlib.ExitStack() as closing:
        readers = []
        for plan in told.plans:
            reader = CameraReader(plan)
            closing.callback(reader.close)
            reader.poll()
            readers.append(reader)
        for reader in readers:  # last in, first out: all are told to end before one is waited for
            closing.callback(reader.leave)
        products = known_products(gallery_of(store.id))
        vision = VisionPipeline(
            store, load_eyes(told.weights), told.device, boot, products=products
        )
        previews = None
        if told.previews is not None:
            previews = PreviewWriter(told.previews, names)
            closing.callback(previews.close)
        publisher = closing.enter_context(Publisher(address, store.id, name=told.device))

        def publish(kind: str, payload: Payload) -> None:
            try:
                publisher.publish(kind, payload, timeout_s=0.0)
            except PublisherError as error:  # the broker has been away for an hour or more
                log.warning("a report is lost", device=payload.device, reason=str(error))

        landmarks = None
        if told.landmarks is not None:
            landmarks = KeptLandmarks(Path(told.landmarks), store)
        worker = VisionWorker(
            store, readers, vision, publish, boot, previews=previews, landmarks=landmarks
        )
        worker.run(stop, beat)


def beats_of(memory: mmap.mmap) -> int:
    """How often a worker has counted up in its file."""
    return int(_BEAT.unpack_from(memory, 0)[0])


def new_beat_file() -> tuple[int, mmap.mmap]:
    """A file without a name for a worker's beats: its descriptor, and its memory here."""
    fd = os.memfd_create("openaisle-beats")
    os.ftruncate(fd, _BEAT.size)
    return fd, mmap.mmap(fd, _BEAT.size)


def main() -> None:
    """The process: orders from standard input, until that closes."""
    orders = Orders()
    run_worker(msgspec.json.decode(orders.read(), type=WorkerOrders), orders.stop)


if __name__ == "__main__":
    main()
