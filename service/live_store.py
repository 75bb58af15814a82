"""A store that runs now: broker, engine, journal and page in one place, started and stopped.

`LiveStore` is what `serve` and `demo` share. The engine runs in a thread of this process, the
embedded broker in a process of its own; another broker is used by its URL.
"""

from __future__ import annotations

import json
import os
import secrets
import ssl
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from cart.events import Event, StockMoved
from cart.projection import Carts
from fusion.people import People
from sensors.store import parse_store
from sensors.wire import Payload
from service.broker import BrokerError, EmbeddedBroker
from service.bus import BrokerAddress
from service.camera_process import CameraPlan
from service.engine_process import Running, run_engine
from service.gate_cameras import GateCameras
from service.kept_landmarks import FOLDER
from service.live import LiveState
from service.pipeline import Pipeline
from service.previews import PreviewReader
from service.publisher import Publisher
from service.records import Entry
from service.vision_supervisor import JoinedPreviews, VisionSupervisor
from service.vision_worker import WEIGHTS
from service.web.app import create_app
from service.web.sentences import sentence
from service.web.serve import ServedApp, serve_app

SERVICE_FILE = "service.json"
START_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 10.0
HAPPENINGS = 1000
BROKER_DEATHS = 3
BROKER_REST_S = 1.0
DEATHS_WITHIN_S = 60.0


class LiveStoreError(Exception):
    """The store cannot be started; the message says what to do."""


class _Timed(msgspec.Struct):
    """The one field of a message that the lag is measured by."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Lag:
    """From the moment of a frame to its report being through the engine, seconds."""

    p50: float
    p95: float
    worst: float


def broker_address(url: str) -> BrokerAddress:
    """Where `mqtt[s]://[user:password@]host[:port][?ca=FILE]` points.

    `mqtts` trusts the authorities of this machine, or that of the file alone. Raises
    LiveStoreError, which shows nothing of the address that could be a password.
    """
    expected = (
        "--broker: expected mqtt://host:port or mqtts://host:port, with user:password@ before the "
        "host where the broker asks for them, special characters of these as %XX, and ?ca=FILE "
        "after mqtts:// where the authority is your own"
    )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise LiveStoreError(f"{expected}, and a port from 1 to 65535") from None
    if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
        raise LiveStoreError(expected)
    tls = parts.scheme == "mqtts"
    asked = parse_qs(parts.query)
    if parts.path not in ("", "/") or set(asked) - {"ca"} or ("ca" in asked and not tls):
        raise LiveStoreError(expected)
    trusted = Path(asked["ca"][-1]) if "ca" in asked else _system_certificates()
    if tls and not trusted.is_file():
        raise LiveStoreError(f"--broker: {trusted}: there is no such file of certificates")
    port = port or (8883 if tls else 1883)
    return BrokerAddress(
        port,
        parts.hostname,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        trusted if tls else None,
    )


def read_password(path: Path | None) -> str | None:
    """What a password file holds, without the space around it; None without a file.

    Raises LiveStoreError where it cannot be read or holds nothing.
    """
    if path is None:
        return None
    try:
        password = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise LiveStoreError(f"{path}: the password file cannot be read: {reason}") from None
    if not password:
        raise LiveStoreError(f"{path}: the password file is empty")
    return password


def _system_certificates() -> Path:
    paths = ssl.get_default_verify_paths()
    return Path(paths.cafile or paths.openssl_cafile)


class LiveStore:
    """Runs one store until it is left; a context manager.

    `cameras` are the groups of cameras that this machine looks through with `weights`, a worker
    each; `gates` are cameras that read codes, each called as its gate.
    """

    def __init__(
        self,
        store_text: str,
        code_key: str,
        data_dir: Path,
        *,
        broker_url: str | None = None,
        broker_port: int = 0,
        host: str = "127.0.0.1",
        port: int = 0,
        password: str | None = None,
        previews: str | None = None,
        cameras: Sequence[Sequence[CameraPlan]] = (),
        gates: Sequence[CameraPlan] = (),
        weights: Path = WEIGHTS,
    ) -> None:
        self.store = parse_store(store_text)
        self.live = LiveState(self.store)
        self.data_dir = data_dir
        self.address: BrokerAddress | None = broker_address(broker_url) if broker_url else None
        self.error: BaseException | None = None
        self.taken = 0
        self._told = 0
        self._happenings: deque[str] = deque(maxlen=HAPPENINGS)
        self._telling = threading.Lock()
        self._carts = Carts({})
        self._names = {p.gtin: p.name for p in self.store.products}
        self._running: Running | None = None
        self._people: People | None = None
        self._store_text, self._code_key = store_text, code_key
        self._host, self._port, self._password = host, port, password
        self._broker_port = broker_port
        self._broker: EmbeddedBroker | None = None
        self._broker_deaths_s: deque[float] = deque(maxlen=BROKER_DEATHS)
        self._starting_broker = threading.Lock()
        self._leaving = threading.Event()
        self._served: ServedApp | None = None
        self._control: Publisher | None = None
        self._announced = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run_engine, name="engine", daemon=True)
        self._lags_s: deque[float] = deque(maxlen=100_000)
        self._cameras, self._weights = cameras, weights
        self._vision: VisionSupervisor | None = None
        self._gates = gates
        self._gate_cameras: GateCameras | None = None
        self._worker_previews = f"openaisle-{secrets.token_hex(4)}"
        self._previews: PreviewReader | JoinedPreviews | None = (
            PreviewReader(previews, [c.id for c in self.store.cameras]) if previews else None
        )

    def __enter__(self) -> Self:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            if self.address is None:
                self._broker = EmbeddedBroker(port=self._broker_port, on_death=self._revive_broker)
                self._broker.start()
                self.address = BrokerAddress(self._broker.port)
            self._thread.start()
            if not self._ready.wait(START_TIMEOUT_S) or self.error is not None:
                raise self.error or LiveStoreError("the engine did not start within a minute")
            self._await_broker()
            self._control = Publisher(self.address, self.store.id, name="control")
            self._control.start()
            if self._cameras:
                self._start_vision()
            if self._gates:
                self._gate_cameras = GateCameras(self.store.id, self._gates, self.address)
                self._gate_cameras.__enter__()
            app = create_app(self.live, self._previews, self.submit)
            self._served = serve_app(app, self._host, self._port, self._password)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self._announce()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leaving.set()
        if self._served is not None:
            self._served.stop()
        if self._vision is not None:
            self._vision.__exit__(None, None, None)
        if self._gate_cameras is not None:
            self._gate_cameras.__exit__(None, None, None)
        if self._control is not None:
            self._control.close(2.0)
        if self._running is not None:
            self._running.ingest.stop()
        if self._thread.is_alive():
            self._thread.join(20.0)
        with self._starting_broker:
            if self._broker is not None:
                self._broker.stop()
        if self._previews is not None:
            self._previews.close()
        if self._announced:
            (self.data_dir / SERVICE_FILE).unlink(missing_ok=True)

    @property
    def url(self) -> str:
        """The address of the page."""
        return self._served.url if self._served is not None else ""

    @property
    def dead_letters(self) -> int:
        """Messages that could not be used so far."""
        return self._running.ingest.counters.dead_letters if self._running else 0

    @property
    def journaled(self) -> int:
        """Entries in the journal so far."""
        return self._running.journal.last_journal_number if self._running else 0

    @property
    def open_visits(self) -> int:
        """Visits whose shopper is still in the store."""
        return sum(cart.state == "shopping" for cart in list(self._carts.visits.values()))

    def happenings(self, told: int) -> tuple[int, list[str]]:
        """How many sentences there were so far, and those after the first `told` of them.

        Only the last thousand are kept; who asks too seldom misses the ones before.
        """
        with self._telling:
            fresh = min(self._told - told, len(self._happenings))
            return self._told, list(self._happenings)[len(self._happenings) - fresh :]

    def lag(self) -> Lag:
        """How far the engine was behind the cameras, over all frames so far."""
        lags = sorted(self._lags_s) or [0.0]
        return Lag(lags[len(lags) // 2], lags[int(0.95 * (len(lags) - 1))], lags[-1])

    def submit(self, payload: Payload) -> None:
        """Say something on the bus for a person: a verdict, a count."""
        if self._control is None:
            raise LiveStoreError("the store is not running")
        self._control.publish("control", payload)

    def _start_vision(self) -> None:
        assert self.address is not None
        groups = [[plan.camera for plan in plans] for plans in self._cameras]
        self._previews = JoinedPreviews(self._worker_previews, groups)
        self._vision = VisionSupervisor(
            self.store.id,
            self._store_text,
            self._cameras,
            self.address,
            previews=self._worker_previews,
            weights=self._weights,
            landmarks=self.data_dir / FOLDER,
        ).__enter__()

    def _await_broker(self) -> None:
        assert self._running is not None and self.address is not None
        ingest = self._running.ingest
        deadline_s = time.monotonic() + CONNECT_TIMEOUT_S
        while not ingest.wait_until_accepted(0.1):
            if self.error is not None:
                raise self.error
            if time.monotonic() > deadline_s:
                raise LiveStoreError(
                    f"the broker at {self.address.host}:{self.address.port} cannot be used: "
                    f"{ingest.trouble}"
                )

    def _revive_broker(self, status: int) -> None:
        """Start the embedded broker again on its port: devices send what was not confirmed."""
        if self._leaving.wait(BROKER_REST_S):  # Ctrl-C ends the broker's process as well
            return
        with self._starting_broker:
            if self._leaving.is_set() or self._broker is None:
                return
            now_s = time.monotonic()
            self._broker_deaths_s.append(now_s)
            often = len(self._broker_deaths_s) == BROKER_DEATHS
            if often and now_s - self._broker_deaths_s[0] < DEATHS_WITHIN_S:
                self.error = LiveStoreError(
                    f"the embedded broker ended {BROKER_DEATHS} times within "
                    f"{DEATHS_WITHIN_S:.0f} s, the last time with exit status {status}"
                )
                return
            try:
                self._broker.start()
            except (BrokerError, OSError) as error:
                self.error = LiveStoreError(
                    f"the embedded broker ended with exit status {status} and does not start "
                    f"again: {error}"
                )

    def _run_engine(self) -> None:
        assert self.address is not None
        try:
            run_engine(
                self.data_dir,
                self._store_text,
                self._code_key,
                self.address,
                Pipeline,
                on_entry=self._on_entry,
                on_events=self._on_events,
                on_ready=self._on_ready,
            )
        except BaseException as error:
            self.error = error
        finally:
            self._ready.set()

    def _on_ready(self, running: Running) -> None:
        self._running = running
        pipeline = running.pipeline
        if isinstance(pipeline, Pipeline):
            pipeline.listen(self.live.observe)
            self._people = pipeline.engine.people
        self._ready.set()

    def _on_entry(self, entry: Entry) -> None:
        self.taken = entry.number
        if "/vision/" in entry.topic and self._people is not None:
            for owner in self._people.owners():
                self.live.assign(*owner)
            at_ns = msgspec.json.decode(entry.body, type=_Timed).at_ns
            self._lags_s.append((time.time_ns() - at_ns) / 1e9)
            if len(self._lags_s) % 10 == 0:
                self.live.metrics({"lag_s": self._lags_s[-1]})

    def _on_events(self, events: list[Event]) -> None:
        for event in events:
            self.live.apply(event)
            self._carts.apply(event)
            if isinstance(event, StockMoved):  # the cart's own event has told it
                continue
            text = sentence(event, self._shopper, self._product)
            with self._telling:
                self._happenings.append(text)
                self._told += 1

    def _shopper(self, visit: str) -> str:
        return self._carts.visits[visit].shopper if visit in self._carts.visits else visit

    def _product(self, gtin: str) -> str:
        return self._names.get(gtin, gtin)

    def _announce(self) -> None:
        """Leave a note of the running service for other commands on this data directory."""
        note = {"pid": os.getpid(), "url": self.url}
        path = self.data_dir / SERVICE_FILE
        path.touch(mode=0o600)
        path.write_text(json.dumps(note), encoding="utf-8")
        self._announced = True
