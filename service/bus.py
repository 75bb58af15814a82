"""How our processes reach the broker: its address, our topics, and a client that speaks 3.1.1."""

from __future__ import annotations

import ssl
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from sensors.wire import ROOT

log = structlog.get_logger(__name__)

KEEPALIVE_S = 30


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens and how to log in there; `ca_file` turns TLS on: whom it trusts."""

    port: int
    host: str = "127.0.0.1"
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None


def confirmation_topic(store: str, device: str) -> str:
    """Where the engine says up to which message of a device all is settled."""
    return f"{ROOT}/{store}/journaled/{device}"


def new_client(address: BrokerAddress, client_id: str, **options: Any) -> Client:
    """A client that will reach `address`, not connected yet; it reconnects within 2 s."""
    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv311, **options)
    client.on_connect_fail = _teller(address)
    aim(client, address)
    return client


def aim(client: Client, address: BrokerAddress) -> None:
    """Have a client reach `address` once its loop runs, and again within 2 s of losing it."""
    if address.username is not None:
        client.username_pw_set(address.username, address.password)
    if address.ca_file is not None:
        client.tls_set(ca_certs=str(address.ca_file))
    client.reconnect_delay_set(min_delay=1, max_delay=2)
    client.max_inflight_messages_set(1000)
    client.connect_async(address.host, address.port, KEEPALIVE_S)


def why_unreachable(error: BaseException | None) -> str:
    """Why no connection to a broker came about, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not trusted: {error.verify_message}; for an authority of your own "
            "write mqtts://…?ca=FILE, and call the broker as its certificate does"
        )
    if isinstance(error, ssl.SSLError):
        return f"it speaks no TLS there, or another kind of it: {error}"
    return str(error) if error else "it does not answer"


def _teller(address: BrokerAddress) -> Any:
    """Logs why a broker cannot be reached, once for each reason in a row."""
    said = ""

    def tell(*_: Any) -> None:
        nonlocal said
        reason = why_unreachable(sys.exc_info()[1])  # paho calls this while it handles the error
        if reason != said:
            said = reason
            log.warning(
                "the broker cannot be reached", host=address.host, port=address.port, reason=reason
            )

    return tell
