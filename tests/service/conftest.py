"""Brokers to test with: the embedded one, and a Mosquitto where one is installed."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from sensors.codes import CodeIssuer
from sensors.store import Store, parse_store
from service.broker import EmbeddedBroker
from service.bus import BrokerAddress

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
PATIENCE_S = 60.0
STORE_FILE = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"


class Mosquitto:
    """A Mosquitto of our own on a free port: nothing dropped, sessions kept over a restart."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._configuration = directory / "mosquitto.conf"
        self._configuration.write_text(
            f"listener {self.port} 127.0.0.1\n"
            "allow_anonymous true\n"
            "max_queued_messages 0\n"
            "max_inflight_messages 1000\n"
            "persistence true\n"
            f"persistence_location {directory}/\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            if self._process is None or self._process.poll() is not None:  # its port was taken
                self._process = subprocess.Popen(
                    [str(MOSQUITTO), "-c", str(self._configuration)],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "Mosquitto does not start"
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None


@pytest.fixture(params=["amqtt", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A running broker with `port`, `start` and `stop`; once for each kind."""
    if request.param == "amqtt":
        running = EmbeddedBroker()
    elif MOSQUITTO is None:
        pytest.skip("no mosquitto binary on this machine")
    else:
        running = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def address(broker) -> BrokerAddress:
    return BrokerAddress(broker.port)


@pytest.fixture(scope="session")
def store_text() -> str:
    return STORE_FILE.read_text(encoding="utf-8")


@pytest.fixture
def store(store_text: str) -> Store:
    return parse_store(store_text)


@pytest.fixture
def issuer(store: Store) -> CodeIssuer:
    return CodeIssuer.from_seed(bytes(range(32)), store.id)
