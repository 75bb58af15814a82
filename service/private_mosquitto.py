"""A Mosquitto of our own on a free port of this machine, for benches; gone with its folder."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from service.broker import BrokerError

START_S = 30.0


class PrivateMosquitto:
    """Starts and stops one Mosquitto that lets anyone on this machine in and drops nothing.

    A context manager; `folder` takes its configuration and its store of messages; `more_lines`
    are added to the former, and overrule what is there. Raises
    BrokerError where no Mosquitto is installed, or it does not start.
    """

    def __init__(self, folder: Path, *more_lines: str) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if program is None:
            raise BrokerError(
                "there is no Mosquitto on this machine: install it (Debian: "
                "`apt-get install mosquitto`) and try again"
            )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        configuration = folder / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} 127.0.0.1\n"
            "allow_anonymous true\n"
            "max_queued_messages 0\n"
            "max_inflight_messages 1000\n"
            "persistence true\n"
            f"persistence_location {folder}/\n" + "".join(f"{line}\n" for line in more_lines),
            encoding="utf-8",
        )
        self._log = (folder / "mosquitto.log").open("wb")
        self._process = subprocess.Popen(
            [program, "-c", str(configuration)], stdout=self._log, stderr=self._log
        )
        self._await_listening(folder / "mosquitto.log")

    def cpu_s(self) -> float:
        """The CPU seconds that it used."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def stop(self) -> None:
        """End it; returns when it is gone."""
        self._process.terminate()
        self._process.wait()
        self._log.close()

    def _await_listening(self, log: Path) -> None:
        deadline_s = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                return
            except OSError as error:
                ended = self._process.poll() is not None
                if ended or time.monotonic() > deadline_s:
                    self._process.kill()
                    self._process.wait()
                    self._log.close()
                    said = log.read_text(encoding="utf-8", errors="replace").strip()
                    raise BrokerError(f"Mosquitto does not start: {said or error}") from error
                time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
