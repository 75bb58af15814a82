"""Keeps the cameras that read codes running, a process for each gate, and says where one is not."""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import msgspec
import structlog

from sensors.wire import HealthReport
from service.bus import BrokerAddress
from service.camera_process import CameraPlan
from service.gate_camera import GateOrders
from service.kept_process import KeptProcess
from service.publisher import Publisher, PublisherError
from vision.backoff import Backoff

log = structlog.get_logger(__name__)

POLL_S = 0.1
_LONGEST_WAIT_S = 15.0


@dataclass(slots=True)
class _Kept:
    gate: str
    process: KeptProcess
    mourned: int = 0  # which of its starts has been reported as ended
    said: int = 0


class GateCameras:
    """Runs a camera that reads codes for each plan, called as its gate; a context manager."""

    def __init__(self, store: str, plans: Sequence[CameraPlan], address: BrokerAddress) -> None:
        self._boot = secrets.token_hex(8)
        self._publisher = Publisher(address, store, name="codes")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gates", daemon=True)
        self._kept = []
        for plan in plans:
            orders = GateOrders(
                store=store,
                plan=plan,
                host=address.host,
                port=address.port,
                username=address.username,
                password=address.password,
                ca_file=None if address.ca_file is None else str(address.ca_file),
            )
            backoff = Backoff(random.Random(), longest_s=_LONGEST_WAIT_S)
            process = KeptProcess("service.gate_camera", msgspec.json.encode(orders), backoff)
            self._kept.append(_Kept(plan.camera, process))

    @property
    def pids(self) -> dict[str, int | None]:
        """The process of each gate's camera, None while it has none."""
        return {kept.gate: kept.process.pid for kept in self._kept}

    def __enter__(self) -> Self:
        self._publisher.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        for kept in self._kept:
            kept.process.leave()
        for kept in self._kept:
            kept.process.stop()
        self._publisher.close()

    def _watch(self) -> None:
        while not self._stop.wait(POLL_S):
            for kept in self._kept:
                started = kept.process.poll()
                gone = not started and kept.process.pid is None
                if gone and kept.mourned != kept.process.starts:
                    kept.mourned = kept.process.starts
                    self._report_down(kept)

    def _report_down(self, kept: _Kept) -> None:
        reason = f"the process of the camera that reads its codes {kept.process.ending}"
        log.error("a gate's camera ended", gate=kept.gate, reason=kept.process.ending)
        report = HealthReport(
            device=kept.gate,
            boot=self._boot,
            seq=kept.said,
            at_ns=time.time_ns(),
            up=False,
            reason=reason[:500],
        )
        kept.said += 1
        try:
            self._publisher.publish("health", report, timeout_s=0.0)
        except PublisherError as error:
            log.warning("a gate's health is lost", gate=kept.gate, reason=str(error))
