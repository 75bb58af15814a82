"""A step is cut into what fell on each facing, and joined where it is one thing."""

from pathlib import Path

import pytest

from fusion.shelves import Shelves
from sensors.observations import WeightStep
from sensors.store import load_store

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
SHELF = next(s for g in STORE.gondolas for s in g.shelves if s.id == "g2s2")


def step(delta_g):
    return WeightStep(
        at_ns=1, began_ns=0, shelf=SHELF.id, plates=(8, 9, 10, 11), delta_g=delta_g,
        sigma_g=(0.5,) * 4,
    )  # fmt: skip


def test_a_thing_that_stands_across_two_facings_is_one_if_it_weighs_what_somebody_holds():
    shelves = Shelves(STORE)
    straddling = step((2.0, 100.0, 977.0, 17.0))
    assert len(shelves.split(straddling)) == 2  # each share would fit what stands there
    (part,) = shelves.split(straddling, {1070.0})
    assert part.delta_g == pytest.approx(1096.0)
    assert 10 in part.place.plates
    assert len(shelves.split(straddling, {300.0})) == 2


def test_cross_talk_is_counted_to_what_caused_it():
    (part,) = Shelves(STORE).split(step((0.0, -6.0, -1000.0, -15.0)))
    assert part.delta_g == pytest.approx(-1021.0)
