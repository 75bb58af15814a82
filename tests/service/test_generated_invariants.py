"""What must hold in stores and crowds that nobody wrote: arrival, lost senses, no evidence."""

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cart.events import Exited, Picked, ReviewClosed
from fusion.engine import Engine
from sensors.observations import CodeScanned, GateCrossing, WeightStep
from service.generated import drawn_crowd, drawn_wish, staged_of
from service.simulate import START_NS, bill, journaled, simulate
from simulator.bills import pair
from simulator.faults import parse_fault
from simulator.faults_laid import lay
from simulator.generate import generate_store
from simulator.scorecard_risk import upper_bound

NS = 1_000_000_000
draws = st.integers(0, 10_000)


def staged_at(seed, shoppers, faults=()):
    staged = staged_of(drawn_wish(seed, 0), drawn_crowd(seed, 0, 0, shoppers))
    scene = staged.scene.model_copy(update={"faults": [parse_fault(one) for one in faults]})
    return replace(staged, scene=scene)


def bills(events):
    return sorted((e.shopper, e.lines, e.review is None) for e in events if isinstance(e, Exited))


def check_arrival(seed):
    """Repeats and any order within the lateness change no receipt, and no bill is below zero."""
    staged = staged_at(seed, shoppers=3)
    run = simulate(staged, seed)
    messages = [(entry.received_ns, entry.topic, entry.body) for entry in run.entries]
    assert len(bills(run.events)) == 3
    twice = [(at + shift, where, body) for shift in (0, NS) for at, where, body in messages]
    repeated = journaled(sorted(twice, key=lambda message: message[0]))
    assert bill(staged.store, run.code_key, repeated)[: len(run.events)] == run.events
    late = [parse_fault("message-reorder:*:0.3"), parse_fault("message-duplicate:*:0.2")]
    disordered = journaled(lay(late, messages, staged.store, START_NS, seed))
    assert [one.body for one in disordered] != [one.body for one in run.entries]
    assert bills(bill(staged.store, run.code_key, disordered)) == bills(run.events)
    for event in run.events:
        if isinstance(event, Exited | ReviewClosed):
            assert all(units > 0 for _, units in event.lines)


@settings(max_examples=3, deadline=None, derandomize=True)
@given(draws)
def test_arrival_and_repeats_change_no_receipt_in_generated_worlds(seed):
    check_arrival(seed)


@pytest.mark.long
@pytest.mark.timeout(3000)
@settings(max_examples=60, deadline=None)
@given(draws)
def test_arrival_and_repeats_change_no_receipt_in_many_generated_worlds(seed):
    check_arrival(seed)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=draws, shoppers=st.integers(2, 6), which=draws)
def test_without_evidence_of_who_everybody_is_as_likely(seed, shoppers, which):
    """Nobody is seen: what was taken is told by the plates, who took it stays at the prior."""
    store = generate_store(drawn_wish(seed, 0))
    engine, gate = Engine(store), next(g.id for g in store.gates if g.kind != "exit")
    for n in range(shoppers):
        at_ns = (2 + 3 * n) * NS
        engine.step(CodeScanned(at_ns=at_ns - 5, gate=gate, shopper=f"s{n}"))
        engine.step(GateCrossing(at_ns=at_ns, gate=gate, direction="in"))
    spots = [(s, f) for g in store.gondolas for s in g.shelves for f in s.facings if f.units]
    shelf, facing = spots[which % len(spots)]
    weight_g = next(p.weight_g for p in store.products if p.gtin == facing.gtin)
    middle = len(facing.plates) // 2
    events = engine.step(
        WeightStep(
            at_ns=60 * NS,
            began_ns=59 * NS,
            shelf=shelf.id,
            plates=tuple(facing.plates),
            delta_g=tuple(-weight_g * (n == middle) for n in range(len(facing.plates))),
            sigma_g=(0.5,) * len(facing.plates),
        )
    )
    assert not [one for one in events if isinstance(one, Picked)]
    held = [
        math.fsum(p for p, cart in engine.belief.carts(f"v{n + 1}") if cart)
        for n in range(shoppers)
    ]
    assert 0 < max(held) <= 1 / shoppers
    assert max(held) - min(held) < 1e-9


WORLDS, SHOPPERS = 12, 8
PROMISE = 0.05  # wrong charges among visits that nobody looks at, at a share that 96 can refute
LOST = {
    "everything is there": (),
    "half of what cameras report": ("message-loss:vision:0.5",),
    "all cameras, half the time": ("camera-out:*@12-24",),
    "all tags": ("rfid-silent:*",),
}


def _struck(faults, store):
    return [one for one in faults if store.antennas or not one.startswith("rfid")]


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_without_a_sense_reviews_rise_and_wrong_charges_keep_their_promise():
    """Even the lower bound (95 %) of the share of wrong charges may not be above the promise."""
    reviewed: Counter[str] = Counter()
    for lost, faults in LOST.items():
        wrong = alone = 0
        for world in range(WORLDS):
            store = staged_at(world, SHOPPERS).store
            run = simulate(staged_at(world, SHOPPERS, _struck(faults, store)), world)
            for one in pair(run.events, run.truth):
                reviewed[lost] += one.review is not None
                if one.review is None and one.closed_ns is not None:
                    alone += 1
                    wrong += bool(Counter(one.lines or {}) - Counter(one.true))
        least = 1 - upper_bound(alone - wrong, alone)  # the lower bound of the share of wrong ones
        print(f"{lost}: {wrong} of {alone} wrongly charged, {reviewed[lost]} reviewed")
        assert least <= PROMISE, (lost, wrong, alone)
    whole = reviewed["everything is there"]
    assert reviewed["all cameras, half the time"] > whole
