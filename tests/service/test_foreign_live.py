"""Devices of others, last wills and how messages are sent: over a real Mosquitto, through a running
store."""

import json
import socket
import threading
import time
from datetime import UTC, datetime

import pytest
import yaml
from paho.mqtt.client import Client

from cart.events import Alerted
from sensors.observations import Observation, TagRead, WeightStep
from sensors.wire import ROOT, HealthReport
from service import live_store
from service.bus import BrokerAddress, confirmation_topic, new_client
from service.journal import Journal
from service.live_store import LiveStore
from service.pipeline import Pipeline, silence_after
from service.publisher import Publisher
from service.records import TICK, Entry

PATIENCE_S = 240.0
EPC = "3034F4240002064000000003"
CELL = {"id": "c1", "kind": "tasmota-hx711", "topic": "tele/scale1/SENSOR", "shelf": "g1s1"}
DEVICES = [
    {
        "id": "reader",
        "kind": "impinj-r700",
        "topic": "impinj/r700-1/events",
        "antennas": {1: "rfid-g3", 2: "rfid-out"},
    },
    CELL | {"plate": 1, "every_s": 0.1},
]
mosquitto = pytest.mark.parametrize("broker", ["mosquitto"], indirect=True)
pytestmark = pytest.mark.timeout(600)


def wait_for(condition, timeout_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def shop(broker, store_text, issuer, tmp_path, monkeypatch):
    """A running store with devices of others, and a client of its broker."""
    monkeypatch.setattr(live_store, "START_TIMEOUT_S", PATIENCE_S)
    monkeypatch.setattr(live_store, "CONNECT_TIMEOUT_S", PATIENCE_S)
    text = yaml.safe_dump(yaml.safe_load(store_text) | {"devices": DEVICES})
    url = f"mqtt://127.0.0.1:{broker.port}"
    with LiveStore(text, issuer.public_pem, tmp_path / "data", broker_url=url) as running:
        client = connected(broker.port, "others")
        yield running, client
        client.disconnect()
        client.loop_stop()


def connected(port: int, name: str, **last_will: object) -> Client:
    client = new_client(BrokerAddress(port), name)
    if last_will:
        client.will_set(**last_will)
    client.loop_start()
    wait_for(client.is_connected)
    return client


def scale_says(client: Client, kilograms: float, times: int) -> None:
    for _ in range(times):
        local = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        body = json.dumps({"Time": local, "HX711": {"Weight": kilograms, "WeightRaw": 1}})
        for _ in range(2):  # a broker may deliver twice
            client.publish(CELL["topic"], body, qos=1)  # kept where the broker is away
        time.sleep(0.1)


def journaled(running: LiveStore, issuer) -> tuple[list[str], list[Observation]]:
    """The topics of the journal so far, and what the engine makes of it."""
    journal = Journal(running.data_dir / "journal.sqlite")
    entries = list(journal.entries())
    journal.close()
    pipeline, seen = Pipeline(running.store, issuer.public_pem), []
    pipeline.listen(seen.append)
    ended = [Entry(0, *said) for said in silence_after(entries[-1].received_ns, running.store)]
    for entry in entries + ended:
        pipeline.feed(entry)
    return [entry.topic for entry in entries if entry.topic != TICK], seen


def reader_says(client: Client, epc: str) -> str:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    inventory = {"epcHex": epc, "antennaPort": 1, "peakRssiCdbm": -6150}
    event = {"timestamp": now, "eventType": "tagInventory", "tagInventoryEvent": inventory}
    body = json.dumps([event])
    for _ in range(3):
        client.publish("impinj/r700-1/events", body, qos=1).wait_for_publish(PATIENCE_S)
    return body


@mosquitto
def test_tags_and_weights_of_others_are_seen_and_wrong_ones_told(shop, issuer):
    running, client = shop
    scale_says(client, 0.9, 40)
    reader_says(client, EPC)
    scale_says(client, 0.568, 20)
    client.publish("impinj/r700-1/events", b"[{]", qos=1).wait_for_publish(PATIENCE_S)
    client.publish(CELL["topic"], b'{"HX711":{}}', qos=1).wait_for_publish(PATIENCE_S)
    client.publish("tele/scale2/SENSOR", b'{"HX711":{"Weight":1}}', qos=1)
    wait_for(lambda: running.dead_letters == 2)
    journal = Journal(running.data_dir / "journal.sqlite")
    reasons = [(letter.reason, letter.identity) for letter in journal.dead_letters()]
    assert [identity for _, identity in reasons] == [None, None]
    assert reasons[0][0].startswith("reader (impinj-r700): ")
    assert reasons[1][0].startswith("c1 (tasmota-hx711): ")
    assert "`Weight`" in reasons[1][0]
    journal.close()
    topics, seen = journaled(running, issuer)
    assert topics.count("impinj/r700-1/events") == 3
    assert topics.count(CELL["topic"]) == 2 * 60
    assert "tele/scale2/SENSOR" not in topics, "nobody asked for it"
    (read,) = [o for o in seen if isinstance(o, TagRead)]
    assert (read.antenna, read.epc, read.rssi_dbm) == ("rfid-g3", EPC, -61.5)
    (step,) = [o for o in seen if isinstance(o, WeightStep)]
    assert step.shelf == "g1s1"
    assert sum(step.delta_g) == pytest.approx(-332.0, abs=3)


@mosquitto
def test_a_broker_that_is_killed_makes_no_pick_of_what_is_said_again(shop, broker, issuer):
    """Whoever sent with QoS 1 sends again what the dead broker did not acknowledge."""
    running, client = shop
    scale_says(client, 0.9, 30)
    events = reader_says(client, EPC)
    talking = threading.Thread(target=scale_says, args=(client, 0.9, 20))
    talking.start()
    time.sleep(0.5)
    broker._process.kill()
    broker._process.wait()
    broker.start()
    talking.join(PATIENCE_S)
    known = running.journaled

    def heard_again():
        scale_says(client, 0.9, 1)
        topics, _ = journaled(running, issuer)
        return running.journaled > known and topics[-1] == CELL["topic"]

    wait_for(heard_again)
    client.publish("impinj/r700-1/events", events, qos=1).wait_for_publish(PATIENCE_S)
    scale_says(client, 0.9, 10)
    scale_says(client, 0.568, 20)
    wait_for(lambda: any(isinstance(o, WeightStep) for o in journaled(running, issuer)[1]))
    topics, seen = journaled(running, issuer)
    assert topics.count("impinj/r700-1/events") == 4
    assert len([o for o in seen if isinstance(o, TagRead)]) == 1
    (step,) = [o for o in seen if isinstance(o, WeightStep)]
    assert sum(step.delta_g) == pytest.approx(-332.0, abs=3)


@mosquitto
def test_a_last_will_tells_that_a_device_is_gone(shop, broker):
    running, _ = shop
    will = {"device": "g1s2", "boot": "b.1", "seq": 0, "at_ns": 0, "up": False, "reason": "gone"}
    where = f"{ROOT}/{running.store.id}/health/g1s2"
    device = connected(broker.port, "g1s2", topic=where, payload=json.dumps(will), qos=1)
    before_ns = time.time_ns()
    device.loop_stop()
    device.socket().shutdown(socket.SHUT_RDWR)

    def alerts():
        journal = Journal(running.data_dir / "journal.sqlite")
        found = [e for e in journal.events() if isinstance(e, Alerted) and e.kind == "device-down"]
        journal.close()
        return found

    wait_for(alerts)
    (alert,) = alerts()
    assert (alert.subject, alert.text) == ("g1s2", "g1s2 is down: gone")
    assert before_ns <= alert.at_ns <= time.time_ns(), "of the time at which it came"


@mosquitto
def test_messages_are_sent_as_the_contract_says(shop, broker):
    """QoS 1 to the engine and 0 from it, nothing retained."""
    running, _ = shop
    heard: dict[str, tuple[int, bool]] = {}
    subscribed = threading.Event()
    listener = new_client(BrokerAddress(broker.port), "listener")
    listener.on_connect = lambda *_: listener.subscribe(f"{ROOT}/#", qos=2)
    listener.on_subscribe = lambda *_: subscribed.set()
    listener.on_message = lambda _, __, m: heard.update({m.topic: (m.qos, m.retain)})
    listener.loop_start()
    assert subscribed.wait(PATIENCE_S)
    store = running.store.id
    report = HealthReport(device="cam1", boot="b", seq=0, at_ns=time.time_ns(), up=True)
    with Publisher(BrokerAddress(broker.port), store) as publisher:
        publisher.publish("health", report)
        assert publisher.wait_until_confirmed(PATIENCE_S)
    wait_for(lambda: confirmation_topic(store, "cam1") in heard)
    assert heard[f"{ROOT}/{store}/health/cam1"] == (1, False)
    assert heard[confirmation_topic(store, "cam1")] == (0, False)
    late: list[str] = []
    latecomer = new_client(BrokerAddress(broker.port), "latecomer")
    latecomer.on_connect = lambda *_: latecomer.subscribe(f"{ROOT}/#", qos=1)
    latecomer.on_message = lambda _, __, m: late.append(m.topic) if m.retain else None
    subscribed.clear()
    latecomer.on_subscribe = lambda *_: subscribed.set()
    latecomer.loop_start()
    assert subscribed.wait(PATIENCE_S)
    latecomer.publish("end", b"", qos=1).wait_for_publish(PATIENCE_S)
    for client in (listener, latecomer):
        client.disconnect()
        client.loop_stop()
    assert late == []
