"""What truly happened in a played scene. Only scoring reads it; no message carries any of it."""

from __future__ import annotations

from typing import Literal

import msgspec


class TrueVisit(msgspec.Struct, frozen=True, kw_only=True):
    """One visit, of one shopper or of a group on one code, from entering until the last has left.

    `lines` is what a perfect system bills: what was carried out or used up. Staff and the uninvited
    (who showed no good code) owe nothing by it. `members` are the others of a group, `carried`
    what they all took out of the store.
    """

    shopper: str
    entered_ns: int
    left_ns: int
    lines: list[tuple[str, int]]
    kind: Literal["shopper", "staff", "uninvited"] = "shopper"
    members: list[str] = []
    carried: list[tuple[str, int]] = []


class TrueMove(msgspec.Struct, frozen=True, kw_only=True):
    """Units that changed their place; `at_ns` is when they came off or to rest.

    `facing` is where they left or came to rest, empty where no shelf had a part; `to` is the
    facing that they slid on to, or the shopper who was given them. A unit that is put back with
    less than its whole `left_share` was used up.
    """

    at_ns: int
    shopper: str
    kind: Literal["pick", "put_back", "slide", "restock", "hand_over", "drop", "eat"]
    gtin: str
    units: int
    facing: str = ""
    to: str = ""
    left_share: float = 1.0
    concealed: bool = False


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """A whole scene; `stock` is whole units by GTIN on each facing at the end.

    `stock_before` is the same before anybody came.

    `paths` is where each person stood, twice a second: (at_ns, x_m, y_m).
    """

    scene: str
    seed: int
    visits: list[TrueVisit]
    moves: list[TrueMove]
    stock: dict[str, dict[str, int]]
    stock_before: dict[str, dict[str, int]] = {}
    paths: dict[str, list[tuple[int, float, float]]] = {}
