"""Mosquitto's configuration for a store: who may connect where, and what the broker keeps."""

from __future__ import annotations

import contextlib
import ipaddress
from pathlib import Path

import msgspec

CONFIGURATION = "mosquitto.conf"
REGISTER = "register.json"
"""Who has a login since when; written last."""
STATE = "state"
PID_FILE = "mosquitto.pid"
_UNBOUNDED = 1_000_000_000
"""Bytes are the bound. 0 would mean none too, but with it Mosquitto 2.0.11 throws out every client
whose message it refuses, as a device of another maker that says more than it may."""
GROUPS = ("devices", "services")
"""The two listeners; each has `<group>.passwords` and `<group>.acl`."""


class Listening(msgspec.Struct, frozen=True):
    """Where the broker listens and how much it takes.

    `port` is for devices, `services_port` for our own processes; with a certificate devices use
    TLS, and services where they come from elsewhere or `services_tls` says so. Messages for one
    absent client are kept up to `queue_mib`; a packet is at most `packet_kib`.
    """

    host: str = "127.0.0.1"
    port: int = 1883
    services_host: str = "127.0.0.1"
    services_port: int = 1884
    certificate: str | None = None
    key: str | None = None
    services_tls: bool | None = None
    queue_mib: int = 1024
    packet_kib: int = 1024
    connections: int = 4096

    @property
    def has_services_tls(self) -> bool:
        """Whether services too are shown the certificate."""
        if self.services_tls is not None:
            return self.services_tls
        return not is_loopback(self.services_host)


def configuration_text(listening: Listening, folder: Path, user: str) -> str:
    """The whole of `mosquitto.conf`; `folder` holds the other files and is absolute.

    A Mosquitto that root starts becomes `user`, who must be able to read the folder.

    Devices get their own listener, on which the broker calls every client by its login: nobody
    can take over the engine's session, or another device's, by using its client id.
    """
    lines = [
        "# Made by `openaisle devices`: changes here are lost.",
        "per_listener_settings true",
        f"user {user}",
        f"pid_file {folder / STATE / PID_FILE}",
        "",
        "# What is kept for a client that is away or slow, the engine above all. What would go",
        "# beyond is dropped, and devices that wait for confirmations send it again.",
        "persistence true",
        f"persistence_location {folder / STATE}/",
        "autosave_interval 60",
        "persistent_client_expiration 14d",
        "max_inflight_messages 1000",
        f"max_queued_messages {_UNBOUNDED}",
        f"max_queued_bytes {listening.queue_mib * 1024 * 1024}",
        f"max_packet_size {listening.packet_kib * 1024}",
        "queue_qos0_messages false",
        "",
        "# devices",
        *_listener(listening, listening.port, listening.host, folder, "devices"),
        *_certificate(listening),
        "use_username_as_clientid true",
        "",
        "# engine, vision, people: a login may hold several sessions",
        *_listener(listening, listening.services_port, listening.services_host, folder, "services"),
        *(_certificate(listening) if listening.has_services_tls else []),
    ]
    return "\n".join(lines) + "\n"


def is_loopback(host: str) -> bool:
    """Whether what listens there is reached from this machine alone."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _listener(listening: Listening, port: int, host: str, folder: Path, group: str) -> list[str]:
    return [
        f"listener {port} {host}",
        f"max_connections {listening.connections}",
        "allow_anonymous false",
        f"password_file {folder / f'{group}.passwords'}",
        f"acl_file {folder / f'{group}.acl'}",
    ]


def _certificate(listening: Listening) -> list[str]:
    if listening.certificate is None:
        return []
    return [
        f"certfile {listening.certificate}",
        f"keyfile {listening.key}",
        "tls_version tlsv1.2",
    ]
