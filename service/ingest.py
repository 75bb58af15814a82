"""From the bus to the journal: journal before thinking, acknowledge after journaling.

`Ingest` owns the engine's MQTT session. A network thread takes messages in; the thread that
calls `run` decodes a batch strictly, journals it in one transaction, acknowledges it, confirms
it to the devices and hands the new entries on. What cannot be used becomes a dead letter and is
acknowledged as well: a bad message never stops the stream.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from sensors.decode import Decoder
from sensors.store import Store
from sensors.wire import WireError
from service.bus import BrokerAddress, all_topics, confirmation_topic, new_client
from service.journal import Journal
from service.progress import Confirmation, MessageId, encode_confirmation, identify
from service.records import TICK, Arrival, DeadLetter, Entry

log = structlog.get_logger(__name__)

SILENCE_S = 0.25
GATHER_S = 0.05
BATCH = 200
QUEUED = 5000
_TOPIC_CHARACTERS = 256


@dataclass(slots=True)
class Counters:
    """What came in since the start."""

    received: int = 0
    journaled: int = 0
    dead_letters: int = 0
    ticks: int = 0
    batches: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as the network thread took it, and the connection that it came on."""

    received_ns: int
    topic: str
    body: bytes
    connection: int
    mid: int
    qos: int


class Ingest:
    """Takes a store's messages from the broker; see the module's page.

    `on_entries` gets the new journal entries, in the thread of `run`. `at_moment`, where given,
    is called with `taken`, `journaled`, `acknowledged` and `confirmed` as each batch passes
    them: a test can end the process just there. `run` raises what the journal or `on_entries`
    raise; the batch in hand is then not acknowledged, or is already journaled.
    """

    def __init__(
        self,
        store: Store,
        journal: Journal,
        address: BrokerAddress,
        on_entries: Callable[[list[Entry]], None],
        *,
        at_moment: Callable[[str], None] | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.counters = Counters()
        self._store = store.id
        self._decoder = Decoder(store)
        self.journal = journal
        self._on_entries = on_entries
        self._at_moment = at_moment or (lambda _: None)
        self._clock_ns = clock_ns
        self._deliveries: queue.Queue[Delivery] = queue.Queue(QUEUED)
        self._stopping = threading.Event()
        self._connection = 0
        self._accepted = threading.Event()
        self._trouble = "it does not answer"
        self._entry_s = time.monotonic()
        self._own_topics = confirmation_topic(self._store, "")
        self._client = new_client(
            address, f"openaisle-engine-{self._store}", clean_session=False, manual_ack=True
        )
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_message = self._on_message

    @property
    def connected(self) -> bool:
        """Whether the broker is reached at present."""
        return self._client.is_connected()

    @property
    def trouble(self) -> str:
        """Why the broker could not be used when it was tried last."""
        return self._trouble

    def wait_until_accepted(self, timeout_s: float) -> bool:
        """Whether the broker has let the engine in, once at least, within the time."""
        return self._accepted.wait(timeout_s)

    def run(self) -> None:
        """Take messages in until `stop` is called; the connection is made again when lost."""
        self._client.loop_start()
        try:
            while not self._stopping.is_set():
                self._handle(self._take())
        finally:
            self._stopping.set()
            self._client.disconnect()
            self._client.loop_stop()

    def stop(self) -> None:
        """Make `run` return after the batch in hand; from any thread."""
        self._stopping.set()

    def _take(self) -> list[Delivery]:
        """What arrived: nothing after a silence, else all of the next moment up to a batch."""
        batch: list[Delivery] = []
        with contextlib.suppress(queue.Empty):
            batch.append(self._deliveries.get(timeout=SILENCE_S))
            if self._deliveries.qsize() < BATCH - 1:
                self._stopping.wait(GATHER_S)
            while len(batch) < BATCH:
                batch.append(self._deliveries.get_nowait())
        return batch

    def _handle(self, batch: list[Delivery]) -> None:
        arrivals: list[Arrival] = []
        dead_letters: list[DeadLetter] = []
        for delivery in batch:
            try:
                arrivals.append(self._decode(delivery))
            except WireError as error:
                dead_letters.append(self._refuse(delivery, str(error)))
        if batch:
            self._at_moment("taken")
        entries = self.journal.append(arrivals, dead_letters)
        if not entries and time.monotonic() - self._entry_s >= SILENCE_S:
            entries = self.journal.append([Arrival(self._clock_ns(), TICK, b"")])
            self.counters.ticks += 1
        if batch:
            self._at_moment("journaled")
            self._acknowledge(batch)
            self._at_moment("acknowledged")
            self._confirm([a.identity for a in arrivals] + [d.identity for d in dead_letters])
            self._at_moment("confirmed")
            self.counters.batches += 1
            self.counters.received += len(batch)
            self.counters.dead_letters += len(dead_letters)
        if entries:
            self._entry_s = time.monotonic()
            self.counters.journaled += len(entries)
            self._on_entries(entries)

    def _decode(self, delivery: Delivery) -> Arrival:
        payload = self._decoder.decode(delivery.topic, delivery.body)
        identity = MessageId(payload.device, payload.boot, payload.seq)
        return Arrival(delivery.received_ns, delivery.topic, delivery.body, identity)

    def _refuse(self, delivery: Delivery, reason: str) -> DeadLetter:
        log.warning("message refused", topic=delivery.topic, reason=reason)
        identity = identify(delivery.topic, delivery.body)
        return DeadLetter(delivery.received_ns, delivery.topic, delivery.body, reason, identity)

    def _acknowledge(self, batch: list[Delivery]) -> None:
        for delivery in batch:
            if delivery.connection == self._connection:
                self._client.ack(delivery.mid, delivery.qos)

    def _confirm(self, identities: Sequence[MessageId | None]) -> None:
        confirmations: dict[Confirmation, None] = {}
        for identity in filter(None, identities):
            confirmation = self.journal.confirmation(identity)
            if confirmation is not None:
                confirmations[confirmation] = None
        for confirmation in confirmations:
            self._client.publish(
                confirmation_topic(self._store, confirmation.device),
                encode_confirmation(confirmation),
                qos=0,
            )

    def _on_connect(self, client: Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            self._trouble = f"it refuses the login: {reason}"
            log.error("the broker refuses the engine", store=self._store, reason=str(reason))
            return
        self._connection += 1
        client.subscribe(all_topics(self._store), qos=1)
        self._accepted.set()
        log.info("engine connected", store=self._store, connection=self._connection)

    def _on_connect_fail(self, *_: Any) -> None:
        error = sys.exc_info()[1]  # paho calls this while it handles what went wrong
        self._trouble = f"it cannot be reached: {error}" if error else "it cannot be reached"
        log.warning("the broker cannot be reached", store=self._store, reason=self._trouble)

    def _on_message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        received_ns = self._clock_ns()
        try:
            topic = message.topic[:_TOPIC_CHARACTERS]
        except UnicodeDecodeError:
            topic = "(a topic that is not UTF-8)"
        if topic.startswith(self._own_topics):
            client.ack(message.mid, message.qos)
            return
        delivery = Delivery(
            received_ns, topic, bytes(message.payload), self._connection, message.mid, message.qos
        )
        while not self._stopping.is_set():
            with contextlib.suppress(queue.Full):
                self._deliveries.put(delivery, timeout=0.5)
                return
