"""A device floods the bus: memory stays bounded, others are heard, and it is seen who it was."""

import threading
import time

import pytest

from sensors.wire import HealthReport, WeightBatch, encode, topic
from service.bus import BrokerAddress, new_client
from service.device_statistics import DeviceStatistics, read_device_statistics
from service.inbox import Inbox
from service.ingest import Ingest
from service.journal import Journal
from service.session import READ_BYTES

FLOOD = 20_000
OTHERS = 50
MOST_BYTES = 200_000
PATIENCE_S = 120.0


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
def test_a_flood_is_held_back_at_the_broker_and_starves_nobody(store, address, tmp_path):
    """The flood has QoS 0, so that only reading no further holds it back."""
    journal = Journal(tmp_path / "journal.sqlite")
    inbox = Inbox(most_bytes=MOST_BYTES)
    slow = threading.Event()
    ingest = Ingest(store, journal, address, lambda _: slow.wait(0.1), inbox=inbox)
    thread = threading.Thread(target=ingest.run)
    thread.start()
    assert ingest.wait_until_accepted(PATIENCE_S)
    time.sleep(0.5)  # for the subscription
    flooder, other = (new_client(BrokerAddress(address.port), name) for name in ("f", "o"))
    for client in (flooder, other):
        client.loop_start()
    wait_until(lambda: flooder.is_connected() and other.is_connected())

    def flood() -> None:
        for n in range(FLOOD):
            report = HealthReport(device="mad", boot="b", seq=n, at_ns=time.time_ns(), up=True)
            flooder.publish(topic(store.id, "health", "mad"), encode(report), 0)

    flooding = threading.Thread(target=flood)
    flooding.start()
    bodies = []
    for n in range(OTHERS):
        batch = WeightBatch(
            device="g1s1", boot="b", seq=n, at_ns=time.time_ns(), period_ns=10, grams=[[1.0] * 12]
        )
        bodies.append(encode(batch))
        other.publish(topic(store.id, "weight", "g1s1"), bodies[-1], 1)
        time.sleep(0.01)
    wait_until(lambda: ingest.pauses > 0)
    slow.set()
    flooding.join()
    wait_until(lambda: of(journal, "g1s1").messages == OTHERS)
    wait_until(lambda: of(journal, "mad").messages + of(journal, "mad").missing >= 0.9 * FLOOD)
    ingest.stop()
    thread.join()
    for client in (flooder, other):
        client.disconnect()
        client.loop_stop()
    said = [entry.body for entry in journal.entries() if entry.topic.endswith("/g1s1")]
    assert said == bodies
    read_at_once = READ_BYTES + 300 * READ_BYTES // 100  # bodies, and what each takes beside it
    assert inbox.fullest_bytes <= MOST_BYTES + read_at_once
    mad, shelf = of(journal, "mad"), of(journal, "g1s1")
    assert mad.messages > 10 * shelf.messages
    assert (shelf.missing, shelf.repeats) == (0, 0)
    journal.close()


def of(journal: Journal, device: str) -> DeviceStatistics:
    found = {one.device: one for one in read_device_statistics(journal.url)}
    return found.get(device) or DeviceStatistics(device=device)


def wait_until(condition) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.05)
