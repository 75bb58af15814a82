"""One connection to one camera: opened, read shot by shot, closed; it knows no second try.

`AvStream` speaks RTSP, USB and video files through PyAV, `FolderStream` reads numbered pictures.
Passwords are in the URL that FFmpeg gets and nowhere else: every error is written here from the
address without its login, never from FFmpeg's own text, which repeats the URL.
"""

from __future__ import annotations

import contextlib
import re
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import av
import cv2
import numpy as np
from av.error import FFmpegError, InvalidDataError

from vision.frame import Picture
from vision.source import StreamFacts

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".webp")
_LOGIN = re.compile(r"//[^/@\s'\"]*@")
_WALL_CLOCK = struct.Struct("<q")  # FFmpeg's AVProducerReferenceTime begins with microseconds
_NEXT_TELLS = ("h264", "hevc", "mpeg4")  # over RTP, FFmpeg cuts these at the next one's start
_WORDS = (
    ("401", "it refuses the user name or the password"),
    ("403", "it does not let this user see the stream"),
    ("404", "it has no stream of this path"),
    ("timed out", "it does not answer in time"),
    ("refused", "nothing listens there"),
    ("No route", "there is no way to this address"),
    ("No such device", "there is no such device"),
    ("No such file", "there is no such file or device"),
    ("Immediate exit", "it does not answer in time"),
    ("Invalid data", "it sends nothing that can be read as video"),
)


class StreamError(Exception):
    """The connection cannot be made or is lost; the message holds no password."""


@dataclass(frozen=True, slots=True)
class Login:
    """A camera's user name and password."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Address:
    """What to open: a URL without a login, a file or a device, and how FFmpeg is to open it.

    `recorded` says that its pictures are there all at once, not as they are taken.
    """

    url: str
    login: Login | None = None
    container: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    recorded: bool = False
    open_timeout_s: float = 10.0
    read_timeout_s: float = 5.0

    def full(self) -> str:
        """The URL with its login, special characters quoted. Never to be shown.

        Where the URL has `{password}` it is put there, and the user at `{user}`, for cameras
        that want the login within the path.
        """
        if self.login is None:
            return self.url
        user, password = quote(self.login.user, safe=""), quote(self.login.password, safe="")
        if "{password}" in self.url:
            return self.url.replace("{user}", user).replace("{password}", password)
        scheme, _, rest = self.url.partition("://")
        return f"{scheme}://{user}:{password}@{rest}"


class Shown(Protocol):
    """A decoded picture that is only turned into an array where somebody wants it."""

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""

    def rgb(self, size_px: tuple[int, int]) -> Picture:
        """The picture at `size_px` (width, height), (H, W, 3) uint8."""


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """What one read gave: a picture, or in `broken` why it is none.

    `stamp_ns` is the stream's own time, `received_ns` this machine's; `wall_ns` is the camera's
    word on the time of day, where it gives one.
    """

    received_ns: int
    stamp_ns: int | None = None
    wall_ns: int | None = None
    picture: Shown | None = None
    broken: str = ""


class Stream(Protocol):
    """A camera or a recording behind one connection."""

    @property
    def recorded(self) -> bool:
        """Whether its pictures can be read faster than they were taken."""

    def open(self) -> StreamFacts:
        """Connect. Raises StreamError."""

    def read(self) -> Shot | None:
        """The next shot, waiting for it; None at the end. Raises StreamError."""

    def hurry(self, behind: bool) -> None:
        """Decode as little as it takes to catch up, or all again."""

    def close(self) -> None:
        """Let go; harmless where it is not open."""


class AvStream:
    """A stream through FFmpeg. RTSP goes over TCP unless the options say otherwise."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._container: Any = None
        self._shots: Iterator[Shot] = iter(())

    @property
    def recorded(self) -> bool:
        """As the address says."""
        return self._address.recorded

    def open(self) -> StreamFacts:
        """Connect and find the first video stream. Raises StreamError."""
        address = self._address
        options = dict(address.options)
        if address.url.startswith(("rtsp:", "rtsps:")):
            options = {
                "rtsp_transport": "tcp",
                "timeout": str(round(address.read_timeout_s * 1e6)),
                "fflags": "nobuffer",
                "analyzeduration": "500000",
            } | options
        try:
            self._container = av.open(
                address.full(),
                format=address.container,
                options=options,
                timeout=(address.open_timeout_s, address.read_timeout_s),
            )
            stream = self._container.streams.video[0]
        except IndexError:
            self.close()
            raise StreamError(f"{address.url}: there is no video in it") from None
        except (FFmpegError, OSError, ValueError) as error:
            raise StreamError(f"{address.url}: {_reason(error)}") from None
        context = stream.codec_context
        context.thread_count = 1  # cameras share the cores; frame threads would add latency
        context.options = {"err_detect": "explode", "flags": "low_delay"}
        rate = stream.average_rate or stream.guessed_rate
        waits = address.url.startswith(("rtsp:", "rtsps:")) and context.name in _NEXT_TELLS
        self._shots = self._read_all(stream, waits)
        length_s = 0.0
        if address.recorded and stream.duration:
            length_s = float(stream.duration * stream.time_base)
        size_px = (context.width, context.height)
        return StreamFacts(context.name, *size_px, float(rate or 0.0), length_s)

    def read(self) -> Shot | None:
        """The next picture or broken frame; None at the end. Raises StreamError."""
        try:
            return next(self._shots, None)
        except (FFmpegError, OSError) as error:
            raise StreamError(f"{self._address.url}: {_reason(error)}") from None

    def hurry(self, behind: bool) -> None:
        """Decode keyframes alone, or all again."""
        if self._container is not None:
            context = self._container.streams.video[0].codec_context
            context.skip_frame = "NONKEY" if behind else "DEFAULT"

    def close(self) -> None:
        """Disconnect."""
        self._shots = iter(())
        if self._container is not None:
            with contextlib.suppress(FFmpegError, OSError):
                self._container.close()
            self._container = None

    def _read_all(self, stream: Any, next_tells: bool) -> Iterator[Shot]:
        """`next_tells`: a picture is only known to be whole when the next one begins to arrive,
        so that it began to arrive itself when the one before was whole."""
        wall_of: dict[int, int] = {}
        whole_ns = time.time_ns()
        for packet in self._container.demux(stream):
            began_ns, whole_ns = whole_ns, time.time_ns()
            received_ns = began_ns if next_tells else whole_ns
            wall_ns = _wall_clock_ns(packet)
            if wall_ns is not None and packet.pts is not None:
                wall_of[packet.pts] = wall_ns
                while len(wall_of) > 64:
                    del wall_of[next(iter(wall_of))]
            if packet.is_corrupt:
                yield Shot(received_ns, broken="the stream calls it corrupt")
                continue
            try:
                frames = packet.decode()
            except InvalidDataError as error:
                yield Shot(received_ns, broken=without_login(str(error.strerror)))
                continue
            for frame in frames:
                if frame.is_corrupt:
                    yield Shot(received_ns, broken="the decoder calls it corrupt")
                    continue
                stamp = frame.pts
                stamp_ns = None
                if stamp is not None:
                    stamp_ns = int(stamp * frame.time_base * 1_000_000_000)
                wall_ns = None if stamp is None else wall_of.pop(stamp, None)
                yield Shot(received_ns, stamp_ns, wall_ns, _AvPicture(frame))


class FolderStream:
    """The pictures of a folder in the order of their names, `fps` a second."""

    recorded = True

    def __init__(self, folder: Path, fps: float) -> None:
        self._folder = folder
        self._fps = fps
        self._files: list[Path] = []
        self._next = 0

    def open(self) -> StreamFacts:
        """List the folder. Raises StreamError where there is no picture in it."""
        try:
            files = [f for f in self._folder.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES]
        except OSError as error:
            raise StreamError(f"{self._folder}: {error.strerror}") from None
        if not files:
            kinds = ", ".join(PICTURE_SUFFIXES)
            raise StreamError(f"{self._folder}: there are no pictures in it ({kinds})")
        self._files, self._next = sorted(files, key=_numbers_in_order), 0
        first = next((p for p in map(_read_picture, self._files) if p is not None), None)
        if first is None:
            raise StreamError(f"{self._folder}: none of its {len(files)} pictures can be read")
        kind = self._files[0].suffix.lstrip(".").lower()
        length_s = len(files) / self._fps
        return StreamFacts(kind, first.shape[1], first.shape[0], self._fps, length_s)

    def read(self) -> Shot | None:
        """The next picture; None after the last."""
        if self._next >= len(self._files):
            return None
        file, number = self._files[self._next], self._next
        self._next += 1
        picture = _read_picture(file)
        stamp_ns = round(number / self._fps * 1e9)
        received_ns = time.time_ns()
        if picture is None:
            return Shot(received_ns, stamp_ns, broken=f"{file.name} is no picture")
        return Shot(received_ns, stamp_ns, picture=ArrayPicture(picture))

    def hurry(self, behind: bool) -> None:
        """Nothing to gain: each picture stands for itself."""

    def close(self) -> None:
        """Nothing is held open."""


@dataclass(frozen=True, slots=True, eq=False)
class ArrayPicture:
    """A picture that is an array already."""

    array: Picture

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self.array.shape[1], self.array.shape[0]

    def rgb(self, size_px: tuple[int, int]) -> Picture:
        """The picture at `size_px`."""
        if size_px == self.size_px:
            return self.array
        return cv2.resize(self.array, size_px, interpolation=cv2.INTER_AREA).astype(
            np.uint8, copy=False
        )


@dataclass(frozen=True, slots=True, eq=False)
class _AvPicture:
    """A frame as FFmpeg decoded it; scaled and coloured in one go."""

    frame: Any

    @property
    def size_px(self) -> tuple[int, int]:
        return self.frame.width, self.frame.height

    def rgb(self, size_px: tuple[int, int]) -> Picture:
        width, height = size_px
        picture: Picture = self.frame.reformat(
            width=width, height=height, format="rgb24", interpolation="AREA"
        ).to_ndarray()
        return picture


def without_login(text: str) -> str:
    """`text` with the login of every URL in it taken out.

    >>> without_login("rtsp://admin:hunter2@10.0.0.7/1: refused")
    'rtsp://10.0.0.7/1: refused'
    """
    return _LOGIN.sub("//", text)


def usb_options(size_px: tuple[int, int] | None, fps: float | None) -> Mapping[str, str]:
    """How to ask a USB camera for a size and a rate."""
    options = {}
    if size_px is not None:
        options["video_size"] = f"{size_px[0]}x{size_px[1]}"
    if fps is not None:
        options["framerate"] = f"{fps:g}"
    return options


def _reason(error: BaseException) -> str:
    """An error in words that hold no URL."""
    said = getattr(error, "strerror", None) or type(error).__name__
    text = f"{type(error).__name__} {said}"
    for word, meaning in _WORDS:
        if word.lower() in text.lower():
            return meaning
    return without_login(str(said))


def _wall_clock_ns(packet: Any) -> int | None:
    """The camera's own time of day of a packet, from its RTCP sender reports, where it has them."""
    if not packet.has_sidedata("prft"):
        return None
    raw = bytes(packet.get_sidedata("prft"))
    return int(_WALL_CLOCK.unpack_from(raw)[0]) * 1000 if len(raw) >= _WALL_CLOCK.size else None


def _read_picture(file: Path) -> Picture | None:
    try:
        raw = np.frombuffer(file.read_bytes(), dtype=np.uint8)
    except OSError:
        return None
    if not raw.size:
        return None
    try:
        bgr = cv2.imdecode(raw, cv2.IMREAD_COLOR)
    except cv2.error:  # such as one of more pixels than OpenCV takes
        return None
    return (
        None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    )


def _numbers_in_order(file: Path) -> tuple[object, ...]:
    """Names by their numbers: frame2 before frame10."""
    parts = re.split(r"(\d+)", file.name)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
