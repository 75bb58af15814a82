"""The load of `bench ingest`: a store's shelves and antennas, spoken by one process.

Bodies are encoded before; only the number and the time of a message are written in, so that the
publisher takes a small part of what the receiver does. Each shelf says 12 samples of its plates
five times a second, and its third plate loses 350 g and gets them back, a change every 30 s.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from multiprocessing.connection import Connection

import msgspec
import numpy as np

from sensors.store import Store, parse_store
from sensors.wire import TagReads, TagReport, WeightBatch, encode, topic

PLATES = 12
SAMPLES = 12
PERIOD_NS = 16_666_667
BATCH_NS = SAMPLES * PERIOD_NS
BATCHES_PER_S = 1e9 / BATCH_NS
SHELVES_PER_ANTENNA = 20
READS = 20
SLOTS = 40
STEP_G = 350.0
STEP_EVERY = 150  # batches
_VARIANTS = 8
_CONNECTIONS = 4
_BOOT = "b0075"


def bench_store(shelves: int) -> Store:
    """A store with so many shelves of 12 plates, and an antenna for every 20."""
    gondolas = [
        {
            "id": f"g{n}",
            "x_m": 2.0 * (n % 20),
            "y_m": 2.0 * (n // 20),
            "width_m": 1.3,
            "depth_m": 0.5,
            "height_m": 2.2,
            "shelves": [
                {"id": f"g{n}s{s}", "z_m": 0.2 + 0.35 * s, "plate_count": PLATES}
                for s in range(min(5, shelves - 5 * n))
            ],
        }
        for n in range((shelves + 4) // 5)
    ]
    antennas = [
        {"id": f"rfid-{n}", "kind": "shelf", "covers": [f"g{n * 4}s0"]}
        for n in range(max(1, shelves // SHELVES_PER_ANTENNA))
    ]
    product = {"gtin": "04000000010371", "name": "Bench", "price_cents": 100, "weight_g": STEP_G}
    store = {
        "id": "bench",
        "name": "Bench",
        "floor": {"x_min_m": -5, "y_min_m": -5, "x_max_m": 60, "y_max_m": 60},
        "gondolas": gondolas,
        "gates": [{"id": "gate", "kind": "both", "a_m": [-3, -3], "b_m": [-2, -3]}],
        "antennas": antennas,
        "products": [product],
    }
    return parse_store(msgspec.json.encode(store).decode())


class _Speaker:
    """One device: its packets but for their number and time."""

    def __init__(self, where: str, bodies: list[bytes]) -> None:
        head, body = where.encode(), [body.split(b"%d") for body in bodies]
        self._head = len(head).to_bytes(2) + head
        self._bodies = body
        self.said = 0

    def packet(self, variant: int, at_ns: int) -> bytes:
        """The next message as a PUBLISH packet of QoS 1."""
        before, between, after = self._bodies[variant]
        mid = self.said % 65535 + 1
        rest = b"%b%b%b%d%b%d%b" % (
            self._head, mid.to_bytes(2), before, self.said, between, at_ns, after,
        )  # fmt: skip
        self.said += 1
        length = len(rest)
        return b"\x32%c%c%b" % (length & 0x7F | 0x80, length >> 7, rest)


def _template(payload: WeightBatch | TagReads) -> bytes:
    body = encode(payload)
    return body.replace(b'"seq":0,"at_ns":0', b'"seq":%d,"at_ns":%d')


def _speakers(store: Store) -> tuple[list[_Speaker], list[_Speaker]]:
    rng = np.random.default_rng(7)
    base = rng.uniform(500, 4000, PLATES)
    grams = []
    for taken_g in (0.0, STEP_G):
        level = base - taken_g * (np.arange(PLATES) == 2)
        for _ in range(_VARIANTS):
            rows = level + rng.normal(0, 1.0, (SAMPLES, PLATES))
            grams.append(np.round(rows, 1).tolist())
    shelves = [
        _Speaker(
            topic(store.id, "weight", shelf.id),
            [
                _template(
                    WeightBatch(
                        device=shelf.id, boot=_BOOT, seq=0, at_ns=0, period_ns=PERIOD_NS, grams=some
                    )
                )
                for some in grams
            ],
        )
        for gondola in store.gondolas
        for shelf in gondola.shelves
    ]
    reads = [
        TagReport(f"3034F4240002064000{n:06X}", n * BATCH_NS // READS, -60.5) for n in range(READS)
    ]
    antennas = [
        _Speaker(
            topic(store.id, "rfid", antenna.id),
            [
                _template(
                    TagReads(
                        device=antenna.id, boot=_BOOT, seq=0, at_ns=0, span_ns=BATCH_NS, reads=reads
                    )
                )
            ],
        )
        for antenna in store.antennas
    ]
    return shelves, antennas


class _Line:
    """A bare connection to the broker that throws acknowledgements away."""

    def __init__(self, port: int, name: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        who = name.encode()
        rest = b"\x00\x04MQTT\x04\x02\x00\x00" + len(who).to_bytes(2) + who
        self._socket.sendall(b"\x10%c%b" % (len(rest), rest))
        self._socket.recv(4)
        self._socket.setblocking(False)

    def send(self, packets: bytes) -> None:
        """Send all of it, however long the broker takes."""
        view = memoryview(packets)
        while view:
            try:
                view = view[self._socket.send(view) :]
            except BlockingIOError:
                self.drain()
                select.select([self._socket], [self._socket], [], 1.0)
        self.drain()

    def drain(self) -> None:
        """Read what came back."""
        with contextlib.suppress(BlockingIOError):
            while self._socket.recv(65_536):
                pass


def publish_load(port: int, shelves: int, orders: Connection) -> None:
    """Speak for a whole store until anything comes by `orders`; then send how much was said."""
    weights, antennas = _speakers(bench_store(shelves))
    lines = [_Line(port, f"bench-load-{n}") for n in range(_CONNECTIONS)]
    orders.send("ready")
    orders.recv()
    began_ns = time.time_ns()
    slot = 0
    while not orders.poll():
        due_ns = began_ns + slot * BATCH_NS // SLOTS
        late_ns = time.time_ns() - due_ns
        if late_ns < 0:
            time.sleep(-late_ns / 1e9)
        at_ns = due_ns - BATCH_NS
        beat, part = divmod(slot, SLOTS)
        for n, line in enumerate(lines):
            packets = [
                weights[i].packet(
                    beat % _VARIANTS + _VARIANTS * ((beat + 37 * i) // STEP_EVERY % 2), at_ns
                )
                for i in range(part + SLOTS * n, len(weights), SLOTS * _CONNECTIONS)
            ]
            packets += [
                antennas[i].packet(0, at_ns)
                for i in range(part + SLOTS * n, len(antennas), SLOTS * _CONNECTIONS)
            ]
            if packets:
                line.send(b"".join(packets))
            else:
                line.drain()
        slot += 1
    orders.send((sum(s.said for s in weights), sum(s.said for s in antennas), late_ns))
    time.sleep(1.0)  # for the broker to read what lies in the buffers
