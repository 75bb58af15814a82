"""Who may say and hear what, shown on real brokers: Mosquitto with our files, and the embedded one.

MQTT 3.1.1 tells nobody that a message was refused: a refused one is one that did not arrive
although another, said after it, did.
"""

import contextlib
import datetime
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
import segno
import structlog
from paho.mqtt.client import Client

from sensors.store import Store, parse_store
from sensors.wire import HealthReport
from service.broker import EmbeddedBroker
from service.broker_tls import new_authority, new_certificate
from service.bus import BrokerAddress, new_client, why_unreachable
from service.camera_process import CameraPlan, Pictures
from service.device_access import names_of
from service.device_access_folder import (
    opened,
    reload_mosquitto,
    running_mosquitto,
)
from service.gate_cameras import GateCameras
from service.ingest import Ingest
from service.journal import Journal
from service.live_store import LiveStoreError, broker_address
from service.mosquitto_files import Listening
from service.publisher import Publisher
from vision.live_source import SourceRules

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")

PATIENCE_S = 60.0
ROOT = "openaisle/corner"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Access:
    """A folder of logins, and the passwords that were given out."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder = folder
        self.store = store
        self.passwords: dict[str, str] = {}

    def add(self, name: str, **told) -> None:
        with opened(self.folder, self.store, create=True) as access:
            self.passwords[name] = access.add(name, 1, **told)
            access.save()

    def revoke(self, name: str) -> None:
        with opened(self.folder, self.store) as access:
            access.revoke(name, 2)
            access.save()


class Embedded:
    """The embedded broker on a folder of logins: one port for all."""

    def __init__(self, access: Access) -> None:
        self._broker = EmbeddedBroker(access=access.folder)
        self._broker.start()
        self.port = self.services_port = self._broker.port

    def reload(self) -> None:
        """It looks by itself."""

    def stop(self) -> None:
        self._broker.stop()


class Secured:
    """A Mosquitto of our own that runs on our files."""

    def __init__(self, access: Access, **listening) -> None:
        self.port, self.services_port = free_port(), free_port()
        self._folder = access.folder
        with opened(access.folder, access.store) as folder:
            folder.listening = Listening(
                port=self.port, services_port=self.services_port, **listening
            )
            folder.save()
        self._process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(access.folder / "mosquitto.conf")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE_S
        for port in (self.port, self.services_port):
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), 1.0).close()
                    break
                except OSError:
                    assert self._process.poll() is None, "Mosquitto refuses our files"
                    assert time.monotonic() < deadline, "Mosquitto does not start"
                    time.sleep(0.05)

    def reload(self) -> None:
        pid = running_mosquitto(self._folder)
        assert pid == self._process.pid
        assert reload_mosquitto(pid)

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)


class Talker:
    """A client that keeps what it hears, and knows whether it was let in."""

    def __init__(self, port: int, name: str | None, password: str | None, **told) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.allowed: bool | None = None
        self.connections = 0
        self._changed = threading.Condition()
        self._subscribed = threading.Event()
        address = BrokerAddress(port, username=name, password=password)
        client_id = told.pop("client_id", f"talker-{name}")
        self.client = new_client(address, client_id, clean_session=told.pop("clean", True))
        will = told.pop("will", None)
        if will is not None:
            self.client.will_set(*will, qos=1)
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_message
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.loop_start()
        with self._changed:
            assert self._changed.wait_for(lambda: self.allowed is not None, PATIENCE_S)

    def _on_connect(self, client: Client, _, __, reason, ___) -> None:
        with self._changed:
            self.allowed = not reason.is_failure
            self.connections += 1
            self._changed.notify_all()

    def _on_message(self, _, __, message) -> None:
        with self._changed:
            self.heard.append((message.topic, bytes(message.payload)))
            self._changed.notify_all()

    def subscribe(self, topic: str) -> "Talker":
        self._subscribed.clear()
        self.client.subscribe(topic, 1)
        assert self._subscribed.wait(PATIENCE_S)
        return self

    def say(self, topic: str, body: bytes = b"x") -> None:
        self.client.publish(topic, body, 1)

    def await_refusal(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.allowed is False, PATIENCE_S)

    def await_body(self, body: bytes) -> None:
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: any(said == body for _, said in self.heard), PATIENCE_S
            )
        assert arrived, f"{body!r} did not arrive, only {len(self.heard)} others"

    def topics(self) -> set[str]:
        return {topic for topic, _ in self.heard}

    def die(self) -> None:
        """End without a word, as where the power went."""
        sock = self.client.socket()
        self.client.loop_stop()
        assert sock is not None
        sock.close()

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def access(store: Store, tmp_path: Path) -> Access:
    (tmp_path / "broker").mkdir()  # ours, also where root runs the tests: Mosquitto reads it as us
    made = Access(tmp_path / "broker", store)
    for name in ("engine", "g1s1", "g1s2", "gate-in"):
        made.add(name)
    return made


@pytest.fixture
def mosquitto(access: Access):
    if MOSQUITTO is None:
        pytest.skip("no mosquitto binary on this machine")
    running = Secured(access)
    yield running
    running.stop()


@pytest.fixture(params=["amqtt", "mosquitto"])
def secured(request: pytest.FixtureRequest, access: Access):
    if request.param == "mosquitto":
        yield request.getfixturevalue("mosquitto")
    else:
        running = Embedded(access)
        yield running
        running.stop()


@pytest.fixture
def talk(access: Access, secured):
    """Makes clients that are let go of in the end; `engine` uses the services' listener."""
    yield from _talkers(access, secured)


@pytest.fixture
def talk_mosquitto(access: Access, mosquitto):
    yield from _talkers(access, mosquitto)


def _talkers(access: Access, broker):
    made: list[Talker] = []

    def talk(name: str | None, password: str | None = None, port: int = 0, **told) -> Talker:
        mine = password if password is not None else access.passwords.get(name or "")
        services = name in ("engine", "eyes", "office")
        found = Talker(
            port or (broker.services_port if services else broker.port), name, mine, **told
        )
        made.append(found)
        return found

    yield talk
    for one in made:
        one.close()


FORGED = [
    f"{ROOT}/weight/g1s2",
    f"{ROOT}/gate/gate-in",
    f"{ROOT}/gate/g1s1",
    f"{ROOT}/health/g1s2",
    f"{ROOT}/vision/g1s1",
    f"{ROOT}/control/g1s1",
    f"{ROOT}/journaled/g1s1",
    f"{ROOT}/weight/g1s1/more",
    "openaisle/other/weight/g1s1",
]


def test_a_device_that_writes_another_s_topic_is_refused(talk):
    engine = talk("engine").subscribe("openaisle/#")
    shelf = talk("g1s1")
    for topic in FORGED:
        shelf.say(topic, b"forged")
        shelf.say(f"{ROOT}/weight/g1s1", f"after {topic}".encode())
        engine.await_body(f"after {topic}".encode())
    shelf.say(f"{ROOT}/health/g1s1", b"health")
    engine.await_body(b"health")
    assert engine.topics() == {f"{ROOT}/weight/g1s1", f"{ROOT}/health/g1s1"}
    assert b"forged" not in {body for _, body in engine.heard}


def test_a_device_reads_its_confirmations_alone(talk):
    engine = talk("engine")
    shelf = talk("g1s1").subscribe("#").subscribe(f"{ROOT}/journaled/+")
    for topic in ("weight/g1s2", "control/office", "journaled/g1s2", "weight/g1s1"):
        engine.say(f"{ROOT}/{topic}")
    engine.say(f"{ROOT}/journaled/g1s1", b"mine")
    shelf.await_body(b"mine")
    assert shelf.topics() == {f"{ROOT}/journaled/g1s1"}


def test_strangers_are_not_let_in(talk, secured):
    assert talk("g1s1").allowed
    assert not talk(None).allowed
    assert not talk("g1s1", "guess").allowed
    assert not talk("g1s3", "x").allowed
    assert not talk(None, port=secured.services_port).allowed
    assert talk("engine").allowed


def test_who_is_revoked_is_refused_also_on_a_connection_that_stands(talk, access, secured):
    engine = talk("engine").subscribe("openaisle/#")
    revoked, other = talk("g1s1"), talk("g1s2")
    revoked.say(f"{ROOT}/weight/g1s1", b"before")
    engine.await_body(b"before")
    access.revoke("g1s1")
    secured.reload()
    if isinstance(secured, Secured):  # it throws them out, and they come back to a closed door
        revoked.await_refusal()
    revoked.say(f"{ROOT}/weight/g1s1", b"after")
    other.say(f"{ROOT}/weight/g1s2", b"other")
    engine.await_body(b"other")
    assert not talk("g1s1", client_id="again").allowed
    other.say(f"{ROOT}/weight/g1s2", b"last")
    engine.await_body(b"last")
    assert b"after" not in {body for _, body in engine.heard}


def test_who_comes_new_is_let_in_while_the_broker_runs(talk, access, secured):
    assert not talk("rfid-g3", "x").allowed
    engine = talk("engine").subscribe("openaisle/#")
    access.add("rfid-g3")
    secured.reload()
    deadline = time.monotonic() + PATIENCE_S
    while not (antenna := talk("rfid-g3")).allowed:  # Mosquitto reads its files in its own time
        assert time.monotonic() < deadline
        time.sleep(0.1)
    antenna.say(f"{ROOT}/rfid/rfid-g3", b"new")
    engine.await_body(b"new")


def test_an_old_password_ends_with_the_new_one(talk, access, secured):
    old = access.passwords["g1s1"]
    standing = talk("g1s1")
    assert standing.allowed
    access.add("g1s1", renew=True)
    secured.reload()
    if isinstance(secured, Secured):
        standing.await_refusal()
        standing.close()  # else it would try again and again under the new one's name
    deadline = time.monotonic() + PATIENCE_S
    while talk("g1s1", old, client_id="old").allowed:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert talk("g1s1", client_id="new").allowed


def test_a_vision_worker_speaks_for_its_cameras_alone(talk, access, secured):
    access.add("eyes", kind="vision", speaks_for=("cam1",), workers=2)
    access.add("office", kind="control")
    secured.reload()
    deadline = time.monotonic() + PATIENCE_S
    while not (eyes := talk("eyes")).allowed:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    engine = talk("engine").subscribe("openaisle/#")
    for topic in ("health/cam2", "vision/vision-3", "weight/g1s1", "control/office"):
        eyes.say(f"{ROOT}/{topic}", b"forged")
    allowed = ("health/cam1", "vision/vision-2", "vision/eyes", "vision/vision-1")
    for topic in allowed:
        eyes.say(f"{ROOT}/{topic}", topic.encode())
        engine.await_body(topic.encode())
    office = talk("office")
    office.say(f"{ROOT}/control/page", b"forged")
    office.say(f"{ROOT}/control/office", b"verdict")
    engine.await_body(b"verdict")
    assert engine.topics() == {f"{ROOT}/{topic}" for topic in (*allowed, "control/office")}


def test_a_device_of_another_maker_writes_its_one_topic(access, secured, talk, store_text):
    foreign = "devices:\n- {id: scale1, kind: tasmota-hx711, topic: tele/scale1/SENSOR, "
    access.store = parse_store(f"{store_text}\n{foreign}shelf: g1s1, plate: 1}}\n")
    assert names_of(access.store).count("scale1") == 1
    assert "g1s1" not in names_of(access.store)  # another speaks for it
    access.add("scale1")
    secured.reload()
    deadline = time.monotonic() + PATIENCE_S
    while not (scale := talk("scale1")).allowed:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    engine = talk("engine").subscribe("#")
    connected = scale.connections
    for topic in ("tele/scale1/LWT", "tele/scale2/SENSOR", f"{ROOT}/weight/g1s2"):
        scale.client.publish(topic, b"forged", 0)  # as these devices do
    scale.say("tele/scale1/SENSOR", b"weight")
    engine.await_body(b"weight")
    assert engine.topics() == {"tele/scale1/SENSOR"}
    assert scale.connections == connected  # what it says besides costs it nothing


def test_nobody_takes_over_the_engine_s_session(talk, secured):
    session = {"client_id": "openaisle-engine-corner", "clean": False}
    engine = talk("engine", **session).subscribe("openaisle/#")
    connections = engine.connections
    assert not talk("engine", "guess", **session).allowed
    assert not talk(None, port=secured.services_port, **session).allowed
    thief = talk("g1s1", **session)
    assert thief.allowed  # under its own name
    other = talk("g1s2")
    other.say(f"{ROOT}/weight/g1s2", b"heard")
    engine.await_body(b"heard")
    thief.say(f"{ROOT}/weight/g1s1", b"mine")
    engine.await_body(b"mine")
    assert thief.heard == []
    assert engine.connections == connections


def test_nobody_lends_their_session_the_rights_of_another(talk, secured):
    engine = talk("engine").subscribe("openaisle/#")
    session = {"client_id": "mine", "clean": False}
    shelf = talk("g1s1", **session)
    assert not talk("engine", "guess", port=secured.port, **session).allowed
    shelf.say(f"{ROOT}/weight/g1s2", b"forged")
    shelf.say(f"{ROOT}/weight/g1s1", b"own")
    engine.await_body(b"own")
    assert engine.topics() == {f"{ROOT}/weight/g1s1"}


def test_a_last_will_needs_the_right_to_its_topic(talk):
    engine = talk("engine").subscribe("openaisle/#")
    for topic, body in ((f"{ROOT}/weight/g1s2", b"forged"), (f"{ROOT}/health/g1s1", b"gone")):
        dying = talk("g1s1", will=(topic, body))
        assert dying.allowed
        dying.die()
    engine.await_body(b"gone")
    assert engine.topics() == {f"{ROOT}/health/g1s1"}


def test_a_device_does_not_get_in_where_the_services_do(talk_mosquitto, mosquitto):
    assert not talk_mosquitto("g1s1", port=mosquitto.services_port).allowed
    assert not talk_mosquitto("engine", port=mosquitto.port).allowed


def test_cameras_that_read_codes_do_not_throw_each_other_out(access, mosquitto, store, tmp_path):
    access.add("door-cams", kind="codes")
    mosquitto.reload()
    film = tmp_path / "film"
    film.mkdir()
    for number in range(10):
        segno.make_qr("a code").save(str(film / f"{number}.png"), scale=8)
    plans = [
        CameraPlan(gate.id, SourceRules(loop=True), pictures=Pictures(str(film), 5.0))
        for gate in store.gates
    ]
    port, password = mosquitto.services_port, access.passwords["door-cams"]
    address = BrokerAddress(port, username="door-cams", password=password)
    url = f"mqtt://engine:{access.passwords['engine']}@127.0.0.1:{port}"
    wanted = {f"{ROOT}/gate/{gate.id}" for gate in store.gates}
    deadline = time.monotonic() + 2 * PATIENCE_S
    with taking(store, tmp_path, url) as engine, GateCameras(store.id, plans, address):
        while not wanted <= {entry.topic for entry in engine.journal.entries()}:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert engine.counters.dead_letters == 0


# -- limits ------------------------------------------------------------------------------------


@pytest.fixture
def narrow(access: Access):
    """A Mosquitto with room for little."""
    if MOSQUITTO is None:
        pytest.skip("no mosquitto binary on this machine")
    running = Secured(access, queue_mib=1, packet_kib=512)
    yield running
    running.stop()


@pytest.fixture
def talk_narrow(access: Access, narrow):
    yield from _talkers(access, narrow)


def test_a_broker_keeps_what_it_has_room_for_and_no_more(talk_narrow):
    session = {"client_id": "openaisle-engine-corner", "clean": False}
    engine = talk_narrow("engine", **session).subscribe("openaisle/#")
    engine.close()
    shelf = talk_narrow("g1s1")
    said = [str(number).encode().ljust(1024, b".") for number in range(3000)]
    for body in said:
        shelf.client.publish(f"{ROOT}/weight/g1s1", body, 1).wait_for_publish(PATIENCE_S)
    again = talk_narrow("engine", **session)
    deadline = time.monotonic() + PATIENCE_S
    while b"end" not in {body for _, body in again.heard}:  # the queue is full at first
        assert time.monotonic() < deadline
        shelf.say(f"{ROOT}/health/g1s1", b"end")
        time.sleep(0.1)
    kept = [body for _, body in again.heard if body != b"end"]
    assert kept == said[: len(kept)]  # the oldest, none twice, in order
    assert 900 <= len(kept) <= 2100
    connected = shelf.connections
    shelf.client.publish(f"{ROOT}/weight/g1s1", b"x" * 600 * 1024, 0)
    while shelf.connections == connected:  # thrown out, and back
        assert time.monotonic() < deadline
        time.sleep(0.1)
    shelf.say(f"{ROOT}/weight/g1s1", b"small")
    again.await_body(b"small")
    assert max(len(body) for _, body in again.heard) == 1024


# -- TLS ---------------------------------------------------------------------------------------


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """An authority, what it signed for this machine and for another, and a foreign authority."""
    now = datetime.datetime.now(datetime.UTC)
    authority = new_authority("corner", now)
    made = {
        "ca": authority,
        "here": new_certificate(authority, ["localhost", "127.0.0.1"], now),
        "elsewhere": new_certificate(authority, ["broker.example"], now),
        "foreign": new_authority("mall", now),
    }
    for name, signed in made.items():
        (tmp_path / f"{name}.pem").write_bytes(signed.certificate)
        (tmp_path / f"{name}.key").write_bytes(signed.key)
    return tmp_path


@pytest.fixture
def encrypted(request: pytest.FixtureRequest, access: Access, certificates: Path):
    """A Mosquitto that speaks TLS alone, with the certificate that the test names."""
    if MOSQUITTO is None:
        pytest.skip("no mosquitto binary on this machine")
    name = getattr(request, "param", "here")
    running = Secured(
        access,
        certificate=str(certificates / f"{name}.pem"),
        key=str(certificates / f"{name}.key"),
        services_tls=True,
    )
    yield running
    running.stop()


def engine_url(broker: Secured, access: Access, trusted: Path) -> str:
    password = access.passwords["engine"]
    return f"mqtts://engine:{password}@localhost:{broker.services_port}?ca={trusted}"


@contextlib.contextmanager
def taking(store: Store, folder: Path, url: str):
    """The engine's side of the bus, at work on a journal."""
    journal = Journal(folder / "journal.sqlite")
    ingest = Ingest(store, journal, broker_address(url), lambda _: None)
    thread = threading.Thread(target=ingest.run)
    thread.start()
    try:
        yield ingest
    finally:
        ingest.stop()
        thread.join()
        journal.close()


def test_engine_and_device_meet_over_tls(encrypted, access, certificates, store, tmp_path):
    trusted = certificates / "ca.pem"
    device = BrokerAddress(
        encrypted.port, "localhost", "g1s1", access.passwords["g1s1"], ca_file=trusted
    )
    with (
        taking(store, tmp_path, engine_url(encrypted, access, trusted)) as engine,
        Publisher(device, store.id) as publisher,
    ):
        report = HealthReport(device="g1s1", boot="b", seq=0, at_ns=time.time_ns(), up=True)
        publisher.publish("health", report)
        assert publisher.wait_until_confirmed(PATIENCE_S)
        assert engine.counters.dead_letters == 0


@pytest.mark.parametrize(
    ("encrypted", "trusted", "reason"),
    [
        ("here", "foreign.pem", "self-signed|self signed|unable to get local issuer"),
        ("elsewhere", "ca.pem", "[Hh]ostname mismatch"),
    ],
    indirect=["encrypted"],
)
def test_another_s_certificate_is_refused_and_told(
    encrypted, access, certificates, store, tmp_path, trusted, reason
):
    url = engine_url(encrypted, access, certificates / trusted)
    deadline = time.monotonic() + PATIENCE_S
    with taking(store, tmp_path, url) as engine:
        while "certificate" not in engine.trouble:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        told = engine.trouble
        assert not engine.wait_until_accepted(0.0)
    assert re.search(reason, told) and "its certificate is not trusted" in told
    assert "?ca=FILE" in told
    assert access.passwords["engine"] not in told


def test_a_device_tells_why_it_trusts_no_broker(encrypted, access, certificates, store):
    address = BrokerAddress(
        encrypted.port,
        "localhost",
        "g1s1",
        access.passwords["g1s1"],
        ca_file=certificates / "foreign.pem",
    )
    with structlog.testing.capture_logs() as said, Publisher(address, store.id) as publisher:
        publisher.publish("health", HealthReport(device="g1s1", boot="b", seq=0, at_ns=1, up=True))
        deadline = time.monotonic() + PATIENCE_S
        while not said and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "its certificate is not trusted" in said[0]["reason"]
    assert not any(access.passwords["g1s1"] in str(one) for one in said)


def test_nobody_talks_to_it_without_tls(encrypted, access, certificates):
    assert "no TLS" in why_unreachable(ssl.SSLError(1, "wrong version number"))
    plain = new_client(
        BrokerAddress(encrypted.port, "127.0.0.1", "g1s1", access.passwords["g1s1"]), "plain"
    )
    ended = threading.Event()
    allowed: list[bool] = []
    plain.on_connect = lambda _, __, ___, reason, ____: allowed.append(not reason.is_failure)
    plain.on_disconnect = lambda *_: ended.set()
    plain.loop_start()
    assert ended.wait(PATIENCE_S)
    plain.disconnect()
    plain.loop_stop()
    assert True not in allowed


def test_an_address_names_a_file_of_certificates_that_is_there(tmp_path):
    with pytest.raises(LiveStoreError, match=r"no such file of certificates"):
        broker_address(f"mqtts://broker?ca={tmp_path / 'none.pem'}")
    (tmp_path / "ca.pem").write_text("x")
    assert broker_address(f"mqtts://broker?ca={tmp_path / 'ca.pem'}").ca_file == tmp_path / "ca.pem"
