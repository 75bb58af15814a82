"""History settles ties alone, trust asks for looks alone, and both say so."""

from pathlib import Path

import pytest

from cart.profile import Profiles
from cart.trust import Outcome
from fusion.account import Account
from fusion.charging import Bill
from fusion.hypotheses import Hypothesis
from fusion.log import Log
from fusion.standing import Standing
from fusion.states import Move, State
from fusion.tie_break import TieBreak, chances
from sensors.store import Policy, StoreFileError, load_store, parse_store

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
A, B = (p.gtin for p in load_store(CORNER).products[:2])
STATE = State(0.0, {}, {}, {})


def branch(gtin, score, visit="v1"):
    return score, STATE, Hypothesis((Move(visit, gtin, 1),), {"weight": score})


def settled(profiles, *branches):
    log = Log()
    accounts = {"v1": Account("v1", "ada", 0), "v2": Account("v2", "ben", 0)}
    after = TieBreak(profiles, accounts, 40, log).settle(branches, 5)
    return chances(after), after, log.drain()


def bought(gtin, units=30, **kwargs):
    profiles = Profiles(**kwargs)
    profiles.of("ada").bought = {gtin: units}
    return profiles


def test_history_settles_what_sensors_left_even_and_says_so():
    ranked, branches, told = settled(bought(B), branch(A, -1.0), branch(B, -1.5))
    assert ranked[0][1] == (("v1", B, 1),)
    assert {"history"} <= set(branches[1][2].terms)
    (used,) = told
    assert (used.by, used.shopper, used.gtins) == ("history", "ada", tuple(sorted((A, B))))
    assert used.after > used.before


def test_where_sensors_are_at_three_to_one_history_has_no_say():
    branches = (branch(A, -1.0), branch(B, -2.2))
    _, after, told = settled(bought(B), *branches)
    assert (list(branches), []) == (after, told)


def test_without_history_a_tie_stays_one():
    ranked, _, told = settled(bought(B, use_history=False), branch(A, -1.0), branch(B, -1.0))
    assert ranked[0][0] == pytest.approx(0.5)
    assert told == []


def test_popularity_settles_a_tie_for_everybody_and_is_no_ones_history():
    profiles = Profiles()
    profiles.confirmed(0, "v0", "eve", ((B, 400),))
    ranked, branches, told = settled(profiles, branch(A, -1.0), branch(B, -1.0))
    assert ranked[0][1] == (("v1", B, 1),)
    assert "popular" in branches[1][2].terms
    assert "history" not in branches[1][2].terms
    assert told == []


def bill(loss_cents=30.0, unknown=0.0, doubtful=()):
    return Bill(
        lines=(), expected_loss_cents=loss_cents, certain=(), candidates=(), doubtful=doubtful,
        unknown=unknown, risk=0.0,
    )  # fmt: skip


def asked(policy, found, against=4, staff=False):
    profiles, log = Profiles(), Log()
    for _ in range(against):
        profiles.of("ada").trust.verified(Outcome(0, "v0", -1.0, "found"))
    account = Account("v1", "ada", 0, staff=staff)
    words = Standing(profiles, policy, log).ask(account, found, 0)
    return words, log.drain()


TRUSTING = Policy(use_trust=True)


def test_low_trust_asks_for_a_look_and_says_why_but_not_to_the_labeler():
    words, (used,) = asked(TRUSTING, bill())
    assert (used.by, used.visit) == ("trust", "v1")
    assert "trust of 0.64" in used.reason
    assert words
    assert "trust" not in words


@pytest.mark.parametrize(
    ("policy", "found", "against", "staff"),
    [
        (Policy(), bill(), 40, False),
        (TRUSTING, bill(), 0, False),
        (TRUSTING, bill(19.0), 400, False),
        (TRUSTING, bill(61.0), 40, False),
        (TRUSTING, bill(doubtful=(A,)), 40, False),
        (TRUSTING, bill(), 40, True),
        (TRUSTING, bill(15.0, unknown=0.05), 400, False),
    ],
)
def test_trust_says_nothing_where_it_is_off_or_makes_no_difference(policy, found, against, staff):
    assert asked(policy, found, against, staff) == ("", [])


def test_a_prior_of_concealment_counts_at_most_three_times():
    policy = Policy(use_trust=True, conceal_prior=True)
    words, (used,) = asked(policy, bill(15.0, unknown=0.05), 400)
    assert words
    assert used.after == pytest.approx(15.0 + 2 * 0.05 * 200)
    assert asked(policy, bill(9.0, unknown=0.01), 10_000) == ("", [])


def test_a_prior_of_concealment_needs_trust():
    text = CORNER.read_text(encoding="utf-8")
    text = text.partition("policy:")[0] + "policy: {conceal_prior: true}\n"
    with pytest.raises(StoreFileError, match="needs use_trust"):
        parse_store(text)
