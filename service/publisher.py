"""The sending end of our own devices: nothing is forgotten before the engine has journaled it.

A broker may lose what it holds: amqtt keeps nothing for an absent engine, nor over its own
restart. So each message waits here, in order, until the engine confirms on
`openaisle/<store>/journaled/<device>` that everything up to it is settled. Messages without a
confirmation are sent again; the journal skips repeats.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from itertools import islice
from types import TracebackType
from typing import Any, Self

import msgspec
import structlog
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from sensors.wire import Payload, encode, topic
from service.bus import BrokerAddress, confirmation_topic, new_client
from service.progress import Confirmation, decode_confirmation, identify

log = structlog.get_logger(__name__)


class PublisherError(Exception):
    """A message cannot be taken: the buffer stays full, or it carries no name of its own."""


class _Stream:
    """The unconfirmed messages of one device's boot; the first `sent` of them are under way."""

    __slots__ = ("patience_s", "probing", "progress_s", "sent", "waiting")

    def __init__(self, patience_s: float) -> None:
        self.waiting: deque[tuple[int, str, bytes]] = deque()
        self.sent = 0
        self.patience_s = patience_s
        self.progress_s = 0.0
        self.probing = False

    def settle(self, first: int, last: int) -> tuple[bool, int, int]:
        """Forget a confirmed run: whether the oldest went, how many messages, and their bytes."""
        before, size = len(self.waiting), 0
        if before and self.waiting[0][0] >= first:
            while self.waiting and self.waiting[0][0] <= last:
                size += len(self.waiting.popleft()[2])
            count = before - len(self.waiting)
            self.sent = max(self.sent - count, 0)
            return count > 0, count, size
        on_the_way = list(islice(self.waiting, self.sent))
        self.sent = sum(not first <= message[0] <= last for message in on_the_way)
        size = sum(len(m[2]) for m in self.waiting if first <= m[0] <= last)
        self.waiting = deque(m for m in self.waiting if not first <= m[0] <= last)
        return False, before - len(self.waiting), size


class Publisher:
    """Carries the messages of many devices over one connection; a context manager.

    At most `capacity` messages of `capacity_bytes` wait; `publish` blocks while the buffer is
    full, but one message always fits. At most `window` messages of a device are under way at a
    time. When none is confirmed for `patience_s`, its oldest goes out again, then ever more
    rarely, until one gets through.
    Counters: `sent` (with repeats), `repeated`, `confirmed`.
    """

    def __init__(
        self,
        address: BrokerAddress,
        store: str,
        *,
        name: str = "devices",
        capacity: int = 50_000,
        capacity_bytes: int = 64_000_000,
        window: int = 256,
        patience_s: float = 1.0,
        longest_patience_s: float = 8.0,
    ) -> None:
        self.sent = 0
        self.repeated = 0
        self.confirmed = 0
        self._store = store
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._window = window
        self._patience_s = patience_s
        self._longest_patience_s = longest_patience_s
        self._streams: dict[tuple[str, str], _Stream] = {}
        self._buffered = 0
        self._buffered_bytes = 0
        self._connected = False
        self._stopping = False
        self._changed = threading.Condition()
        client_id = f"openaisle-{store}-{name}-{secrets.token_hex(4)}"
        self._client = new_client(address, client_id, clean_session=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._sender = threading.Thread(target=self._send_all, name="publisher", daemon=True)

    @property
    def buffered(self) -> int:
        """How many messages wait for the engine's confirmation."""
        return self._buffered

    def start(self) -> None:
        """Connect in the background; messages are taken at once."""
        self._client.loop_start()
        self._sender.start()

    def publish(self, kind: str, payload: Payload, timeout_s: float | None = None) -> None:
        """Send a payload on its device's topic of `kind`. Errors as of `publish_bytes`."""
        self.publish_bytes(topic(self._store, kind, payload.device), encode(payload), timeout_s)

    def publish_bytes(
        self, message_topic: str, body: bytes, timeout_s: float | None = None
    ) -> None:
        """Send an encoded message; returns when it is kept here, blocking while that is full.

        Raises PublisherError where it is full for `timeout_s` or the body names no message.
        Sequence numbers of a boot must ascend.
        """
        identity = identify(message_topic, body)
        if identity is None:
            raise PublisherError(f"{message_topic}: the body names no (device, boot, seq)")
        with self._changed:
            has_room = self._changed.wait_for(
                lambda: self._has_room(len(body)) or self._stopping, timeout_s
            )
            if self._stopping:
                raise PublisherError("the publisher is closed")
            if not has_room:
                raise PublisherError(
                    f"{self._buffered} messages wait for the engine's confirmation: no room"
                )
            key = (identity.device, identity.boot)
            stream = self._streams.setdefault(key, _Stream(self._patience_s))
            stream.waiting.append((identity.seq, message_topic, body))
            self._buffered += 1
            self._buffered_bytes += len(body)
            self._changed.notify_all()

    def wait_until_confirmed(self, timeout_s: float) -> bool:
        """Whether everything was confirmed within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._buffered == 0, timeout_s)

    def close(self, timeout_s: float = 0.0) -> int:
        """Wait for confirmations, then disconnect; returns how many messages stayed unconfirmed."""
        self.wait_until_confirmed(timeout_s)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._sender.is_alive():
            self._sender.join()
        self._client.disconnect()
        self._client.loop_stop()
        if self._buffered:
            log.warning("publisher closed with unconfirmed messages", count=self._buffered)
        return self._buffered

    def _has_room(self, size: int) -> bool:
        if self._buffered == 0:
            return True
        fits = self._buffered_bytes + size <= self._capacity_bytes
        return fits and self._buffered < self._capacity

    def _send_all(self) -> None:
        while True:
            with self._changed:
                wait_s = self._send_what_is_due()
                if self._stopping:
                    return
                self._changed.wait(wait_s)

    def _send_what_is_due(self) -> float:
        """Send what the windows and the clock allow; returns seconds until the next check."""
        soonest_s = self._longest_patience_s
        if not self._connected:
            return soonest_s
        now_s = time.monotonic()
        for stream in self._streams.values():
            if not stream.waiting:
                continue
            if not stream.sent:
                stream.progress_s = now_s
            while not stream.probing and stream.sent < min(len(stream.waiting), self._window):
                self._send(stream.waiting[stream.sent])
                stream.sent += 1
            due_s = stream.progress_s + stream.patience_s - now_s
            if due_s <= 0:
                stream.probing = True
                stream.sent = max(stream.sent, 1)
                self._send(stream.waiting[0])
                self.repeated += 1
                stream.progress_s = now_s
                stream.patience_s = min(stream.patience_s * 2, self._longest_patience_s)
                due_s = stream.patience_s
            soonest_s = min(soonest_s, due_s)
        return max(soonest_s, 0.01)

    def _send(self, message: tuple[int, str, bytes]) -> None:
        self._client.publish(message[1], message[2], qos=1)
        self.sent += 1

    def _confirm(self, confirmation: Confirmation) -> None:
        key = (confirmation.device, confirmation.boot)
        stream = self._streams.get(key)
        if stream is None:
            return
        head_moved, count, size = stream.settle(confirmation.first, confirmation.seq)
        self._buffered -= count
        self._buffered_bytes -= size
        self.confirmed += count
        if head_moved:
            stream.progress_s = time.monotonic()
            stream.patience_s = self._patience_s
            if stream.probing:
                self._restart(stream)
        if not stream.waiting:
            del self._streams[key]

    def _restart(self, stream: _Stream) -> None:
        """What is under way may be lost: send it again."""
        self.repeated += stream.sent
        stream.sent = 0
        stream.probing = False
        stream.patience_s = self._patience_s

    def _on_connect(self, client: Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:
        if reason.is_failure:
            log.error("the broker refuses a publisher", store=self._store, reason=str(reason))
            return
        client.subscribe(confirmation_topic(self._store, "+"), qos=0)
        with self._changed:
            self._connected = True
            for stream in self._streams.values():
                self._restart(stream)
            self._changed.notify_all()

    def _on_disconnect(self, *_: Any) -> None:
        with self._changed:
            self._connected = False

    def _on_message(self, _: Client, __: Any, message: MQTTMessage) -> None:
        try:
            confirmation = decode_confirmation(bytes(message.payload))
        except msgspec.DecodeError as error:
            log.warning("not a confirmation", error=str(error))
            return
        with self._changed:
            self._confirm(confirmation)
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
