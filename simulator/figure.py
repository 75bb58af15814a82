"""Who a simulated person is and what they do at an instant: a figure and a stance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[int, int, int]
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
_SHOES = ((30, 30, 32), (230, 230, 228), (96, 62, 40), (150, 40, 40), (60, 70, 110))


@dataclass(frozen=True, slots=True)
class Figure:
    """Lasting build and clothes of one person; colours are RGB 0…255."""

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

    @staticmethod
    def random(rng: np.random.Generator) -> Figure:
        """Draw an adult; the same generator state gives the same person."""
        return Figure(
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


@dataclass(frozen=True, slots=True)
class Stance:
    """One instant of a person: where they stand and what their hands do.

    `stride_rad` is the gait phase (one full turn is two steps) and matters with `speed_m_s` > 0.
    A hand is where the palm wants to be in the world; None hangs, swings, or carries what it holds
    before the body. `*_holds` is the GTIN of a carried product.
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
