"""The scene file: who comes when, and what they do. `simulator.shopping` settles what is drawn.

A product is named by its name, its GTIN, or a list of these of which the seed draws one.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sensors.store import Store, StoreFileError, facing_id, normalise_gtin, parse_file

LAST = "last"  # as a product: the one that this shopper picked last

Seconds = Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=50)]
ShopperName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Grasp(_Part):
    """What a hand goes for; `facing` where a pick is taken from."""

    product: tuple[str, ...]
    units: Count = 1
    facing: str | None = None

    @field_validator("product", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return value if isinstance(value, (list, tuple)) else (str(value),)

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"product": value}


class Return(_Part):
    """What is put back; `to` is another facing than its own."""

    product: str = LAST
    units: Count = 1
    to: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"product": value}


class Action(_Part):
    """One line of a script; exactly one key."""

    pick: Grasp | None = None
    put_back: Return | None = None
    touch: str | None = None
    dwell: Seconds | None = None
    walk: tuple[float, float] | None = None
    hold: Seconds | None = None
    forged_code: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"expected exactly one of {', '.join(type(self).model_fields)}")
        return self


class Shopper(_Part):
    """One visitor and their script; they leave by the exit when it is done."""

    name: ShopperName
    enters_at_s: Seconds
    script: list[Action] = []


class RandomShoppers(_Part):
    """Visitors whose baskets are drawn: 1–5 lines, some lines of several units, touches without
    taking, second thoughts. `products` and `gondolas` narrow what they shop for."""

    count: Count
    name: ShopperName = "shopper"
    first_at_s: Seconds = 0.0
    every_s: Seconds = 10.0
    lines: tuple[Count, Count] = (1, 5)
    several_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    touch_share: Annotated[float, Field(ge=0, le=1)] = 0.35
    put_back_share: Annotated[float, Field(ge=0, le=1)] = 0.12
    products: list[str] = []
    gondolas: list[str] = []

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lines[0] > self.lines[1]:
            raise ValueError("lines: expected [least, most]")
        return self


class Scene(_Part):
    """A scene: the store and world it plays in by id, and who shops there."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    store: str
    world: str
    description: str = ""
    shoppers: list[Shopper] = []
    random_shoppers: RandomShoppers | None = None

    @model_validator(mode="after")
    def _peopled(self) -> Self:
        names = [s.name for s in self.shoppers]
        drawn = self.random_shoppers
        if drawn is not None:
            names += [f"{drawn.name}-{i + 1}" for i in range(drawn.count)]
        if not names:
            raise ValueError("expected shoppers, random_shoppers or both")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"shoppers: the name {name!r} stands there twice")
        return self


def load_scene(path: Path, store: Store) -> Scene:
    """Read a scene file and check what it names against the store.

    Raises StoreFileError with one line per fault: file, key, what was expected.
    """
    try:
        return parse_scene(path.read_text(encoding="utf-8"), store, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise StoreFileError(f"{path}: cannot be read: {error}") from error


def parse_scene(text: str, store: Store, name: str = "scene.yaml") -> Scene:
    """Check the text of a scene file; `name` is how errors call it."""
    scene = parse_file(Scene, text, name)
    faults = list(_faults(scene, store))
    if faults:
        raise StoreFileError("\n".join(f"{name}: {fault}" for fault in faults))
    return scene


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


def _faults(scene: Scene, store: Store) -> Iterator[str]:
    if scene.store != store.id:
        yield f"store: {scene.store!r} is not the store given, which is {store.id!r}"
        return
    for s, shopper in enumerate(scene.shoppers):
        had: set[str] = set()
        for a, action in enumerate(shopper.script):
            where = f"shoppers[{s}]({shopper.name}).script[{a}]"
            if action.pick is not None:
                for product in action.pick.product:
                    yield from _product_fault(store, product, f"{where}.pick.product")
                    had.add(product.casefold())
                yield from _facing_fault(store, action.pick.facing, f"{where}.pick.facing")
            elif action.put_back is not None:
                if action.put_back.product != LAST:
                    key = f"{where}.put_back.product"
                    yield from _product_fault(store, action.put_back.product, key)
                if not had or action.put_back.product.casefold() not in {*had, LAST}:
                    yield f"{where}.put_back: expected a product that was picked before"
                yield from _facing_fault(store, action.put_back.to, f"{where}.put_back.to")
            elif action.touch is not None:
                yield from _facing_fault(store, action.touch, f"{where}.touch")
    if scene.random_shoppers is not None:
        for i, product in enumerate(scene.random_shoppers.products):
            yield from _product_fault(store, product, f"random_shoppers.products[{i}]")
        known = [g.id for g in store.gondolas]
        for i, gondola in enumerate(scene.random_shoppers.gondolas):
            if gondola not in known:
                yield f"random_shoppers.gondolas[{i}]: no gondola {gondola!r}; known: {known}"


def _product_fault(store: Store, product: str, key: str) -> Iterator[str]:
    try:
        find_product(store, product)
    except ValueError as error:
        yield f"{key}: {error}"


def _facing_fault(store: Store, facing: str | None, key: str) -> Iterator[str]:
    known = facing_names(store)
    if facing is not None and facing not in known:
        near = difflib.get_close_matches(facing, known, n=3, cutoff=0.3) or known[:3]
        yield f"{key}: no facing {facing!r} (shelf.first plate); closest: {', '.join(near)}"
