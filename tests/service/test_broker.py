"""The embedded broker: closed to strangers, noticed when it dies, gone with its owner."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest
from paho.mqtt.client import Client

from service.broker import BrokerError, EmbeddedBroker, main
from service.bus import BrokerAddress, new_client
from service.device_access_folder import opened

PATIENCE_S = 60.0


def log_in(address: BrokerAddress) -> bool:
    """Whether the broker takes a client."""
    answers: list[bool] = []
    answered = threading.Event()

    def on_connect(client: Client, _, __, reason, ___) -> None:
        answers.append(not reason.is_failure)
        answered.set()

    client = new_client(address, "visitor", clean_session=True)
    client.on_connect = on_connect
    client.loop_start()
    assert answered.wait(PATIENCE_S)
    client.disconnect()
    client.loop_stop()
    return answers[0]


def test_starts_stops_and_starts_again_on_its_port():
    broker = EmbeddedBroker()
    broker.start()
    port = broker.port
    assert broker.alive
    assert log_in(BrokerAddress(port))
    with pytest.raises(BrokerError, match="runs already"):
        broker.start()
    broker.stop()
    assert not broker.alive
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 1.0)
    broker.start()
    assert broker.port == port
    broker.stop()
    broker.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "shop.example"])
def test_strangers_are_not_let_in_without_a_folder_of_logins(host, tmp_path, capsys):
    with pytest.raises(BrokerError, match=f"{host}.*folder of logins"):
        EmbeddedBroker(host)
    assert main(["--host", host]) == 2
    assert "folder of logins" in capsys.readouterr().err
    with pytest.raises(BrokerError, match="is no folder of logins"):
        EmbeddedBroker(host, access=tmp_path)


def test_with_logins_it_may_be_reached_from_elsewhere_and_asks_for_passwords(tmp_path, store):
    with opened(tmp_path, store) as access:
        password = access.add("g1s1", 1)
        access.save()
    with EmbeddedBroker("0.0.0.0", access=tmp_path) as broker:
        assert log_in(BrokerAddress(broker.port, username="g1s1", password=password))
        assert not log_in(BrokerAddress(broker.port, username="g1s1", password="guess"))
        assert not log_in(BrokerAddress(broker.port))


def test_whatever_strangers_send_leaves_it_standing(tmp_path, store):
    with opened(tmp_path, store) as access:
        password = access.add("g1s1", 1)
        access.save()
    drawn = random.Random(5)
    connect = b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04g1s1"
    with EmbeddedBroker(access=tmp_path) as broker:
        silent = socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S)
        for number in range(60):
            cut = drawn.randrange(len(connect))
            said = [
                drawn.randbytes(drawn.randrange(64)),
                connect[:cut] + drawn.randbytes(1) + connect[cut + 1 :],
                connect[:cut],
            ][number % 3]
            with socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S) as stranger:
                stranger.sendall(said)
        with socket.create_connection(("127.0.0.1", broker.port), PATIENCE_S) as nameless:
            nameless.sendall(connect)
            assert nameless.recv(4) == b"\x20\x02\x00\x05"  # not authorised
        assert broker.alive
        assert log_in(BrokerAddress(broker.port, username="g1s1", password=password))
        silent.close()


def test_its_death_is_noticed():
    died = threading.Event()
    status: list[int] = []

    def on_death(code: int) -> None:
        status.append(code)
        died.set()

    broker = EmbeddedBroker(on_death=on_death)
    broker.start()
    os.kill(broker.pid, signal.SIGKILL)
    assert died.wait(PATIENCE_S)
    assert status == [-signal.SIGKILL]
    assert not broker.alive
    broker.start()
    broker.stop()
    assert status == [-signal.SIGKILL]


def test_a_taken_port_is_told():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(BrokerError, match="ended before it was ready"):
            EmbeddedBroker(port=other.getsockname()[1]).start()


def test_it_ends_with_an_owner_that_is_killed():
    program = (
        "import sys, time\n"
        "from service.broker import EmbeddedBroker\n"
        "broker = EmbeddedBroker()\n"
        "broker.start()\n"
        "sys.stderr.write(f'{broker.pid}\\n')\n"
        "sys.stderr.flush()\n"
        "time.sleep(600)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    broker = psutil.Process(int(owner.stderr.readline()))
    owner.kill()
    owner.wait()
    owner.stderr.close()
    deadline = time.monotonic() + PATIENCE_S
    while broker.is_running() and broker.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the broker outlives its owner"
        time.sleep(0.05)
