"""Trust in a shopper: Beta(a, b) over verified visits, forgotten by half in `HALF_LIFE_DAYS`.

A verified outcome adds its weight to a (nothing was found that the engine had not told of) or to b
(something was). What was learned fades, so that trust returns to its prior:

    a(t) = a₀ + (a − a₀)·2^(−Δt / half-life),    and b alike

(the forgetting factor of Jøsang, Ismail: The Beta Reputation System, 2002). Visits are not verified
evenly: those in doubt always, others by a random draw. So an outcome counts 1 over the probability
with which it was looked at (Horvitz, Thompson 1952), up to `MOST_WEIGHT`: one draw must not
outweigh the prior.

Trust only asks: the lower it is, the less it takes for a human to look. It raises no price, adds no
line, and is no reason to charge. Nor does much of it spare a look, for looks protect shoppers too.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PRIOR_A, PRIOR_B = 9.0, 1.0
HALF_LIFE_DAYS = 90.0
MOST_WEIGHT = 5.0
COUNT_WEIGHT = 0.5  # of a count: steps may have been missed, and the count before be wrong
MOST_OUTCOMES = 20
MOST_RATIO = 3.0
_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """Something verified of a shopper, and why it counts as it does, for them to read and contest.

    `weight` is above 0 for what speaks for them, below 0 for what speaks against them.
    """

    at_ns: int
    visit: str
    weight: float
    reason: str


@dataclass(slots=True)
class Trust:
    """One shopper's trust; `at_ns` is the time of its latest outcome."""

    a: float = PRIOR_A
    b: float = PRIOR_B
    at_ns: int = 0
    outcomes: list[Outcome] = field(default_factory=list)

    def verified(self, outcome: Outcome) -> None:
        """Learn from a verified outcome."""
        now_ns = max(self.at_ns, outcome.at_ns)
        self.a, self.b = self._faded(now_ns)
        weight = min(abs(outcome.weight), MOST_WEIGHT)
        if outcome.weight > 0:
            self.a += weight
        else:
            self.b += weight
        self.at_ns = now_ns
        self.outcomes = [*self.outcomes, outcome][-MOST_OUTCOMES:]

    def mean(self, at_ns: int = 0) -> float:
        """The expected share of visits with nothing to find; 0.9 where nothing is known."""
        a, b = self._faded(max(self.at_ns, at_ns))
        return a / (a + b)

    def ratio(self, at_ns: int = 0) -> float:
        """How much likelier than of a stranger it is that there is something to find, as a
        likelihood ratio from 1 to `MOST_RATIO`."""
        mean = self.mean(at_ns)
        ratio = (1 - mean) / mean * (PRIOR_A / PRIOR_B)
        return min(MOST_RATIO, max(1.0, ratio))

    def _faded(self, now_ns: int) -> tuple[float, float]:
        kept = 0.5 ** ((now_ns - self.at_ns) / (HALF_LIFE_DAYS * _DAY_NS))
        return PRIOR_A + (self.a - PRIOR_A) * kept, PRIOR_B + (self.b - PRIOR_B) * kept
