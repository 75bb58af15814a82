"""What the live page shows: a thread-safe projection of observations and cart events.

The ingest side calls `observe`, `apply`, `assign` and `metrics` from its own thread; the web side
asks for `snapshot`, or for `changes` since a revision that it has seen. Nothing here decides
anything, and nothing is stored: it is rebuilt from the same stream that the engine reads.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from cart.events import (
    Alerted,
    BillChecked,
    Entered,
    Event,
    Exited,
    ProfileUsed,
    Restocked,
    ReviewClosed,
    ReviewRequested,
    StockMoved,
)
from cart.projection import Carts
from cart.queue import ranked
from cart.receipt import write_receipt
from sensors.observations import (
    DeviceHealth,
    GateCrossing,
    HandPoint,
    Observation,
    TrackPoint,
    WeightStep,
)
from sensors.store import Store
from service.web.cards import (
    alert_card,
    camera_card,
    cart_card,
    doubt,
    price_list,
    receipt_card,
    review_case,
    worth,
)
from service.web.floor import Badge, FloorState
from service.web.layout import facings_by_id, layout
from service.web.sentences import display_name, sentence

FEED_LENGTH = 100
RECEIPTS_LENGTH = 40
ALERTS_LENGTH = 20
LEAVING_NS = 2_000_000_000
_SECTIONS = (
    "layout",
    "status",
    "floor",
    "carts",
    "reviews",
    "receipts",
    "totals",
    "alerts",
    "metrics",
    "cameras",
)


class LiveState:
    """The store as it is now. `revision` grows with every change that a page could see."""

    def __init__(self, store: Store) -> None:
        self._lock = threading.Lock()
        self._store = store
        self._layout = layout(store)
        self._catalogue = {p.gtin: p for p in store.products}
        self._prices = price_list(store)
        facings = facings_by_id(store)
        self._capacity = {name: facing.capacity for name, facing in facings.items()}
        self._carts = Carts({name: (f.gtin, f.units) for name, f in facings.items()})
        self._floor = FloorState(store)
        self._colours: dict[str, int] = {}
        self._open: dict[str, None] = {}
        self._down: dict[str, str] = {}
        self._closed = ""  # why nobody new is let in
        self._metrics: dict[str, float] = {}
        self._cameras: dict[str, dict[str, Any]] = {}
        self._totals = {"receipts": 0, "billed_cents": 0}
        self._events: deque[dict[str, Any]] = deque(maxlen=FEED_LENGTH)
        self._receipts: deque[dict[str, Any]] = deque(maxlen=RECEIPTS_LENGTH)
        self._alerts: deque[dict[str, Any]] = deque(maxlen=ALERTS_LENGTH)
        self._now_ns = 0
        self._revision = 0
        self._anew = 0
        self._changed = dict.fromkeys(_SECTIONS, 0)
        self._stock_changed = dict.fromkeys(facings, 0)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def become(self, other: LiveState) -> None:
        """Show from now on what `other` shows: pages are told all of it anew.

        `other` is used up: it shares its insides with this one.
        """
        with self._lock:
            revision = max(self._revision, other._revision) + 1
            same = self._layout == other._layout
            layout_revision = self._changed["layout"] if same else revision
            self.__dict__.update(other.__getstate__())
            self._revision = self._anew = revision
            self._changed = dict.fromkeys(self._changed, revision) | {"layout": layout_revision}
            self._stock_changed = dict.fromkeys(self._stock_changed, revision)
            for event in self._events:
                event["revision"] = revision

    @property
    def store(self) -> Store:
        """The store that is shown."""
        return self._store

    @property
    def revision(self) -> int:
        """A number that grows with every visible change."""
        return self._revision

    @property
    def layout_revision(self) -> int:
        """The revision at which the layout changed last: a facing that holds another product."""
        return self._changed["layout"]

    @property
    def store_ns(self) -> int:
        """The latest store time that was seen, integer nanoseconds."""
        return self._now_ns

    def observe(self, observation: Observation) -> None:
        """Take one observation into account."""
        with self._lock:
            self._pass_time(observation.at_ns)
            match observation:
                case TrackPoint() | HandPoint() | WeightStep() | GateCrossing():
                    self._floor.observe(observation)
                    self._touch("floor")
                case DeviceHealth():
                    self._hear(observation)
                case _:
                    pass
            if self._floor.forget(self._now_ns):
                self._touch("floor")

    def assign(self, tracklet: str, visit: str | None, person: str | None = None) -> None:
        """From now on `tracklet` is taken for `visit` (None: for nobody).

        `person` tells the members of a group apart; by default it is the visit's first.
        """
        with self._lock:
            self._floor.assign(tracklet, visit, person)
            self._touch("floor")

    def metrics(self, values: Mapping[str, float]) -> None:
        """Replace the figures on load, lag and rates: `lag_s`, `load`, `observations_per_s` …"""
        with self._lock:
            if self._metrics != values:
                self._metrics = dict(values)
                self._touch("metrics")

    def apply(self, event: Event, told_ns: int | None = None) -> None:
        """Take the next event of the engine into account.

        `told_ns` is the moment of a recording at which it becomes known there. Raises KeyError
        where it speaks of a visit that never began.
        """
        with self._lock:
            self._pass_time(event.decided_ns)
            stock = dict(self._carts.stock)
            self._carts.apply(event)
            self._touch("floor", "carts")
            for facing, units in self._carts.stock.items():
                if stock.get(facing) != units:
                    self._stock_changed[facing] = self._revision
            match event:
                case Entered():
                    self._colours[event.visit] = len(self._colours)
                    self._open[event.visit] = None
                    if event.tracklet is not None:
                        self._floor.assign(event.tracklet, event.visit)
                case Exited(review=None) | ReviewClosed():
                    self._write_receipt(event)
                case BillChecked():
                    self._lower_receipt(event)
                case Exited() | ReviewRequested():
                    self._touch("reviews")
                case Restocked():
                    self._relabel(event.facing, event.gtin)
                case Alerted():
                    self._alerts.appendleft(alert_card(event))
                    self._touch("alerts")
                    if event.kind in ("entry-closed", "entry-opened"):
                        self._closed = event.text if event.kind == "entry-closed" else ""
                        self._touch("status")
                case _:
                    pass
            # the shelf shows what moved; labelers see the feed, and not what is known of shoppers
            if not isinstance(event, StockMoved | ProfileUsed):
                self._write_feed(event, told_ns)

    def layout(self) -> dict[str, Any]:
        """Geometry and catalogue, JSON-ready; see `service.web.layout`."""
        with self._lock:
            return copy.deepcopy(self._layout)

    def snapshot(self) -> dict[str, Any]:
        """Everything but the layout, JSON-ready."""
        return self.changes(-1)

    def changes(self, since: int) -> dict[str, Any]:
        """The sections that changed after revision `since`; `stock` and `events` only in part.

        `anew` says that what was told before `since` counts no more.
        """
        sections: dict[str, Callable[[], object]] = {
            "status": self._status_section,
            "floor": lambda: self._floor.section(self._badge_inside),
            "carts": self._cart_cards,
            "reviews": self._review_cases,
            "receipts": lambda: list(self._receipts),
            "totals": lambda: dict(self._totals),
            "alerts": lambda: list(self._alerts),
            "metrics": lambda: dict(self._metrics),
            "cameras": lambda: dict(self._cameras),
        }
        with self._lock:
            state: dict[str, Any] = {
                "revision": self._revision,
                "time_s": self._now_ns / 1e9,
                "anew": since < self._anew,
            }
            for name, make in sections.items():
                if self._changed[name] > since:
                    state[name] = make()
            state["stock"] = {
                facing: {"units": self._carts.stock[facing], "capacity": self._capacity[facing]}
                for facing, changed in self._stock_changed.items()
                if changed > since
            }
            state["events"] = [e for e in self._events if e["revision"] > since]
            return state

    def _hear(self, health: DeviceHealth) -> None:
        """Note whether a device is up, and how a camera fares."""
        device = health.device
        if health.up:
            if self._down.pop(device, None) is not None:
                self._touch("status")
        elif self._down.get(device) != health.reason:
            self._down[device] = health.reason
            self._touch("status")
        if health.camera is not None:
            self._cameras[device] = camera_card(health, health.camera)
            self._touch("cameras")

    def _pass_time(self, at_ns: int) -> None:
        if self._now_ns == 0:
            self._touch("status")
        elif at_ns // 1_000_000_000 > self._now_ns // 1_000_000_000:
            self._touch()  # the clock on the page
        self._now_ns = max(self._now_ns, at_ns)

    def _touch(self, *sections: str) -> None:
        self._revision += 1
        for section in sections:
            self._changed[section] = self._revision

    def _status(self) -> str:
        if self._now_ns == 0:
            return "STARTING"
        if self._closed:
            return "ENTRY CLOSED"
        return "DEGRADED" if self._down else "UP"

    def _status_section(self) -> dict[str, Any]:
        closed = {"closed": self._closed} if self._closed else {}
        return {"state": self._status(), "down": dict(self._down), **closed}

    def _badge(self, visit: str) -> Badge | None:
        cart = self._carts.visits.get(visit)
        if cart is None:
            return None
        name, value = display_name(cart.shopper), worth(cart, self._catalogue)
        return Badge(visit, name, self._colours[visit], value, doubt(cart))

    def _badge_inside(self, visit: str) -> Badge | None:
        """None too for a visit that has ended: whoever walks there now is somebody else."""
        cart = self._carts.visits.get(visit)
        closed_ns = None if cart is None else cart.closed_ns
        if closed_ns is not None and self._now_ns - closed_ns > LEAVING_NS:
            return None
        return self._badge(visit)

    def _known_badge(self, visit: str) -> Badge:
        badge = self._badge(visit)
        assert badge is not None
        return badge

    def _cart_cards(self) -> list[dict[str, Any]]:
        return [
            cart_card(self._carts.visits[v], self._known_badge(v), self._catalogue)
            for v in self._open
        ]

    def _review_cases(self) -> list[dict[str, Any]]:
        return [
            review_case(case, self._known_badge(case.visit), self._catalogue)
            for case in ranked(self._carts.reviews.values())
        ]

    def _write_receipt(self, event: Exited | ReviewClosed) -> None:
        self._open.pop(event.visit, None)
        receipt = write_receipt(
            event.visit,
            event.shopper,
            event.at_ns,
            self._store.currency,
            event.lines,
            self._prices,
        )
        reviewer = event.actor if isinstance(event, ReviewClosed) else None
        self._receipts.appendleft(receipt_card(receipt, self._known_badge(event.visit), reviewer))
        self._totals["receipts"] += 1
        self._totals["billed_cents"] += receipt.total_cents
        self._touch("receipts", "totals", "reviews")

    def _lower_receipt(self, event: BillChecked) -> None:
        """What was credited is taken off the receipt, if it is still shown, and off the total."""
        off = sum(self._prices[gtin].price_cents * units for gtin, units in event.credited)
        self._totals["billed_cents"] -= off
        receipt = write_receipt(
            event.visit,
            event.shopper,
            event.at_ns,
            self._store.currency,
            event.lines,
            self._prices,
        )
        for n, card in enumerate(self._receipts):
            if off and card["visit"] == event.visit:
                lowered = receipt_card(receipt, self._known_badge(event.visit), event.actor)
                self._receipts[n] = lowered | {"at_s": card["at_s"]}
        self._touch("receipts", "totals", "reviews")

    def _relabel(self, name: str, gtin: str) -> None:
        for gondola in self._layout["gondolas"]:
            for facing in gondola["facings"]:
                if facing["id"] == name and facing["gtin"] != gtin:
                    facing["gtin"] = gtin
                    self._touch("layout")

    def _write_feed(self, event: Event, told_ns: int | None) -> None:
        visit: str = getattr(event, "visit", "")
        self._revision += 1
        self._events.append(
            {
                "revision": self._revision,
                "number": event.number,
                "at_s": event.at_ns / 1e9,
                "told_s": None if told_ns is None else told_ns / 1e9,
                "kind": type(event).__name__,
                "colour": self._colours.get(visit),
                "text": sentence(
                    event,
                    lambda v: display_name(self._carts.visits[v].shopper),
                    lambda gtin: self._catalogue[gtin].name,
                ),
            }
        )
