"""What the engine's events must keep to in any generated store, whoever reaches for whatever."""

import math
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cart.events import Alerted, Entered, Exited, HandedOver, Picked, PutBack, Revised, StockMoved
from fusion.engine import Engine
from sensors.observations import GateCrossing, Tick, TrackPoint
from service.bench_fusion import NS, story
from service.generated import drawn_wish
from simulator.generate import generate_store

MANY = 400


class Ledger:
    """All that events say of units; `take` fails where they contradict each other."""

    def __init__(self, store):
        self.book = {
            (f"{shelf.id}.{facing.plates[0]}", facing.gtin): facing.units
            for gondola in store.gondolas
            for shelf in gondola.shelves
            for facing in shelf.facings
        }
        self.planned = set(self.book)
        self.lines, self.names = {}, set()
        self.open = set()
        self.left_shelves, self.billed = Counter(), Counter()

    def take(self, events):
        short = {e.subject for e in events if isinstance(e, Alerted) and e.kind == "count-error"}
        for event in events:
            match event:
                case Entered():
                    self.open.add(event.visit)
                case Picked() | PutBack():
                    self._told(event)
                case HandedOver():
                    self._handed(event)
                case Revised():
                    gtin, units = self.lines.pop((event.line, event.visit))
                    assert (gtin, abs(units)) == (event.gtin, event.units)
                case StockMoved():
                    self._moved(event, short)
                case Exited():
                    self.open.remove(event.visit)
                    assert all(units > 0 for _, units in event.lines)
                    if event.review is None:
                        self.billed.update(dict(event.lines))

    def _told(self, event):
        assert event.visit in self.open and event.line not in self.names
        assert event.units > 0 and 0.5 <= event.posterior <= 1
        self.names.add(event.line)
        sign = 1 if isinstance(event, Picked) else -1
        self.lines[event.line, event.visit] = (event.gtin, sign * event.units)

    def _handed(self, event):
        assert event.visit != event.to_visit and event.line not in self.names
        self.names.add(event.line)
        for visit, units in ((event.visit, -event.units), (event.to_visit, event.units)):
            self.lines[event.line, visit] = (event.gtin, units)

    def _moved(self, event, short):
        """A book goes on from what it said before; that it is below zero is told."""
        key = (event.facing, event.gtin)
        assert event.left == self.book.get(key, 0) + event.units
        assert event.left >= 0 or event.units > 0 or event.facing in short
        self.book[key] = event.left if key in self.planned else max(0, event.left)
        self.left_shelves[event.gtin] -= event.units


def told(store, shoppers, incidents, seed):
    """An engine and its events, step by step, while a crowd reaches and then leaves."""
    engine, now_ns = Engine(store), 0
    for observation in story(store, shoppers, incidents, seed):
        now_ns = max(now_ns, observation.at_ns)
        yield engine, engine.step(observation)
    gate = next(gate for gate in store.gates if gate.kind != "entry")
    x_m, y_m = gate.centre_m
    for n in range(shoppers):
        now_ns += 4 * NS
        point = TrackPoint(
            at_ns=now_ns - 1, tracklet=f"t{n}", x_m=x_m, y_m=y_m, covariance=(0.01, 0.0, 0.01)
        )
        yield engine, engine.step(point)
        yield engine, engine.step(GateCrossing(at_ns=now_ns, gate=gate.id, direction="out"))
    yield engine, engine.step(Tick(at_ns=now_ns + 60 * NS))


def check(world, shoppers, incidents, seed):
    store = generate_store(drawn_wish(world, 0))
    ledger = Ledger(store)
    for engine, events in told(store, shoppers, incidents, seed):
        ledger.take(events)
        for visit in ledger.open if events else ():
            carts = engine.belief.carts(visit)
            assert math.isclose(math.fsum(p for p, _ in carts), 1, abs_tol=1e-9)
            assert all(one.units > 0 for _, held in carts for one in held)
    assert not ledger.open
    for gtin, units in ledger.billed.items():
        assert units <= ledger.left_shelves[gtin], "more was billed than left the shelves"
    assert min(ledger.left_shelves.values(), default=0) >= 0, "more came back than was taken"


crowds = {
    "world": st.integers(0, 10_000),
    "shoppers": st.integers(1, 4),
    "incidents": st.integers(1, 16),
    "seed": st.integers(0, 10_000),
}


@example(world=129, shoppers=1, incidents=15, seed=1)  # two put back, both told as the one unit
@settings(max_examples=25, deadline=None, derandomize=True)
@given(**crowds)
def test_units_are_conserved_and_no_cart_is_negative(world, shoppers, incidents, seed):
    check(world, shoppers, incidents, seed)


@pytest.mark.long
@pytest.mark.timeout(3000)
@settings(max_examples=MANY, deadline=None)
@given(**{**crowds, "incidents": st.integers(1, 60)})
def test_units_are_conserved_and_no_cart_is_negative_many(world, shoppers, incidents, seed):
    check(world, shoppers, incidents, seed)
