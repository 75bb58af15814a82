"""Brokers that restart and die, a network that repeats and reorders, an engine that is killed:
the journal holds exactly what was published, each message once."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cart.events import to_json
from sensors.store import Store
from sensors.wire import HealthReport, Payload, WeightBatch, encode, topic
from service.bus import BrokerAddress
from service.journal import Journal
from service.pipeline import Pipeline
from service.publisher import Publisher
from service.records import TICK

PATIENCE_S = 240.0
"""Until all is settled; a machine may be busy."""
EACH_S = 0.004
ENGINE = Path(__file__).with_name("killable_engine.py")
PROXY = Path(__file__).with_name("unruly_proxy.py")

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.parametrize("broker", ["mosquitto"], indirect=True),
]

Fault = Callable[[], None]


class Talkers:
    """All shelves of a store and a camera, speaking in turn, each under numbers of its own."""

    def __init__(self, store: Store, publisher: Publisher) -> None:
        self.said: list[tuple[str, bytes]] = []
        self._store = store
        self._publisher = publisher
        self._boot = f"boot{random.getrandbits(40)}"
        self._seqs: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _talk(self) -> None:
        shelves = [shelf for gondola in self._store.gondolas for shelf in gondola.shelves]
        while not self._stopping.is_set():
            for shelf in shelves:
                rows = [[1000.0] * shelf.plate_count] * 2
                self._say(
                    "weight", WeightBatch(period_ns=10_000_000, grams=rows, **self._head(shelf.id))
                )
            self._say("health", HealthReport(up=True, **self._head("cam1")))

    def _head(self, device: str) -> dict:
        self._seqs[device] += 1
        return {
            "device": device,
            "boot": self._boot,
            "seq": self._seqs[device] - 1,
            "at_ns": time.time_ns(),
        }

    def _say(self, kind: str, payload: Payload) -> None:
        self.said.append((topic(self._store.id, kind, payload.device), encode(payload)))
        self._publisher.publish_bytes(*self.said[-1])
        self._stopping.wait(EACH_S)


class Engines:
    """One engine process after another on the same journal."""

    def __init__(self, folder: Path, store_text: str, code_key: str, port: int) -> None:
        self.data_dir = folder / "data"
        store_file, key_file = folder / "store.yaml", folder / "key.pem"
        store_file.write_text(store_text)
        key_file.write_text(code_key)
        files = [str(self.data_dir), str(store_file), str(key_file)]
        self._command = [sys.executable, str(ENGINE), *files, str(port)]
        self._command += ["service.pipeline:Pipeline", "", "0"]
        self._process = self._started()

    def kill(self) -> None:
        """End the engine as a power cut would, and start another."""
        self._process.kill()
        assert self._process.wait(PATIENCE_S) == -signal.SIGKILL
        self._process = self._started()

    def stop(self) -> int:
        """Let the engine end by itself; its exit status."""
        self._process.stdin.close()
        return self._process.wait(PATIENCE_S)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdin=subprocess.PIPE)


@contextmanager
def unruly_proxy(broker_port: int, seed: int) -> Iterator[int]:
    """The port of a proxy that repeats and reorders; at the end it must have done so."""
    command = [sys.executable, str(PROXY), str(broker_port), str(seed)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield int(process.stdout.readline())
        process.stdin.close()
        published, repeated, reordered = map(int, process.stdout.readline().split())
        assert repeated > 0.002 * published and reordered > 0.02 * published
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def restart(broker) -> None:
    """Stop the broker in good order, and start it again."""
    broker.stop()
    time.sleep(0.3)
    broker.start()


def kill(broker) -> None:
    """End the broker as a power cut would, and start it again with what it had on disk."""
    os.kill(broker._process.pid, signal.SIGKILL)
    broker._process.wait(PATIENCE_S)
    time.sleep(0.3)
    broker.start()


def suffer(folder, broker, store, store_text, issuer, faults: list[str], most_s: float, seed: int):
    """Run a store through all of these faults, then compare the journal with what was said."""
    chance = random.Random(seed)
    engines = Engines(folder, store_text, issuer.public_pem, broker.port)
    acts: dict[str, Fault] = {
        "restart": lambda: restart(broker),
        "kill": lambda: kill(broker),
        "engine": engines.kill,
    }
    try:
        with unruly_proxy(broker.port, seed) as port:
            publisher = Publisher(BrokerAddress(port), store.id)
            publisher.start()
            talkers = Talkers(store, publisher)
            for fault in faults:
                heard = publisher.confirmed
                wait_until(lambda heard=heard: publisher.confirmed > heard + 50)
                time.sleep(chance.uniform(0.0, most_s))
                acts[fault]()
            heard = publisher.confirmed
            wait_until(lambda: publisher.confirmed > heard + 50)
            talkers.stop()
            settled = publisher.wait_until_confirmed(PATIENCE_S)
            left = publisher.close()
            assert settled, f"{left} messages were never confirmed"
            assert engines.stop() == 0
    finally:
        engines.end()
    check(engines.data_dir, store, issuer.public_pem, talkers.said)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "did not happen in time"
        time.sleep(0.02)


def check(data_dir: Path, store: Store, code_key: str, said: list[tuple[str, bytes]]) -> None:
    """Every message once and nothing else; the ledger is what the journal leads to."""
    journal = Journal(data_dir / "journal.sqlite")
    entries = list(journal.entries())
    journaled = Counter((entry.topic, entry.body) for entry in entries if entry.topic != TICK)
    expected = Counter(said)
    assert max(expected.values()) == 1
    assert not expected - journaled, f"{(expected - journaled).total()} messages were lost"
    assert not journaled - expected, f"{(journaled - expected).total()} came twice or from nowhere"
    assert journal.dead_letters() == []
    pipeline = Pipeline(store, code_key)
    replayed = [to_json(event) for entry in entries for event in pipeline.feed(entry)]
    assert [to_json(event) for event in journal.events()] == replayed
    journal.close()


def test_nothing_is_lost_or_doubled_when_brokers_and_engines_die(
    tmp_path, broker, store, store_text, issuer
):
    faults = ["restart", "engine", "kill"]
    suffer(tmp_path, broker, store, store_text, issuer, faults, 0.5, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_or_doubled_over_many_deaths(
    tmp_path, broker, store, store_text, issuer, seed
):
    faults = ["restart", "kill", "engine"] * 8
    random.Random(seed).shuffle(faults)
    suffer(tmp_path, broker, store, store_text, issuer, faults, 4.0, seed)
