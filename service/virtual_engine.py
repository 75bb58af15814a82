"""The engine process of a scene that is billed over a broker: `python -m service.virtual_engine`.

Arguments: data directory, store file, file of the code key, broker port, file of the turns. It
ends by itself when every message has had its turn, or when its standard input closes.
"""

from __future__ import annotations

import os
import sys
import threading
from functools import partial
from pathlib import Path

from service.bus import BrokerAddress
from service.engine_process import Running, run_engine
from service.pipeline import Pipeline
from service.virtual_ingest import VirtualIngest, read_turns


def main() -> None:
    """Run the engine to its end."""
    data_dir, store_file, key_file, port, turns_file = sys.argv[1:]

    def end_with_owner(running: Running) -> None:
        def wait() -> None:
            os.read(sys.stdin.fileno(), 1)  # nobody writes: it returns when the owner is gone
            running.ingest.stop()

        threading.Thread(target=wait, daemon=True).start()

    run_engine(
        Path(data_dir),
        Path(store_file).read_text(encoding="utf-8"),
        Path(key_file).read_text(encoding="utf-8"),
        BrokerAddress(int(port)),
        Pipeline,
        on_ready=end_with_owner,
        ingest_of=partial(VirtualIngest, read_turns(Path(turns_file))),
    )


if __name__ == "__main__":
    main()
