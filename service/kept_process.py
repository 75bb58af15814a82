"""A child process that is kept running: started, watched, started again with ever longer waits.

The child reads its orders as one JSON line from its standard input and lives until that closes,
so it ends with its owner, however that one ends. Orders never stand on a command line, where
others could read a password.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from vision.backoff import Backoff

_STOP_WITHIN_S = 5.0


class KeptProcess:
    """Runs `python -m MODULE` on `orders`; call `poll` often."""

    def __init__(
        self, module: str, orders: bytes, backoff: Backoff, pass_fds: Sequence[int] = ()
    ) -> None:
        self._module = module
        self._orders = orders
        self._backoff = backoff
        self._pass_fds = tuple(pass_fds)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._start_at_s = 0.0
        self.starts = 0
        self.ending = ""

    @property
    def pid(self) -> int | None:
        """The child's id while it runs."""
        return None if self._process is None else self._process.pid

    @property
    def running_s(self) -> float:
        """For how long it has been running; 0 where it is not."""
        return 0.0 if self._process is None else time.monotonic() - self._started_s

    def poll(self) -> bool:
        """Start the child where it is time to; whether one was started just now.

        `ending` tells how the last one ended while there is none.
        """
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return False
            self._let_go()
            wait_s = self._backoff.wait_s(time.monotonic() - self._started_s)
            self._start_at_s = time.monotonic() + wait_s
            self.ending = f"ended {_how(status)}; starting again in {wait_s:.1f} s"
        if time.monotonic() < self._start_at_s:
            return False
        self._start()
        return True

    def kill(self) -> None:
        """End a child that does nothing any more; `poll` starts another."""
        if self._process is not None:
            self._process.kill()

    def leave(self) -> None:
        """Tell the child to finish, without waiting: `stop` waits. Of several, tell all first."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def stop(self) -> None:
        """Let the child finish; end it where it does not."""
        process = self._process
        if process is None:
            return
        self.leave()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            stdin=subprocess.PIPE,
            pass_fds=self._pass_fds,
        )
        self._started_s = time.monotonic()
        self.starts += 1
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it died at once: the next poll sees it
            self._process.stdin.write(self._orders + b"\n")
            self._process.stdin.flush()

    def _let_go(self) -> None:
        self.leave()
        self._process = None


class Orders:
    """The child's side: `read` the line, and `stop` is set when the owner lets go or is gone."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the owner, who lets go
        signal.signal(signal.SIGTERM, lambda *_: self.stop.set())

    def read(self) -> bytes:
        """The orders; from now on the end of standard input sets `stop`."""
        line = sys.stdin.buffer.readline()
        threading.Thread(target=self._wait_for_owner, name="owner", daemon=True).start()
        return line

    def _wait_for_owner(self) -> None:
        sys.stdin.buffer.read()
        self.stop.set()


def _how(status: int) -> str:
    if status >= 0:
        return f"with status {status}"
    with contextlib.suppress(ValueError):
        return f"by signal {signal.Signals(-status).name}"
    return f"by signal {-status}"
