"""How our processes reach the broker: its address, our topics, and a client that speaks 3.1.1."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from sensors.wire import ROOT

KEEPALIVE_S = 30


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens and how to log in there; `ca_file` turns TLS on."""

    port: int
    host: str = "127.0.0.1"
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None


def all_topics(store: str) -> str:
    """The filter of everything that is said in a store."""
    return f"{ROOT}/{store}/#"


def confirmation_topic(store: str, device: str) -> str:
    """Where the engine says up to which message of a device all is settled."""
    return f"{ROOT}/{store}/journaled/{device}"


def new_client(address: BrokerAddress, client_id: str, **options: Any) -> Client:
    """A client that will reach `address`, not connected yet; it reconnects within 2 s."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv311, **options)
    if address.username is not None:
        client.username_pw_set(address.username, address.password)
    if address.ca_file is not None:
        client.tls_set(ca_certs=str(address.ca_file))
    client.reconnect_delay_set(min_delay=1, max_delay=2)
    client.max_inflight_messages_set(1000)
    client.connect_async(address.host, address.port, KEEPALIVE_S)
    return client
