"""Measures whether ingest keeps up with a big store, beside a paho loop that only receives.

A Mosquitto of our own, a process that speaks for all shelves and antennas, and two that listen:
the engine's ingest with its journal and step detection, and a bare paho client. Both hear the
same messages in the same seconds, so what else the machine does harms both alike; the figures
are of CPU time, per message, taken after a warm-up.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from service.bench_ingest_load import PLATES, READS, SAMPLES, publish_load
from service.bench_ingest_sides import Mark, only_receive, take_in
from service.broker import BrokerError
from service.journal import Journal
from service.private_mosquitto import PrivateMosquitto
from service.records import TICK

WARM_UP_S = 4.0
DRAIN_S = 60.0
START_S = 60.0
COMPARED_AT = 400


class IngestPace(msgspec.Struct, frozen=True, kw_only=True):
    """One size of store. CPU as seconds per second of the load (1.0: a whole core).

    `times_bare` is the CPU of ingest and step detection per message, over that of a paho loop
    that only receives them. `cpu_parts` splits it; `receive` is the network thread. `lag_p95_ms`
    is from the end of a batch of samples to its steps. `lost` counts messages that were published
    and are not in the journal. `behind_s` is how late the load was published at the end.
    """

    shelves: int
    samples_per_s: float
    tag_reads_per_s: float
    messages_per_s: float
    cpu: float
    cpu_bare: float
    cpu_broker: float
    times_bare: float
    cpu_parts: dict[str, float]
    per_message_us: float
    lag_p50_ms: float
    lag_p95_ms: float
    published: int
    lost: int
    steps: int
    batches_per_s: float
    journal_bytes_per_s: float
    queued_most_bytes: int
    pauses: int
    behind_s: float


class IngestBench(msgspec.Struct, frozen=True, kw_only=True):
    """All sizes; `load` is the machine's load average before, by minutes 1 and 5."""

    paces: list[IngestPace]
    seconds: float
    cores: int
    load: tuple[float, float]


def bench_ingest(
    sizes: Sequence[int], seconds: float, told: Callable[[str], None], *, whole: bool = False
) -> IngestBench:
    """Run the bench for stores of each of these sizes, in shelves of 12 plates.

    `whole` has the messages go through all of the engine, not only to the steps of weight.

    Raises BrokerError where there is no Mosquitto, or a process does not start.
    """
    load = os.getloadavg()
    paces = []
    for shelves in sizes:
        told(f"{shelves} shelves")
        with TemporaryDirectory(prefix="openaisle-bench-") as folder:
            paces.append(_measure(shelves, seconds, whole, Path(folder)))
    return IngestBench(
        paces=paces, seconds=seconds, cores=os.cpu_count() or 1, load=(load[0], load[1])
    )


def _measure(shelves: int, seconds: float, whole: bool, folder: Path) -> IngestPace:
    with ExitStack() as stack:
        broker = stack.enter_context(PrivateMosquitto(folder))
        ingest = _start(stack, take_in, broker.port, shelves, whole, folder)
        bare = _start(stack, only_receive, broker.port)
        load = _start(stack, publish_load, broker.port, shelves)
        load.send("go")
        time.sleep(WARM_UP_S)
        before, bare_before, broker_s = _mark(ingest), _mark(bare), broker.cpu_s()
        began_s = time.monotonic()
        time.sleep(seconds)
        after, bare_after = _mark(ingest), _mark(bare)
        wall_s = time.monotonic() - began_s
        broker_s = broker.cpu_s() - broker_s
        load.send("stop")
        weights, antennas, late_ns = load.recv()
        published = weights + antennas
        last = _drained(ingest, published)
        for receiver in (ingest, bare):
            receiver.send("stop")
        time.sleep(1.0)
        journal = Journal(folder / "journal.sqlite")
        journaled = sum(entry.topic != TICK for entry in journal.entries())
        journal.close()
        journal_bytes = (folder / "journal.sqlite").stat().st_size
    messages = after.messages - before.messages
    cpu_s = after.cpu_s - before.cpu_s
    bare_messages = bare_after.messages - bare_before.messages
    bare_s = bare_after.cpu_s - bare_before.cpu_s
    share = weights / published
    parts = {part: after.parts_s[part] - before.parts_s[part] for part in after.parts_s}
    parts = {"receive": cpu_s - sum(parts.values()), **parts}
    lags = sorted(after.lags_ms)
    rate = messages / wall_s
    return IngestPace(
        shelves=shelves,
        samples_per_s=round(rate * share * PLATES * SAMPLES),
        tag_reads_per_s=round(rate * (1 - share) * READS),
        messages_per_s=round(rate),
        cpu=round(cpu_s / wall_s, 3),
        cpu_bare=round(bare_s / wall_s, 3),
        cpu_broker=round(broker_s / wall_s, 3),
        times_bare=round(cpu_s / messages / (bare_s / bare_messages), 2),
        cpu_parts={part: round(spent_s / wall_s, 3) for part, spent_s in parts.items()},
        per_message_us=round(cpu_s / messages * 1e6, 1),
        lag_p50_ms=round(lags[len(lags) // 2], 1),
        lag_p95_ms=round(lags[int(0.95 * (len(lags) - 1))], 1),
        published=published,
        lost=published - journaled,
        steps=last.steps,
        batches_per_s=round((after.batches - before.batches) / wall_s, 1),
        journal_bytes_per_s=round(journal_bytes / published * rate),
        queued_most_bytes=last.fullest_bytes,
        pauses=last.pauses,
        behind_s=round(max(0, late_ns) / 1e9, 3),
    )


def _start(stack: ExitStack, work: Callable[..., None], *arguments: Any) -> Connection:
    """A process that works on the arguments and the other end of a pipe; this end, once ready."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=work, args=(*arguments, there), daemon=True)
    process.start()
    there.close()
    stack.callback(process.join, 10.0)
    stack.callback(process.kill)
    try:
        ready = here.poll(START_S) and here.recv()
    except EOFError:
        ready = False
    if not ready:
        raise BrokerError(f"{work.__name__}: the process does not reach the Mosquitto of the bench")
    return here


def _mark(receiver: Connection) -> Mark:
    receiver.send("mark")
    mark: Mark = receiver.recv()
    return mark


def _drained(ingest: Connection, published: int) -> Mark:
    """The mark when all that was published is journaled, or after a while without it."""
    deadline_s = time.monotonic() + DRAIN_S
    while True:
        mark = _mark(ingest)
        if mark.messages >= published or time.monotonic() > deadline_s:
            return mark
        time.sleep(0.2)
