"""Pools of worker processes that end with the command that started them, however it ends.

A command that is ended by SIGTERM or SIGKILL runs no `finally`; its workers would play on for
minutes. Linux tells a process when its parent dies (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

_PR_SET_PDEATHSIG = 1


def worker_pool(jobs: int, begin: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """A pool of `jobs` fresh processes, each of which calls `begin` first."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, _begin, (os.getpid(), begin))


def _begin(parent: int, begin: Callable[[], None] | None) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has died already
        os._exit(1)
    if begin is not None:
        begin()
