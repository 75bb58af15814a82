"""A recording billed at a pace: what happens is told when its time has come."""

from __future__ import annotations

import time
from collections.abc import Iterator

from cart.events import Event
from service.replay_reel import Reel

LEAST_WAIT_S = 0.01


def paced(reel: Reel, speed: float | None, from_s: float) -> Iterator[tuple[float, list[Event]]]:
    """Each entry's second and events; from `from_s` on `speed` seconds pass in one.

    Everything before, and all of it where `speed` is None, comes as fast as possible.
    """
    pipeline = reel.pipeline()
    began_s: float | None = None
    for entry in reel.entries:
        at_s = reel.seconds(entry.received_ns)
        if speed is not None and at_s >= from_s:
            if began_s is None:
                began_s = time.monotonic() - at_s / speed
            ahead_s = began_s + at_s / speed - time.monotonic()
            if ahead_s > LEAST_WAIT_S:
                time.sleep(ahead_s)
        yield at_s, reel.feed(pipeline, entry)
