"""Which counts of a facing tell of one visit alone: only one was in the store since the last count.

A count that disagrees with the book says that somebody did what no sensor told of. Who, it does not
say, unless nobody else came in between. Everything else tells nothing of anybody here: blame is not
shared out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ENOUGH = 2  # visits: more make no difference
Visit = tuple[str, str]


@dataclass(slots=True)
class _Since:
    """A facing since its last count: its product, the book, and who was in the store, as far as
    `ENOUGH` of them."""

    gtin: str
    book: int
    visits: list[Visit] = field(default_factory=list)


class CountWatch:
    """Follows the book of every facing that was ever counted, and who was in since."""

    def __init__(self) -> None:
        self._inside: dict[str, str] = {}
        self._since: dict[str, _Since] = {}

    def entered(self, visit: str, shopper: str) -> None:
        """A visit began."""
        self._inside[visit] = shopper
        for since in self._since.values():
            if len(since.visits) < ENOUGH:
                since.visits.append((visit, shopper))

    def left(self, visit: str) -> None:
        """A visit ended."""
        self._inside.pop(visit, None)

    def moved(self, facing: str, gtin: str, left: int) -> None:
        """By the book so many units of a product are left on a facing."""
        since = self._since.get(facing)
        if since is not None and since.gtin == gtin:
            since.book = left

    def counted(self, facing: str, gtin: str, units: int) -> tuple[Visit, int] | None:
        """A count; the one visit (with its shopper) that was in since the last one, and how many
        units are missing.

        None where it tells nothing of one visit, among others where more was found than booked.
        """
        since = self._since.get(facing)
        self._since[facing] = _Since(gtin, units, list(self._inside.items())[:ENOUGH])
        if since is None or since.gtin != gtin or len(since.visits) != 1 or units > since.book:
            return None
        return since.visits[0], since.book - units
