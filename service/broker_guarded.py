"""amqtt with a door: who has no login gets nowhere near the sessions of those who have one.

amqtt 0.12 takes a connection into the session of its client id, with its user name and last will,
before it asks for the password; so a wrong password under somebody's client id throws them off, or
lends their session another's rights, and a last will goes out on any topic. Here the password is
checked first, a client id counts within its login only, and a will needs the right to its topic.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.mqtt.connect import ConnectPacket
from paho.mqtt.client import topic_matches_sub

from service.broker_access import KnownLogins

log = logging.getLogger(__name__)

CONNECT_WITHIN_S = 10.0
_NOT_AUTHORISED = b"\x20\x02\x00\x05"


class GuardedBroker(Broker):  # type: ignore[misc]  # amqtt has no types
    """A broker for the logins of a folder."""

    def __init__(self, config: dict[str, Any], access: Path) -> None:
        super().__init__(config)
        self._logins = KnownLogins(access)

    async def _client_connected(
        self, listener_name: str, reader: ReaderAdapter, writer: WriterAdapter
    ) -> None:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                packet = await ConnectPacket.from_stream(reader)
                let_in = self._let_in(packet)
        except Exception as error:  # a stranger sends what they like
            log.info("not a connection of MQTT: %s", type(error).__name__)
            await writer.close()
            return
        if not let_in:
            writer.write(_NOT_AUTHORISED)
            await writer.drain()
            await writer.close()
            return
        await super()._client_connected(
            listener_name, _ReadAgain(bytes(packet.to_bytes()), reader), writer
        )

    def _let_in(self, packet: ConnectPacket) -> bool:
        """Whether it is one of ours; then the packet asks for no more than it may have."""
        name = packet.username if packet.username_flag else None
        if not name or not self._logins.knows(name, packet.password or ""):
            return False
        packet.client_id = f"{name}/{packet.client_id}"
        if packet.will_flag:
            may_write = self._logins.of(name).write
            if not any(topic_matches_sub(one, packet.will_topic) for one in may_write):
                packet.will_flag = packet.will_retain_flag = False
                packet.will_qos = 0
        return True


class _ReadAgain(ReaderAdapter):  # type: ignore[misc]
    """Reads a packet once more, then what follows it."""

    def __init__(self, packet: bytes, rest: ReaderAdapter) -> None:
        self._packet = packet
        self._rest = rest

    async def read(self, n: int = -1) -> bytes:
        """The next `n` bytes, fewer at the end of the packet: its reader asks for just its own."""
        if not self._packet:
            return bytes(await self._rest.read(n))
        found, self._packet = self._packet[:n], self._packet[n:]
        return found

    def feed_eof(self) -> None:
        """There is no more."""
        self._rest.feed_eof()
