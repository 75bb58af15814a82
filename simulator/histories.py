"""What shoppers of a scene may have bought on visits before it, as an engine would remember it."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cart.events import Exited
from sensors.store import Store
from simulator.truth import Truth
from simulator.world import stream

History = Literal["none", "matching", "drifted", "adversarial"]

VISITS = 6
AGAIN = 0.6  # P(a product of the scene's visit was bought on one before)
OTHERS = 2  # products of a visit before that have nothing to do with this one
DRIFTED = 0.5  # of the products of today that were others then


def visits_before(truth: Truth, store: Store, kind: History) -> list[Exited]:
    """Bills of `VISITS` earlier visits of everybody who pays in a scene.

    `matching`: most of what they take now they bought then. `drifted`: half of it was something
    else. `adversarial`: in place of each product its likeliest mistake, the one of nearest weight
    on the same shelves. `none`: nobody was here before.
    """
    if kind == "none":
        return []
    rng = stream("histories", kind, truth.scene, truth.seed)
    products = [product.gtin for product in store.products]
    bills = []
    for visit in truth.visits:
        if visit.kind != "shopper":
            continue
        then = [_then(gtin, kind, store, products, rng) for gtin, _ in visit.lines]
        for _ in range(VISITS):
            bought = {gtin for gtin in then if rng.random() < AGAIN}
            bought |= {products[int(rng.integers(len(products)))] for _ in range(OTHERS)}
            lines = tuple((gtin, 1) for gtin in sorted(bought))
            bills.append(
                Exited(
                    number=0, at_ns=0, decided_ns=0, visit="", shopper=visit.shopper, lines=lines
                )
            )
    return bills


def _then(
    gtin: str, kind: History, store: Store, products: list[str], rng: np.random.Generator
) -> str:
    """What stood for a product of today on the visits before."""
    if kind == "adversarial":
        return likeliest_mistake(gtin, store)
    if kind == "drifted" and rng.random() < DRIFTED:
        return products[int(rng.integers(len(products)))]
    return gtin


def likeliest_mistake(gtin: str, store: Store) -> str:
    """The product of nearest weight on the gondolas where `gtin` stands; itself where alone."""
    weights = {product.gtin: product.weight_g for product in store.products}
    beside = {
        facing.gtin
        for gondola in store.gondolas
        if any(gtin == f.gtin for s in gondola.shelves for f in s.facings)
        for shelf in gondola.shelves
        for facing in shelf.facings
    } - {gtin}
    return min(sorted(beside), key=lambda other: abs(weights[other] - weights[gtin]), default=gtin)
