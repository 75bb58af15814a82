"""The process that reads one camera: `python -m service.camera_process`, orders on standard input.

A camera has a process of its own so that a stream that crashes or hangs the decoder, which is
native code fed by a stranger, costs that camera's pictures for a moment and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from service.frame_ring import FrameRing
from service.kept_process import Orders
from vision.live_source import LiveSource, SourceRules
from vision.source import SourceStatus
from vision.stream import Address, AvStream, FolderStream, Stream

STATUS_PERIOD_S = 0.2
LEAVE_WITHIN_S = 3.0
LARGEST_PX = 3840 * 2160  # of a camera whose size is not known beforehand


@dataclass(frozen=True, slots=True)
class Pictures:
    """A folder of pictures to be shown one after the other."""

    folder: str
    fps: float


@dataclass(frozen=True, slots=True)
class SceneView:
    """One camera's view of a simulated scene."""

    scene: str
    seed: int


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """Where a camera's pictures come from (just one of the three) and what is wanted of them."""

    camera: str
    rules: SourceRules
    address: Address | None = None
    pictures: Pictures | None = None
    scene: SceneView | None = None
    stalled_after_s: float = 2.0

    @property
    def max_bytes(self) -> int:
        """The most that a picture of it can take."""
        size = self.rules.size_px
        return (LARGEST_PX if size is None else size[0] * size[1]) * 3


class ReadingOrders(msgspec.Struct, frozen=True):
    """What the process is told: the plan, and where its ring is."""

    plan: CameraPlan
    fd: int


def stream_maker(plan: CameraPlan) -> Callable[[], Stream]:
    """What makes a camera's connections. Raises ValueError where the plan names no source."""
    if plan.address is not None:
        address = plan.address
        return lambda: AvStream(address)
    if plan.pictures is not None:
        pictures = plan.pictures
        return lambda: FolderStream(Path(pictures.folder), pictures.fps)
    if plan.scene is not None:
        scene = plan.scene

        def open_scene() -> Stream:
            from service.scene_stream import SceneStream  # noqa: PLC0415  (brings the renderer)

            return SceneStream(Path(scene.scene), scene.seed, plan.camera)

        return open_scene
    raise ValueError(f"camera {plan.camera}: no source")


def source_of(plan: CameraPlan) -> LiveSource:
    """A camera as a `FrameSource` in this process."""
    return LiveSource(plan.camera, stream_maker(plan), plan.rules)


def main() -> None:
    """Read the camera until the owner lets go."""
    orders = Orders()
    told = msgspec.json.decode(orders.read(), type=ReadingOrders)
    ring = FrameRing(told.plan.max_bytes, told.fd)
    source = source_of(told.plan)
    over = threading.Event()

    def tell() -> None:
        while not over.wait(STATUS_PERIOD_S):
            ring.put_status(_short(source.status))

    def leave() -> None:
        orders.stop.wait()
        source.close()
        over.wait(LEAVE_WITHIN_S)
        os._exit(0)  # it hangs in native code, or is busy opening: nothing of it is worth saving

    ring.put_status(source.status)
    teller = threading.Thread(target=tell, name="status", daemon=True)
    teller.start()
    threading.Thread(target=leave, name="leave", daemon=True).start()
    with contextlib.closing(source):
        for frame in source.frames():
            if not ring.put(frame):
                source.status.counts.refused += 1
        if not orders.stop.is_set():  # a recording has ended: say so for as long as one listens
            orders.stop.wait()
    over.set()
    teller.join()


def _short(status: SourceStatus) -> SourceStatus:
    status.reason, status.note = status.reason[:500], status.note[:500]
    return status


if __name__ == "__main__":
    main()
