"""The embedded MQTT broker: amqtt in a process of its own, for the demo and for development.

`EmbeddedBroker` owns that process; `python -m service.broker` is the process itself. It speaks
MQTT 3.1.1, lets anonymous clients in on the loopback address only, and keeps everything in
memory: nothing for an absent subscriber and nothing over a restart. What must not be lost is
kept by our publishers until the engine's journal confirms it. With a folder of logins, made by
`openaisle devices`, it asks for passwords and keeps each device to its own topics. A real store
runs Mosquitto.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import structlog

from service.mosquitto_files import REGISTER

log = structlog.get_logger(__name__)


class BrokerError(Exception):
    """The broker cannot be started, or did not become ready in time."""


def check_bind(host: str, access: Path | None) -> None:
    """Raises BrokerError where anonymous clients could reach the broker from other machines."""
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback and access is None:
        raise BrokerError(
            f"the broker would listen on {host} for anyone: give it the folder of logins that "
            "`openaisle devices add` makes, or bind it to 127.0.0.1"
        )
    if access is not None and not (access / REGISTER).is_file():
        raise BrokerError(f"{access}: is no folder of logins: `openaisle devices add` makes one")


class EmbeddedBroker:
    """Starts, watches and stops one broker process; a context manager.

    `port` 0 takes a free one; it is known once `start` returned, and kept over restarts.
    `access` is a folder of logins; without one anybody on this machine may say anything.
    `on_death` is called from a watching thread with the exit status when the process ends
    without `stop`. The process ends with its owner, however that one ends.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        access: Path | None = None,
        on_death: Callable[[int], None] | None = None,
    ) -> None:
        check_bind(host, access)
        self.host = host
        self.port = port
        self._access = access
        self._on_death = on_death
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process's id while there is one."""
        return None if self._process is None else self._process.pid

    def start(self, timeout_s: float = 60.0) -> None:
        """Start the process and wait until it listens, else raise BrokerError."""
        if self.alive:
            raise BrokerError("the broker runs already")
        command = [sys.executable, "-m", "service.broker", "--host", self.host]
        command += ["--port", str(self.port), "--until-stdin-closes"]
        if self._access is not None:
            command += ["--access", str(self._access)]
        self._stopping = False
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._process = process
        try:
            self.port = _read_port(process, timeout_s)
        except BrokerError:
            self.stop()
            raise
        threading.Thread(target=self._watch, args=(process,), daemon=True).start()
        log.info("broker ready", host=self.host, port=self.port, pid=process.pid)

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the process; returns when it is gone."""
        self._stopping = True
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._process = None

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        status = process.wait()
        if self._stopping:
            return
        log.error("broker died", port=self.port, status=status)
        if self._on_death is not None:
            self._on_death(status)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _read_port(process: subprocess.Popen[bytes], timeout_s: float) -> int:
    """The port from the line that the process prints when it listens."""
    lines: list[bytes] = []

    def read_line() -> None:
        if process.stdout is not None:
            lines.append(process.stdout.readline())

    reader = threading.Thread(target=read_line, daemon=True)
    reader.start()
    reader.join(timeout_s)
    if not lines:
        process.kill()
        reader.join()
        raise BrokerError(f"the broker process was not ready within {timeout_s:g} s")
    try:
        return int(json.loads(lines[0])["port"])
    except (ValueError, KeyError, TypeError) as error:
        raise BrokerError("the broker process ended before it was ready") from error


async def _serve(host: str, port: int, access: Path | None, stop: asyncio.Event) -> None:
    from amqtt.broker import Broker  # noqa: PLC0415  (only the broker's own process needs it)
    from amqtt.errors import BrokerError as AmqttBrokerError  # noqa: PLC0415

    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    config: dict[str, Any] = {"listeners": {"default": {"type": "tcp", "bind": bind}}}
    if access is None:
        anyone = "amqtt.plugins.authentication.AnonymousAuthPlugin"
        broker = Broker({**config, "plugins": {anyone: {"allow_anonymous": True}}})
    else:
        from service.broker_access import plugins  # noqa: PLC0415  (bring amqtt)
        from service.broker_guarded import GuardedBroker  # noqa: PLC0415

        broker = GuardedBroker({**config, "plugins": plugins(access)}, access)
    try:
        await broker.start()
    except AmqttBrokerError as error:
        raise BrokerError(f"cannot listen on {bind}: {error}") from error
    server = broker._servers["default"].instance
    listening = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps({"host": host, "port": listening}) + "\n")
    sys.stdout.flush()
    await stop.wait()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(broker.shutdown(), timeout=3.0)


async def _run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    if options.until_stdin_closes:

        def wait_for_owner() -> None:
            sys.stdin.buffer.read()
            loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=wait_for_owner, daemon=True).start()
    await _serve(options.host, options.port, options.access, stop)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a broker in this process until it is told to stop; one JSON line says where."""
    parser = argparse.ArgumentParser(prog="python -m service.broker", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--access", type=Path)
    parser.add_argument("--until-stdin-closes", action="store_true")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr)
    try:
        check_bind(options.host, options.access)
        asyncio.run(_run(options))
    except BrokerError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
