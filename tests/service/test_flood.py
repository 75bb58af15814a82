"""A device floods the bus: memory stays bounded, others are heard, and it is seen who it was."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from paho.mqtt.client import Client

from sensors.wire import HealthReport, WeightBatch, encode, topic
from service.bus import BrokerAddress, new_client
from service.device_statistics import DeviceStatistics, read_device_statistics
from service.inbox import Inbox
from service.ingest import Ingest
from service.journal import Journal
from service.private_mosquitto import PrivateMosquitto
from service.session import READ_BYTES

FLOOD = 20_000
OTHERS = 50
MOST_BYTES = 200_000
PATIENCE_S = 120.0
PATHS = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin"))


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
def test_a_flood_is_held_back_at_the_broker_and_starves_nobody(store, address, tmp_path):
    """The flood has QoS 0, so that only reading no further holds it back."""
    journal = Journal(tmp_path / "journal.sqlite")
    inbox = Inbox(most_bytes=MOST_BYTES)
    slow = threading.Event()
    ingest = Ingest(store, journal, address, lambda _: slow.wait(0.1), inbox=inbox)
    with ingesting(ingest), connected(address, "mad") as mad, connected(address, "good") as good:
        flooding = threading.Thread(target=flood, args=(mad, store.id))
        flooding.start()
        bodies = [say_weights(good, store.id, n) for n in range(OTHERS)]
        wait_until(lambda: ingest.pauses > 0)
        slow.set()
        flooding.join()
        wait_until(lambda: of(journal, "g1s1").messages == OTHERS)
        wait_until(lambda: of(journal, "mad").messages + of(journal, "mad").missing >= 0.9 * FLOOD)
    said = [entry.body for entry in journal.entries() if entry.topic.endswith("/g1s1")]
    assert said == bodies
    read_at_once = READ_BYTES + 300 * READ_BYTES // 100  # bodies, and what each takes beside it
    assert inbox.fullest_bytes <= MOST_BYTES + read_at_once
    shelf = of(journal, "g1s1")
    assert of(journal, "mad").messages > 10 * shelf.messages
    assert (shelf.missing, shelf.repeats) == (0, 0)
    journal.close()


def flood(client: Client, store: str) -> None:
    for n in range(FLOOD):
        report = HealthReport(device="mad", boot="b", seq=n, at_ns=time.time_ns(), up=True)
        client.publish(topic(store, "health", "mad"), encode(report), 0)


def say_weights(client: Client, store: str, n: int) -> bytes:
    now_ns = time.time_ns()
    batch = WeightBatch(
        device="g1s1", boot="b", seq=n, at_ns=now_ns, period_ns=10, grams=[[1.0] * 12]
    )
    client.publish(topic(store, "weight", "g1s1"), encode(batch), 1)
    time.sleep(0.01)
    return encode(batch)


def of(journal: Journal, device: str) -> DeviceStatistics:
    found = {one.device: one for one in read_device_statistics(journal.url)}
    return found.get(device) or DeviceStatistics(device=device)


def wait_until(condition) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.05)


@pytest.mark.skipif(shutil.which("mosquitto", path=PATHS) is None, reason="no mosquitto binary")
def test_what_a_broker_drops_is_counted(store, tmp_path):
    """While the engine is away the broker keeps ten messages for it, of devices that wait for
    no confirmation; it says that it dropped the rest, and the journal that they are missing."""
    with PrivateMosquitto(tmp_path, "max_queued_messages 10", "sys_interval 1") as broker:
        address = BrokerAddress(broker.port)
        journal = Journal(tmp_path / "journal.sqlite")
        with connected(address, "device") as device:

            def say(n: int) -> None:
                report = HealthReport(device="cam1", boot="b", seq=n, at_ns=time.time_ns(), up=True)
                where = topic(store.id, "health", "cam1")
                device.publish(where, encode(report), 1).wait_for_publish(PATIENCE_S)

            with ingesting(Ingest(store, journal, address, lambda _: None)):
                say(0)
                wait_until(lambda: of(journal, "cam1").messages == 1)
            for n in range(1, 61):
                say(n)
            ingest = Ingest(store, journal, address, lambda _: None)
            with ingesting(ingest):
                wait_until(lambda: ingest.counters.broker_dropped > 0)
                say(61)
                wait_until(lambda: of(journal, "cam1").missing > 0)
        device = of(journal, "cam1")
        assert device.messages + device.missing == 62
        assert ingest.counters.broker_dropped == device.missing
        journal.close()


@contextmanager
def connected(address: BrokerAddress, name: str) -> Iterator[Client]:
    client = new_client(address, name)
    client.loop_start()
    wait_until(client.is_connected)
    yield client
    client.disconnect()
    client.loop_stop()


@contextmanager
def ingesting(ingest: Ingest) -> Iterator[None]:
    subscribed = threading.Event()
    ingest._client.on_subscribe = lambda *_: subscribed.set()
    thread = threading.Thread(target=ingest.run)
    thread.start()
    try:
        assert subscribed.wait(PATIENCE_S)
        yield
    finally:
        ingest.stop()
        thread.join()
