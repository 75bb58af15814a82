"""A running store and its broker: refused logins, a broker that dies, what happened once each."""

import os
import signal
import socket
import time

import pytest

from cart.events import Alerted
from sensors.store import Store
from sensors.wire import HealthReport
from service import live_store
from service.broker import EmbeddedBroker
from service.bus import BrokerAddress
from service.device_access_folder import opened
from service.device_passwords import hash_password
from service.live_store import (
    HAPPENINGS,
    LiveStore,
    LiveStoreError,
    broker_address,
    read_password,
)
from service.publisher import Publisher

PATIENCE_S = 120.0


def alert(number: int) -> Alerted:
    return Alerted(
        number=number, at_ns=number, decided_ns=number, kind="k", subject="s", text=f"no {number}"
    )


def wait_for(condition, timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def broker_with_password(tmp_path, store):
    with opened(tmp_path / "broker", store, create=True) as access:
        access.add("engine", 1)
        access.hashes["engine"] = hash_password("secret")
        access.save()
    with EmbeddedBroker(access=tmp_path / "broker") as broker:
        yield broker


@pytest.mark.parametrize(
    "url",
    [
        "mqtt://engine:hunter2/x@broker",
        "mqtt://engine:hunter2#x@broker",
        "mqtt://engine:hunter2@broker:99999",
        "mqtt://engine:hunter2@broker:no",
        "mqtt://engine:hunter2@[broker",
        "http://engine:hunter2@broker",
        "engine:hunter2@broker",
        "mqtt://engine:hunter2@",
        "mqtt://engine:hunter2?x@broker",
        "mqtts://engine:hunter2@broker?cafile=x",
        "mqtt://engine:hunter2@broker?ca=/etc/hosts",
    ],
)
def test_a_wrong_address_is_refused_without_showing_its_password(url):
    with pytest.raises(LiveStoreError, match="expected mqtt://host:port") as raised:
        broker_address(url)
    assert "hunter2" not in str(raised.value)


def test_an_address_is_read():
    assert broker_address("mqtt://broker") == BrokerAddress(1883, "broker")
    found = broker_address("mqtt://engine:p%40ss@broker:99")
    assert found == BrokerAddress(99, "broker", "engine", "p@ss")


def test_a_refused_login_ends_the_start(
    store_text, issuer, tmp_path, broker_with_password, monkeypatch
):
    monkeypatch.setattr(live_store, "CONNECT_TIMEOUT_S", 8.0)
    port = broker_with_password.port
    url = f"mqtt://engine:hunter2@127.0.0.1:{port}"
    with pytest.raises(LiveStoreError, match=rf"127\.0\.0\.1:{port}.*refuses the login") as raised:
        LiveStore(store_text, issuer.public_pem, tmp_path / "d", broker_url=url).__enter__()
    assert "hunter2" not in str(raised.value)
    monkeypatch.setattr(live_store, "CONNECT_TIMEOUT_S", PATIENCE_S)
    good = f"mqtt://engine:secret@127.0.0.1:{port}"
    with LiveStore(store_text, issuer.public_pem, tmp_path / "d", broker_url=good) as running:
        assert running.error is None


def test_a_broker_that_is_not_there_ends_the_start(store_text, issuer, tmp_path, monkeypatch):
    monkeypatch.setattr(live_store, "CONNECT_TIMEOUT_S", 1.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"mqtt://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(LiveStoreError, match=r"cannot be reached: .*refused"):
            LiveStore(store_text, issuer.public_pem, tmp_path, broker_url=url).__enter__()


def test_a_refused_publisher_does_not_send(store: Store, broker_with_password):
    address = BrokerAddress(broker_with_password.port, username="engine", password="guess")
    with Publisher(address, store.id) as publisher:
        publisher.publish("health", HealthReport(device="a", boot="b", seq=0, at_ns=0, up=True))
        time.sleep(1.5)
        assert publisher.sent == 0
        assert publisher.buffered == 1


def test_an_embedded_broker_that_dies_comes_back_until_it_dies_too_often(
    store_text, issuer, tmp_path, monkeypatch
):
    monkeypatch.setattr(live_store, "DEATHS_WITHIN_S", 900.0)
    with LiveStore(store_text, issuer.public_pem, tmp_path) as running:
        assert running._broker is not None and running.address is not None
        with Publisher(running.address, running.store.id) as devices:
            for death in range(2):
                pid = running._broker.pid
                os.kill(pid, signal.SIGKILL)
                wait_for(lambda pid=pid: running._broker.alive and running._broker.pid != pid)
                report = HealthReport(device="cam1", boot="b", seq=death, at_ns=1, up=True)
                devices.publish("health", report)
                assert devices.wait_until_confirmed(PATIENCE_S)
        assert running._broker.port == running.address.port
        assert running.error is None
        os.kill(running._broker.pid, signal.SIGKILL)
        wait_for(lambda: running.error is not None)
        assert isinstance(running.error, LiveStoreError)
        assert "embedded broker ended 3 times" in str(running.error)


def test_what_happened_is_told_once_and_forgotten_in_time(store_text, issuer, tmp_path):
    running = LiveStore(store_text, issuer.public_pem, tmp_path)
    assert running.happenings(0) == (0, [])
    running._on_events([alert(1), alert(2)])
    told, fresh = running.happenings(0)
    assert told == 2 == len(fresh)
    assert "no 2" in fresh[1]
    running._on_events([alert(3)])
    told, fresh = running.happenings(told)
    assert told == 3
    assert ["no 3" in text for text in fresh] == [True]
    assert running.happenings(told) == (3, [])
    running._on_events([alert(n) for n in range(4, 2 * HAPPENINGS)])
    told, fresh = running.happenings(told)
    assert told == 2 * HAPPENINGS - 1
    assert len(fresh) == HAPPENINGS


def test_a_password_file_is_read_or_refused(tmp_path):
    assert read_password(None) is None
    (tmp_path / "p").write_text(" secret\n")
    assert read_password(tmp_path / "p") == "secret"
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "empty").write_text("\n")
    for name in ("none", "binary", "empty"):
        with pytest.raises(LiveStoreError, match=name):
            read_password(tmp_path / name)
