"""The two receivers of `bench ingest`: the engine's ingest, and a paho loop that only counts.

Each runs in a process of its own and answers marks: what it has done, and what CPU it took.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import structlog
from paho.mqtt.client import Client

from sensors.clocks import Clocks
from sensors.codes import CodeIssuer
from sensors.foreign import Foreign
from sensors.in_order import InOrder
from sensors.observations import Observation, WeightStep
from sensors.store import Store
from sensors.weight import StepDetector
from sensors.wire import ROOT, Payload, WeightBatch
from service.bench_ingest_load import BATCH_NS, PERIOD_NS, PLATES, bench_store
from service.bus import BrokerAddress, new_client
from service.ingest import Ingest
from service.journal import Journal
from service.pipeline import Pipeline
from service.records import Entry

IN_ORDER_NS = 1_350_000_000


class Mark(msgspec.Struct, frozen=True):
    """What a receiver has done so far; CPU seconds, `parts_s` of the ingest thread by part."""

    cpu_s: float
    messages: int
    batches: int = 0
    steps: int = 0
    parts_s: dict[str, float] = {}
    lags_ms: list[float] = []
    fullest_bytes: int = 0
    pauses: int = 0


class _Thinking:
    """What the ingest thread does, and what CPU time each part of it takes."""

    parts: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.steps = 0
        self.messages = 0
        self.lags_ms: list[float] = []
        self.spent_ns = dict.fromkeys(("decode", "journal", "answer", *self.parts), 0)
        self._at_ns = time.thread_time_ns()

    def passed(self, moment: str) -> None:
        """The ingest thread's moments, as ends of parts."""
        part = {"taken": "decode", "journaled": "journal", "confirmed": "answer"}.get(moment)
        if part is not None:
            self.spend(part)

    def spend(self, part: str) -> None:
        """Put down to a part what was used since the end of the one before."""
        now_ns = time.thread_time_ns()
        self.spent_ns[part] += now_ns - self._at_ns
        self._at_ns = now_ns

    def take(self, entries: list[Entry]) -> None:
        """Think about new entries."""
        said = [entry.payload for entry in entries if entry.payload is not None]
        self.think(entries)
        self.messages += len(said)
        now_ns = time.time_ns()
        self.lags_ms += [(now_ns - (one.at_ns or 0) - BATCH_NS) / 1e6 for one in said]

    def think(self, entries: list[Entry]) -> None:
        """What is done with the entries of a batch."""
        raise NotImplementedError


class _Steps(_Thinking):
    """What must follow the journal: the order of messages, the clocks, and steps of weights."""

    parts = ("clocks", "steps")

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._in_order = InOrder(IN_ORDER_NS)
        self._clocks = Clocks()
        self._detectors = {
            shelf.id: StepDetector(shelf.id, shelf.plate_count)
            for gondola in store.gondolas
            for shelf in gondola.shelves
        }

    def think(self, entries: list[Entry]) -> None:
        """Order, clocks, then steps."""
        readable: list[tuple[Payload, int]] = []
        for entry in entries:
            payload = entry.payload
            if payload is not None and not isinstance(payload, Foreign):
                readable += self._in_order.take(payload, entry.received_ns)
        readable += self._in_order.overdue(entries[-1].received_ns)
        dated = [
            (said, self._clocks.correct(said.device, said.boot, said.at_ns, received_ns))
            for said, received_ns in readable
        ]
        self.spend("clocks")
        for said, at_ns in dated:
            if isinstance(said, WeightBatch):
                self.steps += len(self._detectors[said.device].feed(said, at_ns - said.at_ns))
        self.spend("steps")


class _Engine(_Thinking):
    """The whole of it: everything that the engine of a store does with a message."""

    parts = ("engine",)

    def __init__(self, store: Store) -> None:
        super().__init__()
        key = CodeIssuer.from_seed(bytes(32), store.id).public_pem
        self._pipeline = Pipeline(store, key)
        self._pipeline.listen(self._count)

    def think(self, entries: list[Entry]) -> None:
        """Feed the pipeline."""
        for entry in entries:
            self._pipeline.feed(entry)
        self.spend("engine")

    def _count(self, observation: Observation) -> None:
        self.steps += isinstance(observation, WeightStep)


def take_in(port: int, shelves: int, whole: bool, folder: Path, orders: Connection) -> None:
    """The engine's ingest with its journal, and step detection, until told to stop.

    `whole` has everything else follow too that the engine does.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    store = bench_store(shelves)
    thinking = _Engine(store) if whole else _Steps(store)
    _warm_up()
    journal = Journal(folder / "journal.sqlite")
    ingest = Ingest(store, journal, BrokerAddress(port), thinking.take, at_moment=thinking.passed)

    def mark() -> Mark:
        lags, thinking.lags_ms = thinking.lags_ms, []
        return Mark(
            cpu_s=time.process_time(),
            messages=thinking.messages,
            batches=ingest.counters.batches,
            steps=thinking.steps,
            parts_s={part: ns / 1e9 for part, ns in thinking.spent_ns.items()},
            lags_ms=lags,
            fullest_bytes=ingest.inbox.fullest_bytes,
            pauses=ingest.pauses,
        )

    _answer_marks(orders, mark, ingest.stop, lambda: ingest.wait_until_accepted(30.0))
    ingest.run()
    journal.close()


def _warm_up() -> None:
    """Have the step detection compiled, as a store has before its first message."""
    still = WeightBatch(
        device="warm", boot="b", seq=0, at_ns=0, period_ns=PERIOD_NS, grams=[[0.0] * PLATES] * 12
    )
    StepDetector("warm", PLATES).feed(still)


def only_receive(port: int, orders: Connection) -> None:
    """A paho client that receives the same messages, counts them and does nothing else."""
    client = new_client(BrokerAddress(port), "bench-bare", clean_session=True)
    subscribed = threading.Event()
    messages = 0

    def count(*_: object) -> None:
        nonlocal messages
        messages += 1

    def subscribe(connected: Client, *_: object) -> None:
        connected.subscribe([(f"{ROOT}/+/{kind}/+", 1) for kind in ("weight", "rfid")])

    client.on_connect = subscribe
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = count
    _answer_marks(
        orders,
        lambda: Mark(cpu_s=time.process_time(), messages=messages),
        client.disconnect,
        lambda: subscribed.wait(30.0),
    )
    client.loop_forever(retry_first_connection=True)


def _answer_marks(
    orders: Connection,
    mark: Callable[[], Mark],
    stop: Callable[[], object],
    wait_until_ready: Callable[[], bool],
) -> None:
    """In a thread: say when it is ready, then a mark for each order until there are no more."""

    def answer() -> None:
        orders.send(wait_until_ready())
        while orders.recv() == "mark":
            orders.send(mark())
        stop()

    threading.Thread(target=answer, daemon=True).start()
