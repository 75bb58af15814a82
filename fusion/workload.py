"""The labelers' work: how long a case takes, what a minute of it saves, and when it is too much.

The minutes are estimates, not measurements: a look at the case, a line to read for each answer, a
clip to watch for each incident. They only order the queue.
"""

from __future__ import annotations

LOOK_MIN = 0.5
ANSWER_MIN = 0.1
INCIDENT_MIN = 0.25
OPENS_AT = 0.5  # of the most open cases: so the entry does not flap


def minutes(candidates: int, incidents: int) -> float:
    """How long a case takes a labeler, minutes."""
    return round(LOOK_MIN + ANSWER_MIN * candidates + INCIDENT_MIN * incidents, 2)


class Backlog:
    """Whether so many visits are held that nobody new is let in: `most` (None: never closes)
    close the entry, half of them open it again."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._full = False

    def why_closed(self, waiting: int) -> str:
        """Why nobody new is let in while so many cases wait; empty while the entry is open."""
        if self._most is not None:
            self._full = waiting >= self._most or (self._full and waiting > OPENS_AT * self._most)
        if not self._full:
            return ""
        return (
            f"{waiting} visits are held for review"
            if waiting > 1
            else "one visit is held for review"
        )
