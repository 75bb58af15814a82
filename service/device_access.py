"""Who may say and hear what on the bus: logins, and the topics that each may use.

A login is a device of the store file, one of our own services, or somebody who speaks for several
devices. It may write what these say and read what answers them, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from sensors.store import Store
from sensors.wire import ROOT
from service.mosquitto_acl import Grants, acl_lines

Kind = Literal[
    "weight", "gate", "rfid", "foreign", "vision", "codes", "control", "reader", "engine"
]
KINDS: tuple[Kind, ...] = (
    "weight",
    "gate",
    "rfid",
    "foreign",
    "vision",
    "codes",
    "control",
    "reader",
    "engine",
)
SERVICES: frozenset[Kind] = frozenset(("vision", "codes", "control", "reader", "engine"))
"""Our own processes: they have a listener of their own, for one login may hold several sessions."""
NAME = r"[A-Za-z0-9_.-]{1,64}"
ENGINE = "engine"
DROPPED = "$SYS/broker/publish/messages/dropped"
"""Where Mosquitto says how many messages it had no room for."""


class AccessError(Exception):
    """A login cannot be made, changed or used; the message says what to do."""


class Login(msgspec.Struct, frozen=True):
    """Somebody with a password. `speaks_for` are devices other than the one of its name.

    `workers` is how many vision workers it runs. Times are nanoseconds since 1970, UTC.
    """

    name: str
    kind: Kind
    added_ns: int
    speaks_for: tuple[str, ...] = ()
    workers: int = 1
    revoked_ns: int | None = None


def kind_of(store: Store, name: str) -> Kind | None:
    """What a name is in the store file; None where it stands nowhere."""
    if name == ENGINE:
        return "engine"
    if any(name == shelf.id for gondola in store.gondolas for shelf in gondola.shelves):
        return "weight"
    if any(name == gate.id for gate in store.gates):
        return "gate"
    if any(name == antenna.id for antenna in store.antennas):
        return "rfid"
    return "foreign" if name in foreign_topics(store) else None


def names_of(store: Store) -> list[str]:
    """The engine and every device of a store file that speaks for itself."""
    shelves = [shelf.id for gondola in store.gondolas for shelf in gondola.shelves]
    devices = [*shelves, *(g.id for g in store.gates), *(a.id for a in store.antennas)]
    others: set[str] = set()
    for device in store.devices:
        others |= {*device.places}
    return [ENGINE, *(one for one in devices if one not in others), *foreign_topics(store)]


def foreign_topics(store: Store) -> dict[str, str]:
    """The topic of each device that does not speak our protocol, by id."""
    return {device.id: device.topic for device in store.devices}


def grants(login: Login, store: Store) -> Grants:
    """What a login may write and read."""
    base = f"{ROOT}/{store.id}"
    foreign = foreign_topics(store)
    match login.kind:
        case "engine":
            return Grants((f"{base}/#",), (f"{base}/#", *foreign.values(), DROPPED))
        case "reader":
            return Grants((), (f"{base}/#", *foreign.values()))
        case "foreign":
            return Grants(tuple(foreign[n] for n in _spoken_for(login) if n in foreign), ())
        case "vision":
            workers = [f"vision-{number}" for number in range(1, login.workers + 1)]
            workers = list(dict.fromkeys([*workers, login.name]))
            cameras = list(login.speaks_for) or [camera.id for camera in store.cameras]
            writes = [f"{base}/vision/{worker}" for worker in workers]
            writes += [f"{base}/health/{device}" for device in [*workers, *cameras]]
            return Grants(
                tuple(writes), tuple(f"{base}/journaled/{d}" for d in [*workers, *cameras])
            )
        case "codes":
            return _own(base, "gate", login.speaks_for or tuple(gate.id for gate in store.gates))
        case kind:
            return _own(base, kind, _spoken_for(login))


def acl_text(logins: Iterable[Login], store: Store) -> str:
    """Mosquitto's access rules for logins that are not revoked."""
    lines = ["# Made by `openaisle devices`: changes here are lost."]
    for login in logins:
        if login.revoked_ns is not None:
            continue
        lines += ["", *acl_lines(login.name, grants(login, store))]
    return "\n".join(lines) + "\n"


def _own(base: str, kind: str, devices: tuple[str, ...]) -> Grants:
    """What these devices say, of themselves too, and what confirms it."""
    writes = [f"{base}/{said}/{device}" for device in devices for said in (kind, "health")]
    return Grants(tuple(writes), tuple(f"{base}/journaled/{device}" for device in devices))


def _spoken_for(login: Login) -> tuple[str, ...]:
    return login.speaks_for or (login.name,)
