"""The rows of a shelf whose cells speak one by one: each plate as it was weighed last.

Cells of others send a number now and then, each on its own. Rows are laid at the cells' own pace,
never denser, so that no step settles on fewer readings than the detector asks for. The only clock
is the arrival clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from sensors.foreign import ForeignWeight
from sensors.foreign_devices import LoadCell
from sensors.wire import HealthReport, WeightBatch

FOREIGN_BOOT = "foreign"
LONGEST_GAP_NS = 10_000_000_000
REORDERED_NS = 600_000_000_000
_NS = 1_000_000_000


@dataclass(slots=True)
class _Cell:
    """One plate: what it showed last, and when that came."""

    device: str
    silent_after_ns: int
    grams: float | None = None
    heard_ns: int = 0
    clock_ns: int | None = None
    up: bool = True

    def is_old_news(self, grams: float, clock_ns: int | None) -> bool:
        """Whether a reading repeats the last one or one before it, by the device's own clock.

        A clock that falls back further was set anew, or summer is over.
        """
        if clock_ns is None or self.clock_ns is None:
            return False
        if clock_ns == self.clock_ns:
            return grams == self.grams
        return 0 < self.clock_ns - clock_ns <= REORDERED_NS


class HeldPlates:
    """One shelf. Call `due` as time goes on, and `take` with each reading after it."""

    def __init__(self, shelf: str, plates: int, cells: list[LoadCell]) -> None:
        self._shelf = shelf
        self._plates = plates
        self._period_ns = round(cells[0].every_s * _NS)
        self._cells = {c.plate: _Cell(c.id, round(c.silent_after_s * _NS)) for c in cells}
        self._next_ns: int | None = None

    @property
    def period_ns(self) -> int:
        """The time from one row to the next: the longest between two readings of a cell."""
        return self._period_ns

    def take(self, said: ForeignWeight, received_ns: int) -> list[HealthReport]:
        """Hold a reading; a report where its cell was down."""
        cell = self._cells[said.plate]
        if cell.is_old_news(said.grams, said.clock_ns):
            return []
        cell.grams, cell.heard_ns, cell.clock_ns = said.grams, received_ns, said.clock_ns
        if self._next_ns is None:
            self._next_ns = received_ns
        if cell.up:
            return []
        cell.up = True
        return [_health(cell, received_ns, "")]

    def due(self, now_ns: int) -> list[WeightBatch | HealthReport]:
        """The rows before `now_ns`, and reports of cells that have been silent for too long."""
        if self._next_ns is None or self._next_ns >= now_ns:
            return []
        said: list[WeightBatch | HealthReport] = []
        for cell in self._cells.values():
            heard = cell.up and cell.grams is not None
            if heard and now_ns - cell.heard_ns > cell.silent_after_ns:
                cell.up = False
                seconds = cell.silent_after_ns / _NS
                said.append(_health(cell, now_ns, f"no reading for {seconds:g} s"))
        if now_ns - self._next_ns > max(LONGEST_GAP_NS, self._period_ns):  # nobody listened
            self._next_ns = now_ns - self._period_ns
        count = -(-(now_ns - self._next_ns) // self._period_ns)
        row = [self._shown(plate) for plate in range(1, self._plates + 1)]
        said.append(
            WeightBatch(
                device=self._shelf,
                boot=FOREIGN_BOOT,
                seq=0,
                at_ns=self._next_ns,
                period_ns=self._period_ns,
                grams=[row] * count,
            )
        )
        self._next_ns += count * self._period_ns
        return said

    def _shown(self, plate: int) -> float | None:
        cell = self._cells.get(plate)
        return cell.grams if cell is not None and cell.up else None


def _health(cell: _Cell, at_ns: int, reason: str) -> HealthReport:
    return HealthReport(
        device=cell.device, boot=FOREIGN_BOOT, seq=0, at_ns=at_ns, up=not reason, reason=reason
    )
