"""The cameras file: where each camera of a store is reached, apart from what it is calibrated for.

One strict loader whose errors name the file and the key, and never repeat a value: a password
that was written in the wrong place does not get into a log. Passwords come from environment
variables or from files of their own.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sensors.store import Camera, Identifier, Store
from service.camera_process import CameraPlan, Pictures, SceneView
from vision.live_source import SourceRules
from vision.source import SourceError
from vision.stream import Address, Login, usb_options

GATE_FPS = 5.0
_KINDS = ("rtsp", "usb", "video", "pictures", "scene")
_UNWRITABLE = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029<>\"\\^`|]")
_LOGIN_PARAMETER = re.compile(
    r"(?:pass\w*|pwd|psw|token|secret|auth\w*)=(?!\{password\}(?:[&;#/_]|$))[^&;#/]", re.IGNORECASE
)

Text = Annotated[str, Field(min_length=1)]


class CamerasFileError(SourceError):
    """A cameras file cannot be used; the message names the file and the key."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CameraEntry(_Part):
    """One camera: just one of rtsp, usb, video, pictures and scene, and how to take it."""

    rtsp: str | None = None
    usb: Text | Annotated[int, Field(ge=0, le=255)] | None = None
    video: Text | None = None
    pictures: Text | None = None
    scene: Text | None = None
    user: str | None = None
    password_env: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    password_file: str | None = None
    password_secret: str | None = None
    transport: Literal["tcp", "udp"] = "tcp"
    clock: Literal["arrival", "camera"] = "arrival"
    delay_ms: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    fps: Annotated[float, Field(gt=0, le=240)] | None = None
    seed: Annotated[int, Field(ge=0)] = 1
    loop: bool = False
    open_timeout_s: Annotated[float, Field(gt=0, le=120)] = 10.0
    read_timeout_s: Annotated[float, Field(gt=0, le=120)] = 5.0
    stalled_after_s: Annotated[float, Field(gt=0, le=600)] = 2.0
    frozen_after_s: Annotated[float, Field(gt=0, le=3600)] = 10.0

    @field_validator("rtsp")
    @classmethod
    def _has_no_login(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url)
            host, login = parts.hostname, "@" in parts.netloc
            _ = parts.port
        except ValueError:
            raise ValueError("expected rtsp://host[:port]/path") from None
        if login:
            raise ValueError(
                "holds a login: write `user` and one of password_env, password_file and"
                " password_secret instead"
            )
        if parts.scheme not in ("rtsp", "rtsps") or not host:
            raise ValueError("expected rtsp://host[:port]/path or rtsps://…")
        if _UNWRITABLE.search(url):
            raise ValueError("holds a character that no URL may have: write it as %XX")
        if _LOGIN_PARAMETER.search(url):
            raise ValueError(
                "holds a login: write {password} in its place, and `user` and one of password_env,"
                " password_file and password_secret"
            )
        return url

    @field_validator("video", "pictures", "scene")
    @classmethod
    def _is_a_path(cls, path: str | None) -> str | None:
        if path is not None and "://" in path:
            raise ValueError("expected a file or folder; a network camera is `rtsp`")
        if path is not None and "\0" in path:
            raise ValueError("expected a file or folder")
        return path

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        given = [kind for kind in _KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(
                f"expected just one of {', '.join(_KINDS)}; found {' and '.join(given) or 'none'}"
            )
        passwords = [
            key
            for key in ("password_env", "password_file", "password_secret")
            if getattr(self, key) is not None
        ]
        if len(passwords) > 1:
            raise ValueError(f"expected one password; found {' and '.join(passwords)}")
        if bool(passwords) != (self.user is not None):
            raise ValueError(
                "user and one of password_env, password_file, password_secret go together"
            )
        if self.user is not None and self.rtsp is None:
            raise ValueError("user: only rtsp cameras have a login")
        if self.rtsp is not None and "{password}" in self.rtsp and self.user is None:
            raise ValueError("rtsp: {password} needs `user` and a password")
        return self


class CamerasFile(_Part):
    """All cameras, those that read codes at gates, the file with their passwords, and which
    cameras share a worker."""

    secrets: str | None = None
    cameras: dict[Identifier, CameraEntry] = {}
    gates: dict[Identifier, CameraEntry] = {}
    workers: list[Annotated[list[Identifier], Field(min_length=1)]] = []

    @model_validator(mode="after")
    def _has_a_camera(self) -> Self:
        if not self.cameras and not self.gates:
            raise ValueError("cameras: expected one or more, here or in gates")
        return self

    @model_validator(mode="after")
    def _every_camera_has_one_worker(self) -> Self:
        grouped = [camera for group in self.workers for camera in group]
        for camera in grouped:
            if camera not in self.cameras:
                raise ValueError(f"workers: there is no camera {camera!r} in cameras")
            if grouped.count(camera) > 1:
                raise ValueError(f"workers: camera {camera!r} stands there twice")
        alone = [camera for camera in self.cameras if camera not in grouped]
        if grouped and alone:
            raise ValueError(f"workers: camera {alone[0]!r} is in none of the groups")
        return self

    @property
    def groups(self) -> list[list[str]]:
        """The cameras of each worker: one worker for all where nothing else is said."""
        return self.workers or ([list(self.cameras)] if self.cameras else [])


def load_cameras(path: Path) -> CamerasFile:
    """Read and check a cameras file. Raises CamerasFileError, a line for each fault."""
    content = _read_yaml(path)
    try:
        return CamerasFile.model_validate(content)
    except ValidationError as error:
        lines = [f"{path}: {_place(e['loc'])}: {_plain(e['msg'])}" for e in error.errors()]
        raise CamerasFileError("\n".join(lines)) from None


def plan_cameras(
    file: CamerasFile, path: Path, store: Store | None = None, start_ns: int | None = None
) -> list[CameraPlan]:
    """What each camera's reading process is told, passwords filled in.

    With a store every camera must be one of it, and pictures are wanted as it is calibrated.
    Recordings begin at `start_ns` together. Raises CamerasFileError.
    """
    known = {camera.id: camera for camera in store.cameras} if store is not None else None
    if known is not None:
        for camera in file.cameras:
            if camera not in known:
                raise CamerasFileError(
                    f"{path}: cameras.{camera}: the store file has no camera of this id, only "
                    f"{', '.join(known) or 'none'}"
                )
    secrets = _secrets_of(file, path)
    return [
        _plan("cameras", camera, entry, known[camera] if known else None, path, secrets, start_ns)
        for camera, entry in file.cameras.items()
    ]


def plan_gates(
    file: CamerasFile, path: Path, store: Store | None = None, start_ns: int | None = None
) -> list[CameraPlan]:
    """The same for the cameras that read codes; each has its gate's name. Raises CamerasFileError.

    They need no calibration: a code may be anywhere in the picture, and time is not critical.
    """
    known = {gate.id for gate in store.gates} if store is not None else set(file.gates)
    for gate in file.gates:
        if gate not in known:
            raise CamerasFileError(
                f"{path}: gates.{gate}: the store file has no gate of this id, only "
                f"{', '.join(sorted(known))}"
            )
    secrets = _secrets_of(file, path)
    return [
        _plan(
            "gates",
            gate,
            entry.model_copy(update={"fps": entry.fps or GATE_FPS}),
            None,
            path,
            secrets,
            start_ns,
        )
        for gate, entry in file.gates.items()
    ]


def _secrets_of(file: CamerasFile, path: Path) -> dict[str, str]:
    return _read_secrets(path.parent / file.secrets) if file.secrets is not None else {}


def in_words(file: CamerasFile, path: Path, store: Store) -> str:
    """What is looked through, and which cameras of the store are not."""
    missing = [camera.id for camera in store.cameras if camera.id not in file.cameras]
    workers = "1 worker" if len(file.groups) == 1 else f"{len(file.groups)} workers"
    text = f"cameras: {', '.join(file.cameras)} in {workers}" if file.cameras else "cameras: none"
    if file.gates:
        text += f"; codes are read at {', '.join(file.gates)}"
    return f"{text}; {path} does not say where {', '.join(missing)} is" if missing else text


def _plan(
    section: str,
    camera: str,
    entry: CameraEntry,
    calibrated: Camera | None,
    path: Path,
    secrets: dict[str, str],
    start_ns: int | None,
) -> CameraPlan:
    size = None if calibrated is None else (calibrated.width_px, calibrated.height_px)
    fps = entry.fps if entry.fps is not None else None if calibrated is None else calibrated.fps
    rules = SourceRules(
        size_px=size,
        fps=fps,
        delay_s=entry.delay_ms / 1000.0,
        own_clock=entry.clock == "camera",
        loop=entry.loop,
        start_ns=start_ns,
        frozen_after_s=entry.frozen_after_s,
    )
    address: Address | None = None
    pictures: Pictures | None = None
    scene: SceneView | None = None
    times = (entry.open_timeout_s, entry.read_timeout_s)
    if entry.rtsp is not None:
        login = _login(f"{path}: {section}.{camera}", entry, path, secrets)
        transport: tuple[tuple[str, str], ...] = (("rtsp_transport", entry.transport),)
        address = Address(entry.rtsp, login, None, transport, False, *times)
    elif entry.usb is not None:
        device = f"/dev/video{entry.usb}" if isinstance(entry.usb, int) else entry.usb
        options = tuple(usb_options(size, fps).items())
        address = Address(device, None, "v4l2", options, False, *times)
    elif entry.video is not None:
        # absolute, for FFmpeg takes what stands before a colon for a protocol
        address = Address(str((path.parent / entry.video).absolute()), recorded=True)
    elif entry.pictures is not None:
        pictures = Pictures(str(path.parent / entry.pictures), fps or 10.0)
    elif entry.scene is not None:
        scene = SceneView(str(path.parent / entry.scene), entry.seed)
    return CameraPlan(camera, rules, address, pictures, scene, entry.stalled_after_s)


def _login(where: str, entry: CameraEntry, path: Path, secrets: dict[str, str]) -> Login | None:
    if entry.user is None:
        return None
    if entry.password_env is not None:
        password = os.environ.get(entry.password_env)
        if password is None:
            raise CamerasFileError(
                f"{where}.password_env: the environment has no variable {entry.password_env}"
            )
    elif entry.password_file is not None:
        try:
            text = (path.parent / entry.password_file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise CamerasFileError(f"{where}.password_file: cannot be read") from None
        password = text.strip()
    else:
        assert entry.password_secret is not None
        found = secrets.get(entry.password_secret)
        if found is None:
            raise CamerasFileError(
                f"{where}.password_secret: the secrets file has no key {entry.password_secret!r}"
            )
        password = found
    return Login(entry.user, password)


def _read_secrets(path: Path) -> dict[str, str]:
    content = _read_yaml(path)
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in content.items()):
        raise CamerasFileError(f'{path}: expected lines of `name: "password"`, both as text')
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CamerasFileError(f"{path}: others can read it: chmod 600 {path.name}")
    return content


def _read_yaml(path: Path) -> dict[Any, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise CamerasFileError(f"{path}: cannot be read: {reason}") from None
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        twice = _key_that_stands_twice(yaml.compose(text, Loader=loader))
        if twice is not None:
            line_number = twice.start_mark.line + 1
            raise CamerasFileError(f"{path}, line {line_number}: key {twice.value!r} stands twice")
        content = yaml.load(text, Loader=loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise CamerasFileError(f"{path}{line}: not valid YAML") from None
    if not isinstance(content, dict):
        raise CamerasFileError(f"{path}: expected a mapping of keys at the top")
    return content


def _key_that_stands_twice(top: yaml.Node | None) -> yaml.ScalarNode | None:
    """The first repeated key: YAML would let the last one win in silence."""
    nodes, seen = [top], set()
    while nodes:
        node = nodes.pop()
        if node is None or id(node) in seen:  # an alias, maybe of something around itself
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
        elif isinstance(node, yaml.MappingNode):
            known: set[str] = set()
            for key, value in node.value:
                nodes.append(value)
                if isinstance(key, yaml.ScalarNode):
                    if key.value in known:
                        return key
                    known.add(key.value)
    return None


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def _place(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(key) for key in loc) or "top level"
