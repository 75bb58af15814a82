"""Videos of recordings: one H.264 file per camera beside the MCAP file, and reading them back.

`R.mcap` has `R.<camera>.mp4` beside it. These are fragmented MP4 files: a file that was cut off
plays up to the last whole frame, and browsers play them as they are. The same pictures give the
same bytes. Times are exact: the presentation time is the frame's `at_ns` less that of the
camera's first frame, in microseconds; which frame was taken when stands in the recording's index
(`service.recording.Recording.cameras`). `read_video` iterates (Filmed, picture) from any time on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import msgspec
import numpy as np
import structlog
from av.error import FFmpegError
from av.video.frame import PictureType
from numpy.typing import NDArray

log = structlog.get_logger(__name__)

Picture = NDArray[np.uint8]

KEY_EVERY_NS = 2_000_000_000
_TIME_BASE = Fraction(1, 1_000_000)
_CONTAINER = {
    "movflags": "frag_keyframe+empty_moov+default_base_moof",
    "frag_duration": "500000",  # no more than these microseconds are lost at a cut
    "fflags": "+bitexact",
}
_CODEC = {
    "preset": "veryfast",
    "crf": "23",
    "bf": "0",
    "g": "100000",  # keyframes are asked for by time
    "sc_threshold": "0",
    "rc-lookahead": "10",
    "forced-idr": "1",
    "threads": "1",
}


class VideoError(Exception):
    """A video cannot be written or read at all; the message names it and says why."""


class Filmed(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of a camera's video: when it was taken, its place among the frames (from 0) and
    its presentation time."""

    at_ns: int
    number: int
    pts_us: int


def video_path(recording: Path, camera: str) -> Path:
    """Where the video of a recording's camera lies."""
    return recording.with_name(f"{recording.stem}.{camera}.mp4")


class VideoWriter:
    """Writes one camera's video; pictures are (height_px, width_px, 3) RGB. An odd last
    row or column is doubled: H.264 has even sizes.

    Raises VideoError where the file cannot be written.
    """

    def __init__(self, path: Path, width_px: int, height_px: int, fps: float) -> None:
        self._path = path
        self._first_ns: int | None = None
        self._key_ns = 0
        self._count = 0
        try:
            path.touch()  # the container is opened late, and says less of what is wrong
            self._container = av.open(str(path), "w", format="mp4", options=_CONTAINER)
            rate = Fraction(fps).limit_denominator(1000)
            self._stream = self._container.add_stream("libx264", rate=rate, options=_CODEC)
        except (FFmpegError, OSError) as error:
            raise VideoError(f"{path}: cannot be written: {error}") from error
        self._stream.width, self._stream.height = width_px + width_px % 2, height_px + height_px % 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.time_base = self._stream.time_base = _TIME_BASE

    def add(self, at_ns: int, rgb: Picture) -> Filmed:
        """Append a picture; `at_ns` ascends by whole microseconds."""
        if self._first_ns is None:
            self._first_ns = at_ns
        planes = cv2.cvtColor(_even(rgb), cv2.COLOR_RGB2YUV_I420).astype(np.uint8, copy=False)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts, frame.time_base = (at_ns - self._first_ns) // 1000, _TIME_BASE
        if self._count == 0 or at_ns - self._key_ns >= KEY_EVERY_NS:
            frame.pict_type, self._key_ns = PictureType.I, at_ns
        filmed = Filmed(at_ns=at_ns, number=self._count, pts_us=frame.pts)
        self._count += 1
        self._mux(frame)
        return filmed

    def close(self) -> None:
        """Write what is still to be written."""
        self._mux(None)
        self._container.close()

    def _mux(self, frame: av.VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (FFmpegError, OSError) as error:
            raise VideoError(f"{self._path}: cannot be written: {error}") from error


def read_video(
    path: Path, index: Sequence[Filmed], from_ns: int = 0
) -> Iterator[tuple[Filmed, Picture]]:
    """Frames of the index that were taken at `from_ns` or later, with their pictures (RGB).

    Begins at the keyframe before. Where the file ends early the iteration does too, and a warning
    says how many frames are missing. Raises VideoError where there is no video to read.
    """
    wanted = {filmed.pts_us: filmed for filmed in index if filmed.at_ns >= from_ns}
    if not wanted:
        return
    last_pts = max(wanted)
    found = 0
    why = "it ends there"
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_count = 1
            base = stream.time_base or _TIME_BASE
            start = min(wanted)
            if start > 0:
                container.seek(int(start * _TIME_BASE / base), stream=stream)
            for frame in container.decode(stream):
                pts = round((frame.pts or 0) * base / _TIME_BASE)
                filmed = wanted.get(pts)
                if filmed is not None:
                    found += 1
                    yield filmed, _rgb(frame)
                if pts >= last_pts:
                    break
    except (FFmpegError, OSError, IndexError) as error:
        if not found:
            raise VideoError(f"{path}: cannot be read as a video: {error}") from error
        why = str(error)
    if found < len(wanted):
        log.warning(
            "video ends early", path=str(path), frames=found, missing=len(wanted) - found, why=why
        )


def copy_video(
    path: Path, out: Path, index: Sequence[Filmed], from_ns: int, to_ns: int
) -> list[Filmed]:
    """Copy the frames that were taken in [from_ns, to_ns) to a video of their own, as encoded.

    Returns its index; without such frames it is empty, and there is no video. The video begins at
    the keyframe before, which the index does not name.
    Raises VideoError where there is no video to copy, or none can be written.
    """
    by_pts = {filmed.pts_us: filmed for filmed in index if from_ns <= filmed.at_ns < to_ns}
    if not by_pts:
        return []
    first, last = min(by_pts), max(by_pts)
    copied: list[Filmed] = []
    try:
        with av.open(str(path)) as source:
            stream = source.streams.video[0]
            base = stream.time_base or _TIME_BASE
            if first > 0:
                source.seek(int(first * _TIME_BASE / base), stream=stream)
            with av.open(str(out), "w", format="mp4", options=_CONTAINER) as target:
                track = target.add_stream_from_template(stream)
                track.time_base = base
                begin: int | None = None
                for packet in source.demux(stream):
                    if packet.pts is None:
                        continue
                    source_us = round(packet.pts * base / _TIME_BASE)
                    if source_us > last:
                        break
                    begin = packet.pts if begin is None else begin
                    pts_us = round((packet.pts - begin) * base / _TIME_BASE)
                    packet.pts = packet.dts = packet.pts - begin
                    packet.stream = track
                    target.mux(packet)
                    filmed = by_pts.get(source_us)
                    if filmed is not None:
                        number = len(copied)
                        copied.append(Filmed(at_ns=filmed.at_ns, number=number, pts_us=pts_us))
    except (FFmpegError, OSError, IndexError) as error:
        raise VideoError(f"{path}: cannot be copied to {out}: {error}") from error
    return copied


def _even(rgb: Picture) -> Picture:
    rows, columns = rgb.shape[0] % 2, rgb.shape[1] % 2
    return np.pad(rgb, ((0, rows), (0, columns), (0, 0)), mode="edge") if rows or columns else rgb


def _rgb(frame: av.VideoFrame) -> Picture:
    planes = frame.to_ndarray(format="yuv420p")
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2RGB_I420), dtype=np.uint8)
