"""RTSP against a real server: plays, refuses, dies and comes back, stalls."""

import itertools
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vision.backoff import Backoff
from vision.live_source import LiveSource, SourceRules
from vision.source import Frame
from vision.stream import Address, AvStream, Login

SYSTEM_PYTHON = "/usr/bin/python3"
SERVER = Path(__file__).with_name("gst_rtsp_server.py")
PATIENCE_S = 180.0


def missing() -> str:
    if not Path(SYSTEM_PYTHON).exists():
        return f"no {SYSTEM_PYTHON}"
    probe = (
        "import gi; gi.require_version('GstRtspServer','1.0');"
        "from gi.repository import Gst; Gst.init(None);"
        "assert Gst.ElementFactory.find('x264enc')"
    )
    done = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, check=False)
    return (
        ""
        if done.returncode == 0
        else ("needs gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,ugly}")
    )


WHY_NOT = missing()
pytestmark = [
    pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT),
    pytest.mark.timeout(900),
]


class Server:
    """The server of gst_rtsp_server.py on one port; it can be killed, paused and started again."""

    def __init__(self, *options: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/cam"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [SYSTEM_PYTHON, str(SERVER), str(self.port), *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"listening\n"

    def signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)
        if number == signal.SIGKILL:
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)


class Viewer:
    """Takes a source's frames in a thread."""

    def __init__(self, address: Address, rules: SourceRules | None = None) -> None:
        backoff = Backoff(random.Random(0), first_s=0.1, longest_s=0.5)
        rules = rules or SourceRules(late_after_s=30.0)
        self.source = LiveSource("cam1", lambda: AvStream(address), rules, backoff=backoff)
        self.frames: list[Frame] = []
        self.reasons: set[str] = set()
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def _take(self) -> None:
        for frame in self.source.frames():
            self.frames.append(frame)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            self.reasons.add(self.source.status.reason)
            assert time.monotonic() < deadline, f"{what}: {self.source.status}"
            time.sleep(0.02)

    def close(self) -> None:
        self.source.close()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.stop()


def address(server: Server, **more) -> Address:
    return Address(server.url, **{"read_timeout_s": 20.0, "open_timeout_s": 60.0} | more)


@pytest.mark.parametrize("codec", ["h264", "mjpeg"])
def test_a_stream_plays_and_its_frames_know_when_they_were_taken(codec):
    server = Server("--codec", codec)
    server.start()
    viewer = Viewer(address(server), SourceRules(late_after_s=30.0, own_clock=True))
    try:
        viewer.wait(lambda: len(viewer.frames) >= 40, "frames")
        status = viewer.source.status
        assert status.facts is not None
        assert (status.facts.width_px, status.facts.height_px) == (320, 240)
        assert (status.state, status.counts.opened, status.counts.failed) == ("up", 1, 0)
        ats_ms = [frame.at_ns / 1e6 for frame in viewer.frames[-20:]]
        steps_ms = sorted(b - a for a, b in itertools.pairwise(ats_ms))
        assert steps_ms[len(steps_ms) // 2] == pytest.approx(100, rel=0.2)
        # the server's own clock is this machine's: RTCP tells the true age at arrival
        ages_ms = sorted(f.age_ns(f.received_ns) / 1e6 for f in viewer.frames[-20:])
        assert -40 < ages_ms[0] < 1000  # a machine that is busy shows them late
    finally:
        viewer.close()
        server.stop()


def test_a_killed_server_is_noticed_and_found_again(server: Server):
    viewer = Viewer(address(server))
    try:
        viewer.wait(lambda: len(viewer.frames) >= 5, "frames")
        server.signal(signal.SIGKILL)
        viewer.wait(lambda: viewer.source.status.state == "down", "down")
        viewer.wait(lambda: viewer.source.status.counts.failed >= 3, "tries")
        before = len(viewer.frames)
        server.start()
        viewer.wait(lambda: len(viewer.frames) >= before + 5, "frames again")
        assert viewer.source.status.state == "up"
        assert viewer.source.status.counts.opened == 2
        assert any("nothing listens there; next try in" in reason for reason in viewer.reasons)
        ats = [frame.at_ns for frame in viewer.frames]
        assert ats == sorted(set(ats))
    finally:
        viewer.close()


def test_a_paused_server_is_a_stall_then_a_loss_then_well_again(server: Server):
    viewer = Viewer(address(server, read_timeout_s=2.0))
    try:
        viewer.wait(lambda: len(viewer.frames) >= 5, "frames")
        server.signal(signal.SIGSTOP)
        states = set()

        def gone() -> bool:
            states.add(viewer.source.status.health(time.time_ns(), 0.5)[0])
            return viewer.source.status.state == "down"

        viewer.wait(gone, "down")
        assert "stalled" in states
        assert viewer.source.status.reason.startswith(f"{server.url}: it does not answer in time")
        server.signal(signal.SIGCONT)
        before = len(viewer.frames)
        viewer.wait(lambda: len(viewer.frames) >= before + 5, "frames again")
        assert viewer.source.status.state == "up"
    finally:
        viewer.close()


def test_a_password_opens_the_stream_and_shows_nowhere():
    server = Server("--user", "ada", "--password", "hunt:er@2")
    server.start()
    good = Viewer(address(server, login=Login("ada", "hunt:er@2")))
    bad = Viewer(address(server, login=Login("ada", "hunt:er@3")))
    try:
        good.wait(lambda: len(good.frames) >= 3, "frames")
        bad.wait(lambda: bad.source.status.counts.failed >= 1, "refusal")
        assert "it refuses the user name or the password" in bad.source.status.reason
        assert "hunt" not in repr(bad.source.status) + repr(good.source.status)
    finally:
        good.close()
        bad.close()
        server.stop()
