"""Trust moves on verified outcomes alone, fades, and is bounded; history settles only ties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cart import events as e
from cart.popularity import popular, share
from cart.profile import Profiles, beyond
from cart.trust import HALF_LIFE_DAYS, MOST_RATIO, MOST_WEIGHT, Outcome, Trust

A, B = "04000000000017", "04000000000024"
DAY_NS = 86_400_000_000_000
NEVER = ((), ((A, 1),))


def event(kind, number=1, at_ns=0, **fields):
    return kind(number=number, at_ns=at_ns, decided_ns=at_ns, **fields)


def asked(candidates=NEVER, weight=1.0, visit="v1"):
    return event(
        e.ReviewRequested, review=f"r-{visit}", visit=visit, shopper="ada", reason="", certain=(),
        candidates=tuple(e.Candidate(lines=lines, probability=0.5) for lines in candidates),
        evidence=(), weight=weight,
    )  # fmt: skip


def closed(lines, verified=True, visit="v1"):
    return event(
        e.ReviewClosed, review=f"r-{visit}", visit=visit, shopper="ada", lines=lines, actor="me",
        verified=verified,
    )  # fmt: skip


def mean_after(*events):
    profiles = Profiles()
    for one in events:
        profiles.apply(one)
    return profiles.of("ada").trust.mean()


def test_a_verdict_within_what_the_engine_thought_of_speaks_for_the_shopper():
    assert mean_after(asked(), closed(((A, 1),))) > 0.9
    assert mean_after(asked(), closed(())) > 0.9, "a doubt of the engine is nobody's fault"


def test_a_verdict_that_finds_more_than_any_answer_speaks_against():
    assert mean_after(asked(), closed(((A, 2),))) < 0.9
    assert mean_after(asked(), closed(((B, 1),))) < 0.9


def test_nothing_unverified_moves_trust():
    bill = event(e.Exited, visit="v1", shopper="ada", lines=((A, 1),))
    assert mean_after(asked(), closed(((B, 9),), verified=False), bill) == 0.9


def test_a_drawn_case_speaks_for_those_that_were_not_drawn_up_to_a_bound():
    once, often = (
        mean_after(asked(), closed(((B, 1),))),
        mean_after(asked(weight=3.0), closed(((B, 1),))),
    )
    assert often < once
    most = mean_after(asked(weight=MOST_WEIGHT), closed(((B, 1),)))
    assert mean_after(asked(weight=1000.0), closed(((B, 1),))) == most


def test_what_was_learned_is_half_forgotten_after_its_half_life():
    trust = Trust()
    trust.verified(Outcome(0, "v1", -4.0, "found"))
    assert trust.mean() == 9 / 14
    assert trust.mean(round(HALF_LIFE_DAYS * DAY_NS)) == pytest.approx(9 / 12)
    assert trust.mean(round(100 * HALF_LIFE_DAYS * DAY_NS)) == pytest.approx(0.9)


@given(st.lists(st.tuples(st.integers(0, 4000), st.floats(-30, 30).filter(bool)), max_size=30))
def test_the_ratio_stays_between_one_and_three(outcomes):
    trust = Trust()
    for day, weight in outcomes:
        trust.verified(Outcome(day * DAY_NS, "v", weight, ""))
        assert 1.0 <= trust.ratio() <= MOST_RATIO
        assert 0.0 < trust.mean() < 1.0
    assert len(trust.outcomes) <= 20


def count(units, gtin=A):
    return event(e.Restocked, facing="s.1", gtin=gtin, units=units, actor="me")


def entered(visit, shopper="ada"):
    return event(e.Entered, visit=visit, shopper=shopper, tracklet=None)


def left(visit, shopper="ada"):
    return event(e.Exited, visit=visit, shopper=shopper, lines=())


def took(units, book):
    return event(e.StockMoved, facing="s.1", gtin=A, units=-units, left=book)


def test_a_count_tells_of_the_only_visit_since_the_last_one():
    visit = [count(5), entered("v1"), took(1, 4), left("v1")]
    assert mean_after(*visit, count(4)) > 0.9
    assert mean_after(*visit, count(2)) < 0.9
    assert mean_after(*visit, count(5)) == 0.9, "more than booked is no reproach, and no praise"


def test_a_count_blames_nobody_where_two_were_in():
    visits = [count(5), entered("v1"), entered("v2", "ben"), took(1, 4), left("v1"), left("v2")]
    assert mean_after(*visits, count(0)) == 0.9
    inside = [entered("v2", "ben"), count(5), entered("v1"), left("v1")]
    assert mean_after(*inside, count(0)) == 0.9
    assert mean_after(entered("v1"), left("v1"), count(0)) == 0.9, "there was no count before"
    assert mean_after(count(5), entered("v1"), left("v1"), count(0, B)) == 0.9


def test_history_does_not_learn_from_what_history_settled():
    profiles = Profiles()
    used = event(
        e.ProfileUsed, visit="v1", shopper="ada", by="history", gtins=(A,), before=0.5, after=0.8,
        reason="",
    )  # fmt: skip
    for one in (used, event(e.Exited, visit="v1", shopper="ada", lines=((A, 1), (B, 1)))):
        profiles.apply(one)
    assert profiles.of("ada").bought == {B: 1}
    for one in (used, left("v1"), closed(((A, 1),))):
        profiles.apply(one)
    assert profiles.of("ada").bought == {A: 1, B: 1}, "a verdict counts"


def test_without_history_every_shopper_is_like_the_store():
    profiles = Profiles(use_history=False)
    profiles.apply(event(e.Exited, visit="v1", shopper="ada", lines=((A, 9),)))
    assert profiles.share("ada", A, 40) == profiles.share("ben", A, 40) == 1 / 40


def test_popularity_moves_on_verified_purchases_alone():
    profiles = Profiles()
    profiles.apply(event(e.Exited, visit="v1", shopper="ada", lines=((A, 99),)))
    assert profiles.popularity(A, 40) == 1 / 40
    profiles.apply(closed(((A, 99),)))
    assert profiles.popularity(A, 40) > 0.3
    profiles.confirmed(0, "v2", "ben", ((B, 99),))
    assert profiles.popularity(B, 40) > 0.2
    assert profiles.of("ben").trust.mean() > 0.9


@given(
    st.dictionaries(st.integers(0, 4), st.integers(1, 500)),
    st.dictionaries(st.sampled_from("01234"), st.integers(1, 500)),
)
def test_shares_add_up_to_one(verified, bought):
    counter = e_counter({str(k): n for k, n in verified.items()})
    shares = [share(bought, str(k), popular(counter, str(k), 5)) for k in range(5)]
    assert sum(shares) == pytest.approx(1.0)
    assert min(shares) > 0


def e_counter(counts):
    profiles = Profiles()
    profiles.confirmed(0, "v", "s", tuple(counts.items()))
    return profiles._verified


def test_beyond_is_what_no_answer_has():
    assert beyond(((A, 3), (B, 1)), [((A, 1),), ((A, 2), (B, 1))]) == {A: 1}
