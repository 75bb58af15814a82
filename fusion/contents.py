"""What decisions tell of the facings' contents, and contents of decisions.

A decision that took something says what its facing may hold: at once, what a unit of each product
weighs there, and, once nothing can change it any more, which product it is. Until then later
decisions on the facing know of it through the states: in a state where the last one took the
content h (and not a stray unit, of which it is `share` sure), g is the content with probability

    c'(g) = share·[g = h] + (1 − share)·c(g)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fusion.hypotheses import Hypothesis, Said, said_of
from fusion.shelves import Part, Shelves
from fusion.states import State, Told

if TYPE_CHECKING:
    from fusion.decision import Decision

NOT_WORTH = 1e-7  # odds of another content, by one pick, that are not remembered
_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Pick:
    """A decision that is closed: `units` of a product were taken."""

    decision: Decision
    gtin: str
    units: int


class Contents:
    """Keeps the contents of all facings up to date."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves

    def said_of(self, part: Part) -> Mapping[tuple[str, int], Said]:
        """What plates say of units of each product being taken, before anything is learned of
        it; empty where the facing became heavier."""
        return {} if part.delta_g >= 0 else said_of(part, self._shelves)

    def weighed(self, decision: Decision, found: Sequence[Hypothesis]) -> None:
        """Learn from the hypotheses of a decision what units weigh."""
        part, content = decision.part, decision.part.place.content
        if part.delta_g >= 0:
            return
        otherwise = -math.inf
        best: dict[str, tuple[float, int]] = {}
        for one in found:
            taken = _content_of(tuple(move.told for move in one.moves), one.terms)
            if taken is None:
                otherwise = max(otherwise, one.score)
                continue
            gtin, units = taken
            score = one.score - math.log(content.share(gtin))
            if gtin not in best or score > best[gtin][0]:
                best[gtin] = score, units
        for gtin, (score, units) in best.items():
            p = 1 / (1 + math.exp(min(50.0, otherwise - score)))
            content.weigh(gtin, units, -part.delta_g, part.sigma_g, p)

    def known_to(
        self, decision: Decision, state: State, found: Sequence[Hypothesis], before: Decision | None
    ) -> Sequence[Hypothesis]:
        """Hypotheses as they are in a state where the decision `before` on the facing is open."""
        if before is None or before.deed not in state.story:
            return found
        told = state.story[before.deed]
        last = _content_of(told, before.terms.get(told, {}))
        said = None if last is None else before.said.get(last)
        if last is None or said is None:
            return found
        content = decision.part.place.content
        result = []
        for one in found:
            taken = _content_of(tuple(move.told for move in one.moves), one.terms)
            if taken is not None and taken in decision.said:
                gtin = taken[0]
                share = (1 - said.share) + said.share * (gtin == last[0]) / content.share(gtin)
                own = decision.said[taken].share
                ratio = math.log(max(_LEAST, own * share + 1 - own))
                result.append(replace(one, terms={**one.terms, "content": ratio}))
            else:
                result.append(one)
        return result

    def learn(self, decision: Decision, ranked: Sequence[tuple[float, Told]]) -> None:
        """What a facing holds, by a decision that nothing can change any more."""
        if not decision.said:
            return
        found: dict[str, float] = {}
        best: tuple[float, float, str | None, tuple[str, int]] | None = None
        for p, told in ranked:
            taken = _content_of(told, decision.terms.get(told, {}))
            if taken is None or taken not in decision.said:
                continue
            said = decision.said[taken]
            found[taken[0]] = found.get(taken[0], 0.0) + p * said.share
            if best is None:
                visit = told[0][0]
                best = p * said.share, self._log_of(decision, visit, taken), visit, taken
        if best is not None:
            p, log_of, visit, (_, units) = best
            for gtin in self._shelves.products:  # what was too unlikely to be followed
                if gtin not in found and (gtin, units) in decision.said:
                    odds = math.exp(self._log_of(decision, visit, (gtin, units)) - log_of)
                    odds *= decision.said[gtin, units].share
                    if odds > NOT_WORTH:
                        found[gtin] = p * odds
        decision.part.place.content.learn(found, decision.content)

    def carried(self, picks: Sequence[Pick], visit: str, gtin: str, foreign: float) -> None:
        """The gate read a tag of a product as a visit went out whose account does not have it: one
        of its picks may have been of it, from a facing that holds another product than was
        thought. `foreign` is the chance of such a read otherwise."""
        odds: list[tuple[float, Pick]] = []
        for pick in picks:
            said, own = pick.decision.said, (pick.gtin, pick.units)
            if (gtin, pick.units) in said and own in said:
                ratio = self._log_of(pick.decision, visit, (gtin, pick.units))
                ratio -= self._log_of(pick.decision, visit, own)
                odds.append((math.exp(ratio) * said[gtin, pick.units].share, pick))
        total = math.fsum(one for one, _ in odds) + foreign
        for one, pick in odds:
            content = pick.decision.part.place.content
            content.learn({gtin: one / total}, content.shares())

    def _log_of(self, decision: Decision, visit: str | None, taken: tuple[str, int]) -> float:
        """What plates and cameras say of units of a product, in nats up to a constant."""
        seen = decision.sighted.get((visit or "", taken[0]), 0.0)
        return decision.said[taken].log_likelihood + seen


def _content_of(told: Told, terms: Mapping[str, float]) -> tuple[str, int] | None:
    """Product and units that may have been a facing's content; None where it was something else."""
    gtins = {gtin for _, gtin, _ in told}
    gtin = next(iter(gtins)) if len(gtins) == 1 else None
    units = sum(n for _, _, n in told)
    if gtin is None or units <= 0 or "astray" in terms or "cut" in terms:
        return None
    return gtin, units
