"""Generated articles and shelves against real ones: a chain's price list, and a store's shelves.

The price list is konzum_catalogue.csv, its articles of known quantity; the shelves are those of
the 2020 AutoCheckout competition's store.
"""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store, parse_store
from service.autocheckout import ImportFailedError, import_autocheckout
from service.realism import Comparison, RealDataError, compare
from simulator.catalogue import Confusables, blocks
from simulator.catalogue_likeness import neighbour_gaps
from simulator.catalogue_statistics import CATEGORIES, NET_LEAST, NET_MOST
from simulator.generate import Wish, generate_store

Array = NDArray[np.float64]

PRICE_LIST = "catalogue/konzum_catalogue.csv"
SHELVES = "autocheckout-benchmark-1"
SEEDS = range(1, 7)
ARTICLES = 6_000
NAMES = {
    ("HRANA", "g"): "food",
    ("HRANA", "ml"): "liquid food",
    ("PIĆE", "ml"): "drinks",
    ("KOZMETIKA", "ml"): "cosmetics",
    ("SREDSTVA ZA ČIŠĆENJE", "ml"): "cleaning",
    ("PROIZVODI ZA KUĆANSTVO", "g"): "household",
}
Columns = dict[str, Array]  # by category: quantities and prices in cents, (N, 2)


def compare_catalogue(real_data: Path) -> list[Comparison]:
    """Quantities and prices by category; how alike a shelf's articles weigh; widths of facings."""
    real, made = listed_articles(real_data / PRICE_LIST), generated_articles()
    found = []
    for category in CATEGORIES:
        for column, (what, unit) in enumerate((("quantity", category.unit), ("price", "cents"))):
            name = f"{category.name}: {what}"
            pair = real[category.name][:, column], made[category.name][:, column]
            found.append(compare(name, unit, *pair, farthest=0.15, factor=1.5))
    try:
        shelves = parse_store(import_autocheckout(real_data / SHELVES).store_text)
    except ImportFailedError as error:
        raise RealDataError(str(error)) from error
    stores = [generate_store(Wish(id="made", seed=seed)) for seed in SEEDS]
    gaps = np.concatenate([neighbour_gaps(store) for store in stores])
    widths = np.concatenate([facing_widths(store) for store in stores])
    return [
        *found,
        compare("same shelf: difference", "g", neighbour_gaps(shelves), gaps, farthest=0.3),
        compare("facings: plates", "", facing_widths(shelves), widths, farthest=0.2),
    ]


def listed_articles(path: Path) -> Columns:
    """Articles of a price list with a quantity from 10 to 2,000 g or ml, by category."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES.values()}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                name, net = NAMES.get((row["category"], row["unit"])), float(row["net"])
                if name is not None and NET_LEAST <= net <= NET_MOST:
                    found[name].append((net, round(100 * float(row["price_eur"]))))
    except (OSError, UnicodeDecodeError, KeyError, ValueError) as error:
        raise RealDataError(f"{path}: not a price list: {error!r}") from error
    return {name: np.array(rows, dtype=np.float64) for name, rows in found.items()}


def generated_articles() -> Columns:
    """The same of generated articles, none of them a flavour or rival of another."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in NAMES.values()}
    for block in itertools.islice(blocks(np.random.default_rng(1), Confusables(0, 0)), ARTICLES):
        found[block.kind.category].append((block.net, block.products[0].price_cents))
    return {name: np.array(rows, dtype=np.float64) for name, rows in found.items()}


def facing_widths(store: Store) -> Array:
    """How many plates each facing has."""
    return np.array(
        [len(f.plates) for g in store.gondolas for s in g.shelves for f in s.facings],
        dtype=np.float64,
    )
