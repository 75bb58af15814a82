"""Bills a played scene over a real broker: its messages cross amqtt to an engine process.

The clock stays virtual (`service.virtual_ingest`), so the events are those of the direct
transport. A scene's `broker-restart` and `engine-kill` strike here: the broker is stopped and
started, the engine is ended by SIGKILL while messages are on their way.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from cart.events import Event
from service.broker import EmbeddedBroker
from service.bus import BrokerAddress
from service.journal import Journal
from service.progress import identify
from service.publisher import Publisher
from service.records import TICK, Entry
from service.virtual_ingest import Turn, write_turns
from simulator.faults import Fault, moments

PATIENCE_S = 120.0
_WHILE_DOWN = 200  # messages that are published while the engine or the broker is down


class BrokerRunError(Exception):
    """A scene could not be billed over a broker; the message says what stopped."""


def bill_over_broker(
    store: str,
    store_text: str,
    code_key: str,
    entries: Sequence[Entry],
    faults: Iterable[Fault] = (),
) -> list[Event]:
    """The ledger of an engine process that heard the entries over a broker.

    Raises BrokerRunError where it does not come to an end in `PATIENCE_S` of silence.
    """
    start_ns = entries[0].received_ns
    strikes = sorted(
        (start_ns + round(at_s * 1e9), kind)
        for kind in ("broker-restart", "engine-kill")
        for at_s in moments(faults, kind)
    )
    with TemporaryDirectory(prefix="openaisle-") as folder, EmbeddedBroker() as broker:
        engine = _EngineProcess(Path(folder), store_text, code_key, broker.port, entries)
        try:
            with Publisher(BrokerAddress(broker.port), store) as publisher:
                _publish(entries, strikes, publisher, broker, engine)
                engine.wait(publisher)
        finally:
            engine.end()
        journal = Journal(engine.data_dir / "journal.sqlite")
        try:
            return list(journal.events())
        finally:
            journal.close()


def _publish(
    entries: Sequence[Entry],
    strikes: list[tuple[int, str]],
    publisher: Publisher,
    broker: EmbeddedBroker,
    engine: _EngineProcess,
) -> None:
    down = 0
    mend: str | None = None
    # a device sends in the order of its own numbers, whatever overtakes what on the way
    for entry in _as_sent(entries):
        if strikes and mend is None and entry.received_ns >= strikes[0][0]:
            _, mend = strikes.pop(0)
            _let_some_through(publisher)
            if mend == "engine-kill":
                engine.kill()
            else:
                broker.stop()
            down = 0
        publisher.publish_bytes(entry.topic, entry.body, PATIENCE_S)
        down += 1
        if mend is not None and down >= _WHILE_DOWN:
            _mend(mend, broker, engine)
            mend = None
    if mend is not None:
        _mend(mend, broker, engine)


def _as_sent(entries: Sequence[Entry]) -> list[Entry]:
    """Messages without silence, those of each device in the order of their numbers."""
    queues: dict[tuple[str, str], list[tuple[int, Entry]]] = {}
    named = []
    for entry in entries:
        identity = identify(entry.topic, entry.body) if entry.topic != TICK else None
        if identity is not None:
            key = (identity.device, identity.boot)
            queues.setdefault(key, []).append((identity.seq, entry))
            named.append(key)
    for queue in queues.values():
        queue.sort(key=lambda one: one[0], reverse=True)
    return [queues[key].pop()[1] for key in named]


def _let_some_through(publisher: Publisher) -> None:
    """Wait until the engine is at it, and has not had everything."""
    deadline = time.monotonic() + 10.0
    while publisher.confirmed == 0 and time.monotonic() < deadline:
        time.sleep(0.02)


def _mend(kind: str, broker: EmbeddedBroker, engine: _EngineProcess) -> None:
    if kind == "engine-kill":
        engine.start()
    else:
        broker.start()


class _EngineProcess:
    """The engine, started as often as it is killed."""

    def __init__(
        self, folder: Path, store_text: str, code_key: str, port: int, entries: Sequence[Entry]
    ) -> None:
        self.data_dir = folder / "data"
        store_file, key_file, turns = (folder / n for n in ("store.yaml", "key.pem", "turns.json"))
        store_file.write_text(store_text, encoding="utf-8")
        key_file.write_text(code_key, encoding="utf-8")
        write_turns(
            turns,
            [
                Turn(e.received_ns, None if e.topic == TICK else identify(e.topic, e.body))
                for e in entries
            ],
        )
        paths = [str(path) for path in (self.data_dir, store_file, key_file)]
        self._command = [sys.executable, "-m", "service.virtual_engine"]
        self._command += [*paths, str(port), str(turns)]
        self._process = self._started()

    def start(self) -> None:
        """Start it again."""
        self._process = self._started()

    def kill(self) -> None:
        """End it as a power cut would."""
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait(self, publisher: Publisher) -> None:
        """Wait until it has taken everything and ended."""
        heard, heard_s = publisher.confirmed, time.monotonic()
        while (status := self._process.poll()) is None:
            time.sleep(0.02)
            if publisher.confirmed != heard:
                heard, heard_s = publisher.confirmed, time.monotonic()
            if time.monotonic() - heard_s > PATIENCE_S:
                raise BrokerRunError(
                    f"the engine took {heard} messages and none for {PATIENCE_S:.0f} s; "
                    f"{publisher.buffered} wait"
                )
        if status:
            raise BrokerRunError(f"the engine process ended with status {status}")

    def end(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdin=subprocess.PIPE)
