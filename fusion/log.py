"""The engine's events in the order of their making: numbered, dated, and handed out once."""

from __future__ import annotations

from collections.abc import Callable

from cart.events import Alerted, Event


class Log:
    """Numbers events and hands them out; `now_ns` is the store time of what is being decided.

    Who hears an event may add others to follow it.
    """

    def __init__(self, *hearers: Callable[[Event], None]) -> None:
        self._hearers = list(hearers)
        self._numbers = 0
        self._out: list[Event] = []
        self.now_ns = 0

    def listen(self, hear: Callable[[Event], None]) -> None:
        """Tell every event from now on, as soon as it is made."""
        self._hearers.append(hear)

    def emit(self, kind: type[Event], /, *, at_ns: int, **fields: object) -> None:
        """Add an event."""
        self._numbers += 1
        event = kind(number=self._numbers, at_ns=at_ns, decided_ns=self.now_ns, **fields)
        self._out.append(event)
        for hear in self._hearers:
            hear(event)

    def alert(self, at_ns: int, kind: str, subject: str, text: str) -> None:
        """Add something that a person should know."""
        self.emit(Alerted, at_ns=at_ns, kind=kind, subject=subject, text=text)

    def drain(self) -> list[Event]:
        """What was added since the last time."""
        out, self._out = self._out, []
        return out
