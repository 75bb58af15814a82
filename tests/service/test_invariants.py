"""What must hold in every store and every scene, tried on generated ones."""

from collections import Counter

import pytest

from cart.events import Exited, ReviewClosed, StockMoved
from service.simulate import START_NS, Staged, bill, journaled, simulate, stage
from simulator.faults import parse_fault
from simulator.faults_laid import lay

SCENE = """\
name: invariant
store: {store}
world: {store}
random_shoppers: {{count: 3, every_s: 4, lines: [1, 3], put_back_share: 0.3, several_share: 0.4}}
"""


@pytest.fixture(params=["corner", "kiosk"])
def staged(request, tmp_path) -> Staged:
    path = tmp_path / "invariant.yaml"
    path.write_text(SCENE.format(store=request.param))
    return stage(path)


def messages(run):
    return [(entry.received_ns, entry.topic, entry.body) for entry in run.entries]


def bills(events):
    return sorted((e.shopper, e.lines, e.review is None) for e in events if isinstance(e, Exited))


@pytest.mark.parametrize("seed", [1, 2])
def test_arrival_in_any_order_within_the_lateness_and_repeats_change_no_receipt(staged, seed):
    run = simulate(staged, seed)
    assert len(bills(run.events)) == 3
    faults = [parse_fault("message-reorder:*:0.2"), parse_fault("message-duplicate:*:0.2")]
    laid = list(lay(faults, messages(run), staged.store, START_NS, seed))
    assert len(laid) > 1.1 * len(run.entries)
    changed = journaled(laid)
    assert [e.body for e in changed] != [e.body for e in run.entries]
    assert sorted(e.body for e in changed) == sorted(e.body for e in run.entries)
    assert bills(bill(staged.store, run.code_key, changed)) == bills(run.events)


def test_carts_are_never_negative_and_units_leave_shelves_but_once(staged):
    run = simulate(staged, 3)
    moved: Counter[str] = Counter()
    for event in run.events:
        if isinstance(event, StockMoved):
            moved[event.gtin] -= event.units
        if isinstance(event, Exited | ReviewClosed):
            assert all(units > 0 for _, units in event.lines)
    billed = Counter({g: n for e in run.events if isinstance(e, Exited) for g, n in e.lines})
    assert not billed - moved


@pytest.mark.parametrize(
    "fault", ["shelf-silent:g1", "camera-out:cam2@6-12", "message-loss:*:0.05"]
)
def test_without_a_sense_fewer_things_are_billed_but_none_that_was_not_taken(staged, fault):
    struck = staged.scene.model_copy(update={"faults": [parse_fault(fault)]})
    run = simulate(Staged(struck, staged.store, staged.store_text, staged.world, "", ""), 4)
    true = {visit.shopper: Counter(dict(visit.lines)) for visit in run.truth.visits}
    wrong = sum(
        (Counter(dict(e.lines)) - true[e.shopper]).total()
        for e in run.events
        if isinstance(e, Exited)
    )
    units = sum(lines.total() for lines in true.values())
    assert wrong <= max(1, round(0.1 * units))
