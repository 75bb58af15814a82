"""What carts and the stock have been told of each decision, and what they must be told anew."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from cart.events import Evidence, HandedOver, Misplaced, Picked, PutBack, Revised, StockMoved
from fusion.log import Log
from fusion.shelves import ShelfPlace, Shelves
from fusion.states import Told

PROVISIONAL_FROM = 0.5


@dataclass(slots=True)
class Line:
    """One decision as it was told: `told` by which name, `stock` what the book of the facing was
    changed by. `place` is None where no facing had a part: something was handed over."""

    place: ShelfPlace | None
    began_ns: int
    evidence: tuple[Evidence, ...] = ()
    name: str = ""
    told: Told = ()
    stock: tuple[tuple[str, int], ...] = ()


class Lines:
    """Tells carts and stock of decisions, and takes back what turns out otherwise."""

    def __init__(self, log: Log, shelves: Shelves) -> None:
        self._log = log
        self._shelves = shelves
        self._open: dict[int, Line] = {}
        self._count = 0

    def begin(self, deed: int, place: ShelfPlace | None, began_ns: int) -> None:
        """A decision was taken, on a facing or of a hand-over."""
        self._open[deed] = Line(place, began_ns)

    def show(
        self,
        deed: int,
        ranked: list[tuple[float, Told]],
        evidence: tuple[Evidence, ...] | None,
        visits: Collection[str],
        reason: str,
    ) -> None:
        """Bring carts and stock up to what a decision now is, likeliest first; `visits` are those
        whose carts are still open. `evidence` is None where nothing new was said of it."""
        line = self._open.get(deed)
        if line is None:
            return
        if evidence is not None:
            line.evidence = evidence
        p, told = ranked[0]
        told = told if p >= PROVISIONAL_FROM else ()
        if told != line.told:
            self._revoke(line, visits, reason)
            self._tell(line, told, p, visits)
        if line.place is not None:
            self._restock(line, line.place, _stock(ranked[0][1]))

    def close(self, deeds: Collection[int]) -> None:
        """Nothing can change these decisions any more."""
        for deed in deeds:
            self._open.pop(deed, None)

    def _revoke(self, line: Line, visits: Collection[str], reason: str) -> None:
        for index, (visit, gtin, units) in enumerate(line.told):
            if visit in visits and gtin is not None:
                self._log.emit(
                    Revised,
                    at_ns=line.began_ns,
                    visit=visit,
                    line=line.name if line.place is None else _part(line.name, index),
                    gtin=gtin,
                    units=abs(units),
                    reason=reason,
                )

    def _tell(self, line: Line, told: Told, posterior: float, visits: Collection[str]) -> None:
        self._count += 1
        line.name, line.told = f"l{self._count}", told
        if line.place is None:
            self._tell_handed(line, told, posterior)
            return
        for index, (visit, gtin, units) in enumerate(told):
            if visit not in visits or gtin is None:
                continue
            self._log.emit(
                Picked if units > 0 else PutBack,
                at_ns=line.began_ns,
                visit=visit,
                line=_part(line.name, index),
                gtin=gtin,
                units=abs(units),
                facing=line.place.id,
                posterior=round(posterior, 6),
                evidence=line.evidence,
            )
            if units < 0 and gtin != line.place.gtin:
                self._log.emit(
                    Misplaced,
                    at_ns=line.began_ns,
                    facing=line.place.id,
                    gtin=gtin,
                    units=-units,
                    posterior=round(posterior, 6),
                )

    def _tell_handed(self, line: Line, told: Told, posterior: float) -> None:
        if not told:
            return
        (giver, gtin, _), (taker, _, units) = told
        if gtin is not None:
            self._log.emit(
                HandedOver,
                at_ns=line.began_ns,
                visit=giver,
                to_visit=taker,
                line=line.name,
                gtin=gtin,
                units=units,
                posterior=round(posterior, 6),
                evidence=line.evidence,
            )

    def _restock(self, line: Line, place: ShelfPlace, stock: tuple[tuple[str, int], ...]) -> None:
        """Bring the book of the facing up to the likeliest change, whoever it was."""
        if stock == line.stock:
            return
        for gtin, units in line.stock:
            self._book(place, gtin, -units)
        for gtin, units in stock:
            self._book(place, gtin, units)
        line.stock = stock

    def _book(self, place: ShelfPlace, gtin: str, units: int) -> None:
        """So many units of a product left the facing."""
        if gtin == place.gtin:
            place.units -= units
            left = place.units
        else:
            left = place.strangers.get(gtin, 0) - units
            place.strangers[gtin] = max(0, left)
        if left < 0 and units > 0:
            self._log.alert(
                self._log.now_ns,
                "count-error",
                place.id,
                f"{place.id}: the book says {left + units} × "
                f"{self._shelves.products[gtin].name}, yet {units} were taken",
            )
        self._log.emit(
            StockMoved,
            at_ns=self._log.now_ns,
            facing=place.id,
            gtin=gtin,
            units=-units,
            left=left,
        )


def _stock(told: Told) -> tuple[tuple[str, int], ...]:
    """The change of a facing's stock, whoever made it."""
    units: dict[str, int] = {}
    for _, gtin, n in told:
        if gtin is not None:
            units[gtin] = units.get(gtin, 0) + n
    return tuple(sorted(units.items()))


def _part(name: str, index: int) -> str:
    return name if index == 0 else f"{name}.{index}"
