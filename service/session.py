"""The engine's MQTT session: paho's, but read and answered in bulk.

paho keeps the session (login, TLS, keep-alive, reconnecting, subscriptions) and handles every
packet but the many: PUBLISH packets are cut here from large reads of the socket, and the
acknowledgements of a batch leave as one write. That takes a fraction of what a callback for each
message does. Nothing is read while `has_room` says no: then the broker, and TCP, hold the rest.
"""

from __future__ import annotations

import contextlib
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from paho.mqtt import MQTTException
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

log = structlog.get_logger(__name__)

READ_BYTES = 65_536
READ_EVERY_S = 0.004  # what arrives meanwhile is read at once
READS_AT_ONCE = 16  # then answers are sent
PAUSE_S = 0.02
MOST_BODY_BYTES = 1_000_000
KEPT_BYTES = 4096  # of a message that is too long
_TOPIC_CHARACTERS = 256
_TOPICS_KEPT = 20_000
_PUBLISH, _PUBACK = 0x30, 0x40


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as the network thread took it, and the connection that it came on.

    `body` has the first bytes of a message that is longer than `MOST_BODY_BYTES`, `length` says
    then how long it was.
    """

    received_ns: int
    topic: str
    body: bytes
    connection: int
    mid: int
    qos: int
    length: int = 0


class Session(Client):
    """A paho client of a lasting session that hands on PUBLISH packets, some at once.

    `take` gets them in paho's own thread, and must not block for long. Messages on topics that
    begin with `own_topics` are let fall: what the engine said itself. `connection` counts the
    connections that were tried; acknowledgements of an earlier one are let fall too, for there
    the same number may mean another message.
    """

    def __init__(
        self,
        client_id: str,
        *,
        take: Callable[[list[Delivery]], None],
        has_room: Callable[[], bool],
        own_topics: str,
        is_stale_retained: Callable[[str], bool] = lambda _: False,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=MQTTv311,
            manual_ack=True,
        )
        self.connection = 0
        self.pauses = 0
        self.retained = 0
        self._take = take
        self._has_room = has_room
        self._own_topics = own_topics.encode()
        self._is_stale_retained = is_stale_retained
        self._clock_ns = clock_ns
        self._rest = b""
        self._skip = 0
        self._paused = False
        self._read_s = 0.0
        self._topics: dict[bytes, str] = {}
        self._answers: deque[tuple[int, bytes]] = deque()

    def acknowledge(self, batch: Sequence[Delivery]) -> None:
        """Tell the broker that it may forget these messages."""
        connection = self.connection
        acks = [
            b"\x40\x02" + delivery.mid.to_bytes(2)
            for delivery in batch
            if delivery.qos and delivery.connection == connection
        ]
        self._answer(connection, b"".join(acks))

    def say(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish pairs of topic and body with QoS 0; lost where nobody is connected."""
        frames = [_publish(topic.encode(), body) for topic, body in messages]
        self._answer(self.connection, b"".join(frames))

    def reconnect(self) -> MQTTErrorCode:
        """Connect anew, as paho does by itself; what was read in part is of the past."""
        self.connection += 1
        self._rest = b""
        self._skip = 0
        return super().reconnect()

    def disconnect(
        self, reasoncode: ReasonCode | None = None, properties: Properties | None = None
    ) -> MQTTErrorCode:
        """Take leave of the broker, when all answers are sent."""
        self._queue_answers()
        return super().disconnect(reasoncode, properties)

    def loop_write(self) -> MQTTErrorCode:
        """Send what waits, the answers of this connection with it; called by paho's loop."""
        self._queue_answers()
        return super().loop_write()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read what has arrived; called by paho's loop when there is something."""
        if self._sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        if not self._has_room():
            self.pauses += not self._paused
            self._paused = True
            self._ping_t = 0.0  # an answer may wait unread: the broker is not dead for that
            time.sleep(PAUSE_S)
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        self._paused = False
        wait_s = self._read_s + READ_EVERY_S - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        self._read_s = time.monotonic()
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        for _ in range(READS_AT_ONCE):
            if self._sock is None or code or not self._has_room():
                break
            try:
                chunk = self._sock_recv(READ_BYTES)  # with TLS it is 16 KiB at most
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            code = self._cut(chunk) if chunk else MQTTErrorCode.MQTT_ERR_CONN_LOST
        return self._loop_rc_handle(code) if code else code

    def _cut(self, chunk: bytes) -> MQTTErrorCode:
        """Take the whole packets out of what was read, and keep the rest."""
        if self._skip:
            skipped = min(self._skip, len(chunk))
            self._skip -= skipped
            chunk = chunk[skipped:]
        read = self._rest + chunk if self._rest else chunk
        received_ns = self._clock_ns()
        found: list[Delivery] = []
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        at, end = 0, len(read)
        while not code:
            start, length = _length(read, at, end)
            too_long = length > MOST_BODY_BYTES
            if start + length > end and not (too_long and end - start >= READ_BYTES + KEPT_BYTES):
                break
            command, stop = read[at], start + length
            if command & 0xF0 == _PUBLISH:
                code = self._message(read, command, start, stop, received_ns, found)
            elif too_long:
                code = MQTTErrorCode.MQTT_ERR_PROTOCOL
            else:
                code = self._leave_to_paho(command, read[start:stop])
            at = stop
        self._skip += max(0, at - end)
        self._rest = read[at:]
        if found:
            self._take(found)
        return code

    def _message(
        self,
        read: bytes,
        command: int,
        start: int,
        stop: int,
        received_ns: int,
        found: list[Delivery],
    ) -> MQTTErrorCode:
        """Put the message of a PUBLISH packet, read from `start` to `stop`, into `found`."""
        qos = command >> 1 & 3
        body_at = start + 2 + int.from_bytes(read[start : start + 2])
        raw, mid = read[start + 2 : body_at], 0
        if qos:
            mid = int.from_bytes(read[body_at : body_at + 2])
            body_at += 2
        if body_at > stop or qos == 3:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        topic = self._topics.get(raw) or self._named(raw)
        stale = bool(command & 1) and self._is_stale_retained(topic)
        if stale or raw.startswith(self._own_topics):
            self.retained += stale
            if qos:
                self._answer(self.connection, b"\x40\x02" + mid.to_bytes(2))
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        length = stop - body_at
        if stop - start > MOST_BODY_BYTES:
            body = read[body_at : body_at + KEPT_BYTES]
        else:
            body, length = read[body_at:stop], 0
        found.append(Delivery(received_ns, topic, body, self.connection, mid, qos, length))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _named(self, raw: bytes) -> str:
        """The text of a topic, kept for the next time."""
        try:
            topic = raw.decode()[:_TOPIC_CHARACTERS]
        except UnicodeDecodeError:
            return "(a topic that is not UTF-8)"
        if len(self._topics) < _TOPICS_KEPT:
            self._topics[raw] = topic
        return topic

    def _queue_answers(self) -> None:
        while self._answers:
            connection, frames = self._answers.popleft()
            if connection == self.connection:
                self._out_packet.append(
                    {
                        "command": _PUBACK,  # whatever is in it: paho does nothing once it is out
                        "mid": 0,
                        "qos": 0,
                        "pos": 0,
                        "to_process": len(frames),
                        "packet": frames,
                        "info": None,
                    }
                )

    def _leave_to_paho(self, command: int, packet: bytes) -> MQTTErrorCode:
        self._in_packet = {
            "command": command,
            "have_remaining": 1,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": len(packet),
            "packet": bytearray(packet),
            "to_process": 0,
            "pos": 0,
        }
        try:
            return self._packet_handle()
        except (MQTTException, ValueError, IndexError, struct.error) as error:
            log.error("the broker speaks no MQTT 3.1.1", error=str(error))
            return MQTTErrorCode.MQTT_ERR_PROTOCOL

    def _answer(self, connection: int, frames: bytes) -> None:
        """Have paho's thread send these packets, if it is still on this connection."""
        if frames:
            self._answers.append((connection, frames))
            if self._sockpairW is not None:
                with contextlib.suppress(OSError):  # full: it will wake up anyway
                    self._sockpairW.send(b"0")


def _length(read: bytes, at: int, end: int) -> tuple[int, int]:
    """Where a packet's content begins, and how long it is: endless where that is not read yet.

    A length of more than four digits is no MQTT; it is taken as if it ended there.
    """
    if end - at >= 2 and read[at + 1] < 0x80:
        return at + 2, read[at + 1]
    length = 0
    for n in range(4):
        if at + 1 + n >= end:
            return end, sys.maxsize
        digit = read[at + 1 + n]
        length |= (digit & 0x7F) << 7 * n
        if digit < 0x80:
            return at + 2 + n, length
    return at + 5, length


def _publish(topic: bytes, body: bytes) -> bytes:
    """A PUBLISH packet of QoS 0."""
    length = 2 + len(topic) + len(body)
    coded = bytearray()
    while length > 0x7F:
        coded.append(length & 0x7F | 0x80)
        length >>= 7
    coded.append(length)
    return b"%c%b%b%b%b" % (_PUBLISH, bytes(coded), len(topic).to_bytes(2), topic, body)
