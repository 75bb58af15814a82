"""What follows a bill: reviews by risk, audits, shadow cases, late verdicts, the queue."""

import pickle
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart import events as e
from cart.queue import open_cases
from fusion.account import Account
from fusion.audit import drawn
from fusion.charging import Bill
from fusion.checkout import Checkout
from fusion.desk import NOBODY, Desk, lowered
from fusion.engine import Engine
from fusion.log import Log
from fusion.risk import GRID, Promise
from fusion.shelves import Shelves
from fusion.workload import Backlog, minutes
from sensors.observations import CodeScanned, GateCrossing, ReviewDecided, Tick, TrackPoint
from sensors.store import load_store

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
NS = 1_000_000_000
HOUR_NS = 3600 * NS
COLA, TEA, *_ = (p.gtin for p in STORE.products)
BILL = ((COLA, 2), (TEA, 1))


def bill(*, risk: float = 0.0, loss: float = 0.0, doubt: bool = False, lines=BILL) -> Bill:
    return Bill(lines, loss, lines[:1], (), (COLA,) if doubt else (), 0.0, risk)


class Till:
    """Closes visits of one store and hears what people say of them."""

    def __init__(self, **policy) -> None:
        store = STORE.model_copy(update={"policy": STORE.policy.model_copy(update=policy)})
        self.events: list[e.Event] = []
        self.log = Log(self.events.append)
        self.promise = Promise(store.policy.wrong_charge_promise)
        shelves = Shelves(store)
        self.desk = Desk(self.log, shelves, self.promise, store.policy.review_expires_h)
        self.checkout = Checkout(store, shelves, self.log, self.desk, self.promise)
        self.visits = 0

    def close(self, found: Bill, **account) -> list[e.Event]:
        self.visits += 1
        before = len(self.events)
        visit = Account(f"v{self.visits}", "ada", self.log.now_ns, **account)
        self.checkout.close(visit, found, self.log.now_ns)
        return self.events[before:]

    def decide(self, lines, review: str | None = None) -> e.Event:
        review = review or f"r{self.visits}"
        before = len(self.events)
        self.desk.answered(
            ReviewDecided(at_ns=self.log.now_ns, review=review, lines=lines, actor="ines")
        )
        return self.events[before]

    def wait(self, hours: float) -> list[e.Event]:
        self.log.now_ns += round(hours * HOUR_NS)
        before = len(self.events)
        self.desk.expire()
        return self.events[before:]


def test_by_default_nothing_is_asked_about_a_sure_visit():
    till = Till()
    (left,) = till.close(bill(risk=0.6))
    assert (left.lines, left.review, left.risk) == (BILL, None, 0.6)
    assert not till.wait(10_000)


def test_a_visit_above_the_threshold_of_risk_is_held():
    till = Till(review_risk_above=0.02)
    assert till.close(bill(risk=0.02))[-1].review is None
    asked, left = till.close(bill(risk=0.021))
    assert (asked.kind, asked.weight, asked.risk) == ("held", 1.0, 0.021)
    assert "2.1%" in asked.reason
    assert (left.review, left.lines) == ("r2", BILL[:1])
    assert till.close(bill(risk=0.9), staff=True)[-1].review is None


def test_the_first_visits_of_a_store_are_billed_and_looked_at():
    till = Till(shadow_visits=3)
    till.close(bill(risk=0.9), staff=True)  # staff are none of them
    kinds = []
    for found in (bill(), bill(doubt=True), bill(), bill()):
        told = till.close(found)
        kinds.append(told[0].kind if len(told) == 2 else None)
        assert (told[-1].review is not None) == bool(found.doubtful)
    assert kinds == ["shadow", "held", "shadow", None]


def test_an_audit_bills_as_usual_and_says_what_it_stands_for():
    till = Till(audit_share=0.25)
    for _ in range(400):
        till.log.now_ns += 7 * NS + 13
        asked = till.close(bill())
        assert asked[-1].review is None
        assert asked[-1].lines == BILL
    audits = [x for x in till.events if isinstance(x, e.ReviewRequested)]
    assert 70 <= len(audits) <= 130
    assert {(x.kind, x.weight, x.certain) for x in audits} == {("audit", 4.0, BILL)}
    assert till.desk.waiting == 0


@given(st.text(min_size=1, max_size=20), st.integers(0, 10**9), st.floats(0, 1), st.floats(0, 1))
def test_the_draw_is_fixed_and_grows_with_the_share(visit, entered_ns, one, other):
    low, high = sorted((one, other))
    assert drawn("store", visit, "ada", entered_ns, low) <= drawn(
        "store", visit, "ada", entered_ns, high
    )
    assert drawn("store", visit, "ada", entered_ns, 1.0)
    assert not drawn("store", visit, "ada", entered_ns, 0.0)


def test_the_draw_hangs_on_all_that_goes_into_it():
    rows = [
        ("s", "v1", "ada", 5),
        ("t", "v1", "ada", 5),
        ("s", "v2", "ada", 5),
        ("s", "v1", "b", 5),
    ]
    patterns = {
        tuple(drawn(store, visit, who, at_ns + n, 0.5) for n in range(64))
        for store, visit, who, at_ns in rows
    }
    assert len(patterns) == len(rows)


LINES = st.lists(st.tuples(st.sampled_from([COLA, TEA, "x"]), st.integers(1, 5)), max_size=4).map(
    tuple
)


@given(LINES, LINES)
def test_a_bill_only_falls_line_by_line(billed, verdict):
    lines, credited = lowered(billed, verdict)

    def units(some):
        return sum((Counter({gtin: n}) for gtin, n in some), Counter())

    assert units(lines) + units(credited) == units(billed)
    assert units(lines) <= units(verdict)
    assert lowered(lines, verdict) == (lines, ())


@pytest.mark.parametrize("policy", [{"audit_share": 1.0}, {"shadow_visits": 9}])
@given(verdict=st.none() | st.lists(st.tuples(st.sampled_from([COLA, TEA]), st.integers(1, 4))))
def test_a_verdict_on_a_bill_that_is_out_never_raises_it(policy, verdict):
    till = Till(**policy)
    till.close(bill())
    checked = till.decide(None if verdict is None else tuple(verdict))
    assert isinstance(checked, e.BillChecked)
    before, after = Counter(dict(BILL)), Counter(dict(checked.lines))
    assert after <= before
    assert Counter(dict(checked.credited)) == before - after
    assert checked.verified == (verdict is not None)
    assert verdict is not None or not checked.credited
    assert till.decide(()).kind == "unknown-review"


def test_a_held_visit_pays_what_is_certain_once_its_case_expires_and_never_more():
    till = Till(review_expires_h=24, audit_share=1.0)
    till.close(bill(doubt=True))
    till.wait(12)
    till.close(bill())
    assert till.desk.waiting == 1
    (closed,) = till.wait(12)
    assert isinstance(closed, e.ReviewClosed)
    assert (closed.lines, closed.actor, closed.verified) == (BILL[:1], NOBODY, False)
    assert till.desk.waiting == 0
    (checked,) = till.wait(12)
    assert (checked.kind, checked.credited, checked.verified) == ("audit", (), False)
    assert till.promise.verified == 0
    late = till.decide(((COLA, 1), (TEA, 5)), "r1")
    assert isinstance(late, e.BillChecked)
    assert (late.kind, late.lines, late.credited) == ("late", ((COLA, 1),), ((COLA, 1),))
    assert till.decide((), "r1").kind == "unknown-review"


def test_a_broken_promise_is_told_and_everything_doubtful_is_held_after_it():
    till = Till(audit_share=1.0, wrong_charge_promise=0.01, review_risk_above=0.1)
    till.close(bill(lines=()))
    till.decide(())  # nothing was charged: it says nothing of charges
    assert till.promise.verified == 0
    for lines in (BILL[:1], BILL, ()):
        assert till.close(bill(risk=0.05))[-1].review is None
        till.decide(lines)
    alerts = [x for x in till.events if isinstance(x, e.Alerted)]
    assert [x.kind for x in alerts] == ["guarantee-void"]
    assert "2 of 3" in alerts[0].text
    assert till.close(bill(risk=0.05))[-1].review is not None
    assert till.close(bill(risk=GRID[0]))[-1].review is None


def test_cases_are_ranked_by_what_a_minute_saves_and_audits_all_alike():
    till = Till(shadow_visits=6)
    till.close(bill(doubt=True, loss=20))
    till.close(bill(doubt=True, loss=500), evidence={1: (), 2: ()})
    till.close(bill(loss=3))
    till.close(bill(loss=50), evidence={1: ()})
    till.close(bill(doubt=True, loss=500))
    assert [c.review for c in open_cases(till.events)] == ["r5", "r2", "r3", "r4", "r1"]
    till.decide((), "r5")
    till.decide((), "r3")
    assert [c.review for c in open_cases(till.events)] == ["r2", "r4", "r1"]
    assert minutes(2, 3) > minutes(2, 1) > minutes(1, 1) > 0


@given(st.lists(st.integers(0, 12), max_size=30))
def test_the_backlog_closes_when_full_and_opens_when_half_is_done(counts):
    backlog, closed = Backlog(8), False
    for waiting in counts:
        closed = waiting >= 8 or (closed and waiting > 4)
        assert bool(backlog.why_closed(waiting)) == closed
    assert not Backlog(None).why_closed(10**6)


def test_the_entry_closes_while_too_many_visits_wait_and_opens_again():
    policy = STORE.policy.model_copy(update={"most_open_reviews": 1, "longest_visit_s": 60.0})
    engine = Engine(STORE.model_copy(update={"policy": policy}))
    gate = STORE.gates[0]
    events: list[e.Event] = []

    def come(shopper: str, at_s: int) -> None:
        at_ns, (x_m, y_m) = at_s * NS, gate.centre_m
        for told in (
            TrackPoint(at_ns=at_ns, tracklet=shopper, x_m=x_m, y_m=y_m, covariance=(0.01, 0, 0.01)),
            CodeScanned(at_ns=at_ns, gate=gate.id, shopper=shopper),
            GateCrossing(at_ns=at_ns + 1, gate=gate.id, direction="in"),
        ):
            events.extend(engine.step(told))

    come("ada", 1)
    events += engine.step(Tick(at_ns=70 * NS))  # nobody saw ada leave: the visit is held
    come("ben", 71)
    assert [x.shopper for x in events if isinstance(x, e.Entered)] == ["ada"]
    refused = [x for x in events if isinstance(x, e.Alerted) and x.kind == "code-refused"]
    assert "one visit is held for review" in refused[0].text
    engine = pickle.loads(pickle.dumps(engine))
    events += engine.step(ReviewDecided(at_ns=80 * NS, review="r1", lines=(), actor="ines"))
    assert isinstance(events[-1], e.Alerted)
    assert events[-1].kind == "entry-opened"
    come("ben", 82)
    assert [x.shopper for x in events if isinstance(x, e.Entered)] == ["ada", "ben"]
