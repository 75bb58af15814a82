"""Who may come in: codes shown at the gates, each good for as many persons as the gate was told.

A visit's first person bears the visit's name; the others of a group are `<visit>+1`, `<visit>+2`.
"""

from __future__ import annotations

from dataclasses import dataclass

from fusion.people import NS
from sensors.observations import CodeScanned, GateCrossing

CODE_WAITS_NS = 30 * NS


@dataclass(slots=True)
class Ticket:
    """A code with those who have come in on it."""

    code: CodeScanned
    shown_ns: int
    visit: str | None = None
    admitted: int = 0

    @property
    def complete(self) -> bool:
        """Whether all for whom it was shown have come in."""
        return self.admitted >= self.code.group_size

    def admit(self, visit: str) -> str:
        """One more person comes in on the code; their name."""
        person = f"{visit}+{self.admitted}" if visit == self.visit else visit
        self.visit = visit
        self.admitted += 1
        return person


class Gates:
    """The codes that still open a gate, and those that did a moment ago."""

    def __init__(self) -> None:
        self._tickets: list[Ticket] = []

    def scanned(self, code: CodeScanned) -> None:
        """A gate read a code. Whoever shows it is next: a group that came in there is complete."""
        self._tickets = [t for t in self._tickets if not t.admitted or t.code.gate != code.gate]
        self._tickets.append(Ticket(code, code.at_ns))

    def ticket_for(self, crossing: GateCrossing) -> Ticket | None:
        """The code on which somebody comes in; each of a group renews it for the next one."""
        self._tickets = [t for t in self._tickets if crossing.at_ns - t.shown_ns <= CODE_WAITS_NS]
        ticket = next((t for t in self._at(crossing) if not t.complete), None)
        if ticket is not None:
            ticket.shown_ns = crossing.at_ns
        return ticket

    def complete_at(self, crossing: GateCrossing) -> Ticket | None:
        """The code on which all have come in, at the gate where somebody else follows them."""
        return next((t for t in self._at(crossing) if t.complete), None)

    def _at(self, crossing: GateCrossing) -> list[Ticket]:
        return [t for t in self._tickets if t.code.gate == crossing.gate]
