"""What every camera gives, whatever it is: frames that know their age, counts, and a state.

A `FrameSource` is a video file, a folder of pictures, a USB camera, an RTSP stream or a simulated
camera; who takes its frames cannot tell which. Nothing here reads a clock: callers say when it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from vision.frame import Picture

State = Literal["opening", "up", "stalled", "frozen", "wrong_size", "moved", "covered", "down"]
STALLED_AFTER_S = 2.0


class SourceError(Exception):
    """A camera cannot be used as it is configured; the message names it and says why."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a camera.

    `number` counts the frames that the source handed on, from 0; `at_ns` is when the picture was
    taken and `received_ns` when it reached this machine, both in nanoseconds since 1970 UTC by
    this machine's clock; `rgb` is (H, W, 3) uint8.
    """

    camera: str
    number: int
    at_ns: int
    received_ns: int
    rgb: Picture

    def age_ns(self, now_ns: int) -> int:
        """How long ago it was taken."""
        return now_ns - self.at_ns


@dataclass(slots=True)
class Counts:
    """What became of a camera's frames since the source was made.

    `frames` were handed on, `thinned` left out because the camera is faster than asked for,
    `dropped` overtaken by a newer one before anybody looked, `late` too old when they could be
    read, `broken` not to be decoded, `scaled` brought to the calibrated size, `refused` of a size
    that cannot be. `opened` is how often the camera was reached, `failed` how often it was not.
    """

    frames: int = 0
    thinned: int = 0
    dropped: int = 0
    late: int = 0
    broken: int = 0
    scaled: int = 0
    refused: int = 0
    opened: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What a camera says of its stream when it is opened; `fps` 0 where it does not say.

    `length_s` is how long a recording lasts, 0 where that is unknown or it is none.
    """

    codec: str
    width_px: int
    height_px: int
    fps: float = 0.0
    length_s: float = 0.0


@dataclass(slots=True)
class SourceStatus:
    """How a source fares; the source writes it, anybody reads it.

    `state` is what the source itself noticed; `health` adds what only silence shows. `note` is
    something worth saying of a camera that is up.
    """

    state: State = "opening"
    reason: str = ""
    note: str = ""
    counts: Counts = field(default_factory=Counts)
    facts: StreamFacts | None = None
    fps: float = 0.0
    last_at_ns: int = 0
    last_received_ns: int = 0

    def health(self, now_ns: int, stalled_after_s: float = STALLED_AFTER_S) -> tuple[State, str]:
        """The state at `now_ns` and the reason where it is not up."""
        silent_s = (now_ns - self.last_received_ns) / 1e9
        if self.state == "up" and self.last_received_ns and silent_s > stalled_after_s:
            return "stalled", f"no new picture for {silent_s:.0f} s"
        return self.state, self.reason


class FrameSource(Protocol):
    """One camera as whoever takes its frames sees it."""

    @property
    def camera(self) -> str:
        """Its name in the store file."""

    @property
    def status(self) -> SourceStatus:
        """How it fares, with the counts."""

    def frames(self) -> Iterator[Frame]:
        """The frames as they come, newest wins; ends with a recording, or after `close`."""

    def close(self) -> None:
        """Make `frames` end soon; from any thread."""
