"""Stores, worlds and crowds that nobody wrote: drawn from a seed, ready to be played."""

from __future__ import annotations

from collections.abc import Sequence

from service.simulate import Staged
from simulator.faults import Fault
from simulator.generate import Wish, generate_store, generate_world
from simulator.generate_files import store_text, world_text
from simulator.scene import RandomShoppers, Scene
from simulator.world import stream

_FLOORS = (((5.0, 4.0), 2), ((6.0, 4.5), 3), ((8.0, 6.0), 6))  # metres, and gondolas that fit
_TAGGED = (0.0, 0.5, 1.0)
_EVERY_S = (2.0, 4.0, 8.0, 15.0)  # from a crush to one after the other


def staged_of(wish: Wish, crowd: RandomShoppers, faults: Sequence[Fault] = ()) -> Staged:
    """A generated store and its world with a crowd of drawn shoppers in it.

    Raises StoreFileError where the wish cannot be.
    """
    store, world = generate_store(wish), generate_world(wish)
    scene = Scene(
        name=wish.id, store=wish.id, world=wish.id, random_shoppers=crowd, faults=list(faults)
    )
    return Staged(
        scene, store, store_text(store, "Generated"), world, "", world_text(world, "Generated")
    )


def drawn_wish(seed: int, world: int) -> Wish:
    """A small store: floor, racks, gates and how many articles have tags are drawn."""
    rng = stream("generated wish", seed, world)
    size_m, gondolas = _FLOORS[int(rng.integers(len(_FLOORS)))]
    return Wish(
        f"world-{world}",
        seed=int(rng.integers(1 << 30)),
        size_m=size_m,
        gondolas=gondolas,
        gates=int(rng.integers(1, 3)),
        density=float(rng.uniform(0.6, 0.9)),
        tagged=_TAGGED[int(rng.integers(len(_TAGGED)))],
    )


def drawn_crowd(seed: int, world: int, part: int, count: int) -> RandomShoppers:
    """`count` shoppers: how close together they come, and how restless they are, is drawn."""
    rng = stream("generated crowd", seed, world, part)
    return RandomShoppers(
        count=count,
        every_s=_EVERY_S[int(rng.integers(len(_EVERY_S)))],
        popularity=float(rng.uniform(0.0, 1.2)),
        touch_share=float(rng.uniform(0.1, 0.6)),
        put_back_share=float(rng.uniform(0.05, 0.3)),
        both_hands_share=float(rng.uniform(0.0, 0.1)),
        turn_share=float(rng.uniform(0.0, 0.2)),
        same_clothes_share=float(rng.uniform(0.0, 0.2)),
    )
