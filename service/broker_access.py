"""Logins for the embedded broker: the folder that `openaisle devices` makes, as plugins of amqtt.

The files are those of Mosquitto and mean the same: a login may write and be given what its rules
name. They are read again when they change, so whoever is revoked is refused from then on, also on
a connection that stands.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amqtt.contexts import Action, BaseContext
from amqtt.plugins.base import BaseAuthPlugin, BaseTopicPlugin
from amqtt.session import Session
from paho.mqtt.client import topic_matches_sub

from service.device_passwords import verify_password
from service.mosquitto_acl import Grants, read_acl
from service.mosquitto_files import GROUPS, REGISTER

log = logging.getLogger(__name__)


class KnownLogins:
    """The hashes and rules of a folder, as they stand there now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._version: tuple[int, int] | None = None
        self._hashes: dict[str, str] = {}
        self._grants: dict[str, Grants] = {}

    def knows(self, name: str, password: str) -> bool:
        """Whether somebody has this login."""
        self._read()
        return name in self._hashes and verify_password(password, self._hashes[name])

    def of(self, name: str) -> Grants:
        """What a login may do; nothing where there is none any more."""
        self._read()
        return self._grants.get(name, Grants((), ())) if name in self._hashes else Grants((), ())

    def _read(self) -> None:
        """Read the files where the register, written last, has changed; nobody gets in if none."""
        try:
            state = os.stat(self._folder / REGISTER)  # noqa: PTH116  (for each message)
            version = (state.st_mtime_ns, state.st_ino)
            if version == self._version:
                return
            hashes: dict[str, str] = {}
            grants: dict[str, Grants] = {}
            for group in GROUPS:
                text = (self._folder / f"{group}.passwords").read_text(encoding="utf-8")
                for line in text.splitlines():
                    name, _, hashed = line.partition(":")
                    hashes[name] = hashed
                grants.update(read_acl((self._folder / f"{group}.acl").read_text(encoding="utf-8")))
            self._version, self._hashes, self._grants = version, hashes, grants
        except (OSError, UnicodeDecodeError) as error:
            log.error("the logins cannot be read, nobody has one: %s", error)
            self._version, self._hashes, self._grants = None, {}, {}


@dataclass
class _Config:
    """What amqtt gives a plugin of ours."""

    folder: str = ""


class LoginPlugin(BaseAuthPlugin):  # type: ignore[misc]  # amqtt has no types
    """Lets in who has a password."""

    Config = _Config

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._logins = KnownLogins(Path(self._get_config_option("folder")))

    async def authenticate(self, *, session: Session) -> bool | None:
        """Whether a client gets in."""
        return bool(session.username) and self._logins.knows(
            session.username, session.password or ""
        )


class TopicPlugin(BaseTopicPlugin):  # type: ignore[misc]
    """Passes on what a login may write to those who may read it.

    Anybody may subscribe to anything, as with Mosquitto: what they may not read is not given.
    """

    Config = _Config

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._logins = KnownLogins(Path(self._get_config_option("folder")))

    async def topic_filtering(
        self,
        *,
        session: Session | None = None,
        topic: str | None = None,
        action: Action | None = None,
    ) -> bool | None:
        """Whether a session may do this with a topic."""
        if session is None or not session.username or not topic:
            return False
        if action == Action.SUBSCRIBE:
            return True
        may = self._logins.of(session.username)
        filters = may.write if action == Action.PUBLISH else may.read
        return any(topic_matches_sub(one, topic) for one in filters)


def plugins(folder: Path) -> dict[str, Any]:
    """The broker's configuration of plugins for a folder of logins."""
    told = {"folder": str(folder)}
    return {f"{__name__}.{plugin.__name__}": dict(told) for plugin in (LoginPlugin, TopicPlugin)}
