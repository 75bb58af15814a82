"""What a scene's shoppers may be told to do and how they may look: the keys of `shoppers`.

Names are only text here; `simulator.scene_checks` holds them against the store and each other.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LAST = "last"  # as a product: the one that this shopper took last
STAFF_PREFIX = "staff-"  # before the names of those who work in the store
LONGEST_S = 86_400.0

Seconds = Annotated[float, Field(ge=0, le=600, allow_inf_nan=False)]
Moment = Annotated[float, Field(ge=0, le=LONGEST_S, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=50)]
Share = Annotated[float, Field(ge=0, le=1)]
Grams = Annotated[float, Field(gt=0, le=50_000, allow_inf_nan=False)]
Metres = Annotated[float, Field(allow_inf_nan=False)]
ShopperName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Word = Annotated[str, Field(min_length=1, max_length=64)]
Products = tuple[str, ...]


class ScenePart(BaseModel):
    """A part of a scene file: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Short(ScenePart):
    """A part whose first key may stand alone: `pick: Honey` is `pick: {product: Honey}`."""

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {next(iter(cls.model_fields)): value}


class Pick(_Short):
    """Take units of a product; `facing` where from, else the nearest that holds it."""

    product: Products
    units: Count = 1
    facing: str | None = None
    hover_s: Seconds = 0.0
    slow_s: Seconds = 0.0
    conceal: bool = False

    @field_validator("product", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return value if isinstance(value, (list, tuple)) else (str(value),)


class PutBack(_Short):
    """Put units back; `to` is another facing than their own, `left_share` what is left of each."""

    product: str = LAST
    units: Count = 1
    to: str | None = None
    left_share: Annotated[float, Field(ge=0.01, le=1)] = 1.0


class HoldOver(_Short):
    """Hold what was picked last above a facing."""

    facing: str
    seconds: Seconds = 2.0


class Give(ScenePart):
    """Hand a unit over to another shopper."""

    product: str = LAST
    to: ShopperName


class Beside(_Short):
    """Stand close to another shopper."""

    shopper: ShopperName
    seconds: Seconds = 5.0


class Lean(_Short):
    """Lean on the shelf."""

    facing: str
    seconds: Seconds = 3.0
    grams: Grams = 1500.0


class SetDown(_Short):
    """Set something of one's own on the shelf, and take it away again."""

    facing: str
    grams: Grams = 1200.0
    seconds: Seconds = 5.0


class Sweep(_Short):
    """Take many units from a facing in one reach."""

    facing: str
    units: Count = 8


class Slide(ScenePart):
    """Push units along the shelf on to another facing's plates and lift them there."""

    product: str
    to: str
    units: Count = 1


class Restock(_Short):
    """Set new units on a facing; `product` by default what stands there."""

    facing: str
    units: Count = 6
    product: str | None = None


class Leave(_Short):
    """Go out and come back on a new code."""

    for_s: Annotated[float, Field(ge=1, le=LONGEST_S, allow_inf_nan=False)]


class Action(ScenePart):
    """One line of a script; exactly one key."""

    pick: Pick | None = None
    pick_together: Annotated[Products, Field(min_length=2, max_length=6)] | None = None
    put_back: PutBack | None = None
    touch: str | None = None
    dwell: Seconds | None = None
    walk: tuple[Metres, Metres] | None = None
    hold: Seconds | None = None
    hold_over: HoldOver | None = None
    give: Give | None = None
    meet: Word | None = None
    beside: Beside | None = None
    lean: Lean | None = None
    set_down: SetDown | None = None
    sweep: Sweep | None = None
    slide: Slide | None = None
    drop: str | None = None
    eat: str | None = None
    restock: Restock | None = None
    leave: Leave | None = None
    turn_away: Seconds | None = None
    phone: Seconds | None = None
    forged_code: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            found = ", ".join(sorted(self.model_fields_set)) or "none"
            known = ", ".join(type(self).model_fields)
            raise ValueError(f"expected exactly one of {known}; found {found}")
        (key,) = self.model_fields_set
        if getattr(self, key) is None:
            raise ValueError(f"{key}: expected what to do, found nothing")
        return self


class Looks(ScenePart):
    """How a shopper looks where it matters; the rest is drawn."""

    height_m: Annotated[float, Field(ge=0.8, le=2.2)] | None = None
    girth: Annotated[float, Field(ge=0.6, le=2.0)] | None = None
    child: bool = False
    same_as: ShopperName | None = None
    backpack: bool = False
    bag: bool = False
    coat: bool = False
    phone: bool = False


class Shopper(ScenePart):
    """One visitor and their script; they leave by the exit when it is done.

    Somebody `with` another enters right behind them on their code, as one group.
    """

    name: ShopperName
    enters_at_s: Moment | None = None
    script: list[Action] = []
    code: Literal["own", "none", "staff", "forged"] = "own"
    with_: Annotated[ShopperName | None, Field(alias="with")] = None
    looks: Looks = Looks()

    @model_validator(mode="after")
    def _comes_somehow(self) -> Self:
        if self.name.startswith(STAFF_PREFIX):
            raise ValueError(f"name: {STAFF_PREFIX}… is how `code: staff` calls people")
        if self.with_ is None and self.enters_at_s is None:
            raise ValueError("enters_at_s: expected seconds since the scene's start")
        if self.with_ is not None and "code" in self.model_fields_set:
            raise ValueError("code: a member of a group comes in on the code of whom they are with")
        return self
