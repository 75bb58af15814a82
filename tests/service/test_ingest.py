"""From the bus to the journal: bad messages are kept aside, good ones go on, silence is noted."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from paho.mqtt.client import Client

from sensors.wire import HealthReport, WeightBatch, encode, topic
from service.bus import BrokerAddress, confirmation_topic, new_client
from service.ingest import SILENCE_S, Ingest
from service.journal import Journal
from service.progress import MessageId, decode_confirmation
from service.records import TICK
from service.session import Delivery

PLATES = 12
PATIENCE_S = 60.0


class Line:
    """An ingest at work on a journal, and a bare client that talks to it."""

    def __init__(self, store, journal: Journal, address: BrokerAddress) -> None:
        self.store = store.id
        self.journal = journal
        self.handed_on = []
        self.confirmed = []
        self.ingest = Ingest(store, journal, address, self.handed_on.extend)
        self.ingest_subscribed = threading.Event()
        self.ingest._client.on_subscribe = lambda *_: self.ingest_subscribed.set()
        self._thread = threading.Thread(target=self.ingest.run)
        self._thread.start()
        subscribed = threading.Event()
        self.client = new_client(address, "tester", clean_session=True)
        self.client.on_connect = self._subscribe
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.on_message = lambda _, __, m: self.confirmed.append(
            decode_confirmation(m.payload)
        )
        self.client.loop_start()
        assert subscribed.wait(PATIENCE_S)
        assert self.ingest_subscribed.wait(PATIENCE_S)

    def _subscribe(self, client: Client, *_) -> None:
        client.subscribe(confirmation_topic(self.store, "+"), 0)

    def say(self, message_topic: str, body: bytes) -> None:
        self.client.publish(message_topic, body, 1).wait_for_publish(PATIENCE_S)

    def journaled(self) -> list[bytes]:
        return [entry.body for entry in self.journal.entries() if entry.topic != TICK]

    def close(self) -> None:
        self.ingest.stop()
        self._thread.join()
        self.client.disconnect()
        self.client.loop_stop()


def wait_for(condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def line(store, address, tmp_path) -> Iterator[Line]:
    journal = Journal(tmp_path / "journal.sqlite")
    line = Line(store, journal, address)
    yield line
    line.close()
    journal.close()


def weight(seq: int, device: str = "g1s1", plates: int = PLATES) -> bytes:
    return encode(
        WeightBatch(device=device, boot="b", seq=seq, at_ns=1, period_ns=10, grams=[[1.5] * plates])
    )


def test_bad_messages_are_kept_aside_with_their_reason(line):
    at = topic(line.store, "weight", "g1s1")
    bad = [
        (at, weight(1)[:-9], "g1s1: Input data was truncated"),
        (at, b"\xff\xfe", "g1s1: "),
        (at, b"", "g1s1: Input data was truncated"),
        (at, weight(2).replace(b"1.5", b"NaN", 1), "g1s1: JSON is malformed"),
        (at, weight(3).replace(b"1.5", b"1e300", 1), "< 10000000.0 - at `$.grams[0][0]`"),
        (at, weight(4, plates=3), "g1s1: 3 plates, the store file has 12"),
        (at, weight(5, device="g1s2"), "field `device` says 'g1s2'"),
        (at, weight(6).replace(b'"period_ns":10', b'"period_ns":0'), "$.period_ns"),
        (at, weight(7)[:-1] + b',"colour":1}', "unknown field `colour`"),
        (at, weight(2**64), "$.seq"),
        (topic(line.store, "weight", "ghost"), weight(8, "ghost"), "ghost: no shelf"),
        (topic(line.store, "smell", "nose"), b"{}", "unknown kind 'smell'"),
        (f"openaisle/{line.store}/weight", b"{}", "not a topic of store"),
        (f"openaisle/{line.store}/weight/g1s1/more", b"{}", "not a topic of store"),
    ]
    for number, (message_topic, body, _) in enumerate(bad):
        line.say(message_topic, body)
        line.say(at, weight(100 + number))
    good = [weight(100 + number) for number in range(len(bad))]
    wait_for(lambda: sorted(line.journaled()) == sorted(good))
    wait_for(lambda: len(line.journal.dead_letters()) == len(bad))
    letters = {(letter.topic, letter.body): letter for letter in line.journal.dead_letters()}
    for message_topic, body, reason in bad:  # amqtt does not keep the order
        assert reason in letters[message_topic, body].reason
    wait_for(lambda: line.ingest.counters.dead_letters == len(bad))
    line.say(at, weight(4, plates=3))
    line.say(at, weight(200))
    wait_for(lambda: weight(200) in line.journaled())
    assert len(line.journal.dead_letters()) == len(bad)


def test_repeats_are_journaled_once_and_confirmed_again(line):
    at = topic(line.store, "weight", "g1s1")
    for seq in (0, 1, 1, 0, 3):
        line.say(at, weight(seq))
    wait_for(lambda: len(line.journaled()) == 3)
    wait_for(lambda: line.journal.duplicates == 2)
    wait_for(lambda: any(told.seq == 3 for told in line.confirmed))
    line.confirmed.clear()
    line.say(at, weight(0))
    wait_for(lambda: len(line.confirmed) == 1)
    (told,) = line.confirmed
    assert (told.device, told.boot, told.first, told.seq) == ("g1s1", "b", 0, 1)
    assert sorted(line.journaled()) == [weight(0), weight(1), weight(3)]
    assert line.journal.is_settled(MessageId("g1s1", "b", 3))


def test_entries_are_handed_on_as_journaled_and_silence_with_them(line):
    wait_for(lambda: len(line.handed_on) >= 3)
    ticks_ns = [entry.received_ns for entry in list(line.handed_on)]
    assert min(b - a for a, b in itertools.pairwise(ticks_ns)) > 0.9 * SILENCE_S * 1e9
    report = HealthReport(device="cam1", boot="b", seq=0, at_ns=1, up=True)
    line.say(topic(line.store, "health", "cam1"), encode(report))
    wait_for(lambda: encode(report) in line.journaled())
    line.close()
    assert line.handed_on == list(line.journal.entries())
    assert {entry.body for entry in line.handed_on if entry.topic == TICK} == {b""}
    times = [entry.received_ns for entry in line.handed_on]
    assert times == sorted(times)
    assert abs(times[-1] - time.time_ns()) < PATIENCE_S * 1e9


def test_repeats_alone_do_not_stop_time(line):
    at = topic(line.store, "weight", "g1s1")
    line.say(at, weight(0))
    wait_for(lambda: len(line.journaled()) == 1)
    before = len(line.handed_on)
    deadline = time.monotonic() + PATIENCE_S
    while len(line.handed_on) == before:
        assert time.monotonic() < deadline, "time stands still"
        line.say(at, weight(0))
        time.sleep(0.05)
    assert len(line.journaled()) == 1


def test_a_lost_broker_is_found_again(line, broker):
    at = topic(line.store, "weight", "g1s1")
    line.say(at, weight(0))
    wait_for(lambda: len(line.journaled()) == 1)
    broker.stop()
    wait_for(lambda: not line.ingest.connected)
    line.ingest_subscribed.clear()
    broker.start()
    assert line.ingest_subscribed.wait(PATIENCE_S)
    wait_for(line.client.is_connected)
    line.say(at, weight(1))
    wait_for(lambda: len(line.journaled()) == 2)


def test_a_journal_that_fails_ends_the_run_unacknowledged(store, address, tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    raised = []

    def on_entries(entries):
        raise OSError("the disk is full")

    ingest = Ingest(store, journal, address, on_entries)

    def run() -> None:
        try:
            ingest.run()
        except OSError as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert str(raised[0]) == "the disk is full"


def test_only_the_connection_that_brought_a_message_acknowledges_it(store, tmp_path):
    """A message number means another message on the next connection to a forgetful broker."""
    journal = Journal(tmp_path / "journal.sqlite")
    ingest = Ingest(store, journal, BrokerAddress(1), lambda entries: None)
    ingest._client.connection = 2
    at = topic(store.id, "weight", "g1s1")
    ingest._handle([Delivery(0, at, weight(n), n + 1, 70 + n, 1) for n in range(2)])
    (answer, *_) = ingest._client._answers
    assert answer == (2, bytes([0x40, 2, 0, 71]))
    assert journal.last_journal_number == 2
    journal.close()


def test_what_was_not_confirmed_yet_is_confirmed_at_the_end(store, tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    ingest = Ingest(store, journal, BrokerAddress(1), lambda entries: None)
    said = []
    ingest._client.say = said.extend
    at = topic(store.id, "weight", "g1s1")
    for n in range(3):
        ingest._handle([Delivery(0, at, weight(n), 1, n + 1, 1)])
    ingest.stop()
    ingest.run()
    assert decode_confirmation(said[-1][1]).seq == 2
    journal.close()
