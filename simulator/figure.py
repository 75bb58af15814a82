"""Who a simulated person is and what they do at an instant: a figure and a stance."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from simulator.halves import Colour, Half, settle, settle_colour

Point3 = tuple[float, float, float]

_SKINS = (
    (244, 208, 177),
    (231, 180, 143),
    (208, 150, 110),
    (165, 110, 74),
    (120, 78, 52),
    (84, 56, 40),
)
_HAIRS = ((25, 20, 18), (60, 40, 28), (105, 72, 42), (196, 160, 96), (140, 138, 136), (150, 70, 35))
CHILD_M = (0.95, 1.45)
BAG_SHARE, COAT_SHARE = 0.12, 0.08
_SHOES = ((30, 30, 32), (230, 230, 228), (96, 62, 40), (150, 40, 40), (60, 70, 110))


HEIGHT_CELL_M, GIRTH_CELL, STRIPES_CELL = 0.01, 0.02, 0.5  # widths of what the halves take in turns
STRIDE_OF_HEIGHT = 0.785  # two steps of an ordinary gait


@dataclass(frozen=True, slots=True)
class Gait:
    """How somebody walks and stands: length of a step and swing of the arms as shares of what is
    ordinary, and how far the upper body stoops."""

    stride: float = 1.0
    swing: float = 1.0
    stoop_rad: float = 0.0


@dataclass(frozen=True, slots=True)
class Figure:
    """Lasting build and clothes of one person; colours are RGB 0…255.

    A `child` has a child's proportions; a `bag` hangs from the left hand, or from the elbow while
    that hand is used; a `coat` covers the body to the knees and half of the hands.
    """

    height_m: float = 1.72
    girth: float = 1.0
    shirt: Colour = (70, 100, 150)
    trousers: Colour = (45, 48, 60)
    skin: Colour = (231, 180, 143)
    hair: Colour = (60, 40, 28)
    shoes: Colour = (30, 30, 32)
    stripes_per_m: float = 0.0
    long_sleeves: bool = True
    long_hair: bool = False
    backpack: Colour | None = None
    child: bool = False
    bag: Colour | None = None
    coat: Colour | None = None
    gait: Gait = Gait()

    @property
    def stride_m(self) -> float:
        """How far two steps lead."""
        return STRIDE_OF_HEIGHT * self.height_m * self.gait.stride

    @staticmethod
    def random(rng: np.random.Generator, half: Half = "scoring") -> Figure:
        """Draw an adult of one half; the same generator state gives the same person."""
        drawn = Figure(
            height_m=float(np.clip(rng.normal(1.71, 0.09), 1.48, 1.98)),
            girth=float(np.clip(rng.normal(1.05, 0.14), 0.8, 1.5)),
            shirt=_clothing(rng),
            trousers=_clothing(rng, dark=0.65),
            skin=_near(rng, _SKINS[rng.integers(len(_SKINS))]),
            hair=_near(rng, _HAIRS[rng.integers(len(_HAIRS))]),
            shoes=_near(rng, _SHOES[rng.integers(len(_SHOES))]),
            stripes_per_m=float(rng.uniform(5.0, 14.0)) if rng.random() < 0.25 else 0.0,
            long_sleeves=bool(rng.random() < 0.55),
            long_hair=bool(rng.random() < 0.4),
            backpack=_clothing(rng) if rng.random() < 0.15 else None,
        )
        own = _own_generator(drawn, "random")
        worn = replace(
            drawn,
            gait=_gait(own),
            bag=_clothing(own) if own.random() < BAG_SHARE else None,
            coat=_clothing(own, dark=0.6) if own.random() < COAT_SHARE else None,
        )
        return worn.settled(half)

    def settled(self, half: Half) -> Figure:
        """The figure, or one hardly different, whose build and clothes are in that half."""

        def cloth(colour: Colour | None) -> Colour | None:
            return None if colour is None else settle_colour(colour, half)

        return replace(
            self,
            height_m=settle(self.height_m, HEIGHT_CELL_M, half),
            girth=settle(self.girth, GIRTH_CELL, half),
            shirt=settle_colour(self.shirt, half),
            trousers=settle_colour(self.trousers, half),
            stripes_per_m=settle(self.stripes_per_m, STRIPES_CELL, half)
            if self.stripes_per_m
            else 0.0,
            backpack=cloth(self.backpack),
            bag=cloth(self.bag),
            coat=cloth(self.coat),
        )

    @staticmethod
    def looking(
        rng: np.random.Generator,
        *,
        height_m: float | None = None,
        girth: float | None = None,
        child: bool = False,
        clothes_of: Figure | None = None,
        backpack: bool = False,
        bag: bool = False,
        coat: bool = False,
        half: Half = "scoring",
    ) -> Figure:
        """Draw a person and change what is said of them; the draws are those of `random`.

        `clothes_of` gives them all that another one wears, but not the body.
        """
        figure = Figure.random(rng, half)
        own = _own_generator(figure, "looking")
        tall, wide = float(own.uniform(*CHILD_M)), float(own.uniform(0.8, 1.15))
        pack, carried, cloth = (_clothing(own) for _ in range(3))
        if child:
            figure = replace(figure, child=True, height_m=tall, girth=wide, coat=None)
        if clothes_of is not None:
            figure = replace(
                figure,
                shirt=clothes_of.shirt,
                trousers=clothes_of.trousers,
                shoes=clothes_of.shoes,
                stripes_per_m=clothes_of.stripes_per_m,
                long_sleeves=clothes_of.long_sleeves,
                backpack=clothes_of.backpack,
                bag=clothes_of.bag,
                coat=clothes_of.coat,
            )
        figure = replace(
            figure,
            backpack=figure.backpack or (pack if backpack else None),
            bag=figure.bag or (carried if bag else None),
            coat=figure.coat or (cloth if coat else None),
        ).settled(half)
        return replace(
            figure,
            height_m=figure.height_m if height_m is None else height_m,
            girth=figure.girth if girth is None else girth,
        )


@dataclass(frozen=True, slots=True)
class Stance:
    """One instant of a person: where they stand and what their hands do.

    `stride_rad` is the gait phase (one full turn is two steps) and matters with `speed_m_s` > 0.
    A hand is where the palm wants to be in the world; None hangs, swings, or carries what it holds
    before the body. `*_holds` is the GTIN of a carried product. A hand with the `phone` holds it
    before the face, which looks at it, unless that hand wants to be elsewhere or holds something.
    """

    x_m: float
    y_m: float
    heading_rad: float
    stride_rad: float = 0.0
    speed_m_s: float = 0.0
    left_hand_m: Point3 | None = None
    right_hand_m: Point3 | None = None
    left_holds: str | None = None
    right_holds: str | None = None
    phone: Literal["left", "right"] | None = None


def _own_generator(figure: Figure, purpose: str) -> np.random.Generator:
    """Draws that belong to a figure and leave those of the generator it came from alone."""
    key = f"{purpose}:{figure.height_m!r}:{figure.girth!r}:{figure.shirt}"
    digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))


def _gait(rng: np.random.Generator) -> Gait:
    stride, swing = np.clip(rng.normal(1.0, (0.09, 0.25)), (0.78, 0.3), (1.2, 1.6))
    return Gait(float(stride), float(swing), float(max(0.0, rng.normal(0.0, 0.05))))


def _clothing(rng: np.random.Generator, dark: float = 0.35) -> Colour:
    """A colour of cloth: often muted or dark, sometimes bright, sometimes pale."""
    if rng.random() < dark:
        grey = rng.uniform(18, 75)
        return _near(rng, (int(grey), int(grey), int(grey + rng.uniform(0, 35))))
    if rng.random() < 0.25:
        return _near(rng, (225, 224, 220))
    r, g, b = rng.uniform(20, 235, 3)
    return int(r), int(g), int(b)


def _near(rng: np.random.Generator, colour: Colour) -> Colour:
    r, g, b = np.clip(np.asarray(colour) * rng.uniform(0.85, 1.12) + rng.normal(0, 5, 3), 4, 250)
    return int(r), int(g), int(b)
