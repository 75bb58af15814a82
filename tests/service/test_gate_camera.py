"""A camera reads the codes that shoppers hold up: once for each showing, and the engine judges."""

import os
import signal
import time
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from cart.events import Alerted, Entered
from sensors.codes import CodeIssuer
from sensors.store import Store
from sensors.wire import BarrierCrossed, CodeShown, HealthReport, Payload, encode, topic
from service.camera_process import CameraPlan, Pictures, source_of
from service.cameras_file import CamerasFileError, load_cameras, plan_gates
from service.cli import app
from service.gate_camera import GateCamera
from service.gate_cameras import GateCameras
from service.live_store import LiveStore
from service.pipeline import Pipeline, silence_after
from service.records import Entry
from simulator.codes import hold_code
from vision.live_source import SourceRules

NS = 1_000_000_000
NOW = 1_767_600_000 * NS
FPS = 5.0
PATIENCE_S = 120.0


class Film:
    """What a gate's camera sees, as a folder of pictures."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.count = 0
        self._rng = np.random.default_rng(3)

    def nobody(self, seconds: float) -> "Film":
        for _ in range(round(seconds * FPS)):
            self._write(None)
        return self

    def shows(self, text: str, seconds: float = 1.0) -> "Film":
        picture = hold_code(text, self._rng)
        for _ in range(round(seconds * FPS)):
            self._write(picture)
        return self

    def _write(self, code) -> None:
        seen = self._rng.normal(110, 4, (480, 640))
        if code is not None:
            height, width = code.shape
            seen[40 : 40 + height, 90 : 90 + width] = code
        cv2.imwrite(
            str(self.folder / f"{self.count:04}.png"), np.clip(seen, 0, 255).astype(np.uint8)
        )
        self.count += 1

    def plan(self, rules: SourceRules) -> CameraPlan:
        return CameraPlan("gate-in", rules, pictures=Pictures(str(self.folder), FPS))


def said_of(film: Film) -> list[Payload]:
    """What the camera publishes of a film, as fast as it goes."""
    said: list[tuple[str, Payload]] = []
    source = source_of(film.plan(SourceRules(real_time=False, start_ns=NOW)))
    camera = GateCamera(
        "gate-in",
        source,
        lambda kind, payload: said.append((kind, payload)),
        stalled_after_s=2.0,
        clock_ns=lambda: source.status.last_at_ns,
    )
    camera.run()
    camera.tell()
    kinds = {CodeShown: "gate", HealthReport: "health"}
    assert all(kinds[type(payload)] == kind for kind, payload in said)
    return [payload for _, payload in said]


def test_each_code_is_published_once_for_each_showing_and_judged(
    tmp_path: Path, store: Store, issuer: CodeIssuer
):
    good = issuer.issue("ada", NOW, "n1")
    forged = CodeIssuer.from_seed(b"f" * 32, store.id).issue("eve", NOW, "n2")
    foreign = CodeIssuer.from_seed(bytes(range(32)), "mall").issue("ada", NOW, "n3")
    expired = issuer.issue("ada", NOW - 600 * NS, "n4")
    film = Film(tmp_path / "film").nobody(1).shows(good, 2).nobody(1).shows(good).nobody(4)
    for text in (good, forged, foreign, expired, "https://example.org/menu"):
        film.shows(text)
    said = said_of(film)
    codes = [one for one in said if isinstance(one, CodeShown)]
    assert [one.code for one in codes] == [
        good, good, forged, foreign, expired, "https://example.org/menu",
    ]  # fmt: skip
    assert [one.seq for one in codes] == list(range(6))
    assert len({one.boot for one in codes}) == 1

    pipeline = Pipeline(store, issuer.public_pem)
    crossed = BarrierCrossed(
        device="gate-in", boot="barrier", seq=0, at_ns=codes[0].at_ns + 2 * NS, direction="in"
    )
    entries = [
        (payload.at_ns, topic(store.id, "gate", "gate-in"), encode(payload))
        for payload in sorted([*codes, crossed], key=lambda one: one.at_ns)
    ]
    entries += silence_after(entries[-1][0], store)
    events = [
        event
        for number, entry in enumerate(entries, 1)
        for event in pipeline.feed(Entry(number, *entry))
    ]
    assert [x.shopper for x in events if isinstance(x, Entered)] == ["ada"]
    reasons = [x.text for x in events if isinstance(x, Alerted) and x.kind == "code-refused"]
    words = ("used before", "not issued", "another store", "expired", "not an entry code")
    assert len(reasons) == len(words)
    assert all(word in reason for reason, word in zip(reasons, words, strict=True))


def test_a_camera_that_ends_takes_its_gate_down(tmp_path: Path):
    (report,) = said_of(Film(tmp_path / "film").nobody(1))
    assert isinstance(report, HealthReport)
    assert not report.up and report.device == "gate-in"
    assert report.reason == "the camera that reads its codes: the recording has ended"
    assert report.camera is msgspec.UNSET


def test_a_running_store_reads_codes_with_a_camera(tmp_path: Path, store_text: str, issuer):
    token = issuer.issue("ada", time.time_ns(), "n1", valid_s=600)
    film = Film(tmp_path / "film").nobody(0.4).shows(token, 2)
    plan = film.plan(SourceRules(loop=True))
    deadline = time.monotonic() + PATIENCE_S
    with LiveStore(store_text, issuer.public_pem, tmp_path / "data", gates=[plan]) as running:
        assert running._running is not None
        journal, wanted = running._running.journal, topic(running.store.id, "gate", "gate-in")
        bodies: list[bytes] = []
        while not bodies:
            assert time.monotonic() < deadline
            time.sleep(0.1)
            bodies = [entry.body for entry in journal.entries() if entry.topic == wanted]
        assert running.dead_letters == 0
    assert msgspec.json.decode(bodies[0])["code"] == token


def test_a_camera_s_process_that_is_killed_is_told_and_started_again(
    tmp_path: Path, store: Store, address
):
    film = Film(tmp_path / "film").nobody(1)
    plan = film.plan(SourceRules(loop=True))
    heard: list[HealthReport] = []
    deadline = time.monotonic() + PATIENCE_S
    with GateCameras(store.id, [plan], address) as gates:
        gates._publisher.publish = lambda kind, payload, timeout_s: heard.append(payload)
        while (first := gates.pids["gate-in"]) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(first, signal.SIGKILL)
        while gates.pids["gate-in"] in (None, first):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert [(one.device, one.up, one.seq) for one in heard] == [("gate-in", False, 0)]
    assert "SIGKILL" in heard[0].reason


def test_gates_of_a_cameras_file(tmp_path: Path, store: Store):
    path = tmp_path / "cameras.yaml"
    path.write_text("gates: {gate-in: {usb: 2}, gate-out: {video: a.mp4, fps: 9}}")
    plans = plan_gates(load_cameras(path), path, store)
    assert [(plan.camera, plan.rules.fps, plan.rules.size_px) for plan in plans] == [
        ("gate-in", 5.0, None), ("gate-out", 9.0, None),
    ]  # fmt: skip
    assert load_cameras(path).groups == []
    path.write_text("gates: {door: {usb: 2}}")
    with pytest.raises(CamerasFileError, match=r"gates\.door: the store file has no gate.*gate-in"):
        plan_gates(load_cameras(path), path, store)
    path.write_text("gates: {gate-in: {rtsp: 'rtsp://h/', user: a, password_env: NO_SUCH}}")
    with pytest.raises(CamerasFileError, match=r"gates\.gate-in\.password_env"):
        plan_gates(load_cameras(path), path, store)


def test_reading_codes_needs_a_gate(tmp_path: Path):
    path = tmp_path / "cameras.yaml"
    path.write_text("cameras: {cam1: {usb: 0}}")
    corner = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
    words = [
        "cameras",
        "codes",
        str(corner),
        "--cameras",
        str(path),
        "--broker",
        "mqtt://127.0.0.1",
    ]
    assert "says of no camera" in str(CliRunner().invoke(app, words).exception)
