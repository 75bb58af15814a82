"""What the people of one scene share: the floor, the shelves, the plates, and a log of what was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from simulator.plates import Plates
from simulator.routes import Floorplan
from simulator.shelves import Shelves
from simulator.truth import TrueMove
from simulator.walker import Neighbour, Walker

if TYPE_CHECKING:
    from simulator.carrier import Carrier


@dataclass(frozen=True, slots=True)
class Crossing:
    """Somebody passed the line of a gate."""

    at_ns: int
    gate: str
    direction: Literal["in", "out"]


@dataclass(frozen=True, slots=True)
class Showing:
    """Somebody holds a code before a gate."""

    at_ns: int
    gate: str
    shopper: str
    forged: bool
    group_size: int = 1


class Person(Protocol):
    """Somebody on the stage; `place` is where they stand or are about to, if they claim one."""

    walker: Walker | None
    place: tuple[float, float] | None


@dataclass(slots=True)
class Stage:
    """The scene at `now_ns`, true time. `cast` finds people by the names that the scene gives."""

    now_ns: int
    floorplan: Floorplan
    shelves: Shelves
    plates: Plates
    people: list[Person] = field(default_factory=list)
    cast: dict[str, Carrier] = field(default_factory=dict)
    meetings: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    gate_taken_by: dict[str, Person] = field(default_factory=dict)
    moves: list[TrueMove] = field(default_factory=list)
    crossings: list[Crossing] = field(default_factory=list)
    showings: list[Showing] = field(default_factory=list)

    def others(self, person: Person) -> list[Neighbour]:
        """Everybody else's body."""
        return [p.walker for p in self.people if p is not person and p.walker is not None]

    def take_gate(self, gate: str, person: Person) -> bool:
        """Claim a gate; one person passes at a time."""
        return self.gate_taken_by.setdefault(gate, person) is person

    def leave_gate(self, gate: str, person: Person) -> None:
        """Let the next one pass, if it was this person's turn."""
        if self.gate_taken_by.get(gate) is person:
            del self.gate_taken_by[gate]
