"""A pipeline and a page's state that are fed together, as in a running store."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cart.events import Event
from service.live import LiveState
from service.pipeline import Pipeline
from service.records import Entry
from service.replay_reel import Reel

Told = Callable[[int, list[Event]], None]


@dataclass(frozen=True, slots=True)
class Kept:
    """The state of a showing after its first `taken` entries."""

    at_ns: int
    taken: int
    body: bytes


class Showing:
    """Feeds `entries` of a reel to a pipeline, and what comes of them to `live`."""

    def __init__(
        self, reel: Reel, entries: Sequence[Entry], live: LiveState, told: Told | None = None
    ) -> None:
        self.taken = 0
        self._reel = reel
        self._entries = entries
        self._live = live
        self._told = told
        self._start(reel.pipeline())

    @classmethod
    def restored(cls, reel: Reel, entries: Sequence[Entry], kept: Kept | None) -> Showing:
        """A showing of its own from a kept state on, or from the beginning."""
        showing = cls(reel, entries, LiveState(reel.store))
        if kept is not None:
            # kept by this process, in its own memory
            pipeline, showing._live = pickle.loads(kept.body)
            showing.taken = kept.taken
            showing._start(pipeline)
        return showing

    def move_to(self, live: LiveState) -> None:
        """Show on `live` from now on; it becomes what was shown so far."""
        live.become(self._live)
        self._live = live
        self._start(self._pipeline)

    def keep(self) -> Kept:
        """The state as it is now."""
        at_ns = self._entries[self.taken - 1].received_ns
        body = pickle.dumps((self._pipeline, self._live), pickle.HIGHEST_PROTOCOL)
        return Kept(at_ns, self.taken, body)

    def forward(self, count: int, deadline_s: float | None = None) -> bool:
        """Feed the entries up to the `count`-th; False where the monotonic deadline came first."""
        seen = False
        while self.taken < count:
            entry = self._entries[self.taken]
            events = self._reel.feed(self._pipeline, entry)
            self.taken += 1
            seen = seen or "/vision/" in entry.topic
            for event in events:
                self._live.apply(event, entry.received_ns)
            if events and self._told is not None:
                self._told(entry.received_ns, events)
            if deadline_s is not None and time.monotonic() > deadline_s:
                break
        if seen:
            for owner in self._pipeline.engine.people.owners():
                self._live.assign(*owner)
        return self.taken >= count

    def _start(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        pipeline.listen(self._live.observe)
