"""Only what was verified changes what the engine weighs by; the rest is proposed to people."""

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from cart import events as e
from fusion.content import Content
from fusion.decision import Decision
from fusion.learning import Learning
from fusion.log import Log
from fusion.shelves import Part, Shelves
from sensors.observations import WeightStep
from sensors.store import load_store

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
NS = 1_000_000_000


@dataclass
class Shop:
    """Tells lines to a `Learning` as decisions and their log would."""

    learning: Learning
    shelves: Shelves
    log: Log
    deeds: int = 0

    def line(self, visit, facing, gtin, units, delta_g):
        self.deeds += 1
        place = self.shelves.places[facing]
        step = WeightStep(
            at_ns=self.deeds * NS + 1, began_ns=self.deeds * NS, shelf=place.shelf.id,
            plates=(1,), delta_g=(delta_g,), sigma_g=(1.0,),
        )  # fmt: skip
        part = Part(place, delta_g, 1.0, 1.0)
        self.learning.decided(Decision(self.deeds, step, part, (visit,), (visit,), {}, {}), ())
        self.log.emit(
            e.Picked if units > 0 else e.PutBack, at_ns=step.began_ns, visit=visit,
            line=f"l{self.deeds}", gtin=gtin, units=abs(units), facing=facing, posterior=0.9,
            evidence=(),
        )  # fmt: skip

    def closed(self, visit, lines, verified=True):
        self.log.emit(
            e.ReviewClosed, at_ns=0, review=f"r{visit}", visit=visit, shopper="ada", lines=lines,
            actor="ines", verified=verified,
        )  # fmt: skip

    def weight(self, gtin):
        return self.shelves.products[gtin].weight_g

    def alerts(self, kind):
        return [x for x in self.log.drain() if isinstance(x, e.Alerted) and x.kind == kind]


@pytest.fixture
def shop():
    shelves, log = Shelves(STORE), Log()
    learning = Learning(shelves, log)
    log.listen(learning.hear)
    return Shop(learning, shelves, log)


FACING = "g1s2.1"
GTIN = next(p.gtin for p in Shelves(STORE).places.values() if p.id == FACING)
PRODUCT = next(p for p in STORE.products if p.gtin == GTIN)
OTHER = next(p for p in Shelves(STORE).places.values() if p.gtin not in (GTIN,))


def true_picks(count, factor, seed=0):
    rng = np.random.default_rng(seed)
    return PRODUCT.weight_g * factor + rng.normal(0, PRODUCT.weight_sigma_g, count)


def test_a_verdict_that_agrees_teaches_the_weight(shop):
    for n, grams in enumerate(true_picks(12, 0.95)):
        shop.line(f"v{n}", FACING, GTIN, 1, -grams)
        shop.closed(f"v{n}", ((GTIN, 1),))
    assert shop.weight(GTIN) == pytest.approx(0.95 * PRODUCT.weight_g, rel=0.01)
    place = shop.shelves.places[FACING]
    assert place.content.unit_g(GTIN) == pytest.approx(shop.weight(GTIN))
    assert all(shop.shelves.products[p.gtin] == p for p in STORE.products if p.gtin != GTIN), (
        "what was not weighed is not changed"
    )
    told = shop.alerts("weight-learned")
    assert told
    assert all("verified" in one.text for one in told)


@pytest.mark.parametrize(
    ("lines", "verified"),
    [(((GTIN, 2),), True), ((), True), (((OTHER.gtin, 1),), True), (((GTIN, 1),), False)],
)
def test_a_verdict_that_disagrees_or_cannot_tell_teaches_nothing(shop, lines, verified):
    for n, grams in enumerate(true_picks(12, 0.95)):
        shop.line(f"v{n}", FACING, GTIN, 1, -grams)
        shop.closed(f"v{n}", lines, verified)
    assert shop.weight(GTIN) == PRODUCT.weight_g


def test_the_engines_own_picks_change_nothing_and_propose_something(shop):
    for n, grams in enumerate(true_picks(12, 0.92)):
        shop.line(f"v{n}", FACING, GTIN, 1, -grams)
        shop.log.emit(e.Exited, at_ns=0, visit=f"v{n}", shopper="ada", lines=((GTIN, 1),))
    assert shop.weight(GTIN) == PRODUCT.weight_g
    (told,) = shop.alerts("weight-off")
    assert told.subject == FACING
    assert f"proposed weight: {0.92 * PRODUCT.weight_g:.0f} g" in told.text


def test_what_was_revised_is_not_learned_from(shop):
    for n, grams in enumerate(true_picks(6, 0.95)):
        shop.line(f"v{n}", FACING, GTIN, 1, -grams)
        shop.log.emit(
            e.Revised, at_ns=0, visit=f"v{n}", line=f"l{n + 1}", gtin=GTIN, units=1, reason="no"
        )
        shop.closed(f"v{n}", ((GTIN, 1),))
    assert shop.weight(GTIN) == PRODUCT.weight_g


def test_another_product_on_a_facing_is_proposed_once_and_forgotten_when_it_is_told(shop):
    other = next(p for p in STORE.products if p.weight_g > 1.5 * PRODUCT.weight_g)
    for n in range(8):
        shop.line(f"v{n}", FACING, other.gtin, 1, -other.weight_g)
    (told,) = shop.alerts("planogram-wrong")
    assert other.name in told.text
    shop.log.emit(e.Restocked, at_ns=0, facing=FACING, gtin=other.gtin, units=9, actor="me")
    for n in range(8):
        shop.line(f"w{n}", FACING, other.gtin, 1, -other.weight_g)
    assert shop.alerts("planogram-wrong") == []


def test_two_counts_that_agree_with_the_weight_between_them_teach_it(shop):
    def count(units):
        shop.log.emit(e.Restocked, at_ns=0, facing=FACING, gtin=GTIN, units=units, actor="me")

    count(12)
    for grams in true_picks(10, 0.96):
        shop.line("v1", FACING, GTIN, 1, -grams)
    count(2)
    assert shop.weight(GTIN) == pytest.approx(0.96 * PRODUCT.weight_g, rel=0.01)
    for grams in true_picks(2, 0.5):
        shop.line("v1", FACING, GTIN, 1, -grams)
    learned = shop.weight(GTIN)
    count(0)
    assert shop.weight(GTIN) == learned, "steps that two units cannot have made teach nothing"


def test_a_unit_that_is_put_down_elsewhere_weighs_one_plate_against_the_other(shop):
    facings = [name for name in shop.shelves.places if name != FACING][:8]
    for n in range(24):
        elsewhere = facings[n % len(facings)]
        shop.line(f"v{n}", FACING, GTIN, 1, -1.03 * PRODUCT.weight_g)
        shop.line(f"v{n}", elsewhere, GTIN, -1, PRODUCT.weight_g)
        shop.line(f"v{n}", elsewhere, GTIN, 1, -PRODUCT.weight_g)
        shop.closed(f"v{n}", ((GTIN, 1),))
    told = shop.alerts("gain-off")
    assert [one.subject for one in told] == [FACING]
    assert "calibrate" in told[0].text
    assert shop.weight(GTIN) == pytest.approx(PRODUCT.weight_g, rel=0.012)


def test_what_picks_said_of_a_facing_outlasts_a_new_weight():
    content = Content(GTIN, {p.gtin: p for p in STORE.products})
    for _ in range(200):
        content.weigh(GTIN, 1, 1.05 * PRODUCT.weight_g, 1.0, 1.0)
    before = content.unit_g(GTIN)
    content.reweighed(GTIN, 1.05)
    now = PRODUCT.model_copy(update={"weight_g": 1.05 * PRODUCT.weight_g})
    content._products = {**content._products, GTIN: now}
    assert content.unit_g(GTIN) == pytest.approx(before, rel=0.003)


def test_learning_is_pickled_as_it_stands(shop):
    shop.line("v1", FACING, GTIN, 1, -PRODUCT.weight_g)
    again = pickle.loads(pickle.dumps(shop))
    for one in (shop, again):
        one.closed("v1", ((GTIN, 1),))
    assert again.weight(GTIN) == shop.weight(GTIN)
