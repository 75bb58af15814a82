"""One state of the accounts: what each cart holds and what stands where it does not belong.

A state is one way in which everything so far may have come about. States are never changed: a
decision makes new ones. Units keep what the plates said when they moved (`Mark`), for the same
units weigh the same, and stand in the same place, when they are put back or taken again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Mark:
    """What the plates of `facing` said when units moved: grams (positive), and where along the
    shelf, in plates."""

    facing: str
    weight_g: float
    sigma_g: float
    centroid: float


@dataclass(frozen=True, slots=True)
class Holding:
    """Units of one product that moved together by the decision `deed`; None is something that no
    product of the store explains. The mark is lost when they are divided."""

    deed: int
    gtin: str | None
    units: int
    mark: Mark | None = None

    def less(self, units: int) -> Holding | None:
        """What is left when so many of the units are gone."""
        if units >= self.units:
            return None
        return replace(self, units=self.units - units, mark=None)


@dataclass(frozen=True, slots=True)
class Move:
    """Units from the facing into a visit's cart (negative: back onto the facing).

    `visit` is None where it was nobody that the store knows of, `gtin` where no product explains
    it. `of` are the units in the cart, or astray on the facing, that are the ones moved.
    """

    visit: str | None
    gtin: str | None
    units: int
    of: Holding | None = None

    @property
    def told(self) -> tuple[str | None, str | None, int]:
        """The move as carts see it, whichever units of a product it were."""
        return self.visit, self.gtin, self.units


Told = tuple[tuple[str | None, str | None, int], ...]
Holdings = tuple[Holding, ...]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Carts by visit, units astray by facing, and what each open decision was: its moves by deed.

    `log_weight` is the log of its probability within its beam, up to what all have in common.
    """

    log_weight: float
    carts: Mapping[str, Holdings]
    astray: Mapping[str, Holdings]
    story: Mapping[int, Told]

    def key(self) -> tuple[object, ...]:
        """What states have in common whose accounts are equal."""
        return (
            tuple((visit, _counted(self.carts[visit])) for visit in sorted(self.carts)),
            tuple((facing, _counted(held)) for facing, held in sorted(self.astray.items()) if held),
        )

    def after(self, deed: int, facing: str, home: str, moves: Iterable[Move], mark: Mark) -> State:
        """The state once the units of a decision have moved between carts and a facing, whose own
        product is `home`."""
        carts, astray = dict(self.carts), dict(self.astray)
        moves = tuple(moves)
        whole = mark if len(moves) == 1 else None
        for move in moves:
            if move.units > 0:
                if move.of is not None:
                    astray[facing] = without(astray.get(facing, ()), move.of, move.units)
                if move.visit is not None and not (move.of is not None and move.gtin is None):
                    taken = Holding(deed, move.gtin, move.units, whole)
                    carts[move.visit] = (*carts[move.visit], taken)
            else:
                if move.visit is not None and move.of is not None:
                    carts[move.visit] = without(carts[move.visit], move.of, -move.units)
                if move.gtin != home:
                    left = Holding(deed, move.gtin, -move.units, whole)
                    astray[facing] = (*astray.get(facing, ()), left)
        story = {**self.story, deed: tuple(move.told for move in moves)}
        return State(self.log_weight, carts, astray, story)

    def undone(self, deed: int, facing: str, score: float) -> State | None:
        """The state before a decision took units from a facing, or staff brought some, by a
        hypothesis of that `score`; None where they have been moved again since."""
        carts, astray = dict(self.carts), dict(self.astray)
        for visit, gtin, units in self.story[deed]:
            place = carts if units > 0 else astray
            name = visit if units > 0 else facing
            held = place.get(name or "", ())
            one = next((h for h in held if h.deed == deed and h.gtin == gtin), None)
            if one is not None and one.units == abs(units):
                place[name or ""] = without(held, one, one.units)
            elif units > 0 and visit is not None:
                return None
        return State(self.log_weight - score, carts, astray, {**self.story, deed: ()})

    def handed(self, deed: int, giver: str, taker: str, one: Holding) -> State:
        """The state once a unit of a holding has gone from one cart to another."""
        carts = dict(self.carts)
        carts[giver] = without(carts[giver], one, 1)
        mark = one.mark if one.units == 1 else None
        carts[taker] = (*carts[taker], Holding(deed, one.gtin, 1, mark))
        story = {**self.story, deed: ((giver, one.gtin, -1), (taker, one.gtin, 1))}
        return State(self.log_weight, carts, self.astray, story)


def without(held: Holdings, one: Holding, units: int) -> Holdings:
    """Holdings less so many units of one of them."""
    kept: list[Holding] = []
    gone = False
    for other in held:
        if not gone and other == one:
            gone = True
            rest = other.less(units)
            if rest is not None:
                kept.append(rest)
        else:
            kept.append(other)
    return tuple(kept)


def counted(held: Holdings) -> Counter[str]:
    """Units by GTIN, of those that have a name."""
    units: Counter[str] = Counter()
    for one in held:
        if one.gtin is not None:
            units[one.gtin] += one.units
    return units


def _counted(held: Holdings) -> tuple[tuple[str, int], ...]:
    units: Counter[str] = Counter()
    for one in held:
        units[one.gtin or ""] += one.units
    return tuple(sorted(units.items()))
