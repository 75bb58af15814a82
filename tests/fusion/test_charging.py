"""The bill: its risk, what is certain of it, and substitutes that never raise it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusion.charging import best_bill
from fusion.states import Holding
from fusion.substitutes import pooled
from sensors.policy import Policy
from sensors.store import Product

PRICES = {"a": 300, "b": 300, "c": 250, "d": 900}
PRODUCTS = {
    f"{'abcd'.index(name):014d}": Product(
        gtin=f"{'abcd'.index(name):014d}",
        name=name,
        price_cents=price,
        weight_g=100,
        tax_class="reduced" if name == "d" else "standard",
    )
    for name, price in PRICES.items()
}
GTIN = dict(zip("abcd", PRODUCTS, strict=True))
ASKING = Policy()
POOLING = Policy(pool_substitutes=True)


def carts(*answers: tuple[float, str]):
    """Carts as text: ("ab" holds one of each) with their probabilities."""
    return [
        (p, tuple(Holding(n, GTIN[name], 1) for n, name in enumerate(names)))
        for p, names in answers
    ]


def lines(names: str) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(Counter(GTIN[name] for name in names).items()))


def test_the_risk_is_that_some_unit_is_not_owed():
    found = carts((0.93, "aab"), (0.04, "aa"), (0.02, "ab"), (0.01, "aabd"))
    bill = best_bill(found, PRODUCTS, ASKING)
    assert bill.lines == lines("aab")
    assert bill.risk == pytest.approx(0.06)
    assert best_bill(carts((1.0, "")), PRODUCTS, ASKING).risk == 0.0


def test_two_flavours_of_one_price_are_charged_as_the_likelier():
    found = carts((0.55, "a"), (0.44, "b"), (0.01, ""))
    asking = best_bill(found, PRODUCTS, ASKING)
    assert asking.doubtful
    assert asking.lines == ()
    bill = best_bill(found, PRODUCTS, POOLING)
    assert bill.lines == lines("a")
    assert bill.doubtful == ()
    assert bill.expected_loss_cents < asking.expected_loss_cents
    assert bill.risk == pytest.approx(0.45)  # told by product


def test_three_flavours_none_of_which_is_worth_a_question_are_pooled():
    found = carts((0.35, "a"), (0.34, "b"), (0.3, "c"), (0.01, ""))
    assert best_bill(found, PRODUCTS, ASKING).doubtful == ()
    assert best_bill(found, PRODUCTS, POOLING).lines == lines("c")


def test_between_two_prices_the_cheaper_is_charged():
    found = carts((0.55, "a"), (0.44, "c"), (0.01, ""))
    assert best_bill(found, PRODUCTS, POOLING).lines == lines("c")


def test_what_is_certain_is_charged_besides_the_pool():
    found = carts((0.5, "aab"), (0.5, "abb"))
    bill = best_bill(found, PRODUCTS, POOLING)
    assert bill.certain == lines("ab")
    assert bill.lines in (lines("aab"), lines("abb"))


@pytest.mark.parametrize(
    "answers",
    [
        ((0.5, "a"), (0.5, "d")),  # another tax
        ((0.5, "a"), (0.3, "b"), (0.2, "")),  # perhaps nothing
        ((0.97, "a"), (0.03, "b")),  # no doubt
    ],
)
def test_what_is_no_substitute_is_not_pooled(answers):
    found = carts(*answers)
    assert best_bill(found, PRODUCTS, POOLING) == best_bill(found, PRODUCTS, ASKING)


ANSWERS = st.lists(
    st.tuples(st.floats(0.01, 1.0), st.text("abcd", max_size=4)), min_size=1, max_size=8
).map(lambda found: [(p / sum(q for q, _ in found), names) for p, names in found])


@given(ANSWERS)
def test_pooling_never_raises_the_expected_loss(answers):
    asking = best_bill(carts(*answers), PRODUCTS, ASKING)
    pooled_bill = best_bill(carts(*answers), PRODUCTS, POOLING)
    assert pooled_bill.expected_loss_cents <= asking.expected_loss_cents + 1e-6
    assert set(pooled_bill.doubtful) <= set(asking.doubtful)
    assert pooled_bill.certain == asking.certain


@given(ANSWERS)
def test_a_pool_costs_at_most_what_is_owed_as_surely_as_a_charge_must_be(answers):
    held = [(p, Counter(GTIN[x] for x in names)) for p, names in answers]
    members = [GTIN[x] for x in "abcd"]
    for pool in pooled(held, members, {}, dict.fromkeys(members, 1e9), PRODUCTS, POOLING):
        charged = sum(n * PRODUCTS[gtin].price_cents for gtin, n in pool.lines.items())
        owed = (
            (p, sum(n * PRODUCTS[g].price_cents for g, n in cart.items() if g in pool.members))
            for p, cart in held
        )
        assert sum(p for p, cents in owed if cents >= charged) >= POOLING.charge_at - 1e-9
        assert len({PRODUCTS[gtin].tax_class for gtin in pool.members}) == 1


@given(ANSWERS)
def test_the_certain_lines_are_each_as_likely_as_the_policy_wants(answers):
    bill = best_bill(carts(*answers), PRODUCTS, ASKING)
    for gtin, units in bill.certain:
        likely = sum(p for p, names in answers if [GTIN[x] for x in names].count(gtin) >= units)
        assert likely >= ASKING.charge_at - 1e-9
    assert 0 <= bill.risk <= 1
