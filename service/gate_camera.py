"""A camera that reads entry codes for a gate: pictures in, codes on the bus out.

`GateCamera` looks at the pictures of one camera and publishes each code once for each showing;
`python -m service.gate_camera` is its process, with its orders on standard input. What a code is
worth is for the engine to say. Pictures never leave the process.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import structlog

from sensors.wire import CodeShown, Payload
from service.bus import BrokerAddress
from service.camera_health import CameraTeller
from service.camera_process import CameraPlan, source_of
from service.kept_process import Orders
from service.publisher import Publisher, PublisherError
from vision.codes import CodeReader, Showings
from vision.source import Frame, FrameSource

log = structlog.get_logger(__name__)

TELL_S = 0.5
LONGEST_CODE = 2048  # characters, as the bus takes them
_OLD_NS = 500_000_000


class GateOrders(msgspec.Struct, frozen=True):
    """What the process is told; the plan's camera is the gate's id."""

    store: str
    plan: CameraPlan
    host: str
    port: int
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None


class GateCamera:
    """Reads the codes that are held before one camera; see the module's page.

    `publish` takes a kind of topic and a payload. The codes are one boot of the gate's device, the
    camera's health another, so that a light barrier of the same gate may have its own.
    """

    def __init__(
        self,
        gate: str,
        source: FrameSource,
        publish: Callable[[str, Payload], None],
        stalled_after_s: float,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._gate = gate
        self._source = source
        self._publish = publish
        self._stalled_after_s = stalled_after_s
        self._clock_ns = clock_ns
        self._reader = CodeReader()
        self._showings = Showings()
        self._teller = CameraTeller(secrets.token_hex(8))
        self._boot = secrets.token_hex(8)
        self._seq = 0

    def run(self) -> None:
        """Look at every picture until the source ends."""
        for frame in self._source.frames():
            self._look(frame)

    def tell(self) -> None:
        """Say how the camera fares, if it is time to; from any thread, but one at a time."""
        now_ns, status = self._clock_ns(), self._source.status
        state, reason = status.health(now_ns, self._stalled_after_s)
        why = f"the camera that reads its codes: {reason or state}"
        report = self._teller.tell(now_ns, self._gate, state, "" if state == "up" else why, status)
        if report is not None:  # the gate is spoken of, which is no camera of the store
            self._publish("health", msgspec.structs.replace(report, camera=msgspec.UNSET))

    def _look(self, frame: Frame) -> None:
        text = self._reader.look(frame.rgb)
        if text is None or not self._showings.begins(frame.at_ns, text):
            return
        now_ns = self._clock_ns()
        at_ns = frame.at_ns if 0 <= now_ns - frame.at_ns < _OLD_NS else now_ns
        shown = CodeShown(
            device=self._gate,
            boot=self._boot,
            seq=self._seq,
            at_ns=at_ns,
            code=text[:LONGEST_CODE],
        )
        self._seq += 1
        self._publish("gate", shown)
        log.info("a code was shown", gate=self._gate)


def main() -> None:
    """Read codes until the owner lets go."""
    orders = Orders()
    told = msgspec.json.decode(orders.read(), type=GateOrders)
    cv2.setNumThreads(1)
    address = BrokerAddress(
        told.port,
        told.host,
        told.username,
        told.password,
        None if told.ca_file is None else Path(told.ca_file),
    )
    gate, source = told.plan.camera, source_of(told.plan)
    over = threading.Event()
    with contextlib.closing(source), Publisher(address, told.store, name=f"codes-{gate}") as out:

        def publish(kind: str, payload: Payload) -> None:
            try:
                out.publish(kind, payload, timeout_s=0.0)
            except PublisherError as error:  # the broker has been away for very long
                log.warning("a message is lost", device=payload.device, reason=str(error))

        camera = GateCamera(gate, source, publish, told.plan.stalled_after_s)

        def tell() -> None:
            while not over.wait(TELL_S):
                camera.tell()

        def leave() -> None:
            orders.stop.wait()
            source.close()

        teller = threading.Thread(target=tell, name="health", daemon=True)
        teller.start()
        threading.Thread(target=leave, name="leave", daemon=True).start()
        camera.run()
        orders.stop.wait()  # a recording that has ended: say so for as long as one listens
        over.set()
        teller.join()


if __name__ == "__main__":
    main()
