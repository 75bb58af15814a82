"""Workers end with the command that started them."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from service.worker_pool import worker_pool

PLAYS_ON = """
import time
from service.worker_pool import worker_pool
if __name__ == "__main__":
    with worker_pool(2) as pool:
        futures = [pool.submit(time.sleep, 120) for _ in range(2)]
        print("busy", flush=True)
        [future.result() for future in futures]
"""


def test_a_pool_works_and_begins_each_process_as_told():
    with worker_pool(2, os.getpid) as pool:
        assert list(pool.map(abs, (-1, -2, -3))) == [1, 2, 3]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells that a parent has died")
@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGKILL])
def test_workers_do_not_outlive_a_command_that_is_killed(tmp_path, ended_by):
    script = tmp_path / "plays_on.py"
    script.write_text(PLAYS_ON, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        assert command.stdout.readline() == b"busy\n"
        deadline = time.monotonic() + 30
        parent = psutil.Process(command.pid)
        while len(workers := _workers(parent)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(workers) == 2
        command.send_signal(ended_by)
        command.wait(10)
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive


def _workers(parent):
    return [one for one in parent.children() if "spawn_main" in " ".join(one.cmdline())]
