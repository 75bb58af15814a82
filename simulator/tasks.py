"""What a simulated shopper sets out to do: one task per line of a script, with everything drawn.

A `facing` of None is where the product truly stands, or came from.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pick:
    """Take units: hover first, lift slowly, or hide what was taken."""

    gtin: str
    units: int = 1
    facing: str | None = None
    hover_s: float = 0.0
    slow_s: float = 0.0
    conceal: bool = False


@dataclass(frozen=True, slots=True)
class PickTogether:
    """Take one of each product at the same moment."""

    gtins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PutBack:
    """Put units back, whole or with a share of them left."""

    gtin: str
    units: int = 1
    facing: str | None = None
    left_share: float = 1.0


@dataclass(frozen=True, slots=True)
class Touch:
    """Reach for a facing and take nothing."""

    facing: str


@dataclass(frozen=True, slots=True)
class Browse:
    """Stand before a facing and look."""

    facing: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Sweep:
    """Take many units in one reach."""

    facing: str
    units: int


@dataclass(frozen=True, slots=True)
class Slide:
    """Push units along the shelf to another facing and lift them there."""

    gtin: str
    to: str
    units: int = 1


@dataclass(frozen=True, slots=True)
class Restock:
    """Set new units on a facing."""

    facing: str
    units: int
    gtin: str | None = None


@dataclass(frozen=True, slots=True)
class Lean:
    """Lean on a shelf."""

    facing: str
    seconds: float
    grams: float


@dataclass(frozen=True, slots=True)
class SetDown:
    """Set one's own bag on a shelf for a while."""

    facing: str
    grams: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold what was picked last before its shelf, or above another facing."""

    seconds: float
    facing: str | None = None


@dataclass(frozen=True, slots=True)
class Dwell:
    """Stand for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Walk:
    """Go to a point of the floor, metres."""

    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class Give:
    """Hand a unit over to another shopper of the scene."""

    gtin: str | None
    to: str


@dataclass(frozen=True, slots=True)
class Meet:
    """Wait for all others who have the same word."""

    word: str


@dataclass(frozen=True, slots=True)
class Beside:
    """Stand close to another shopper."""

    shopper: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Drop:
    """Leave a unit on the floor."""

    gtin: str | None


@dataclass(frozen=True, slots=True)
class Eat:
    """Consume a unit in the store."""

    gtin: str | None


@dataclass(frozen=True, slots=True)
class Leave:
    """Go out and come back."""

    for_s: float


@dataclass(frozen=True, slots=True)
class TurnAway:
    """Turn the back to where one looked."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Phone:
    """Look at a phone."""

    seconds: float


Task = (
    Pick
    | PickTogether
    | PutBack
    | Touch
    | Browse
    | Sweep
    | Slide
    | Restock
    | Lean
    | SetDown
    | Hold
    | Dwell
    | Walk
    | Give
    | Meet
    | Beside
    | Drop
    | Eat
    | Leave
    | TurnAway
    | Phone
)
