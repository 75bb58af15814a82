"""One open visit: who came in on which code, and which of its persons are still inside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cart.events import Evidence

if TYPE_CHECKING:
    from fusion.contents import Pick


@dataclass(slots=True)
class Account:
    """An open visit: of one person, or of the group that came in on one code.

    `inside` are its persons who have not left, as `fusion.gates` names them. Staff owe nothing.
    `evidence` is what sensors said of each decision that may concern it, by deed; `shared` whether
    it ever had more than one person, `astonishing` the products whose tags went out with it though
    its cart holds fewer, `confirmed` its whole cart, where just the tags of that were read.
    `unweighed` are the shelves that it reached into while they did not weigh, `picks` the decisions
    that are no longer open.
    """

    visit: str
    shopper: str
    entered_ns: int
    staff: bool = False
    leaving_ns: int | None = None
    inside: list[str] = field(default_factory=list)
    last: str = ""
    evidence: dict[int, tuple[Evidence, ...]] = field(default_factory=dict)
    shared: bool = False
    astonishing: list[str] = field(default_factory=list)
    unweighed: list[str] = field(default_factory=list)
    picks: list[Pick] = field(default_factory=list)
    confirmed: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        self.inside.append(self.visit)

    @property
    def persons(self) -> list[str]:
        """Who may still act for this visit: those inside, and after them the one who left last."""
        return self.inside or [self.last]
