"""Decides what each change of weight was: hypotheses weighed in every state of the accounts.

A decision is told at once and stays open while states disagree on it: what comes later, a
sighting, a put-back, the next pick from the same place, moves it with all that hangs on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cart.events import Evidence
from cart.profile import Profiles
from fusion.account import Account
from fusion.beam import MOST_STATES, Beam
from fusion.belief import Belief
from fusion.contents import Contents, Pick
from fusion.decision import (
    Decision,
    Ratios,
    evidence_of,
    mark_of,
    place_of,
    with_sight,
)
from fusion.exit_gate import by_answer
from fusion.hypotheses import Hypothesis, Who, explain, in_state, who_of
from fusion.lines import Lines
from fusion.log import Log
from fusion.mass import nothing_log_likelihood
from fusion.meetings import Meeting, handed
from fusion.people import NS, People, visit_of
from fusion.pieces import PAUSE_NS, before, cut_log_prior, undoable, whole
from fusion.reach import reach_log_ratio
from fusion.shelves import Part, Shelves
from fusion.sight import Sights
from fusion.states import State, Told
from fusion.switches import EVERYTHING, Switches
from fusion.tie_break import Branch, TieBreak
from sensors.observations import ProductSighting, WeightStep

SIGHTED_WITHIN_NS = 6 * NS
MUCH_MORE = 20.0  # times a change beside another, from which plates may have felt no more than it
NEGLIGIBLE = 9.0  # nats below the likeliest visit's hands: it was not they
MOST_NEAR = 6
AT_ONCE_NS = NS  # between two places, one hand does not get from the one to the other
BOTH_HANDS = math.log(0.2)  # so much less likely are two deeds of one visit within that time
HANDED_FROM = 0.05  # P(handed over) from which a person is asked, and to one less it
SHOWN = 3  # hypotheses that an event carries
UNLIKELY = 16.0  # nats below the likeliest of all: not followed
MOST_BRANCHES = 4 * MOST_STATES


@dataclass(frozen=True, slots=True)
class _Done:
    """A decision of the last seconds: when something moved, and where."""

    deed: int
    began_ns: int
    facing: str


Listener = Callable[[Decision, tuple[Evidence, ...]], None]


class Decisions:
    """Everything that was decided of weights, over `accounts` by visit."""

    def __init__(
        self,
        shelves: Shelves,
        people: People,
        accounts: Mapping[str, Account],
        profiles: Profiles,
        belief: Belief,
        log: Log,
        used: Switches = EVERYTHING,
    ) -> None:
        self._shelves = shelves
        self._people = people
        self._accounts = accounts
        self._ties = TieBreak(profiles, accounts, len(shelves.products), log)
        self._belief = belief
        self._log = log
        self._used = used
        self._sights = Sights(shelves.products)
        self._lines = Lines(log, shelves)
        self.contents = Contents(shelves)
        self._recent: dict[int, Decision] = {}
        self._done: list[_Done] = []
        self._settled: dict[int, Told] = {}
        self._handed: set[int] = set()
        self._count = 0
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Tell `listener` of every decision, of what sensors say of it, likeliest first, and again
        whenever what came later has moved it."""
        self._listeners.append(listener)

    def weighed(self, step: WeightStep) -> None:
        """A weight changed: decide of each facing's share what it was."""
        for part in self._shelves.split(step, self._belief.weights_g(sum(step.delta_g) > 0)):
            self._decide(step, part)

    def sighted(self, sighting: ProductSighting) -> None:
        """Take a sighting in, and weigh anew what it tells more of."""
        self._sights.saw(sighting)
        if sighting.moment != "after" or not self._used.late:
            return
        for decision in list(self._recent.values()):
            late = self._log.now_ns - decision.step.at_ns >= SIGHTED_WITHIN_NS
            if late or not self._belief.is_open(decision.deed):
                continue
            seen = self._sightings(decision)
            if any(one.tracklet == sighting.tracklet for of in seen.values() for one in of):
                self._sight(decision, seen)

    def met(self, meeting: Meeting) -> None:
        """Hands of two people met: something may have been handed over."""
        persons = [self._people.owner_of(tracklet) for tracklet in meeting.tracklets]
        visits = [visit_of(person) for person in persons if person is not None]
        if len(set(visits)) < 2 or any(
            v not in self._accounts or self._accounts[v].staff for v in visits
        ):
            return
        beam = self._belief.states_of(visits)
        self._count += 1
        grown = handed(beam.states, self._count, *visits)
        if grown:
            self._belief.decide(beam, self._count, grown)
            self._lines.begin(self._count, None, meeting.began_ns)
            self._handed.add(self._count)
            self.reweighed(set(beam.deeds), "something was handed over before")

    def may_have_been_handed(self, visit: str) -> bool:
        """Whether it is open if a visit was given something, or gave it away."""
        chances = [
            sum(p for p, told in self._belief.told(deed) if any(v == visit for v, _, _ in told))
            for deed in self._belief.about([visit]) & self._handed
        ]
        return any(HANDED_FROM < p < 1 - HANDED_FROM for p in chances)

    def read_at_exit(self, visit: str, ratio: Callable[[State], float]) -> None:
        """Weigh what a visit may have carried out by the log-likelihoods of what a gate read."""
        beam = self._belief.states_of([visit])
        for deed in sorted(beam.deeds & self._recent.keys()):
            decision = self._recent[deed]
            for told, said in by_answer(beam.states, deed, ratio).items():
                decision.terms[told] = {**decision.terms.get(told, {}), "tags": said}
        deeds = self._belief.reweigh(visit, ratio)
        self.reweighed(deeds, "the gate read other tags as they left")

    def reweighed(self, deeds: Collection[int], reason: str) -> None:
        """Tell carts of decisions that have become likelier or less likely."""
        for deed in sorted(deeds):
            if not self._belief.is_open(deed):
                continue
            ranked = self._belief.told(deed)
            decision = self._recent.get(deed)
            evidence = None if decision is None else self._evidence(decision, ranked)
            self._lines.show(deed, ranked, evidence, self._accounts, reason)
        ranked_of = {d: self._belief.told(d) for d in deeds if self._belief.is_open(d)}
        self._belief.settle(deeds)
        self._over(ranked_of)

    def end(self, visit: str) -> None:
        """A visit is over: whatever was decided of it stays as it is."""
        deeds = self._belief.about([visit])
        ranked_of = {deed: self._belief.told(deed) for deed in deeds}
        self._belief.end(visit)
        self._over(ranked_of)
        self.reweighed(deeds, "a visit that it hung on is over")

    def _over(self, ranked_of: Mapping[int, list[tuple[float, Told]]]) -> None:
        """Of these decisions, with what they may have been, take leave of those that are closed."""
        known = {one.deed for one in self._done}
        closed = {d: ranked for d, ranked in ranked_of.items() if not self._belief.is_open(d)}
        self._lines.close(closed)
        self._handed -= closed.keys()
        self._settled |= {deed: ranked[0][1] for deed, ranked in closed.items()}
        self._settled = {d: one for d, one in self._settled.items() if d in known}
        for deed, ranked in closed.items():
            decision = self._recent.pop(deed, None)
            if decision is not None:
                self.contents.learn(decision, ranked)
                self._remember(decision, ranked[0][1])

    def _remember(self, decision: Decision, told: Told) -> None:
        """Keep a pick of an open visit, for what the gate may say of it."""
        if len(told) == 1:
            visit, gtin, units = told[0]
            account = self._accounts.get(visit or "")
            if account is not None and gtin is not None and units > 0:
                account.picks.append(Pick(decision, gtin, units))

    def _reach(self, step: WeightStep, part: Part, present: Sequence[str]) -> dict[str, float]:
        """log R of each visit: of that of its persons who reached likeliest."""
        if not self._used.hand:
            return dict.fromkeys(present, 0.0)
        place = place_of(part)
        return {
            v: max(
                reach_log_ratio(self._people, person, place, step)
                for person in self._accounts[v].persons
            )
            for v in present
        }

    def _decide(self, step: WeightStep, part: Part) -> None:
        present = [
            v
            for v, a in self._accounts.items()
            if a.entered_ns <= step.at_ns
            and (a.leaving_ns is None or step.began_ns <= a.leaving_ns)
        ]
        if not present:
            if abs(part.delta_g) > 3 * part.sigma_g + 20:
                self._log.alert(
                    step.at_ns,
                    "nobody-there",
                    part.place.id,
                    f"{part.place.id}: {part.delta_g:+.0f} g while no visit was open",
                )
            return
        reach = self._reach(step, part, present)
        near = _near(reach)
        self._count += 1
        content, said = part.place.content.shares(), self.contents.said_of(part)
        decision = Decision(self._count, step, part, tuple(present), near, content, said)
        seen = self._sightings(decision)
        decision.sighted = self._sight_ratios(decision, seen)
        beam = self._belief.states_of(near, part.place.id)
        who = who_of(reach, near)
        staff = {v for v in near if self._accounts[v].staff}
        beside = self._beside(step, part)
        beside_g = max((abs(other.part.delta_g) for other in beside), default=0.0)
        common = self._seen(
            decision, explain(part, self._shelves, who, staff, self._used, beside_g)
        )
        least = max(one.score for one in common) - UNLIKELY
        common = [one for one in common if one.score > least]
        at_once = self._at_once(step, part) if self._used.hand else []
        last = self._last_taken(part)
        branches = [
            (state.log_weight + one.score, state, one)
            for state in beam.states
            for one in self._paced(
                (
                    *self.contents.known_to(decision, state, common, last),
                    *self._seen(decision, in_state(part, self._shelves, who, state, staff)),
                ),
                self._busy(state, at_once),
            )
        ]
        branches = _likely(branches + self._in_one(decision, beam, who, staff))
        branches = self._ties.settle(branches, step.at_ns)
        if not self._used.joint:
            branches = [max(branches, key=lambda branch: branch[0])]
        for _, _, one in reversed(branches):
            decision.terms[tuple(move.told for move in one.moves)] = one.terms
        self.contents.weighed(decision, [one for _, _, one in branches])
        self._book(decision, beam, branches)
        for other in beside:
            self._feel(other, part)

    def _beside(self, step: WeightStep, part: Part) -> list[Decision]:
        """The open decisions on other facings of the shelf whose changes overlap in time."""
        return [
            other
            for other in self._recent.values()
            if other.part.place.shelf is part.place.shelf
            and other.part.place is not part.place
            and other.step.began_ns < step.at_ns
            and step.began_ns < other.step.at_ns
        ]

    def _feel(self, small: Decision, big: Part) -> None:
        """A change beside an earlier one may be all that the earlier one was."""
        part, deed = small.part, small.deed
        if not self._belief.is_open(deed) or abs(big.delta_g) < MUCH_MORE * abs(part.delta_g):
            return
        ratio = nothing_log_likelihood(part.delta_g, part.sigma_g, big.delta_g)
        ratio -= nothing_log_likelihood(part.delta_g, part.sigma_g)
        if ratio > 0:
            changed = self._belief.reweigh(
                deed, lambda state: 0.0 if state.story.get(deed) else ratio
            )
            self.reweighed(changed, "its neighbours moved by much more")

    def _in_one(
        self, decision: Decision, beam: Beam, who: Who, staff: Collection[str]
    ) -> list[Branch]:
        """What a change of weight was if it is one with the last change there."""
        first = self._piece_before(decision)
        if first is None or first.deed not in beam.deeds:
            return []
        told = undoable(self._belief.told(first.deed), first.terms, staff)
        if told is None:
            return []
        part = decision.whole = whole(first.part, decision.part)
        common = self._seen(decision, explain(part, self._shelves, who, staff, self._used))
        least = max(one.score for one in common) - UNLIKELY
        common = [one for one in common if one.moves and one.score > least]
        cut = cut_log_prior(part)
        score = math.fsum(first.terms[told].values())
        branches = []
        for state in before(beam.states, first.deed, told, part.place.id, score):
            own = self._seen(decision, in_state(part, self._shelves, who, state, staff))
            for one in (*common, *own):
                cut_up = replace(one, terms={**one.terms, "cut": cut})
                branches.append((state.log_weight + cut_up.score, state, cut_up))
        return branches

    def _piece_before(self, decision: Decision) -> Decision | None:
        """The last decision on a facing, if its change may be one with this one."""
        part = decision.part
        for other in reversed(self._recent.values()):
            if other.part.place is part.place:
                pause_ns = decision.step.began_ns - other.step.at_ns
                one = other.part.delta_g * part.delta_g > 0 and pause_ns < PAUSE_NS
                return other if one else None
        return None

    def _last_taken(self, part: Part) -> Decision | None:
        """The last decision on a facing that took something and is still open."""
        for decision in reversed(self._recent.values()):
            if decision.part.place is part.place and decision.part.delta_g < 0:
                return decision
        return None

    def _at_once(self, step: WeightStep, part: Part) -> list[int]:
        """The decisions on other places at about the same time."""
        self._done = [one for one in self._done if step.began_ns - one.began_ns < 4 * AT_ONCE_NS]
        return [
            one.deed
            for one in self._done
            if abs(step.began_ns - one.began_ns) < AT_ONCE_NS and one.facing != part.place.id
        ]

    def _busy(self, state: State, deeds: Collection[int]) -> set[str]:
        """Who did something by these decisions, in one state of the accounts."""
        visits = {
            visit
            for deed in deeds
            for visit, _, _ in state.story.get(deed, self._settled.get(deed, ()))
        }
        return {v for v, a in self._accounts.items() if v in visits and len(a.persons) == 1}

    def _paced(self, found: Sequence[Hypothesis], busy: Collection[str]) -> Sequence[Hypothesis]:
        """The hypotheses, of which those are less likely whose visit has its hand elsewhere."""
        if not busy:
            return found
        return [
            replace(one, terms={**one.terms, "pace": BOTH_HANDS})
            if any(move.visit in busy for move in one.moves)
            else one
            for one in found
        ]

    def _seen(self, decision: Decision, found: Iterable[Hypothesis]) -> list[Hypothesis]:
        """The hypotheses with what sightings say of them."""
        return [with_sight(one, decision.sighted) for one in found]

    def _book(self, decision: Decision, beam: Beam, branches: Sequence[Branch]) -> None:
        step, part, deed = decision.step, decision.part, decision.deed
        grown = [
            replace(
                state.after(
                    deed,
                    part.place.id,
                    part.place.gtin,
                    one.moves,
                    mark_of(decision.whole if "cut" in one.terms else part),
                ),
                log_weight=log_weight,
            )
            for log_weight, state, one in branches
        ]
        self._belief.decide(beam, deed, grown)
        self._recent[deed] = decision
        self._done.append(_Done(deed, step.began_ns, part.place.id))
        self._lines.begin(deed, part.place, step.began_ns)
        self.reweighed(set(beam.deeds), "what came later speaks against it")

    def _sightings(self, decision: Decision) -> dict[str, list[ProductSighting]]:
        """What was seen in the hands of each visit's persons at a decision."""
        if not self._used.sight:
            return {}
        return {
            v: self._sights.of(
                decision.step,
                decision.part.delta_g,
                self._people.tracklets_of(self._accounts[v].persons),
            )
            for v in decision.near
            if v in self._accounts
        }

    def _sight_ratios(
        self, decision: Decision, seen: Mapping[str, Sequence[ProductSighting]]
    ) -> Ratios:
        return {
            (visit, gtin): self._sights.log_ratio(gtin, sightings)
            for visit, sightings in seen.items()
            if sightings
            for gtin in (None, *self._shelves.products)
        }

    def _sight(self, decision: Decision, seen: Mapping[str, Sequence[ProductSighting]]) -> None:
        """Weigh a decision's states by what was seen since they were made."""
        before, now = decision.sighted, self._sight_ratios(decision, seen)
        deed = decision.deed

        def ratio(state: State) -> float:
            keys = [(v, gtin) for v, gtin, _ in state.story.get(deed, ()) if v is not None]
            return math.fsum(now.get(key, 0.0) - before.get(key, 0.0) for key in keys)

        decision.sighted = now
        for told, terms in decision.terms.items():
            keys = [(v, gtin) for v, gtin, _ in told if v is not None]
            seen_terms = [now[key] for key in keys if key in now]
            if seen_terms:
                decision.terms[told] = {**terms, "sight": math.fsum(seen_terms)}
        self.reweighed(self._belief.reweigh(deed, ratio), "the hand was seen with something else")

    def _evidence(
        self, decision: Decision, ranked: Sequence[tuple[float, Told]]
    ) -> tuple[Evidence, ...]:
        found = tuple(
            evidence_of(p, told, decision.terms.get(told, {}), decision.part.delta_g)
            for p, told in ranked[:SHOWN]
        )
        for listener in self._listeners:
            listener(decision, found)
        for visit in decision.near:
            account = self._accounts.get(visit)
            if account is not None and any(one.visit == visit for one in found):
                account.evidence[decision.deed] = found
        return found


def _near(reach: Mapping[str, float]) -> tuple[str, ...]:
    """The visits whose hands may have done it."""
    best = max(reach.values())
    ranked = sorted(reach, key=lambda visit: -reach[visit])[:MOST_NEAR]
    return tuple(visit for visit in ranked if reach[visit] >= best - NEGLIGIBLE)


def _likely(branches: Sequence[Branch]) -> list[Branch]:
    """The branches that are worth following, likeliest first."""
    least = max(log_weight for log_weight, _, _ in branches) - UNLIKELY
    worth = [branch for branch in branches if branch[0] > least]
    return sorted(worth, key=lambda branch: -branch[0])[:MOST_BRANCHES]
