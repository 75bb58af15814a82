"""Shoppers who have no script: what they want, how they hesitate, and whom they are with.

Baskets follow real ones: most are short, some lines have several units, few products are in many
baskets. Habits that a scene does not ask for draw nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from simulator.scene import RandomShoppers
from simulator.scene_checks import find_product
from simulator.scene_script import Looks
from simulator.tasks import Browse, Dwell, Phone, Pick, PickTogether, PutBack, Task, Touch, TurnAway
from simulator.world import TrueStore, stream

SEVERAL = (2, 2, 2, 3)  # units of a line that has more than one
LARGEST_PARTY = 4
_CHILD_SHARE = 0.4  # of those who are with somebody


def draw_basket(
    store: Store, true: TrueStore, drawn: RandomShoppers, seed: int, name: str
) -> list[Task]:
    """A shopping list in the order of a round through the store."""
    rng = stream(true.world.seed, seed, "basket", name)
    habits = stream(true.world.seed, seed, "habits", name)
    gondola_of = {
        f"{shelf.id}.{min(facing.plates)}": gondola.id
        for gondola in store.gondolas
        for shelf in gondola.shelves
        for facing in shelf.facings
    }
    facings = _wanted(store, true, drawn, gondola_of)
    if not facings:
        return [Dwell(3.0)]
    least, most = drawn.lines
    if drawn.shorter == 1:
        count = int(rng.integers(least, most + 1))
    else:
        odds = drawn.shorter ** np.arange(most - least + 1)
        count = int(rng.choice(np.arange(least, most + 1), p=odds / odds.sum()))
    count = min(len(facings), count)
    rounds = list(dict.fromkeys(gondola_of.values()))
    if rng.random() < 0.5:
        rounds.reverse()
    likely = None
    if drawn.popularity > 0:
        likely = popularity(store, true, [true.gtin_at[f] for f in facings], drawn.popularity)
    chosen = sorted(
        (str(f) for f in rng.choice(facings, count, replace=False, p=likely)),
        key=lambda f: (rounds.index(gondola_of[f]), f),
    )
    tasks: list[Task] = []
    for facing in chosen:
        near = [f for f in gondola_of if gondola_of[f] == gondola_of[facing]]
        tasks += _before(drawn, near, list(gondola_of), habits)
        gtin = true.gtin_at[facing]
        if rng.random() < drawn.touch_share:
            tasks += [
                Touch(str(rng.choice(near)))
                for _ in range(int(habits.integers(drawn.touches[0], drawn.touches[1] + 1)))
            ]
        several = rng.random() < drawn.several_share
        units = min(int(rng.choice(SEVERAL)) if several else 1, true.stock[facing])
        beside = _neighbour(facing, near, facings)
        if beside is not None and habits.random() < drawn.both_hands_share:
            tasks.append(PickTogether((gtin, true.gtin_at[beside])))
        else:
            tasks.append(Pick(gtin, units, facing))
        if rng.random() < drawn.put_back_share:
            tasks += [Dwell(float(rng.uniform(0.5, 2.0))), PutBack(gtin)]
        elif rng.random() < 0.3:
            tasks.append(Dwell(float(rng.uniform(0.5, 2.5))))
        if habits.random() < drawn.turn_share:
            tasks.append(TurnAway(float(habits.uniform(1.0, 4.0))))
    return tasks


def popularity(
    store: Store, true: TrueStore, gtins: Sequence[str], exponent: float
) -> NDArray[np.float64]:
    """The share of each of the products in baskets: Zipf's law over ranks that the world draws."""
    order = stream(true.world.seed, "popularity", store.id).permutation(len(store.products))
    ranks = {p.gtin: 1 + int(rank) for p, rank in zip(store.products, order, strict=True)}
    weights = np.array([ranks[gtin] for gtin in gtins], dtype=np.float64) ** -exponent
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def draw_company(
    drawn: RandomShoppers, world_seed: int, seed: int
) -> list[tuple[str, str | None, Looks]]:
    """Everybody's name, whom they are with, and how they look."""
    rng = stream(world_seed, seed, "company")
    company: list[tuple[str, str | None, Looks]] = []
    party: list[str] = []
    for name in drawn.names():
        joins = bool(party) and len(party) < LARGEST_PARTY and rng.random() < drawn.group_share
        party = [*party, name] if joins else [name]
        before = company[-1][0] if company and rng.random() < drawn.same_clothes_share else None
        child = joins and rng.random() < _CHILD_SHARE
        looks = Looks(
            child=child, same_as=before, phone=not child and rng.random() < drawn.phone_share / 4
        )
        company.append((name, party[0] if joins else None, looks))
    return company


def _wanted(
    store: Store, true: TrueStore, drawn: RandomShoppers, gondola_of: dict[str, str]
) -> list[str]:
    """The facings that they shop from."""
    wanted = {find_product(store, product) for product in drawn.products}
    return [
        name
        for name, gtin in true.gtin_at.items()
        if true.stock[name] >= 2
        and (not wanted or gtin in wanted)
        and (not drawn.gondolas or gondola_of[name] in drawn.gondolas)
    ]


def _before(
    drawn: RandomShoppers, near: list[str], everywhere: list[str], habits: np.random.Generator
) -> list[Task]:
    """What people do before they go for what they want."""
    tasks: list[Task] = []
    if habits.random() < drawn.browse_share:
        where = near if habits.random() < 0.5 else everywhere
        tasks.append(Browse(str(habits.choice(where)), float(habits.gamma(2.0, 2.0))))
    if habits.random() < drawn.phone_share:
        tasks.append(Phone(float(habits.uniform(2.0, 6.0))))
    return tasks


def _neighbour(facing: str, near: list[str], facings: list[str]) -> str | None:
    """The next facing on the same shelf, if it is shopped from."""
    shelf = facing.rpartition(".")[0]
    same = [f for f in near if f.rpartition(".")[0] == shelf]
    at = same.index(facing) + 1
    return same[at] if at < len(same) and same[at] in facings else None
