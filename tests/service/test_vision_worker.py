"""The vision worker and its supervisor: five faults of cameras are noticed, shown and survived.

Cameras are real reading processes on files and folders; the worker's turns are made here, so that
what it publishes can be looked at. One test runs everything in its own processes.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from sensors.codes import CodeIssuer
from sensors.observations import DeviceHealth
from sensors.store import Store
from sensors.wire import (
    CameraReport,
    HealthReport,
    Payload,
    VisionReport,
    decode,
    encode,
    topic,
)
from service import camera_reader, vision_supervisor
from service.camera_process import CameraPlan, Pictures
from service.camera_reader import CameraReader
from service.live import LiveState
from service.live_store import LiveStore
from service.pipeline import Pipeline
from service.records import TICK, Entry
from service.vision_worker import VisionWorker
from vision.instants import Instants
from vision.live_source import SourceRules
from vision.moved import MovedCheck
from vision.pipeline import VisionPipeline
from vision.stream import Address, Login

PATIENCE_S = 180.0  # processes are started, each of which imports much
pytestmark = pytest.mark.timeout(900)
SIZE = (640, 480)
RNG = np.random.default_rng(5)
SHELVES = RNG.integers(0, 255, (30, 40, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)


class Nobody:
    """A detector of an empty store."""

    def detect_all(self, frames):
        return {camera: [] for camera in frames}


def pictures(folder: Path, count: int, *, noise: int = 6, shift: int = 0, size=SIZE) -> Path:
    """A folder of pictures of one view with sensor noise; the view is moved by `shift` pixels."""
    folder.mkdir(exist_ok=True)
    view = cv2.resize(np.roll(SHELVES, shift, 1), size, interpolation=cv2.INTER_NEAREST)
    for n in range(count):
        grain = RNG.integers(-noise, noise + 1, view.shape) if noise else 0
        picture = np.clip(view.astype(np.int16) + grain, 0, 255).astype(np.uint8)
        cv2.imwrite(str(folder / f"{n}.bmp"), picture)
    return folder


def plan(camera: str, folder: Path, *, stalled_after_s: float = 60.0, **rules) -> CameraPlan:
    """A camera that is not taken for stalled where the machine is busy."""
    more = {"size_px": SIZE, "fps": 10.0, "loop": True, "late_after_s": 3600.0} | rules
    shown = Pictures(str(folder), 10.0)
    return CameraPlan(camera, SourceRules(**more), pictures=shown, stalled_after_s=stalled_after_s)


class Stage:
    """A worker whose messages are kept, and shown to a page."""

    def __init__(self, store: Store, plans: list[CameraPlan], **more) -> None:
        self.readers = [CameraReader(plan) for plan in plans]
        self.live = LiveState(store)
        self.reports: list[VisionReport] = []
        vision = VisionPipeline(store, Nobody(), "vision-1", "b")
        self.worker = VisionWorker(store, self.readers, vision, self._publish, "b", **more)
        # a busy machine shows its frames late: they are waited for, not left out
        self.worker._instants = Instants(100_000_000, patience_ns=3_000_000_000)
        self.said: list[HealthReport] = []

    def _publish(self, kind: str, payload: Payload) -> None:
        if isinstance(payload, VisionReport):
            self.reports.append(payload)
        elif isinstance(payload, HealthReport):
            assert isinstance(payload.camera, CameraReport)
            self.said.append(payload)

    def state(self, camera: str) -> str:
        return self.worker.health.get(camera, ("opening", ""))[0]

    def told(self, camera: str) -> HealthReport | None:
        said = [report for report in self.said if report.device == camera]
        return said[-1] if said else None

    def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            fares = {r.camera: (r.health(time.time_ns()), r.status) for r in self.readers}
            assert time.monotonic() < deadline, f"{what}: {fares}"
            if not self.worker.turn():
                time.sleep(0.005)

    def is_told(self, camera: str, state: str) -> bool:
        told = self.told(camera)
        return told is not None and told.camera.state == state and self.state(camera) == state

    def works_with(self, camera: str, more: int = 5) -> None:
        """Pictures of `camera` are used and reports go out."""
        used, reports = self.worker.used[camera], len(self.reports)
        self.until(
            lambda: self.worker.used[camera] >= used + more and len(self.reports) >= reports + more,
            f"{camera} at work",
        )

    def close(self) -> None:
        for reader in self.readers:
            reader.close()


@pytest.fixture
def stage(store: Store, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Makes a worker of a good camera cam1 and others."""
    stages: list[Stage] = []

    def make(*others: CameraPlan, **more) -> Stage:
        good = plan("cam1", pictures(tmp_path / "good", 8))
        stages.append(Stage(store, [good, *others], **more))
        return stages[-1]

    yield make
    for one in stages:
        one.close()


def test_an_unplugged_camera_is_down_and_comes_back(stage, tmp_path):
    folder = pictures(tmp_path / "two", 5)
    running = stage(plan("cam2", folder))
    running.works_with("cam2")
    folder.rename(tmp_path / "away")
    running.until(lambda: running.is_told("cam2", "down"), "down")
    told = running.told("cam2")
    assert not told.up
    assert "No such file" in told.reason
    assert "next try in" in told.reason
    running.works_with("cam1")
    (tmp_path / "away").rename(folder)
    running.until(lambda: running.is_told("cam2", "up"), "up again")
    running.works_with("cam2")


def test_a_reader_that_is_killed_is_started_again(stage, tmp_path):
    running = stage(plan("cam2", pictures(tmp_path / "two", 5)))
    running.works_with("cam2")
    before = running.readers[1].status.counts.frames
    os.kill(running.readers[1].pid, signal.SIGKILL)
    running.until(lambda: running.is_told("cam2", "down"), "down")
    assert "its reading process ended by signal SIGKILL" in running.told("cam2").reason
    running.until(lambda: running.is_told("cam2", "up"), "up again")
    running.works_with("cam2")
    assert running.readers[1].status.counts.frames > before


def test_a_reader_that_hangs_is_ended_and_started_again(stage, tmp_path, monkeypatch):
    monkeypatch.setattr(camera_reader, "HUNG_AFTER_S", 1.0)
    running = stage(plan("cam2", pictures(tmp_path / "two", 5), stalled_after_s=2.0))
    running.works_with("cam2")
    hanging = running.readers[1].pid
    os.kill(hanging, signal.SIGSTOP)
    running.until(lambda: running.state("cam2") == "stalled", "stalled")
    running.until(lambda: running.state("cam2") == "up", "up again")
    assert running.readers[1].pid != hanging
    running.works_with("cam2")


def test_corrupt_frames_are_counted_and_the_camera_stays(stage, tmp_path):
    folder = pictures(tmp_path / "two", 6)
    (folder / "3.bmp").write_bytes(b"no picture")
    running = stage(plan("cam2", folder))
    running.until(
        lambda: running.is_told("cam2", "up") and running.told("cam2").camera.broken >= 2,
        "broken frames of a camera that is up",
    )
    running.works_with("cam2")


def test_a_frozen_stream_is_noticed_and_left_out(stage, tmp_path):
    folder = pictures(tmp_path / "two", 3, noise=0)
    running = stage(plan("cam2", folder, frozen_after_s=1.5))
    running.until(lambda: running.is_told("cam2", "frozen"), "frozen")
    assert running.told("cam2").reason == "frozen: the same picture for 2 s or longer"
    used = running.worker.used["cam2"]
    running.works_with("cam1")
    assert running.worker.used["cam2"] == used
    pictures(folder, 3)
    running.until(lambda: running.is_told("cam2", "up"), "up again")
    running.works_with("cam2")


def test_a_wrong_resolution_is_named_and_the_camera_left_out(stage, tmp_path):
    folder = pictures(tmp_path / "two", 6, size=(640, 360))
    running = stage(plan("cam2", folder))
    running.until(lambda: running.is_told("cam2", "wrong_size"), "wrong size")
    told = running.told("cam2")
    assert told.reason.startswith("wrong size: sends 640×360 pixels, calibrated for 640×480")
    assert told.camera.refused > 0
    assert running.worker.used["cam2"] == 0
    running.works_with("cam1")
    pictures(folder, 6)
    running.until(lambda: running.is_told("cam2", "up"), "up again")
    running.works_with("cam2")


def test_a_larger_picture_of_the_same_shape_is_scaled_and_used(stage, tmp_path):
    running = stage(plan("cam2", pictures(tmp_path / "two", 4, size=(1280, 960))))
    running.until(
        lambda: running.is_told("cam2", "up") and running.told("cam2").camera.scaled > 0, "scaled"
    )
    assert "1280×960 pixels, calibrated for 640×480: scaled" in running.told("cam2").camera.note
    running.works_with("cam2")


def test_a_moved_camera_is_noticed_and_left_out(stage, tmp_path):
    folder = pictures(tmp_path / "two", 6)
    running = stage(plan("cam2", folder), moved_check=MovedCheck(every_ns=100_000_000))
    running.works_with("cam2", 30)
    pictures(folder, 6, shift=64)
    running.until(lambda: running.is_told("cam2", "moved"), "moved")
    told = running.told("cam2")
    assert not told.up
    assert told.reason.startswith("moved: ")
    used = running.worker.used["cam2"]
    running.works_with("cam1")
    assert running.worker.used["cam2"] == used
    pictures(folder, 6)
    running.until(lambda: running.is_told("cam2", "up"), "up again")
    running.works_with("cam2")


def test_reports_go_on_without_any_camera(stage, tmp_path, store):
    folder = tmp_path / "two"
    alone = Stage(store, [plan("cam2", pictures(folder, 4))])
    try:
        alone.works_with("cam2")
        shutil.rmtree(folder)
        alone.until(lambda: alone.is_told("cam2", "down"), "down")
        before = len(alone.reports)
        alone.until(lambda: len(alone.reports) >= before + 5, "empty reports")
        ats = [report.at_ns for report in alone.reports]
        assert ats == sorted(set(ats))
        assert [report.seq for report in alone.reports] == list(range(len(ats)))
    finally:
        alone.close()


def test_what_a_camera_says_is_on_the_page(store: Store):
    seen: list[DeviceHealth] = []
    live = LiveState(store)
    pipeline = Pipeline(store, _public_key())
    pipeline.listen(lambda o: (seen.append(o), live.observe(o)))
    camera = CameraReport(state="frozen", fps=10, age_ms=90, dropped=3, width_px=640, height_px=480)
    events = []
    for seq in range(3):
        at_ns = (1000 + seq) * 1_000_000_000
        said = HealthReport(
            device="cam2", boot="b", seq=seq, at_ns=at_ns, up=False, reason="why", camera=camera
        )
        body = encode(said)
        where = topic(store.id, "health", "cam2")
        assert decode(where, body, store.id) == said
        events += pipeline.feed(Entry(seq + 1, at_ns, where, body))
        events += pipeline.feed(Entry(seq + 100, at_ns + 3_000_000_000, TICK, b""))
    healths = [o for o in seen if isinstance(o, DeviceHealth)]
    assert len(healths) == 3
    assert [type(e).__name__ for e in events].count("Alerted") == 1
    state = live.snapshot()
    assert state["status"] == {"state": "DEGRADED", "down": {"cam2": "why"}}
    card = state["cameras"]["cam2"]
    assert (card["state"], card["fps"], card["age_s"], card["dropped"]) == ("frozen", 10, 0.09, 3)


def _public_key() -> str:
    return CodeIssuer.from_seed(bytes(32), "corner").public_pem


def test_a_killed_or_hanging_worker_comes_back_and_its_cameras_are_shown_as_down(
    store_text, issuer, tmp_path, monkeypatch
):
    folder = pictures(tmp_path / "two", 8)
    one = plan("cam1", folder)
    with LiveStore(store_text, issuer.public_pem, tmp_path / "d", cameras=[[one]]) as running:
        assert running._vision is not None

        def until(condition: Callable[[], bool], what: str) -> None:
            deadline = time.monotonic() + PATIENCE_S
            while not condition():
                assert running.error is None
                assert time.monotonic() < deadline, (what, running.live.snapshot()["cameras"])
                time.sleep(0.02)

        def state() -> str:
            return running.live.snapshot()["cameras"].get("cam1", {}).get("state", "")

        until(lambda: state() == "up", "up")
        until(lambda: running._previews is not None and running._previews.get("cam1"), "a picture")
        first = running._vision.pids["vision-1"]
        assert first is not None
        os.kill(first, signal.SIGKILL)
        until(lambda: state() == "down", "down")
        down = running.live.snapshot()["status"]["down"]["cam1"]
        assert "vision worker vision-1 ended by signal SIGKILL; starting again" in down
        until(lambda: state() == "up", "up again")
        assert running._vision.pids["vision-1"] not in (None, first)
        assert running.live.snapshot()["status"]["down"] == {}
        second = running._vision.pids["vision-1"]
        assert second is not None
        os.kill(second, signal.SIGSTOP)
        monkeypatch.setattr(vision_supervisor, "HUNG_AFTER_S", 3.0)
        until(lambda: running._vision.pids["vision-1"] not in (None, second), "another worker")
        monkeypatch.undo()
        last = running._vision.pids["vision-1"]
    assert not Path(f"/proc/{second}").exists()
    assert last is not None
    assert not Path(f"/proc/{last}").exists()


def test_a_stream_address_never_leaves_the_reader(stage):
    """A camera that cannot be reached says where, and never the login."""
    login = Login("ada", "hunter2")
    address = Address("rtsp://127.0.0.1:9/cam", login)
    one = CameraPlan("cam2", SourceRules(), address)
    running = stage(one)
    running.until(lambda: running.is_told("cam2", "down"), "down")
    assert running.told("cam2").reason.startswith("rtsp://127.0.0.1:9/cam: nothing listens there")
    assert "hunter2" not in repr(running.said)
    pid = running.readers[1].pid
    assert b"hunter2" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert b"hunter2" not in Path(f"/proc/{pid}/environ").read_bytes()
