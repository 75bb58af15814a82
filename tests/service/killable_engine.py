"""An engine process that ends itself by SIGKILL at a chosen moment; run by the fault tests.

Arguments: data directory, store file, file of the code key, broker port, factory
(`module:name`), moment and how often it passes before the end (0: never). It runs until its
standard input closes.
"""

import importlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

from service.bus import BrokerAddress
from service.engine_process import Running, run_engine


def main() -> None:
    data_dir, store_file, key_file, port, factory, moment, count = sys.argv[1:]
    module, name = factory.split(":")
    passed = 0

    def at_moment(reached: str) -> None:
        nonlocal passed
        if reached == moment:
            passed += 1
            if passed == int(count):
                time.sleep(0.2)  # what was said too early shall have left the process
                os.kill(os.getpid(), signal.SIGKILL)

    def stop_with_owner(running: Running) -> None:
        def wait() -> None:
            sys.stdin.buffer.read()
            running.ingest.stop()

        threading.Thread(target=wait, daemon=True).start()

    run_engine(
        Path(data_dir),
        Path(store_file).read_text(encoding="utf-8"),
        Path(key_file).read_text(encoding="utf-8"),
        BrokerAddress(int(port)),
        getattr(importlib.import_module(module), name),
        on_ready=stop_with_owner,
        at_moment=at_moment,
    )


if __name__ == "__main__":
    main()
