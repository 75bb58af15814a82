"""Histories are what they are called: alike, half alike, or of what is easily mistaken."""

from pathlib import Path

from sensors.store import load_store
from simulator.histories import likeliest_mistake, visits_before
from simulator.truth import TrueVisit, Truth

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
BY_NAME = {product.name: product.gtin for product in STORE.products}
COLA, RICE = BY_NAME["Cola Zero"], BY_NAME["Rice"]


def visit(shopper, *lines, kind="shopper"):
    return TrueVisit(shopper=shopper, entered_ns=1, left_ns=2, lines=list(lines), kind=kind)


TRUTH = Truth(
    scene="s",
    seed=1,
    visits=[visit("ada", (COLA, 1), (RICE, 2)), visit("sam", kind="staff")],
    moves=[],
    stock={},
)


def bought(kind):
    return [gtin for bill in visits_before(TRUTH, STORE, kind) for gtin, _ in bill.lines]


def test_nobody_was_here_before_and_staff_buys_nothing():
    assert bought("none") == []
    assert {bill.shopper for bill in visits_before(TRUTH, STORE, "matching")} == {"ada"}


def test_matching_histories_have_the_products_and_adversarial_ones_what_they_are_mistaken_for():
    matching, adversarial = bought("matching"), bought("adversarial")
    assert matching.count(COLA) >= 2 and matching.count(RICE) >= 2
    mistaken = likeliest_mistake(COLA, STORE)
    assert mistaken != COLA and adversarial.count(mistaken) >= 2
    assert visits_before(TRUTH, STORE, "matching") == visits_before(TRUTH, STORE, "matching")


def test_the_likeliest_mistake_is_of_nearest_weight_beside():
    names = {product.gtin: product.name for product in STORE.products}
    assert names[likeliest_mistake(BY_NAME["Jam Cherry"], STORE)] == "Jam Apricot"
