"""States of accounts, and beams of them: nothing is lost, nothing is counted twice."""

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion.beam import MOST_STATES, Beam, joined, parted
from fusion.belief import Belief
from fusion.states import Holding, Mark, Move, State, counted, without

MARK = Mark("f1", 100.0, 1.0, 2.0)
HOME, OTHER = "home", "other"


def empty(visits=("a", "b"), log_weight=0.0):
    return State(log_weight, dict.fromkeys(visits, ()), {}, {})


def units_of(state):
    total = Counter()
    for held in (*state.carts.values(), *state.astray.values()):
        total += counted(held)
    return total


steps = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from([HOME, OTHER]),
        st.integers(1, 3),
        st.booleans(),
    ),
    max_size=12,
)


@given(steps)
def test_units_are_conserved_between_carts_and_shelves(drawn):
    """Takes of the facing's own product come from its stock, returns of it go back there: all
    others stay in carts or astray."""
    state, stock = empty(), Counter({HOME: 100, OTHER: 0})
    for deed, (visit, gtin, units, back) in enumerate(drawn):
        held = [one for one in state.carts[visit] if one.gtin == gtin]
        astray = [one for one in state.astray.get("f1", ()) if one.gtin == gtin]
        if back and held:
            moved = min(units, held[0].units)
            state = state.after(deed, "f1", HOME, [Move(visit, gtin, -moved, held[0])], MARK)
            stock[HOME] += moved if gtin == HOME else 0
        elif gtin == OTHER and astray:
            moved = astray[0].units
            state = state.after(deed, "f1", HOME, [Move(visit, gtin, moved, astray[0])], MARK)
        else:  # a product that is not known to stand here came from somewhere
            state = state.after(deed, "f1", HOME, [Move(visit, gtin, units)], MARK)
            stock[gtin] -= units
        total = units_of(state)
        assert total[HOME] + stock[HOME] == 100
        assert total[OTHER] == -stock[OTHER]
        assert all(one.units > 0 for held in state.carts.values() for one in held)


def test_what_is_divided_is_no_longer_known_by_its_weight():
    two = Holding(1, HOME, 2, MARK)
    (left,) = without((two,), two, 1)
    assert (left.units, left.mark) == (1, None)
    assert without((two,), two, 2) == ()
    assert without((two, two), two, 2) == (two,)


def test_a_handbag_that_is_set_down_and_taken_away_is_not_in_the_cart():
    state = empty().after(1, "f1", HOME, [Move("a", None, -1)], MARK)
    (bag,) = state.astray["f1"]
    state = state.after(2, "f1", HOME, [Move("a", None, 1, bag)], MARK)
    assert state.carts["a"] == ()
    assert state.astray["f1"] == ()


def branches(shares, deed=1):
    """A beam whose states say that `a` or `b` took so many units."""
    states = []
    for n, share in enumerate(shares):
        visit, units = ("a", "b")[n % 2], 1 + n // 2
        new = empty(log_weight=math.log(share))
        states.append(new.after(deed, "f1", HOME, [Move(visit, HOME, units)], MARK))
    beam = Beam({"a", "b"}, {"f1"}, [empty()], deeds={deed})
    beam.replace(states)
    return beam


@given(st.lists(st.floats(0.001, 1.0), min_size=1, max_size=8))
def test_probabilities_add_up_and_parting_changes_none_of_them(shares):
    beam = branches(shares)
    assert math.fsum(p for p, _ in beam.shares()) == pytest.approx(1)
    before = {visit: dict(_by_units(beam.carts(visit))) for visit in ("a", "b")}
    assert beam.told(1)[0][0] == pytest.approx(max(shares) / sum(shares))
    for part in parted(beam):
        for visit in part.visits:
            assert dict(_by_units(part.carts(visit))) == pytest.approx(before[visit])


def _by_units(carts):
    found = Counter()
    for p, held in carts:
        found[counted(held)[HOME]] += p
    return found.items()


def test_states_of_equal_accounts_are_merged_and_keep_the_likelier_story():
    other = Mark("f2", 100.0, 1.0, 5.0)
    one = empty(log_weight=math.log(0.6)).after(1, "f1", HOME, [Move("a", HOME, 1)], MARK)
    two = empty(log_weight=math.log(0.3)).after(1, "f1", HOME, [Move("a", HOME, 1)], other)
    none = empty(log_weight=math.log(0.1)).after(1, "f1", HOME, [], MARK)
    beam = Beam({"a", "b"}, set(), [empty()], deeds={1})
    beam.replace([one, two, none])
    assert [p for p, _ in beam.shares()] == pytest.approx([0.9, 0.1])
    assert beam.states[0].carts["a"][0].mark == MARK


def test_what_is_too_much_is_dropped_and_counted():
    states = [
        empty(log_weight=-0.001 * n).after(1, "f1", HOME, [Move("a", HOME, n + 1)], MARK)
        for n in range(3 * MOST_STATES)
    ]
    beam = Beam({"a", "b"}, set(), [empty()], deeds={1})
    beam.replace(states)
    assert len(beam.states) == MOST_STATES
    assert 0.5 < beam.dropped < 0.9
    assert math.fsum(p for p, _ in beam.shares()) == pytest.approx(1)


def test_beams_that_know_nothing_of_each_other_multiply():
    one = branches([0.7, 0.3])
    two = Beam({"c"}, set(), [State(0.0, {"c": ()}, {}, {})])
    both = joined([one, two])
    assert both.visits == {"a", "b", "c"}
    assert [p for p, _ in both.shares()] == pytest.approx([0.7, 0.3])


def test_visits_are_weighed_apart_again_once_nothing_is_open_between_them():
    belief = Belief()
    for visit in ("a", "b"):
        belief.begin(visit)
    beam = belief.states_of(["a", "b"], "f1")
    belief.decide(
        beam,
        1,
        [
            empty(log_weight=math.log(p)).after(1, "f1", HOME, [Move(visit, HOME, 1)], MARK)
            for visit, p in (("a", 0.6), ("b", 0.4))
        ],
    )
    assert belief.settle({1}) == set()
    assert belief.about(["a"]) == belief.about(["b"]) == {1}
    belief.reweigh(1, lambda state: 0.0 if state.carts["a"] else -50.0)
    assert belief.settle({1}) == {1}
    assert not belief.is_open(1)
    assert [(p, counted(held)) for p, held in belief.carts("a")] == [(1.0, {HOME: 1})]
    assert belief.carts("b") == [(1.0, ())]


def test_a_visit_that_ends_leaves_the_others_their_doubts():
    belief = Belief()
    for visit in ("a", "b"):
        belief.begin(visit)
    beam = belief.states_of(["a", "b"])
    belief.decide(
        beam,
        1,
        [
            empty(log_weight=math.log(p)).after(1, "f1", HOME, [Move(visit, HOME, 1)], MARK)
            for visit, p in (("a", 0.6), ("b", 0.4))
        ],
    )
    belief.end("a")
    assert [p for p, _ in belief.carts("b")] == pytest.approx([0.6, 0.4])
    with pytest.raises(KeyError):
        belief.carts("a")


@given(st.lists(st.floats(-9, 0), min_size=1, max_size=9), st.floats(-60, 60))
def test_what_is_as_likely_in_every_state_changes_no_probability(weights, ratio):
    states = [State(w, {"a": (Holding(1, HOME, n + 1),)}, {}, {}) for n, w in enumerate(weights)]
    beam = Beam({"a"}, set(), [])
    beam.replace(states)
    before = {held: p for p, held in beam.carts("a")}
    beam.replace([replace(one, log_weight=one.log_weight + ratio) for one in beam.states])
    assert {held: pytest.approx(p) for p, held in beam.carts("a")} == before


def test_all_decisions_are_told_as_the_likeliest_state_has_them():
    """Two units put back, of two products that weigh the same: not both of them the same one."""
    x, y = (("a", HOME, -1),), (("a", OTHER, -1),)
    stories = [(0.4, x, y), (0.35, y, x), (0.25, y, y)]
    beam = Beam({"a"}, set(), [], deeds={1, 2})
    beam.replace(
        [
            State(math.log(p), {"a": (Holding(n, HOME, 1),) * (n + 1)}, {}, {1: one, 2: two})
            for n, (p, one, two) in enumerate(stories)
        ]
    )
    assert (beam.told(1)[0][1], beam.told(2)[0][1]) == (x, y)
    assert beam.told(1)[0][0] == pytest.approx(0.4)
