"""What a recording holds: every happening with its moment, and states to begin from."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from cart import events
from cart.events import Event
from sensors.store import Store
from service.live import LiveState
from service.records import Entry
from service.replay_errors import departures
from service.replay_reel import Reel
from service.replay_showing import Kept, Showing
from service.web.sentences import display_name, sentence

KEEP_EVERY_NS = 10_000_000_000
MOST_KEPT = 256
SHOW_EVERY = 2000  # entries between two tellings of what was found so far

Kind = Literal["door", "pick", "review", "alert", "error"]
_KINDS: dict[type[Event], Kind] = {
    events.Entered: "door",
    events.Exited: "door",
    events.Picked: "pick",
    events.PutBack: "pick",
    events.HandedOver: "pick",
    events.Revised: "pick",
    events.ReviewRequested: "review",
    events.ReviewClosed: "review",
    events.BillChecked: "review",
    events.Alerted: "alert",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment worth seeing: when the page shows it, or for an error, when it came about."""

    at_ns: int
    kind: Kind
    text: str


class Telling:
    """Says events in words, knowing who came in before; fed all of them in order."""

    def __init__(self, store: Store) -> None:
        self._shoppers: dict[str, str] = {}
        self._names = {p.gtin: p.name for p in store.products}

    def words(self, event: Event) -> str | None:
        """A sentence, or None for what another event has told."""
        if isinstance(event, events.Entered):
            self._shoppers[event.visit] = event.shopper
        if isinstance(event, events.StockMoved):
            return None
        return sentence(event, self._shopper, self._product)

    def _shopper(self, visit: str) -> str:
        return display_name(self._shoppers.get(visit, visit))

    def _product(self, gtin: str) -> str:
        return self._names.get(gtin, gtin)


class Index:
    """Marks and kept states of a reel, made by one pass over it.

    `make` runs in a thread of its own; all else may be asked meanwhile. `whole` says that the
    pass is over.
    """

    def __init__(self, reel: Reel, entries: Sequence[Entry]) -> None:
        self.marks: tuple[Mark, ...] = ()
        self.whole = False
        self._reel = reel
        self._entries = entries
        self._kept: tuple[Kept, ...] = ()
        self._every_ns = KEEP_EVERY_NS
        self._events: list[Event] = []
        self._found: list[Mark] = []
        self._telling = Telling(reel.store)

    def before(self, at_ns: int) -> Kept | None:
        """The latest kept state that is not after a moment."""
        kept = self._kept
        at = bisect_right(kept, at_ns, key=lambda one: one.at_ns)
        return kept[at - 1] if at else None

    def make(self, leaving: threading.Event, fresh: Callable[[], None]) -> None:
        """Go through the whole reel, unless told to leave; `fresh` is called for new marks."""
        reel, entries = self._reel, self._entries
        showing = Showing(reel, entries, LiveState(reel.store), self._told)
        next_ns = reel.start_ns + self._every_ns
        for count, entry in enumerate(entries, 1):
            if leaving.is_set():
                return
            showing.forward(count)
            if entry.received_ns >= next_ns:
                self._keep(showing.keep())
                next_ns = entry.received_ns + self._every_ns
            if count % SHOW_EVERY == 0:
                self._show()
                fresh()
        if reel.truth is not None:
            for one in departures(self._events, reel.truth, reel.store):
                self._found.append(Mark(one.at_ns, "error", one.text))
        self.whole = True
        self._show()
        fresh()

    def _keep(self, kept: Kept) -> None:
        """Keep a state; with too many, every other one goes and the next ones lie farther apart."""
        all_kept = (*self._kept, kept)
        if len(all_kept) > MOST_KEPT:
            all_kept = all_kept[1::2]
            self._every_ns *= 2
        self._kept = all_kept

    def _show(self) -> None:
        self.marks = tuple(sorted(self._found, key=lambda mark: mark.at_ns))

    def _told(self, received_ns: int, told: list[Event]) -> None:
        for event in told:
            self._events.append(event)
            words = self._telling.words(event)
            kind = _KINDS.get(type(event))
            if kind is not None and words is not None:
                self._found.append(Mark(received_ns, kind, words))
