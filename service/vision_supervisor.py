"""Keeps the vision workers of a store running, and says so where one is not.

A worker that ends is started again with ever longer waits; one that has stopped turning is ended
first. Meanwhile its cameras are reported as down, by us in its stead.
"""

from __future__ import annotations

import mmap
import os
import random
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import structlog

from service.bus import BrokerAddress
from service.camera_health import CameraTeller
from service.camera_process import CameraPlan
from service.kept_process import KeptProcess
from service.previews import PreviewReader
from service.publisher import Publisher, PublisherError
from service.vision_worker import WEIGHTS, WorkerOrders, beats_of, new_beat_file
from vision.backoff import Backoff
from vision.source import SourceStatus

log = structlog.get_logger(__name__)

RECORDINGS_BEGIN_S = 5.0  # after the start: until then every camera's process is up
POLL_S = 0.1
HUNG_AFTER_S = 20.0
START_WITHIN_S = 120.0
_LONGEST_WAIT_S = 15.0


@dataclass(slots=True)
class _Worker:
    device: str
    cameras: list[str]
    process: KeptProcess
    beat_memory: mmap.mmap
    fd: int
    beats: int = 0
    beat_s: float = 0.0
    fresh: bool = True  # it has not turned once since its start
    mourned: int = 0  # which of its starts has been reported as ended


class VisionSupervisor:
    """Runs one worker for each group of cameras; a context manager.

    `previews` is the stem of the segments' names of the workers' previews, one for each group;
    `landmarks` is the folder that keeps what each camera's background looks like.
    """

    def __init__(
        self,
        store_id: str,
        store_text: str,
        groups: Sequence[Sequence[CameraPlan]],
        address: BrokerAddress,
        *,
        previews: str | None = None,
        weights: Path = WEIGHTS,
        landmarks: Path | None = None,
    ) -> None:
        boot = secrets.token_hex(4)
        self._teller = CameraTeller(boot)
        self._publisher = Publisher(address, store_id, name="vision-supervisor")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="vision", daemon=True)
        self._workers = []
        for number, plans in enumerate(groups, 1):
            device = f"vision-{number}"
            fd, memory = new_beat_file()
            orders = WorkerOrders(
                device=device,
                store_text=store_text,
                plans=list(plans),
                host=address.host,
                port=address.port,
                username=address.username,
                password=address.password,
                ca_file=None if address.ca_file is None else str(address.ca_file),
                previews=None if previews is None else f"{previews}-{number}",
                weights=str(weights),
                beat_fd=fd,
                landmarks=None if landmarks is None else str(landmarks),
            )
            backoff = Backoff(random.Random(), longest_s=_LONGEST_WAIT_S)
            process = KeptProcess(
                "service.vision_worker", msgspec.json.encode(orders), backoff, (fd,)
            )
            cameras = [plan.camera for plan in plans]
            self._workers.append(_Worker(device, cameras, process, memory, fd))

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
        for worker in self._workers:
            worker.process.leave()
        for worker in self._workers:
            worker.process.stop()
            worker.beat_memory.close()
            os.close(worker.fd)
        self._publisher.close()

    @property
    def pids(self) -> dict[str, int | None]:
        """The process of each worker, None while it has none."""
        return {worker.device: worker.process.pid for worker in self._workers}

    def _watch(self) -> None:
        while True:
            for worker in self._workers:
                self._tend(worker)
            if self._stop.wait(POLL_S):
                return

    def _tend(self, worker: _Worker) -> None:
        process = worker.process
        if process.poll():
            worker.beats, worker.beat_s = beats_of(worker.beat_memory), time.monotonic()
            log.info("vision worker started", worker=worker.device, pid=process.pid)
            worker.fresh = True
            return
        if process.pid is None:
            if worker.mourned != process.starts:
                worker.mourned = process.starts
                self._report_down(worker)
            return
        beats = beats_of(worker.beat_memory)
        if beats != worker.beats:
            worker.beats, worker.beat_s = beats, time.monotonic()
            worker.fresh = False
        patience_s = START_WITHIN_S if worker.fresh else HUNG_AFTER_S
        if time.monotonic() - worker.beat_s > patience_s:
            log.error("vision worker hangs", worker=worker.device, pid=process.pid)
            process.kill()

    def _report_down(self, worker: _Worker) -> None:
        reason = f"vision worker {worker.device} {worker.process.ending}"
        log.error("vision worker ended", worker=worker.device, reason=worker.process.ending)
        for camera in worker.cameras:
            report = self._teller.report(time.time_ns(), camera, "down", reason, SourceStatus())
            try:
                self._publisher.publish("health", report, timeout_s=0.0)
            except PublisherError as error:
                log.warning("a camera's health is lost", camera=camera, reason=str(error))


def grouped(plans: Sequence[CameraPlan], groups: Sequence[Sequence[str]]) -> list[list[CameraPlan]]:
    """The plans of each group of camera ids."""
    by_camera = {plan.camera: plan for plan in plans}
    return [[by_camera[camera] for camera in group] for group in groups]


class JoinedPreviews:
    """The previews of several workers as one."""

    def __init__(self, previews: str, groups: Sequence[Sequence[str]]) -> None:
        self._readers = [
            PreviewReader(f"{previews}-{number}", cameras)
            for number, cameras in enumerate(groups, 1)
        ]
        self._of = {c: reader for reader in self._readers for c in reader.cameras}

    @property
    def cameras(self) -> tuple[str, ...]:
        """Whose pictures it may have."""
        return tuple(self._of)

    def get(self, camera_id: str) -> tuple[int, bytes] | None:
        """The newest picture of a camera and its version."""
        return self._of[camera_id].get(camera_id)

    def close(self) -> None:
        """Let go of all."""
        for reader in self._readers:
            reader.close()
