"""How far the engine's book of every facing is from what stands there at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from cart.events import Event
from cart.projection import Carts
from sensors.store import Store, facing_id
from simulator.truth import Truth


class StockError(msgspec.Struct, frozen=True, kw_only=True):
    """Units by which books and facings differ, added over products and facings.

    `units_before` is what the book had wrong when the scene began, `units_moved` what it got
    wrong of what happened since: the latter alone is the engine's doing.
    """

    facings: int = 0
    facings_off: int = 0
    units_off: int = 0
    units_before: int = 0
    units_moved: int = 0

    def __add__(self, other: StockError) -> StockError:
        return StockError(
            **{f: getattr(self, f) + getattr(other, f) for f in self.__struct_fields__}
        )


def stock_error(events: Sequence[Event], store: Store, truth: Truth) -> StockError:
    """Compare the book that the events lead to with the truth."""
    facings = {
        facing_id(shelf.id, facing): (facing.gtin, facing.units)
        for gondola in store.gondolas
        for shelf in gondola.shelves
        for facing in shelf.facings
    }
    carts = Carts(facings)
    for event in events:
        carts.apply(event)
    total = StockError()
    for name, (gtin, units) in facings.items():
        before: Counter[str] = Counter({gtin: units})
        book: Counter[str] = Counter({carts.products[name]: carts.stock[name]})
        book.update(carts.strangers.get(name, {}))
        true, true_before = truth.stock.get(name, {}), truth.stock_before.get(name, {})
        off = _gap(book, true)
        total += StockError(
            facings=1,
            facings_off=off > 0,
            units_off=off,
            units_before=_gap(before, true_before) if truth.stock_before else 0,
            units_moved=_gap(_change(before, book), _change(true_before, true))
            if truth.stock_before
            else 0,
        )
    return total


def _gap(these: Mapping[str, int], those: Mapping[str, int]) -> int:
    return sum(abs(these.get(g, 0) - those.get(g, 0)) for g in {*these, *those})


def _change(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {g: after.get(g, 0) - before.get(g, 0) for g in {*before, *after}}
