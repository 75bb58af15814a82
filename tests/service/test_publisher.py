"""The sending end: what the engine has not confirmed is kept, sent again, and never dropped."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from paho.mqtt.client import MQTTMessage

from sensors.store import Store
from sensors.wire import HealthReport, encode, topic
from service.bus import BrokerAddress
from service.ingest import Ingest
from service.journal import Journal
from service.progress import Confirmation, decode_confirmation
from service.publisher import Publisher, PublisherError
from service.records import TICK

PATIENCE_S = 120.0


def report(device: str, seq: int) -> HealthReport:
    return HealthReport(device=device, boot="b", seq=seq, at_ns=seq, up=True)


@contextmanager
def ingesting(store: Store, journal: Journal, address: BrokerAddress) -> Iterator[Ingest]:
    ingest = Ingest(store, journal, address, lambda entries: None)
    thread = threading.Thread(target=ingest.run)
    thread.start()
    try:
        yield ingest
    finally:
        ingest.stop()
        thread.join()


def seqs(journal: Journal, store: Store, device: str) -> list[int]:
    wanted = topic(store.id, "health", device)
    bodies = [entry.body for entry in journal.entries() if entry.topic == wanted]
    known = {encode(report(device, seq)): seq for seq in range(2000)}
    return [known[body] for body in bodies]


@pytest.fixture
def journal(tmp_path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def test_many_devices_in_order_over_one_connection(store, journal, address):
    with ingesting(store, journal, address), Publisher(address, store.id) as publisher:
        for seq in range(500):
            for device in ("one", "two"):
                publisher.publish("health", report(device, seq))
        assert publisher.wait_until_confirmed(PATIENCE_S)
        assert publisher.buffered == 0
        assert publisher.confirmed == 1000
    for device in ("one", "two"):
        assert sorted(seqs(journal, store, device)) == list(range(500))


def test_an_absent_engine_gets_everything_when_it_comes(store, journal, address):
    with Publisher(address, store.id, patience_s=0.3, longest_patience_s=1.0) as publisher:
        for seq in range(600):
            publisher.publish("health", report("one", seq))
        time.sleep(2.0)
        assert publisher.buffered == 600
        assert publisher.sent < 300
        with ingesting(store, journal, address):
            assert publisher.wait_until_confirmed(PATIENCE_S)
        with ingesting(store, journal, address):
            publisher.publish("health", report("one", 600))
            assert publisher.wait_until_confirmed(PATIENCE_S)
    assert sorted(seqs(journal, store, "one")) == list(range(601))


def test_a_broker_restart_loses_nothing(store, journal, broker):
    address = BrokerAddress(broker.port)
    with ingesting(store, journal, address), Publisher(address, store.id) as publisher:
        stopped = threading.Event()

        def talk() -> None:
            for seq in range(800):
                publisher.publish("health", report("one", seq))
                time.sleep(0.003)
            stopped.set()

        threading.Thread(target=talk).start()
        for _ in range(2):
            time.sleep(0.6)
            broker.stop()
            time.sleep(0.2)
            broker.start()
        assert stopped.wait(PATIENCE_S)
        assert publisher.wait_until_confirmed(PATIENCE_S)
    found = seqs(journal, store, "one")
    assert sorted(found) == list(range(800))
    assert len([e for e in journal.entries() if e.topic != TICK]) == 800


def test_a_message_lost_on_the_way_is_sent_again(store, journal, address):
    with ingesting(store, journal, address), Publisher(address, store.id) as publisher:
        real, lost = publisher._client.publish, []

        def lossy(message_topic, body, qos):
            if len(lost) < 40 and body not in lost and hash(body) % 3:
                lost.append(body)
            else:
                real(message_topic, body, qos)

        publisher._client.publish = lossy
        for seq in range(400):
            publisher.publish("health", report("one", seq))
            time.sleep(0.002)
        assert publisher.wait_until_confirmed(PATIENCE_S)
        assert len(lost) == 40
        assert publisher.repeated > 0
    assert sorted(seqs(journal, store, "one")) == list(range(400))


def test_a_new_journal_confirms_a_device_that_has_spoken_before(store, journal, address):
    with ingesting(store, journal, address), Publisher(address, store.id) as publisher:
        for seq in range(700, 720):
            publisher.publish("health", report("one", seq))
        assert publisher.wait_until_confirmed(PATIENCE_S)


def test_a_refused_message_does_not_hold_up_the_others(store, journal, address):
    with ingesting(store, journal, address), Publisher(address, store.id) as publisher:
        publisher.publish("health", report("one", 0))
        body = encode(report("one", 1)).replace(b'"up":true', b'"up":"yes"')
        publisher.publish_bytes(topic(store.id, "health", "one"), body)
        publisher.publish("health", report("one", 2))
        assert publisher.wait_until_confirmed(PATIENCE_S)
    assert sorted(seqs(journal, store, "one")) == [0, 2]
    assert len(journal.dead_letters()) == 1


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b'{"device":"\xff"}', b"[" * 100_000, b'{"device":1}', b"null"]
)
def test_what_is_no_confirmation_does_not_end_the_network_thread(body):
    with pytest.raises(msgspec.DecodeError):
        decode_confirmation(body)
    publisher = Publisher(BrokerAddress(1), "corner")
    message = MQTTMessage(topic=b"openaisle/corner/journaled/\xff")
    message.payload = body
    publisher._on_message(publisher._client, None, message)


def test_a_full_buffer_holds_the_device_back():
    nowhere = BrokerAddress(1)
    publisher = Publisher(nowhere, "corner", capacity=3)
    publisher.start()
    for seq in range(3):
        publisher.publish("health", report("one", seq))
    begun = time.monotonic()
    with pytest.raises(PublisherError, match="3 messages wait"):
        publisher.publish("health", report("one", 3), timeout_s=0.3)
    assert time.monotonic() - begun >= 0.3
    blocked = []

    def insist() -> None:
        try:
            publisher.publish("health", report("one", 3))
        except PublisherError as error:
            blocked.append(str(error))

    thread = threading.Thread(target=insist)
    thread.start()
    time.sleep(0.2)
    assert thread.is_alive()
    assert publisher.close() == 3
    thread.join(PATIENCE_S)
    assert blocked == ["the publisher is closed"]
    with pytest.raises(PublisherError, match="names no"):
        Publisher(nowhere, "corner").publish_bytes("openaisle/corner/health/one", b"{}")


@pytest.mark.parametrize("order", ["oldest first", "newest first"])
def test_a_buffer_is_full_by_bytes_too(order):
    size = len(encode(report("one", 0)))
    publisher = Publisher(BrokerAddress(1), "corner", capacity_bytes=3 * size)
    publisher.start()
    for seq in range(3):
        publisher.publish("health", report("one", seq))
    with pytest.raises(PublisherError, match="3 messages wait"):
        publisher.publish("health", report("one", 3), timeout_s=0.05)
    settled = 0 if order == "oldest first" else 2
    publisher._confirm(Confirmation("one", "b", seq=settled, first=settled))
    publisher.publish("health", report("one", 3), timeout_s=0.05)
    with pytest.raises(PublisherError, match="3 messages wait"):
        publisher.publish("health", report("one", 4), timeout_s=0.05)
    publisher.close()


def test_one_message_fits_however_long_it_is():
    publisher = Publisher(BrokerAddress(1), "corner", capacity_bytes=1)
    publisher.start()
    publisher.publish("health", report("one", 0), timeout_s=0.05)
    publisher.close()
