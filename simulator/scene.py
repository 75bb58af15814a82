"""The scene file: who comes when, and what they do. `simulator.shopping` settles what is drawn.

A product is named by its name, its GTIN, or a list of these of which the seed draws one.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sensors.store import Store, StoreFileError, parse_file, why_unreadable
from simulator.faults import Fault, check_faults
from simulator.scene_checks import Cast, changes_faults, shopper_faults
from simulator.scene_script import STAFF_PREFIX, Count, Moment, Share, Shopper, ShopperName
from simulator.world import World, changed

Crowd = Annotated[int, Field(ge=1, le=500)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RandomShoppers(_Part):
    """Visitors whose baskets are drawn: most of few lines, some lines of several units, touches
    without taking, second thoughts. `products` and `gondolas` narrow what they shop for."""

    count: Crowd
    name: ShopperName = "shopper"
    first_at_s: Moment = 0.0
    every_s: Moment = 10.0
    lines: tuple[Count, Count] = (1, 5)
    shorter: Annotated[float, Field(gt=0, le=2)] = 0.75
    popularity: Annotated[float, Field(ge=0, le=3)] = 0.8
    several_share: Share = 0.2
    touch_share: Share = 0.35
    touches: tuple[Count, Count] = (1, 1)
    put_back_share: Share = 0.12
    both_hands_share: Share = 0.0
    browse_share: Share = 0.0
    turn_share: Share = 0.0
    phone_share: Share = 0.0
    group_share: Share = 0.0
    same_clothes_share: Share = 0.0
    products: list[str] = []
    gondolas: list[str] = []

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if f"{self.name}-".startswith(STAFF_PREFIX):
            raise ValueError(f"name: {STAFF_PREFIX}… is how `code: staff` calls people")
        for key in ("lines", "touches"):
            least, most = getattr(self, key)
            if least > most:
                raise ValueError(f"{key}: expected [least, most]")
        return self

    def names(self) -> list[str]:
        """What they are called."""
        return [f"{self.name}-{i + 1}" for i in range(self.count)]


class Scene(_Part):
    """A scene: the store and world it plays in by id, and who shops there.

    `changes` are laid over the world, `bills` says what a perfect system bills.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    store: str
    world: str
    description: str = ""
    bills: str = ""
    shoppers: list[Shopper] = []
    random_shoppers: RandomShoppers | None = None
    faults: list[Fault] = []
    changes: dict[str, Any] = {}

    @model_validator(mode="after")
    def _peopled(self) -> Self:
        names = self.names()
        if not names:
            raise ValueError("expected shoppers, random_shoppers or both")
        for name, times in Counter(names).items():
            if times > 1:
                raise ValueError(f"shoppers: the name {name!r} stands there twice")
        return self

    def names(self) -> list[str]:
        """Everybody's name."""
        drawn = self.random_shoppers
        return [s.name for s in self.shoppers] + ([] if drawn is None else drawn.names())


def load_scene(path: Path, store: Store) -> Scene:
    """Read a scene file and check what it names against the store.

    Raises StoreFileError with one line per fault: file, key, what was expected.
    """
    try:
        return parse_scene(path.read_text(encoding="utf-8"), store, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise StoreFileError(f"{path}: cannot be read: {why_unreadable(error)}") from error


def parse_scene(text: str, store: Store, name: str = "scene.yaml") -> Scene:
    """Check the text of a scene file; `name` is how errors call it."""
    scene = parse_file(Scene, text, name)
    faults = _faults(scene, store)
    if faults:
        raise StoreFileError("\n".join(f"{name}: {fault}" for fault in faults))
    return scene


def _faults(scene: Scene, store: Store) -> list[str]:
    if scene.store != store.id:
        return [f"store: {scene.store!r} is not the store given, which is {store.id!r}"]
    cast = Cast(store, tuple(scene.names()), {s.name: s for s in scene.shoppers})
    found = list(shopper_faults(cast))
    drawn = scene.random_shoppers
    if drawn is not None:
        for i, product in enumerate(drawn.products):
            found += cast.product(product, f"random_shoppers.products[{i}]")
        known = [g.id for g in store.gondolas]
        for i, gondola in enumerate(drawn.gondolas):
            if gondola not in known:
                found.append(
                    f"random_shoppers.gondolas[{i}]: no gondola {gondola!r}; known: {known}"
                )
    found += check_faults(scene.faults, store)
    try:
        world = changed(World(id=scene.world), scene.changes)
    except StoreFileError as error:
        return [*found, *str(error).splitlines()]
    return [*found, *changes_faults(store, world, cast.facings)]
