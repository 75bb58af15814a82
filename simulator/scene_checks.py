"""What a scene file gets wrong about its store or about its own shoppers, one line per fault."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sensors.store import Store, facing_id, normalise_gtin
from simulator.scene_script import LAST, Action, Shopper
from simulator.world import World

LARGEST_GROUP = 12  # persons whom one code lets in


@dataclass(frozen=True, slots=True)
class Cast:
    """A store, the names of everybody in a scene, and who has a script."""

    store: Store
    names: tuple[str, ...]
    shoppers: dict[str, Shopper]
    facings: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facings", tuple(facing_names(self.store)))

    def product(self, text: str, key: str) -> Iterator[str]:
        """The fault of a product's name, if it is one."""
        try:
            find_product(self.store, text)
        except ValueError as error:
            yield f"{key}: {error}"

    def facing(self, name: str | None, key: str) -> Iterator[str]:
        """The fault of a facing's name, if it is one."""
        if name is not None and name not in self.facings:
            near = difflib.get_close_matches(name, self.facings, n=3, cutoff=0.3)
            closest = ", ".join(near or self.facings[:3])
            yield f"{key}: no facing {name!r} (shelf.first plate); closest: {closest}"

    def shopper(self, name: str, key: str, but: str) -> Iterator[str]:
        """The fault of another shopper's name, if it is one."""
        if name == but:
            yield f"{key}: expected another shopper than {but} themselves"
        elif name not in self.names:
            known = difflib.get_close_matches(name, self.names, n=3, cutoff=0.3) or self.names[:5]
            yield f"{key}: no shopper {name!r} in this scene; closest: {', '.join(known)}"


def find_product(store: Store, text: str) -> str:
    """GTIN of a product by name or GTIN. Raises ValueError naming the closest names."""
    names = {p.name.casefold(): p.gtin for p in store.products}
    if text.casefold() in names:
        return names[text.casefold()]
    gtins = {p.gtin for p in store.products}
    if text.isdigit() and len(text) <= 14 and normalise_gtin(text) in gtins:
        return normalise_gtin(text)
    near = difflib.get_close_matches(text.casefold(), names, n=3, cutoff=0.4)
    known = [p.name for p in store.products if p.name.casefold() in near]
    raise ValueError(f"no product {text!r} in store {store.id}; closest: {', '.join(known) or '–'}")


def facing_names(store: Store) -> list[str]:
    """All facings of a store."""
    return [facing_id(s.id, f) for g in store.gondolas for s in g.shelves for f in s.facings]


def shopper_faults(cast: Cast) -> Iterator[str]:
    """What is wrong with groups, looks and scripts."""
    meets = Counter(
        word
        for shopper in cast.shoppers.values()
        for word in {a.meet for a in shopper.script if a.meet is not None}
    )
    for s, shopper in enumerate(cast.shoppers.values()):
        where = f"shoppers[{s}]({shopper.name})"
        yield from _group_faults(cast, shopper, where)
        if shopper.looks.same_as is not None:
            yield from _chain_faults(cast, shopper, f"{where}.looks.same_as", "same_as")
        received = _received(cast, shopper.name)
        had: set[str] = set()
        for a, action in enumerate(shopper.script):
            key = f"{where}.script[{a}]"
            yield from _named_faults(cast, shopper, action, key)
            yield from _had_faults(cast, action, had | received, key)
            if action.meet is not None and meets[action.meet] < 2:
                yield f"{key}.meet: no other shopper's script has meet: {action.meet}"
            had = set() if action.leave is not None else had | _taken(cast, action)


def changes_faults(store: Store, world: World, facings: tuple[str, ...]) -> Iterator[str]:
    """What `changes.overrides` names that the store has not."""
    gtins = {p.gtin for p in store.products}
    overrides = world.overrides
    for key, names in (("products", overrides.products), ("stock", overrides.stock)):
        for name in names:
            if name not in facings:
                yield f"changes.overrides.{key}: the store has no facing {name!r}"
    for text in [*overrides.products.values(), *overrides.weights_g]:
        try:
            known = normalise_gtin(text) in gtins
        except ValueError:
            known = False
        if not known:
            yield f"changes.overrides: the store has no product {text!r}"


def _group_faults(cast: Cast, shopper: Shopper, where: str) -> Iterator[str]:
    members = [s.name for s in cast.shoppers.values() if s.with_ == shopper.name]
    leaves = any(action.leave is not None for action in shopper.script)
    if leaves and (members or shopper.with_ is not None):
        yield f"{where}: leave: expected a shopper who is in no group"
    if 1 + len(members) > LARGEST_GROUP:
        yield f"{where}: a group of {1 + len(members)}; one code lets in {LARGEST_GROUP} at most"
    if shopper.with_ is None:
        return
    faults = list(_chain_faults(cast, shopper, f"{where}.with", "with"))
    yield from faults
    payer = cast.shoppers.get(shopper.with_)
    if faults:
        return
    if payer is None:
        yield f"{where}.with: expected a shopper who has a script, found {shopper.with_!r}"
    elif payer.with_ is not None:
        yield f"{where}.with: {payer.name} is with {payer.with_}; expected whose code it is"
    elif payer.code in ("none", "forged") or _only_forges(payer):
        yield f"{where}.with: {payer.name} has no code of their own to come in on"


def _only_forges(shopper: Shopper) -> bool:
    """Whether the gate turns somebody away, who shows a forged code and nothing after it."""
    forges = [action.forged_code for action in shopper.script]
    return any(forges) and None not in forges


def _chain_faults(cast: Cast, shopper: Shopper, key: str, kind: str) -> Iterator[str]:
    """The fault of following somebody, directly or through others, who is unknown or oneself."""
    seen = [shopper.name]
    at: Shopper | None = shopper
    while at is not None:
        name = at.with_ if kind == "with" else at.looks.same_as
        if name is None:
            return
        if name in seen:
            if name == shopper.name:
                yield f"{key}: circular: {' → '.join([*seen, name])}"
            return
        if at is shopper:
            yield from cast.shopper(name, key, shopper.name)
        seen.append(name)
        at = cast.shoppers.get(name)


def _named_faults(cast: Cast, shopper: Shopper, action: Action, key: str) -> Iterator[str]:
    """Unknown facings, shoppers, and products to take."""
    if action.pick is not None:
        for product in action.pick.product:
            yield from cast.product(product, f"{key}.pick.product")
        yield from cast.facing(action.pick.facing, f"{key}.pick.facing")
    for product in action.pick_together or ():
        yield from cast.product(product, f"{key}.pick_together")
    if action.put_back is not None:
        yield from cast.facing(action.put_back.to, f"{key}.put_back.to")
    if action.touch is not None:
        yield from cast.facing(action.touch, f"{key}.touch")
    for kind in ("hold_over", "lean", "set_down", "sweep", "restock"):
        part = getattr(action, kind)
        if part is not None:
            yield from cast.facing(part.facing, f"{key}.{kind}.facing")
    if action.slide is not None:
        yield from cast.product(action.slide.product, f"{key}.slide.product")
        yield from cast.facing(action.slide.to, f"{key}.slide.to")
    if action.restock is not None and action.restock.product is not None:
        yield from cast.product(action.restock.product, f"{key}.restock.product")
    if action.give is not None:
        yield from cast.shopper(action.give.to, f"{key}.give.to", shopper.name)
    if action.beside is not None:
        yield from cast.shopper(action.beside.shopper, f"{key}.beside.shopper", shopper.name)


def _had_faults(cast: Cast, action: Action, had: set[str], key: str) -> Iterator[str]:
    """Doing something with a product that was never taken."""
    for kind, product in _used(action):
        name = f"{key}.{kind}"
        if product != LAST:
            faults = list(cast.product(product, f"{name}.product"))
            yield from faults
            if faults:
                continue
        if not had or (product != LAST and _gtin(cast, product) not in had):
            yield f"{name}: expected a product that was picked before"


def _used(action: Action) -> Iterator[tuple[str, str]]:
    """What an action needs to have in hand or bag: (key, product)."""
    if action.put_back is not None:
        yield "put_back", action.put_back.product
    if action.give is not None:
        yield "give", action.give.product
    if action.drop is not None:
        yield "drop", action.drop
    if action.eat is not None:
        yield "eat", action.eat
    if action.hold_over is not None:
        yield "hold_over", LAST


def _taken(cast: Cast, action: Action) -> set[str]:
    """GTINs that an action may bring; a sweep brings what is believed to stand there."""
    products: tuple[str, ...] = action.pick_together or ()
    if action.pick is not None:
        products = action.pick.product
    elif action.slide is not None:
        products = (action.slide.product,)
    found = {_gtin(cast, product) for product in products}
    if action.sweep is not None:
        found |= {
            f.gtin
            for g in cast.store.gondolas
            for s in g.shelves
            for f in s.facings
            if facing_id(s.id, f) == action.sweep.facing
        }
    return found


def _received(cast: Cast, name: str) -> set[str]:
    """GTINs that others may give to a shopper."""
    found: set[str] = set()
    for giver in cast.shoppers.values():
        gives = [a.give for a in giver.script if a.give is not None and a.give.to == name]
        for give in gives:
            if give.product == LAST:
                found |= set().union(*(_taken(cast, action) for action in giver.script))
            else:
                found.add(_gtin(cast, give.product))
    return found


def _gtin(cast: Cast, text: str) -> str:
    try:
        return find_product(cast.store, text)
    except ValueError:
        return text
