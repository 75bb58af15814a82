"""The engine is killed at chosen moments, and nothing is lost or counted twice.

A corner shop's devices speak all the time. After each kill at least 100 more messages are
published before the engine comes back. In the end the journal holds every message once, and the
ledger is what a replay of the whole journal gives.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cart.events import to_json
from sensors.codes import CodeIssuer
from sensors.store import Store
from sensors.wire import (
    BarrierCrossed,
    CodeShown,
    HealthReport,
    Payload,
    TrackReport,
    VisionReport,
    WeightBatch,
    encode,
    topic,
)
from service.bus import BrokerAddress, new_client
from service.journal import Journal
from service.pipeline import Pipeline
from service.publisher import Publisher
from service.records import TICK

ENGINE = Path(__file__).with_name("killable_engine.py")
OUTSIDE = "outside"
MESSAGES_WHILE_DOWN = 100
PERIOD_S = 0.2
SAMPLES = 12
PATIENCE_S = 180.0
KINDS = {"Entered", "Picked", "Exited", "Alerted"}

pytestmark = pytest.mark.timeout(900)

Moment = tuple[str, int]


class Devices:
    """The devices of a shop in which one shopper after another takes something and leaves."""

    def __init__(self, store: Store, issuer: CodeIssuer, publisher: Publisher) -> None:
        self.published: dict[tuple[str, bytes], None] = {}
        self._store = store
        self._issuer = issuer
        self._publisher = publisher
        self._boot = f"boot{time.time_ns()}"
        self._seq: dict[str, int] = {}
        self._noise = random.Random(7)
        self._gone_g = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _live(self) -> None:
        gate_in, gate_out = self._store.gates[0].id, self._store.gates[1].id
        for beat in range(10_000):
            step = beat % 20
            shopper = f"shopper{beat // 20}"
            if step == 0:
                code = self._issuer.issue(shopper, time.time_ns(), nonce=f"{self._boot}-{beat}")
                self._say("gate", CodeShown(code=code, **self._head(gate_in)))
                self._say("gate", CodeShown(code="forged", **self._head(gate_in)))
                self._say("gate", BarrierCrossed(direction="in", **self._head(gate_in)))
            if step == 6:
                self._gone_g += self._weight_of_first_product()
            if step == 15:
                self._say("gate", BarrierCrossed(direction="out", **self._head(gate_out)))
                self._say("health", HealthReport(up=False, reason="x", **self._head("shelf-light")))
            for batch in self._weights():
                self._say("weight", batch)
            for half in range(2):
                self._say("vision", self._seen(shopper, step + half / 2))
            if self._stopping.wait(PERIOD_S):
                return

    def _weights(self) -> Iterator[WeightBatch]:
        shelves = [shelf for gondola in self._store.gondolas for shelf in gondola.shelves]
        for shelf in shelves:
            taken_g = self._gone_g if shelf is shelves[0] else 0.0
            rows = [
                [
                    round(9000 - (taken_g if plate == 0 else 0.0) + self._noise.gauss(0, 0.5), 1)
                    for plate in range(shelf.plate_count)
                ]
                for _ in range(SAMPLES)
            ]
            head = self._head(shelf.id)
            yield WeightBatch(period_ns=16_666_667, grams=rows, **head)

    def _seen(self, shopper: str, step: float) -> VisionReport:
        gate, away = self._store.gates[0 if step < 10 else 1].centre_m, min(step, 15 - step) / 2
        track = TrackReport(
            tracklet=shopper, x_m=gate[0], y_m=max(away, 0.1), covariance=(0.01, 0.0, 0.01)
        )
        return VisionReport(tracks=[track], **self._head("vision1"))

    def _weight_of_first_product(self) -> float:
        gtin = self._store.gondolas[0].shelves[0].facings[0].gtin
        return next(p.weight_g for p in self._store.products if p.gtin == gtin)

    def _head(self, device: str) -> dict:
        seq = self._seq[device] = self._seq.get(device, -1) + 1
        return {"device": device, "boot": self._boot, "seq": seq, "at_ns": time.time_ns()}

    def _say(self, kind: str, payload: Payload) -> None:
        self.published[topic(self._store.id, kind, payload.device), encode(payload)] = None
        self._publisher.publish(kind, payload)


class Engines:
    """Starts one engine process after another on the same journal."""

    def __init__(self, directory: Path, store_text: str, code_key: str, port: int) -> None:
        self.data_dir = directory / "data"
        store_file, key_file = directory / "store.yaml", directory / "key.pem"
        store_file.write_text(store_text)
        key_file.write_text(code_key)
        self._arguments = [str(self.data_dir), str(store_file), str(key_file), str(port)]

    def start(self, moment: str = "", count: int = 0) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [
                sys.executable,
                str(ENGINE),
                *self._arguments,
                "service.pipeline:Pipeline",
                moment,
                str(count),
            ],
            stdin=subprocess.PIPE,
        )


def survive(
    directory: Path,
    port: int,
    store: Store,
    store_text: str,
    issuer: CodeIssuer,
    moments: list[Moment],
) -> None:
    """Kill an engine at each of the moments; `outside` counts tenths of a second."""
    engines = Engines(directory, store_text, issuer.public_pem, port)
    publisher = Publisher(BrokerAddress(port), store.id)
    publisher.start()
    devices = Devices(store, issuer, publisher)
    engine = None
    try:
        for moment, count in moments:
            engine = engines.start(moment, count)
            if moment == OUTSIDE:
                time.sleep(count / 10)
                os.kill(engine.pid, signal.SIGKILL)
            assert engine.wait(PATIENCE_S) == -signal.SIGKILL, f"not killed at {moment} {count}"
            heard = len(devices.published)
            while len(devices.published) < heard + MESSAGES_WHILE_DOWN:
                time.sleep(0.05)
        engine = engines.start()
        wait_for_kinds(engines.data_dir)
        devices.stop()
        assert publisher.wait_until_confirmed(PATIENCE_S), f"{publisher.buffered} never confirmed"
        engine.stdin.close()
        assert engine.wait(PATIENCE_S) == 0
    finally:
        devices.stop()
        publisher.close()
        if engine is not None and engine.poll() is None:
            engine.kill()
            engine.wait()
    check(engines.data_dir, store, issuer.public_pem, devices)


def wait_for_kinds(data_dir: Path) -> None:
    """Return when the ledger holds every kind of event that the shop's life leads to."""
    journal = Journal(data_dir / "journal.sqlite")
    deadline = time.monotonic() + PATIENCE_S
    kinds: set[str] = set()
    while not kinds >= KINDS:
        assert time.monotonic() < deadline, f"only {sorted(kinds)} of {sorted(KINDS)}"
        time.sleep(0.2)
        kinds = {type(event).__name__ for event in journal.events()}
    journal.close()


def check(data_dir: Path, store: Store, code_key: str, devices: Devices) -> None:
    """Every message once, and the ledger is what the journal leads to."""
    journal = Journal(data_dir / "journal.sqlite")
    entries = list(journal.entries())
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    times = [entry.received_ns for entry in entries]
    assert times == sorted(times)
    messages = [(entry.topic, entry.body) for entry in entries if entry.topic != TICK]
    assert len(messages) == len(set(messages))
    assert set(messages) == set(devices.published)
    assert journal.dead_letters() == []
    pipeline = Pipeline(store, code_key)
    replayed = [to_json(event) for entry in entries for event in pipeline.feed(entry)]
    assert [to_json(event) for event in journal.events()] == replayed
    journal.close()


def test_killed_engine_loses_and_repeats_nothing(tmp_path, broker, store, store_text, issuer):
    moments = [("journaled", 10), ("in ledger", 1), ("fed", 15), ("saved", 1), (OUTSIDE, 22)]
    survive(tmp_path, broker.port, store, store_text, issuer, moments)


@pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)  # amqtt keeps nothing for us
def test_a_real_broker_gives_again_what_was_not_journaled(
    tmp_path, broker, store, store_text, issuer
):
    """Devices of others keep nothing: only the late acknowledgement saves their messages."""
    engines = Engines(tmp_path, store_text, issuer.public_pem, broker.port)
    first = engines.start("taken", 3)
    client = new_client(BrokerAddress(broker.port), "foreign", clean_session=True)
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.02)
    bodies: list[bytes] = []
    missed = 0
    while missed < MESSAGES_WHILE_DOWN:
        missed += first.poll() is not None
        head = {"device": "cam1", "boot": "b", "seq": len(bodies), "at_ns": time.time_ns()}
        bodies.append(encode(HealthReport(up=True, **head)))
        client.publish(topic(store.id, "health", "cam1"), bodies[-1], 1).wait_for_publish(
            PATIENCE_S
        )
        time.sleep(0.01)
    client.disconnect()
    client.loop_stop()
    assert first.wait(PATIENCE_S) == -signal.SIGKILL
    second = engines.start()
    journal = Journal(engines.data_dir / "journal.sqlite")
    deadline = time.monotonic() + PATIENCE_S
    found: list[bytes] = []
    while bodies[-1] not in found:
        assert time.monotonic() < deadline, "the last message never came"
        time.sleep(0.2)
        found = [entry.body for entry in journal.entries() if entry.topic != TICK]
    second.stdin.close()
    assert second.wait(PATIENCE_S) == 0
    journal.close()
    begun = bodies.index(found[0])
    assert begun < len(bodies) - MESSAGES_WHILE_DOWN
    assert found == bodies[begun:]


@pytest.mark.long
def test_engine_killed_twenty_times(tmp_path, broker, store, store_text, issuer):
    chance = random.Random(20)
    names = ["taken", "journaled", "acknowledged", "confirmed", "fed"]
    moments = [(chance.choice(names), chance.randint(1, 40)) for _ in range(14)]
    moments += [("in ledger", 1), ("in ledger", 2), ("saved", 1)]
    moments += [(OUTSIDE, chance.randint(5, 40)) for _ in range(3)]
    chance.shuffle(moments)
    survive(tmp_path, broker.port, store, store_text, issuer, moments)
