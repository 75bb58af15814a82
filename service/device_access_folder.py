"""The folder that a broker reads its logins from, and the register of who has one.

`register.json` says who has a login since when, and holds no password; passwords are kept as
hashes in Mosquitto's password files. Every file is replaced as a whole, and belongs to the owner
of the folder, so that a broker which dropped its rights can read what root has written.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import psutil

from sensors.store import Store
from service.device_access import (
    KINDS,
    NAME,
    SERVICES,
    AccessError,
    Kind,
    Login,
    acl_text,
    kind_of,
)
from service.device_passwords import hash_password, new_password
from service.mosquitto_files import (
    CONFIGURATION,
    GROUPS,
    PID_FILE,
    REGISTER,
    STATE,
    Listening,
    configuration_text,
)

MOSQUITTO = "mosquitto"


class _Register(msgspec.Struct, frozen=True):
    """What `register.json` holds."""

    store: str
    listening: Listening
    logins: list[Login]


@dataclass(slots=True)
class AccessFolder:
    """The logins of one store's broker; `opened` gives one, and `save` writes it all."""

    path: Path
    store: Store
    listening: Listening = field(default_factory=Listening)
    logins: dict[str, Login] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)

    def add(
        self,
        name: str,
        now_ns: int,
        kind: Kind | None = None,
        speaks_for: tuple[str, ...] = (),
        workers: int = 1,
        renew: bool = False,
    ) -> str:
        """Give somebody a login; its password, which is kept nowhere. Raises AccessError."""
        if not re.fullmatch(NAME, name):
            raise AccessError(f"{name!r} cannot be a login: expected 1 to 64 of A–Z a–z 0–9 _ . -")
        kind = self._kind(name, kind, speaks_for)
        known = self.logins.get(name)
        if known is not None and known.revoked_ns is None and not renew:
            raise AccessError(
                f"{name} has a login already: --renew gives it a new password, and ends the old one"
            )
        password = new_password()
        self.logins[name] = Login(name, kind, now_ns, speaks_for, workers)
        self.hashes[name] = hash_password(password)
        return password

    def revoke(self, name: str, now_ns: int) -> None:
        """Take a login away. Raises AccessError where there is none."""
        login = self.logins.get(name)
        if login is None or login.revoked_ns is not None:
            has = ", ".join(n for n, one in self.logins.items() if one.revoked_ns is None)
            raise AccessError(f"{name} has no login in {self.path}; these have: {has or 'nobody'}")
        self.logins[name] = msgspec.structs.replace(login, revoked_ns=now_ns)
        self.hashes.pop(name, None)

    def save(self) -> None:
        """Write every file anew. Raises AccessError where it cannot."""
        folder = self.path.absolute()
        try:
            (folder / STATE).mkdir(mode=0o700, exist_ok=True)
            self._own(folder / STATE)
            for group in GROUPS:
                members = [x for x in self.logins.values() if group_of(x.kind) == group]
                alive = [x.name for x in members if x.revoked_ns is None]
                lines = [f"{name}:{self.hashes[name]}\n" for name in alive]
                self.write(f"{group}.passwords", "".join(lines))
                self.write(f"{group}.acl", acl_text(members, self.store))
            self.write(CONFIGURATION, configuration_text(self.listening, folder, self._user()))
            register = _Register(self.store.id, self.listening, list(self.logins.values()))
            text = msgspec.json.format(msgspec.json.encode(register), indent=2)
            self.write(REGISTER, text.decode())
        except OSError as error:
            raise AccessError(f"{folder}: cannot be written: {error.strerror}") from error

    def _kind(self, name: str, kind: Kind | None, speaks_for: tuple[str, ...]) -> Kind:
        installed = kind_of(self.store, name)
        if kind is None and installed is None:
            raise AccessError(
                f"{name}: the store file has no such device; for somebody else say what it is:"
                f" --kind {'|'.join(KINDS)}"
            )
        if kind is None or kind == installed:
            return installed or "engine"
        if installed is not None:
            raise AccessError(f"{name}: is a {installed} in the store file, not a {kind}")
        if kind in ("vision", "codes"):
            parts = self.store.cameras if kind == "vision" else self.store.gates
            known = [part.id for part in parts]
            for one in speaks_for:
                if one not in known:
                    raise AccessError(
                        f"{name}: --for {one}: the store file has no such "
                        f"{'camera' if kind == 'vision' else 'gate'}, only"
                        f" {', '.join(known) or 'none'}"
                    )
        elif kind in ("weight", "gate", "rfid", "foreign"):
            if not speaks_for:
                raise AccessError(
                    f"{name}: the store file has no such device: say whose readings it sends, "
                    f"--for ID"
                )
            for device in speaks_for:
                if kind_of(self.store, device) != kind:
                    raise AccessError(f"{name}: --for {device}: the store file has no such {kind}")
        return kind

    def write(self, name: str, text: str) -> None:
        """Write one file of the folder, as a whole and readable by its owner alone."""
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=self.path)  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            self._own(Path(temporary))
            Path(temporary).replace(self.path / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _user(self) -> str:
        owner = self.path.stat().st_uid
        try:
            return pwd.getpwuid(owner).pw_name
        except KeyError:
            raise AccessError(f"{self.path}: its owner {owner} is no user here: chown it") from None

    def _own(self, path: Path) -> None:
        owner = self.path.stat()
        if os.geteuid() == 0:
            os.chown(path, owner.st_uid, owner.st_gid)


@contextlib.contextmanager
def opened(path: Path, store: Store, *, create: bool = False) -> Iterator[AccessFolder]:
    """The folder, for one command at a time. Raises AccessError where it is none of this store."""
    if create:
        try:
            _make(path)
        except OSError as error:
            raise AccessError(f"{path}: cannot be made: {error.strerror}") from error
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise AccessError(
            f"{path}: cannot be opened: {error.strerror}; `openaisle devices add` makes it"
        ) from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield read_folder(path, store)
    finally:
        os.close(handle)


def _make(path: Path) -> None:
    """Make the folder where there is none; made by root it is that of Mosquitto's own user."""
    if path.exists():
        return
    path.mkdir(parents=True, mode=0o700)
    if os.geteuid() == 0:
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(MOSQUITTO)
            os.chown(path, user.pw_uid, user.pw_gid)


def read_folder(path: Path, store: Store) -> AccessFolder:
    """What the folder holds; nothing where it is new. Raises AccessError."""
    folder = AccessFolder(path, store)
    try:
        register = msgspec.json.decode((path / REGISTER).read_bytes(), type=_Register)
        for group in GROUPS:
            for line in (path / f"{group}.passwords").read_text(encoding="utf-8").splitlines():
                name, _, hashed = line.partition(":")
                folder.hashes[name] = hashed
    except FileNotFoundError as error:
        if error.filename == str(path / REGISTER):
            return folder
        raise AccessError(f"{error.filename}: is missing beside {REGISTER}") from error
    except OSError as error:
        raise AccessError(f"{error.filename}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AccessError(f"{path}: is no folder of `openaisle devices`: {error}") from error
    if register.store != store.id:
        raise AccessError(f"{path}: belongs to store {register.store!r}, not to {store.id!r}")
    folder.listening = register.listening
    for login in register.logins:
        if login.revoked_ns is None and login.name not in folder.hashes:
            # its revocation was cut short: the password went, the register was not written
            login = msgspec.structs.replace(login, revoked_ns=login.added_ns)  # noqa: PLW2901
        folder.logins[login.name] = login
    return folder


def group_of(kind: Kind) -> str:
    """Which listener a kind of login uses."""
    return "services" if kind in SERVICES else "devices"


def running_mosquitto(path: Path) -> int | None:
    """The process of the Mosquitto that runs with this folder's configuration."""
    try:
        return int((path / STATE / PID_FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def reload_mosquitto(pid: int) -> bool:
    """Have a running Mosquitto read its files anew; whether there is one of that number.

    It throws out who is connected and may no longer be. Any other program would be ended by the
    signal, so the name of the process is looked at.
    """
    with contextlib.suppress(psutil.Error):
        if psutil.Process(pid).name() == MOSQUITTO:
            os.kill(pid, signal.SIGHUP)
            return True
    return False
