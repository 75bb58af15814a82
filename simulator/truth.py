"""What truly happened in a played scene. Only scoring reads it; no message carries any of it."""

from __future__ import annotations

from typing import Literal

import msgspec


class TrueVisit(msgspec.Struct, frozen=True, kw_only=True):
    """One shopper's visit: times at which they passed the gates, and what they carried out."""

    shopper: str
    entered_ns: int
    left_ns: int
    lines: list[tuple[str, int]]


class TrueMove(msgspec.Struct, frozen=True, kw_only=True):
    """Units that left or reached a facing; `at_ns` is when they came off or to rest."""

    at_ns: int
    shopper: str
    kind: Literal["pick", "put_back"]
    gtin: str
    units: int
    facing: str


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """A whole scene; `stock` is units by GTIN on each facing at the end."""

    scene: str
    seed: int
    visits: list[TrueVisit]
    moves: list[TrueMove]
    stock: dict[str, dict[str, int]]
