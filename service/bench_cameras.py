"""What a camera costs before its pictures are looked at: decoding, judging, handing over, taking.

Figures are CPU seconds of this process, so other load on the machine does not count. The video is
made on the spot: a textured view with sensor noise that moves a little, as H.264 of a usual rate.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import msgspec
import numpy as np

from service.frame_ring import FrameRing
from vision.instants import Instants
from vision.live_source import LiveSource, SourceRules
from vision.stream import Address, AvStream

SIZES = ((640, 480), (1280, 960), (1920, 1080))
_FPS = 10
_CAMERAS = 4


class CameraCost(msgspec.Struct, frozen=True):
    """CPU milliseconds a frame: to decode, date, judge and colour it, to write it to the ring, and
    to choose and take it as one of four cameras' at an instant."""

    width_px: int
    height_px: int
    frames: int
    decode_ms: float
    put_ms: float
    take_ms: float

    @property
    def total_ms(self) -> float:
        """All of it."""
        return self.decode_ms + self.put_ms + self.take_ms


def bench_cameras(frames: int, tell: Callable[[str], None]) -> list[CameraCost]:
    """Measure the cost at each size over so many frames."""
    costs = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            tell(f"{size[0]}×{size[1]}")
            path = Path(folder) / f"{size[0]}.mp4"
            _film(path, size, frames)
            costs.append(_cost(path, size))
    return costs


def _cost(path: Path, size: tuple[int, int]) -> CameraCost:
    address = Address(str(path), recorded=True)
    rules = SourceRules(size_px=size, real_time=False, start_ns=10**18)
    source = LiveSource("cam", lambda: AvStream(address), rules)
    ring = FrameRing(size[0] * size[1] * 3)
    instants: Instants = Instants(10**9 // _FPS)
    decoding = putting = taking = 0.0
    count, taken = 0, -1
    began_s = time.process_time()
    for frame in source.frames():
        decoded_s = time.process_time()
        ring.put(frame)
        put_s = time.process_time()
        waiting = {
            f"cam{n}": [h for h in ring.heads() if h.number > taken] for n in range(_CAMERAS)
        }
        found = instants.next(frame.at_ns, waiting, waiting)
        if found is not None:
            for head in found.frames.values():
                ring.take(head)
                taken = head.number
        done_s = time.process_time()
        decoding += decoded_s - began_s
        putting += put_s - decoded_s
        taking += done_s - put_s
        count += 1
        began_s = time.process_time()
    ring.close()
    each = 1000.0 / max(count, 1)
    return CameraCost(*size, count, decoding * each, putting * each, taking * each / _CAMERAS)


def _film(path: Path, size: tuple[int, int], frames: int) -> None:
    rng = np.random.default_rng(0)
    width, height = size
    view = rng.integers(30, 220, (height // 8, width // 8, 3), dtype=np.uint8)
    view = view.repeat(8, 0).repeat(8, 1)[:height, :width]
    grain = rng.integers(-4, 5, (height + 64, width + 64, 1))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_FPS, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.gop_size = 2 * _FPS
        for number in range(frames):
            x, y = rng.integers(0, 64, 2)
            noisy = view.astype(np.int16) + grain[y : y + height, x : x + width]
            box = 10 + number * 5 % (width // 2)
            noisy[height // 3 :, box : box + width // 8] = 90
            picture = np.clip(noisy, 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
