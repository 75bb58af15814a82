"""The `devices` commands: who may speak on the bus, and how each device does."""

from __future__ import annotations

import contextlib
import datetime
import os
import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from sensors.store import Store, load_store
from service.broker_tls import Signed, new_authority, new_certificate
from service.cli_common import JsonOption, console, write_json
from service.device_access import AccessError, Kind, names_of
from service.device_access_folder import (
    AccessFolder,
    opened,
    read_folder,
    reload_mosquitto,
    running_mosquitto,
)
from service.device_table import device_rows, table_of
from service.mosquitto_files import CONFIGURATION, is_loopback

devices_app = typer.Typer(help="Who may speak on the bus.", no_args_is_help=True)

StoreArgument = Annotated[Path, typer.Argument(help="The store file.")]
FolderOption = Annotated[
    Path,
    typer.Option(
        "--folder", help="Where the broker's files are; it belongs to the user that runs it."
    ),
]
PidOption = Annotated[
    int | None,
    typer.Option(
        help="The running Mosquitto, to read the files anew; default: the one that runs on them."
    ),
]
FOLDER = Path("broker")
HERE = ("localhost", "127.0.0.1", "::1")


@devices_app.callback()
def devices() -> None:
    """Give devices their passwords, take them away, and see how each one does.

    Everything is kept in a folder that Mosquitto runs with: `mosquitto -c broker/mosquitto.conf`.
    A device may write only its own topics and read only its confirmations (docs/security.md).
    """


@devices_app.command("add")
def add(
    store: StoreArgument,
    names: Annotated[
        list[str] | None,
        typer.Argument(help="`engine`, ids of the store file, or names of others with --kind."),
    ] = None,
    folder: FolderOption = FOLDER,
    everything: Annotated[
        bool, typer.Option("--all", help="The engine and every device that never had a login.")
    ] = False,
    kind: Annotated[
        Kind | None,
        typer.Option(
            help="What somebody is who is not in the store file: vision, codes (cameras that read "
            "them), control (people who count and decide), reader (may hear all), or one who "
            "speaks for devices of this kind.",
        ),
    ] = None,
    speaks_for: Annotated[
        list[str] | None,
        typer.Option("--for", help="A device that it speaks for; again for each."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="How many vision workers it runs.")
    ] = 1,
    renew: Annotated[
        bool, typer.Option("--renew", help="A new password for who has one; the old one ends.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the passwords to this new file, mode 0600, and print none."),
    ] = None,
    pid: PidOption = None,
) -> None:
    """Give devices a login each: a random password, printed once and kept nowhere.

    Examples: `openaisle devices add store.yaml --all --out passwords`,
    `openaisle devices add store.yaml g1s1 --renew`,
    `openaisle devices add store.yaml eyes --kind vision --for cam1 --for cam2`
    """
    known = load_store(store)
    with opened(folder, known, create=True) as access:
        wanted = list(names or [])
        if everything:
            wanted += [name for name in names_of(known) if name not in access.logins]
        if not wanted:
            raise AccessError(
                "nobody to add: every device of the store file has a login"
                if everything
                else "name a device of the store file, or give --all"
            )
        now_ns, passwords = time.time_ns(), {}
        for name in dict.fromkeys(wanted):
            passwords[name] = access.add(
                name, now_ns, kind, tuple(speaks_for or ()), workers, renew
            )
        lines = "".join(f"{name} {password}\n" for name, password in passwords.items())
        # the file comes first: a login whose password nobody has got is of no use
        if out is not None:
            _write_secret(out, lines.encode())
        access.save()
    if out is None:
        sys.stdout.write(lines)
        sys.stdout.flush()
        _say("These passwords are kept nowhere else: give each device its own.")
    else:
        _say(f"{len(passwords)} passwords are in {out}")
    _reload(folder, pid)


@devices_app.command("revoke")
def revoke(
    store: StoreArgument,
    names: Annotated[list[str], typer.Argument(help="Who may speak no longer.")],
    folder: FolderOption = FOLDER,
    pid: PidOption = None,
) -> None:
    """Take logins away; a running Mosquitto throws them out at once.

    Example: `openaisle devices revoke store.yaml g1s1`
    """
    with opened(folder, load_store(store)) as access:
        for name in dict.fromkeys(names):
            access.revoke(name, time.time_ns())
        access.save()
    _say(f"revoked: {', '.join(dict.fromkeys(names))}")
    _reload(folder, pid)


@devices_app.command("broker")
def broker(
    store: StoreArgument,
    folder: FolderOption = FOLDER,
    listen: Annotated[
        str | None, typer.Option(help="Where devices reach it, as 0.0.0.0; default 127.0.0.1.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Their port.")] = None,
    services_listen: Annotated[
        str | None, typer.Option(help="Where engine, vision and people reach it: 127.0.0.1.")
    ] = None,
    services_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Their port; default 1884.")
    ] = None,
    services_tls: Annotated[
        bool | None,
        typer.Option(
            "--services-tls/--no-services-tls",
            help="TLS for services too; default: where they come from other machines.",
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="The broker's certificate with its chain, PEM.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    queue_mib: Annotated[
        int | None, typer.Option(min=1, max=1 << 20, help="Kept for one absent client; 1024.")
    ] = None,
    packet_kib: Annotated[
        int | None, typer.Option(min=512, max=1 << 18, help="The largest message; 1024.")
    ] = None,
    connections: Annotated[
        int | None, typer.Option(min=2, max=1_000_000, help="At most so many at a time; 4096.")
    ] = None,
) -> None:
    """Write Mosquitto's files: where it listens, what it keeps. What is not given stays as it is.

    Example: `openaisle devices broker store.yaml --listen 0.0.0.0 --port 8883 --tls-cert
    broker.pem --tls-key broker.key`
    """
    if (tls_cert is None) != (tls_key is None):
        raise AccessError("--tls-cert and --tls-key go together")
    for file in (tls_cert, tls_key):
        if file is not None and not file.is_file():
            raise AccessError(f"{file}: there is no such file")
    for host in (listen, services_listen):
        if host is not None and (not host or not host.isprintable() or " " in host):
            raise AccessError(f"{host!r}: expected an address or a host name")
    given = {
        "host": listen,
        "port": port,
        "services_host": services_listen,
        "services_port": services_port,
        "services_tls": services_tls,
        "certificate": None if tls_cert is None else str(tls_cert.absolute()),
        "key": None if tls_key is None else str(tls_key.absolute()),
        "queue_mib": queue_mib,
        "packet_kib": packet_kib,
        "connections": connections,
    }
    with opened(folder, load_store(store), create=True) as access:
        changes = {key: value for key, value in given.items() if value is not None}
        access.listening = msgspec.structs.replace(access.listening, **changes)
        if access.listening.port == access.listening.services_port:
            raise AccessError("devices and services need a port each")
        access.save()
    _say(f"start it: mosquitto -c {folder / CONFIGURATION}")
    _warn_of_plain(access)
    if running_mosquitto(folder) is not None:
        _say("a running one keeps its addresses and certificate until it is started again")


@devices_app.command("tls")
def tls(
    store: StoreArgument,
    hosts: Annotated[list[str], typer.Argument(help="How devices call the broker: names, IPs.")],
    folder: FolderOption = FOLDER,
) -> None:
    """Make a certificate for the broker, signed by an authority of the store's own.

    Devices and engine then trust `ca.pem` of the folder; `ca.key` can sign for others, so keep it
    apart. Where you have a certificate of a public authority, give that to `devices broker`.
    Example: `openaisle devices tls store.yaml broker.lan 192.168.1.5`
    """
    known = load_store(store)
    now = datetime.datetime.now(datetime.UTC)
    with opened(folder, known, create=True) as access:
        authority = _authority(access, known, now)
        try:
            made = new_certificate(authority, [*hosts, *HERE], now)
        except ValueError as error:
            raise AccessError(f"{folder}: no certificate could be made: {error}") from error
        access.write("broker.pem", made.certificate.decode())
        access.write("broker.key", made.key.decode())
        certificate, key = (folder / name for name in ("broker.pem", "broker.key"))
        access.listening = msgspec.structs.replace(
            access.listening, certificate=str(certificate.absolute()), key=str(key.absolute())
        )
        access.save()
    _say(f"devices trust {folder / 'ca.pem'}; it is valid for {', '.join(hosts)} and here")


@devices_app.command("list")
def list_devices(
    store: StoreArgument,
    folder: FolderOption = FOLDER,
    data: Annotated[
        Path, typer.Option("--data", help="What serve writes to: how each device has done.")
    ] = Path("store-data"),
    json: JsonOption = None,
) -> None:
    """Show each device: its login, when it was heard last, rate, lag, skew of its clock, errors.

    Works while the store runs. Example: `openaisle devices list store.yaml --data store-data`
    """
    known = load_store(store)
    access = read_folder(folder, known)
    rows = device_rows(known, access, data, time.time_ns())
    console.print(table_of(rows))
    if not access.logins:
        _say(f"nobody has a login in {folder}")
    if not any(row["last_seen_s"] is not None for row in rows):
        _say(f"no device was heard in {data}; --data names what serve writes to")
    write_json(json, {"store": known.id, "devices": rows})


def _authority(access: AccessFolder, store: Store, now: datetime.datetime) -> Signed:
    """The folder's authority, made where there is none."""
    certificate, key = (access.path / name for name in ("ca.pem", "ca.key"))
    with contextlib.suppress(FileNotFoundError):
        try:
            return Signed(certificate.read_bytes(), key.read_bytes())
        except PermissionError as error:
            raise AccessError(f"{error.filename}: cannot be read") from error
    if certificate.exists():
        raise AccessError(f"{key}: is needed to sign, and was taken away: put it back meanwhile")
    authority = new_authority(store.id, now)
    access.write("ca.pem", authority.certificate.decode())
    access.write("ca.key", authority.key.decode())
    return authority


def _write_secret(path: Path, content: bytes) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AccessError(f"{path}: exists already; name a new file") from None
    except OSError as error:
        raise AccessError(f"{path}: cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _reload(folder: Path, pid: int | None) -> None:
    running = pid or running_mosquitto(folder)
    if running is not None and reload_mosquitto(running):
        _say(f"Mosquitto (process {running}) reads its files anew")
    elif pid is not None:
        raise AccessError(f"--pid {pid}: is no Mosquitto of yours; the files are written")
    else:
        _say("no Mosquitto runs on these files; the embedded broker reads them by itself")


def _warn_of_plain(access: AccessFolder) -> None:
    listening = access.listening
    plain = [listening.host] if listening.certificate is None else []
    if listening.certificate is None or not listening.has_services_tls:
        plain.append(listening.services_host)
    for host in plain:
        if not is_loopback(host):
            _say(
                f"passwords cross the network of {host} in clear: give --tls-cert and --tls-key, "
                "or make them with `openaisle devices tls`"
            )


def _say(text: str) -> None:
    """For people, beside what is for files and pipes."""
    sys.stderr.write(f"{text}\n")
