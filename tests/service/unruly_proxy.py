"""A TCP proxy before a broker that repeats and reorders what clients publish; run by fault tests.

Arguments: the broker's port and a seed. It prints the port that it listens on, and how many
packets it passed, repeated and reordered when its standard input closes.

It cuts the MQTT packets of clients. A PUBLISH is sent twice with a chance of 1 %, and held back
with a chance of 5 % until a few others have overtaken it or a tenth of a second is over. All else
passes as it is. When the broker ends, so do its clients' connections, and what was held back is
lost with them.
"""

import asyncio
import contextlib
import random
import sys
import threading

TWICE = 0.01
HELD = 0.05
HELD_S = 0.1
MOST_HELD = 5
PUBLISH = 0x30


class UnrulyProxy:
    """Serves clients of the broker on `broker_port`."""

    def __init__(self, broker_port: int, seed: int) -> None:
        self.published = 0
        self.repeated = 0
        self.reordered = 0
        self._broker_port = broker_port
        self._chance = random.Random(seed)

    async def run(self) -> None:
        """Serve until standard input closes."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wait_for_owner() -> None:
            sys.stdin.buffer.read()
            loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait_for_owner, daemon=True).start()
        await ended.wait()
        print(self.published, self.repeated, self.reordered, flush=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            from_broker, to_broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
            back = asyncio.ensure_future(self._pass_back(from_broker, writer))
            try:
                await self._muddle(reader, to_broker, back)
            finally:
                back.cancel()
                to_broker.close()
        writer.close()

    async def _pass_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while some := await reader.read(65_536):
                writer.write(some)
                await writer.drain()
        writer.close()

    async def _muddle(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, back: asyncio.Future
    ) -> None:
        """Pass a client's packets on until either side ends."""
        held: list[tuple[int, bytes]] = []  # how many may still overtake it, and the packet
        packet = asyncio.ensure_future(read_packet(reader))
        while not back.done():
            done, _ = await asyncio.wait(
                {packet, back}, timeout=HELD_S, return_when="FIRST_COMPLETED"
            )
            if packet in done:
                one = packet.result()
                packet = asyncio.ensure_future(read_packet(reader))
                if one[0] & 0xF0 != PUBLISH:
                    writer.write(one)
                else:
                    held = self._publish(one, held, writer)
            elif not done:  # nothing more comes to overtake it
                writer.writelines(late for _, late in held)
                held = []
            await writer.drain()
        packet.cancel()

    def _publish(
        self, one: bytes, held: list[tuple[int, bytes]], writer: asyncio.StreamWriter
    ) -> list[tuple[int, bytes]]:
        self.published += 1
        if self._chance.random() < HELD:
            self.reordered += 1
            return [*held, (self._chance.randint(1, MOST_HELD), one)]
        writer.write(one)
        if self._chance.random() < TWICE:
            self.repeated += 1
            writer.write(bytes([one[0] | 0x08]) + one[1:])
        writer.writelines(late for left, late in held if left == 1)
        return [(left - 1, late) for left, late in held if left > 1]


async def read_packet(reader: asyncio.StreamReader) -> bytes:
    """One MQTT packet, whole."""
    head = await reader.readexactly(2)
    length, shift = head[1] & 0x7F, 7
    while head[-1] & 0x80:
        head += await reader.readexactly(1)
        length |= (head[-1] & 0x7F) << shift
        shift += 7
    return head + await reader.readexactly(length)


if __name__ == "__main__":
    asyncio.run(UnrulyProxy(int(sys.argv[1]), int(sys.argv[2])).run())
