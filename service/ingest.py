"""From the bus to the journal: journal before thinking, acknowledge after journaling.

`Ingest` owns the engine's MQTT session. A network thread takes messages in; the thread that
calls `run` decodes a batch strictly, journals it in one transaction, acknowledges it, confirms
it to the devices and hands the new entries on. What cannot be used becomes a dead letter and is
acknowledged as well: a bad message never stops the stream. Nothing is dropped: what is not taken
in yet waits at the broker.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from paho.mqtt.client import Client
from paho.mqtt.reasoncodes import ReasonCode

from sensors.decode import Decoder
from sensors.foreign import Foreign
from sensors.store import Store
from sensors.wire import WireError
from service.bus import BrokerAddress, aim, confirmation_topic, why_unreachable
from service.confirmations import Confirmations
from service.device_statistics import STATISTICS_S, decode_statistics, encode_statistics
from service.device_tally import DeviceTallies
from service.inbox import Inbox
from service.journal import Journal
from service.progress import Confirmation, MessageId, encode_confirmation, identify
from service.records import TICK, Arrival, DeadLetter, Entry
from service.session import MOST_BODY_BYTES, Delivery, Session

log = structlog.get_logger(__name__)

SILENCE_S = 0.25
GATHER_S = 0.05
BATCH = 300
DROPPED = "$SYS/broker/publish/messages/dropped"
"""Where Mosquitto says how many messages it has dropped since it started, for any client."""


@dataclass(slots=True)
class Counters:
    """What came in since the start.

    `broker_dropped` is what the broker says that it dropped since it started itself; 0 too where
    it does not say, or its rules keep that from the engine.
    """

    received: int = 0
    journaled: int = 0
    dead_letters: int = 0
    ticks: int = 0
    batches: int = 0
    broker_dropped: int = 0


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
        inbox: Inbox | None = None,
    ) -> None:
        self.counters = Counters()
        self.inbox = inbox or Inbox()
        self._store = store.id
        self._decoder = Decoder(store)
        self.journal = journal
        self._on_entries = on_entries
        self._at_moment = at_moment or (lambda _: None)
        self._clock_ns = clock_ns
        self._stopping = threading.Event()
        self._accepted = threading.Event()
        self._trouble = "it does not answer"
        self._entry_s = time.monotonic()
        self._confirmations = Confirmations(journal.confirmation)
        self._tallies = DeviceTallies(decode_statistics(journal.devices()))
        self._tallied_s = time.monotonic()
        self._client = Session(
            f"openaisle-engine-{self._store}",
            take=self.inbox.put,
            has_room=self.inbox.has_room,
            own_topics=confirmation_topic(self._store, ""),
            is_stale_retained=self._decoder.is_foreign,
            clock_ns=clock_ns,
        )
        aim(self._client, address)
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail

    @property
    def connected(self) -> bool:
        """Whether the broker is reached at present."""
        return self._client.is_connected()

    @property
    def pauses(self) -> int:
        """How often reading stopped because the inbox was full: the broker held the rest."""
        return self._client.pauses

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
                self._handle(self.inbox.take(SILENCE_S, GATHER_S, BATCH))
        finally:
            self._stopping.set()
            self._say(self._confirmations.due(math.inf))
            self._client.disconnect()
            self._client.loop_stop()

    def stop(self) -> None:
        """Make `run` return after the batch in hand; from any thread."""
        self._stopping.set()
        self.inbox.close()

    def _handle(self, batch: list[Delivery]) -> None:
        arrivals: list[Arrival] = []
        dead_letters: list[DeadLetter] = []
        for delivery in batch:
            if delivery.topic == DROPPED:
                self._note_drops(delivery.body)
                continue
            try:
                arrivals.append(self._decode(delivery))
            except WireError as error:
                dead_letters.append(self._refuse(delivery, str(error)))
        if batch:
            self._at_moment("taken")
        entries = self._journal(arrivals, dead_letters)
        if batch:
            self._at_moment("journaled")
            self._client.acknowledge(batch)
            self._at_moment("acknowledged")
            self._confirm([a.identity for a in arrivals] + [d.identity for d in dead_letters])
            self._at_moment("confirmed")
            self.counters.batches += 1
            self.counters.received += len(batch)
            self.counters.dead_letters += len(dead_letters)
        else:
            self._confirm(())
        if entries:
            self._entry_s = time.monotonic()
            self.counters.journaled += len(entries)
            self._on_entries(entries)

    def _journal(self, arrivals: list[Arrival], dead_letters: list[DeadLetter]) -> list[Entry]:
        """Journal a batch, or the silence; with it, now and then, the devices' statistics."""
        devices = self._devices_when_due()
        entries = self.journal.append(arrivals, dead_letters, devices)
        for entry in entries:
            if entry.payload is not None:
                self._tallies.hear(entry.payload, entry.received_ns)
        if not entries and time.monotonic() - self._entry_s >= SILENCE_S:
            entries = self.journal.append([Arrival(self._clock_ns(), TICK, b"")])
            self.counters.ticks += 1
        return entries

    def _decode(self, delivery: Delivery) -> Arrival:
        if delivery.length:
            raise WireError(
                f"{delivery.topic[:120]!r}: {delivery.length} bytes; a message is "
                f"{MOST_BODY_BYTES} at most"
            )
        payload = self._decoder.decode(delivery.topic, delivery.body)
        identity = None
        if not isinstance(payload, Foreign):
            identity = MessageId(payload.device, payload.boot, payload.seq)
        return Arrival(delivery.received_ns, delivery.topic, delivery.body, identity, payload)

    def _refuse(self, delivery: Delivery, reason: str) -> DeadLetter:
        """A dead letter; of a device that sends nothing else only every tenth power is logged."""
        topic, body = delivery.topic, delivery.body
        identity = None if self._decoder.is_foreign(topic) else identify(topic, body)
        letter = DeadLetter(delivery.received_ns, topic, body, reason, identity)
        count = self._tallies.refuse(letter)
        if count == 10 ** (len(str(count)) - 1):
            log.warning("message refused", topic=topic, reason=reason, count=count)
        return letter

    def _devices_when_due(self) -> list[tuple[str, bytes]]:
        """What is known of the devices that spoke, if it is time to keep it."""
        now_s = time.monotonic()
        if now_s - self._tallied_s < STATISTICS_S:
            return []
        self._tallied_s = now_s
        changed = self._tallies.changed(
            self._clock_ns(), self.journal.repeats.__getitem__, self.journal.missing
        )
        return [(one.device, encode_statistics(one)) for one in changed]

    def _note_drops(self, body: bytes) -> None:
        """What the broker could not keep is lost to devices that await no confirmation."""
        count = int(body) if body.isdigit() and len(body) < 20 else 0
        if count > self.counters.broker_dropped:
            log.warning("the broker has dropped messages: its limits are too low", count=count)
        self.counters.broker_dropped = count

    def _confirm(self, identities: Iterable[MessageId | None]) -> None:
        self._confirmations.note(identities)
        self._say(self._confirmations.due(time.monotonic()))

    def _say(self, confirmations: Iterable[Confirmation]) -> None:
        self._client.say(
            [
                (confirmation_topic(self._store, one.device), encode_confirmation(one))
                for one in confirmations
            ]
        )

    def _on_connect(self, client: Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            self._trouble = f"it refuses the login: {reason}"
            log.error("the broker refuses the engine", store=self._store, reason=str(reason))
            return
        client.subscribe([*((topic, 1) for topic in self._decoder.subscriptions), (DROPPED, 0)])
        self._accepted.set()
        log.info("engine connected", store=self._store, connection=self._client.connection)

    def _on_connect_fail(self, *_: Any) -> None:
        error = sys.exc_info()[1]  # paho calls this while it handles what went wrong
        self._trouble = f"it cannot be reached: {why_unreachable(error)}"
        log.warning("the broker cannot be reached", store=self._store, reason=self._trouble)
