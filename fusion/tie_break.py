"""Settles ties by what is bought: where the sensors leave a decision even, and only there.

A decision is a tie where its likeliest answer is less than `SETTLES_BELOW` times as likely as the
next. Then what a visit may have taken is weighed by its share of what is bought: `popular`, the log
of the store's share over an even one, and `history`, the log of the shopper's share over the
store's. What history changes is logged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from cart.events import ProfileUsed
from cart.profile import Profiles
from fusion.account import Account
from fusion.hypotheses import Hypothesis
from fusion.log import Log
from fusion.states import State, Told

SETTLES_BELOW = 3.0
SAME = 1e-9  # nats: rounding
TOLD_FROM = 0.01  # of a probability: less is no difference

Branch = tuple[float, State, Hypothesis]


class TieBreak:
    """Weighs even decisions by `profiles` of the shoppers of `accounts`, by visit."""

    def __init__(
        self, profiles: Profiles, accounts: Mapping[str, Account], products: int, log: Log
    ) -> None:
        self._profiles = profiles
        self._accounts = accounts
        self._products = products
        self._log = log

    def settle(self, branches: Sequence[Branch], at_ns: int) -> list[Branch]:
        """The branches of one decision, weighed anew where it is a tie."""
        ranked = chances(branches)
        if len(ranked) < 2 or ranked[0][0] >= SETTLES_BELOW * ranked[1][0]:
            return list(branches)
        popular = [self._weighed(one, "popular") for one in branches]
        settled = [self._weighed(one, "history") for one in popular]
        self._tell(chances(popular), chances(settled), at_ns)
        return settled

    def _weighed(self, branch: Branch, term: str) -> Branch:
        log_weight, state, hypothesis = branch
        taken = [(m.visit, m.gtin) for m in hypothesis.moves if m.units > 0]
        ratio = math.fsum(self._log_ratio(v, g, term) for v, g in taken if v and g)
        if abs(ratio) < SAME:
            return branch
        terms = {**hypothesis.terms, term: ratio}
        return log_weight + ratio, state, replace(hypothesis, terms=terms)

    def _log_ratio(self, visit: str, gtin: str, term: str) -> float:
        popularity = self._profiles.popularity(gtin, self._products)
        if term == "popular":
            return math.log(popularity * self._products)
        shopper = self._accounts[visit].shopper
        return math.log(self._profiles.share(shopper, gtin, self._products) / popularity)

    def _tell(
        self, before: list[tuple[float, Told]], after: list[tuple[float, Told]], at_ns: int
    ) -> None:
        """Log what history changed, for each shopper whose own it was."""
        chance, told = after[0]
        was = {answer: p for p, answer in before}[told]
        if abs(chance - was) < TOLD_FROM:
            return
        gtins = tuple(sorted({g for _, answer in after[:2] for _, g, _ in answer if g is not None}))
        visits = {v for _, answer in after[:2] for v, _, _ in answer if v is not None}
        for visit in sorted(visits):
            if any(abs(self._log_ratio(visit, g, "history")) > SAME for g in gtins):
                self._log.emit(
                    ProfileUsed,
                    at_ns=at_ns,
                    visit=visit,
                    shopper=self._accounts[visit].shopper,
                    by="history",
                    gtins=gtins,
                    before=round(was, 6),
                    after=round(chance, 6),
                    reason="what they bought before settled what the sensors left even",
                )


def chances(branches: Sequence[Branch]) -> list[tuple[float, Told]]:
    """What a decision may be, with probabilities over all states, likeliest first."""
    top = max(log_weight for log_weight, _, _ in branches)
    found: dict[Told, float] = {}
    for log_weight, _, one in branches:
        told = tuple(move.told for move in one.moves)
        found[told] = found.get(told, 0.0) + math.exp(log_weight - top)
    total = math.fsum(found.values())
    return sorted(((p / total, told) for told, p in found.items()), key=lambda item: -item[0])
