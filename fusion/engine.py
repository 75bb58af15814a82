"""The engine: observations in the order of their time in, cart events out.

It has no clock: time is the time of the observations. It has no randomness: the same
observations give the same events, byte for byte.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cart.events import (
    Alerted,
    Candidate,
    Entered,
    Event,
    Evidence,
    Exited,
    Misplaced,
    Picked,
    PutBack,
    Restocked,
    ReviewClosed,
    ReviewRequested,
    Revised,
    StockMoved,
)
from cart.profile import Profiles
from fusion.account import Account, Distribution, Doubt
from fusion.charging import best_bill
from fusion.entrance import Entrance
from fusion.gates import Gates
from fusion.hypotheses import Hypothesis, explain
from fusion.people import GATE_REACH_M, NS, People
from fusion.reach import Place, reach_log_ratio
from fusion.second_look import Take, reversed_moves
from fusion.shelves import Part, Shelves
from fusion.sight import Sights
from sensors.observations import (
    CodeScanned,
    DeviceHealth,
    ExitReads,
    GateCrossing,
    HandPoint,
    Observation,
    PlanogramChanged,
    ProductSighting,
    ReviewDecided,
    StockCounted,
    TagPresence,
    TagRead,
    TrackletLink,
    TrackPoint,
    WeightStep,
)
from sensors.store import Store

REPAIR_EVERY_NS = 300_000_000
STAFF_HOLDS = 0.5  # P(a unit that staff puts on a shelf is the one in question)
HISTORY_SETTLES_BELOW = 3.0
PROVISIONAL_FROM = 0.5
_NEVER_NS = 2**63


@dataclass(slots=True)
class _OpenReview:
    visit: str
    shopper: str
    certain: tuple[tuple[str, int], ...]


class Engine:
    """Decides who took what in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._centres_m = {gate.id: gate.centre_m for gate in store.gates}
        self._gates = Gates()
        self._entrance = Entrance(store)
        self._closed = ""  # why nobody new is let in
        self.people = People()
        self._shelves = Shelves(store)
        self._sights = Sights(self._shelves.products)
        self._takes: list[Take] = []
        self._profiles = Profiles()
        self._accounts: dict[str, Account] = {}
        self._reviews: dict[str, _OpenReview] = {}
        self._visits = 0
        self._lines = 0
        self._numbers = 0
        self._now_ns = 0
        self._repaired_ns = 0
        self._closing_ns = 0  # no visit ends before
        self._down: set[str] = set()
        self._out: list[Event] = []

    def step(self, observation: Observation) -> list[Event]:
        """Take the next observation; the events that it brings about, in order."""
        if isinstance(observation, TagPresence | ExitReads):  # nothing is decided by tags yet
            return []
        self._now_ns = max(self._now_ns, observation.at_ns)
        self._close_visits()
        match observation:
            case TagRead():
                pass
            case TrackPoint():
                self.people.saw(observation)
            case HandPoint():
                self.people.saw_hand(observation)
            case TrackletLink():
                self.people.linked(observation)
            case ProductSighting():
                self._look_again(observation)
            case WeightStep():
                for part in self._shelves.split(observation):
                    self._decide(observation, part)
            case CodeScanned():
                self._shown(observation)
            case GateCrossing():
                self._crossed(observation)
            case StockCounted():
                self._counted(observation)
            case PlanogramChanged():
                self._rearranged(observation)
            case ReviewDecided():
                self._answered(observation)
            case DeviceHealth():
                self._hear(observation)
            case _:
                pass
        if self._now_ns - self._repaired_ns >= REPAIR_EVERY_NS:
            self._repaired_ns = self._now_ns
            self.people.repair(self._now_ns)
        out, self._out = self._out, []
        return out

    def stumble(self, observation: Observation, error: Exception) -> list[Event]:
        """`step` failed on an observation: what it had decided so far, and an alert that says so.

        One observation that the engine cannot take must not stop the store.
        """
        self._alert(
            observation.at_ns,
            "engine-fault",
            type(observation).__name__,
            f"{type(observation).__name__} at {observation.at_ns} was left out: "
            f"{type(error).__name__}: {error}; please report this",
        )
        out, self._out = self._out, []
        return out

    def refuse(self, at_ns: int, gate: str, reason: str) -> Event:
        """A gate refused a code: the alert that tells the operator why."""
        self._alert(at_ns, "code-refused", gate, f"{gate}: {reason}")
        return self._out.pop()

    # -- gates ---------------------------------------------------------------------------------

    def _hear(self, health: DeviceHealth) -> None:
        """Note that a device is up or down; the entry closes and opens by rule."""
        if health.up:
            self._down.discard(health.device)
        elif health.device not in self._down:  # an alert for each fall
            self._down.add(health.device)
            self._alert(
                health.at_ns,
                "device-down",
                health.device,
                f"{health.device} is down: {health.reason or 'no reason given'}",
            )
        was, self._closed = self._closed, self._entrance.why_closed(self._down)
        if self._closed and not was:
            self._alert(
                health.at_ns, "entry-closed", "entry", f"Nobody new is let in: {self._closed}"
            )
        elif was and not self._closed:
            self._alert(health.at_ns, "entry-opened", "entry", "Shoppers are let in again")

    def _shown(self, code: CodeScanned) -> None:
        """A good code. While the entry is closed it lets in none but those who can mend it."""
        if self._closed and not code.staff:
            self._alert(
                code.at_ns,
                "code-refused",
                code.gate,
                f"{code.gate}: the entry is closed, {self._closed}; show a fresh code later",
            )
        else:
            self._gates.scanned(code)

    def _crossed(self, crossing: GateCrossing) -> None:
        self._closing_ns = 0
        if crossing.direction == "in":
            self._enter(crossing)
        else:
            self._leave(crossing)

    def _enter(self, crossing: GateCrossing) -> None:
        ticket = self._gates.ticket_for(crossing)
        if ticket is None:
            self._uninvited(crossing)
            return
        centre = self._centres_m[crossing.gate]
        open_account = self._accounts.get(ticket.visit or "")
        if open_account is not None:
            person = ticket.admit(open_account.visit)
            if open_account.leaving_ns is not None:  # those before have left again meanwhile
                self.people.end(open_account.last)
                open_account.leaving_ns = None
            open_account.inside.append(person)
            self.people.begin(person, crossing.at_ns, *centre)
            return
        self._visits += 1
        code, visit = ticket.code, ticket.admit(f"v{self._visits}")
        account = Account(visit, code.shopper, crossing.at_ns, staff=code.staff)
        self._accounts[visit] = account
        tracklet = self.people.begin(visit, crossing.at_ns, *centre)
        self._emit(
            Entered, at_ns=crossing.at_ns, visit=visit, shopper=code.shopper, tracklet=tracklet
        )

    def _uninvited(self, crossing: GateCrossing) -> None:
        """Somebody came in on no code: behind others who had one, or just so."""
        gate, before = crossing.gate, self._gates.complete_at(crossing)
        if before is None:
            self._alert(crossing.at_ns, "no-code", gate, f"{gate}: entered without a code")
            return
        self._alert(
            crossing.at_ns,
            "tailgater",
            gate,
            f"{gate}: somebody came in behind {before.code.shopper}, whose code was for "
            f"{before.admitted}",
        )

    def _leave(self, crossing: GateCrossing) -> None:
        centre = self._centres_m[crossing.gate]
        inside = {person: a for a in self._accounts.values() for person in a.inside}
        person = self.people.nearest(crossing.at_ns, *centre, among=list(inside))
        if person is None:  # people leave only at gates: the one whom no camera sees it is
            unseen = [p for p in inside if self.people.body_at(p, crossing.at_ns) is None]
            person = unseen[0] if len(unseen) == 1 else None
        if person is None:
            self._alert(
                crossing.at_ns,
                "unknown-exit",
                crossing.gate,
                f"{crossing.gate}: somebody left whom no visit within {GATE_REACH_M} m explains",
            )
            return
        account = inside[person]
        account.inside.remove(person)
        if account.inside:
            self.people.end(person)
        else:
            account.last, account.leaving_ns = person, crossing.at_ns

    def _close_visits(self) -> None:
        if self._now_ns < self._closing_ns:
            return
        for account in list(self._accounts.values()):
            if self._now_ns >= self._closes_ns(account):
                if account.leaving_ns is not None:
                    self._close(account, account.leaving_ns)
                else:
                    self._close(account, self._now_ns, ask="nobody saw them leave")
        self._closing_ns = min(map(self._closes_ns, self._accounts.values()), default=_NEVER_NS)

    def _closes_ns(self, account: Account) -> int:
        """When a visit ends if nobody passes a gate before."""
        policy = self._store.policy
        if account.leaving_ns is not None:
            return account.leaving_ns + round(policy.receipt_grace_s * NS)
        return account.entered_ns + round(policy.longest_visit_s * NS)

    def _close(self, account: Account, left_ns: int, ask: str = "") -> None:
        policy = self._store.policy
        bill = best_bill(account, self._shelves.products, policy)
        del self._accounts[account.visit]
        for person in account.persons:
            self.people.end(person)
        review = None
        costly = bill.expected_loss_cents > policy.review_cost_cents
        if not account.staff and (bill.doubtful or costly or ask):
            review = f"r{account.visit[1:]}"
            self._reviews[review] = _OpenReview(account.visit, account.shopper, bill.certain)
            self._emit(
                ReviewRequested,
                at_ns=left_ns,
                review=review,
                visit=account.visit,
                shopper=account.shopper,
                reason=self._why(bill.doubtful, bill.expected_loss_cents, account, ask),
                certain=bill.certain,
                candidates=bill.candidates or (Candidate(lines=bill.lines, probability=1.0),),
                evidence=tuple(e for doubt in account.doubts for e in doubt.evidence),
            )
        self._emit(
            Exited,
            at_ns=left_ns,
            visit=account.visit,
            shopper=account.shopper,
            lines=() if account.staff else bill.certain if review else bill.lines,
            review=review,
        )

    def _why(self, doubtful: tuple[str, ...], loss_cents: float, account: Account, ask: str) -> str:
        names = ", ".join(self._shelves.products[gtin].name for gtin in doubtful)
        reasons = [ask] if ask else []
        if names or not ask:
            reasons.append(f"unsure of {names}" if names else "several small doubts")
        if account.unknown_units() > 0.1:
            reasons.append("something was taken that no product explains")
        return f"{'; '.join(reasons)} (expected loss {loss_cents:.0f} cents)"

    # -- shelves -------------------------------------------------------------------------------

    def _decide(self, step: WeightStep, part: Part) -> None:
        present = [
            v
            for v, a in self._accounts.items()
            if a.entered_ns <= step.at_ns
            and (a.leaving_ns is None or step.began_ns <= a.leaving_ns)
        ]
        if not present:
            if abs(part.delta_g) > 3 * part.sigma_g + 20:
                self._alert(
                    step.at_ns,
                    "nobody-there",
                    part.place.id,
                    f"{part.place.id}: {part.delta_g:+.0f} g while no visit was open",
                )
            return
        reach = self._reach(step, part, present)
        taken = [t for v in present for t in self._accounts[v].taken()]
        found = explain(part, self._shelves, reach, self._holds, taken)
        seen = self._sighted(step, part, present)
        ranked = self._posterior(self._sights.weigh(found, seen))
        self._lines += 1
        line = f"l{self._lines}"
        doubts = self._book(step, part, line, ranked)
        if part.delta_g < 0:
            best_p, best = ranked[0]
            told = best_p >= PROVISIONAL_FROM
            self._remember(Take(step, part, tuple(present), tuple(found), best, line, told, doubts))

    def _sighted(
        self, step: WeightStep, part: Part, present: Sequence[str]
    ) -> dict[str, list[ProductSighting]]:
        """What was seen in the hands of each visit's persons at a step."""
        return {
            v: self._sights.of(
                step, part.delta_g, self.people.tracklets_of(self._accounts[v].persons)
            )
            for v in present
        }

    def _remember(self, take: Take) -> None:
        self._takes = [t for t in self._takes if t.is_open(self._now_ns, self._accounts)]
        self._takes.append(take)

    def _look_again(self, sighting: ProductSighting) -> None:
        """Take a sighting in, and decide anew what it tells more of."""
        self._sights.saw(sighting)
        for take in list(self._takes):
            if sighting.moment == "after" and take.is_open(self._now_ns, self._accounts):
                seen = self._sighted(take.step, take.part, take.present)
                if any(one.tracklet == sighting.tracklet for of in seen.values() for one in of):
                    self._takes.remove(take)
                    self._revise(take, self._posterior(self._sights.weigh(take.found, seen)))

    def _revise(self, take: Take, ranked: list[tuple[float, Hypothesis]]) -> None:
        """Book a decision anew; carts and stock hear of it where the likeliest has changed."""
        for visit, doubt in take.doubts.items():
            account = self._accounts[visit]
            account.doubts = [d for d in account.doubts if d is not doubt]
        best_p, best = ranked[0]
        told, line = best_p >= PROVISIONAL_FROM, take.line
        same = best.moves == take.best.moves and told == take.told
        if not same:
            self._lines += 1
            line = f"l{self._lines}"
            for index, move in enumerate(take.best.moves if take.told else ()):
                if move.visit is not None and move.gtin is not None:
                    self._emit(
                        Revised,
                        at_ns=take.step.began_ns,
                        visit=move.visit,
                        line=take.line if index == 0 else f"{take.line}.{index}",
                        gtin=move.gtin,
                        units=abs(move.units),
                        reason="the hand was seen with something else",
                    )
            self._restock(take.part, reversed_moves(take.best))
        doubts = self._book(take.step, take.part, line, ranked, told=same)
        self._remember(replace(take, best=best, line=line, told=told, doubts=doubts))

    def _reach(self, step: WeightStep, part: Part, present: list[str]) -> dict[str, float]:
        """log R of each visit: of that of its persons who reached likeliest."""
        place = self._place(part)
        return {
            v: max(
                reach_log_ratio(self.people, person, place, step)
                for person in self._accounts[v].persons
            )
            for v in present
        }

    def _place(self, part: Part) -> Place:
        along_m = (part.centroid - 0.5) * part.place.shelf.plate_width_m
        return Place(part.place.gondola, part.place.shelf, along_m)

    def _holds(self, visit: str, gtin: str, units: int) -> float:
        account = self._accounts[visit]
        return STAFF_HOLDS if account.staff else account.holds(gtin, units)

    def _posterior(self, found: list[Hypothesis]) -> list[tuple[float, Hypothesis]]:
        """Normalised, likeliest first; purchase history may settle only what sensors leave open."""
        found = sorted(found, key=lambda h: -h.score)
        top = found[0].score
        if len(found) > 1 and top - found[1].score < math.log(HISTORY_SETTLES_BELOW):
            found = sorted((self._with_history(h) for h in found), key=lambda h: -h.score)
            top = found[0].score
        weights = [math.exp(h.score - top) for h in found]
        total = math.fsum(weights)
        return [(w / total, h) for w, h in zip(weights, found, strict=True) if w / total > 1e-6]

    def _with_history(self, hypothesis: Hypothesis) -> Hypothesis:
        log_share = 0.0
        for move in hypothesis.moves:
            if move.visit and move.gtin and move.units > 0:
                profile = self._profiles.of(self._accounts[move.visit].shopper)
                log_share += math.log(
                    profile.share(move.gtin, len(self._shelves.products))
                    * len(self._shelves.products)
                )
        return replace(hypothesis, terms={**hypothesis.terms, "history": log_share})

    def _book(
        self,
        step: WeightStep,
        part: Part,
        line: str,
        ranked: list[tuple[float, Hypothesis]],
        told: bool = False,
    ) -> dict[str, Doubt]:
        """Book a decision; what it means to each visit. Carts and stock know it where `told`."""
        booked: dict[str, Doubt] = {}
        best_p, best = ranked[0]
        evidence = tuple(_evidence(p, h) for p, h in ranked[:3])
        chances: dict[str, dict[str, Distribution]] = {}
        unknown: dict[str, float] = {}
        for p, hypothesis in ranked:
            for move in hypothesis.moves:
                if move.visit is None:
                    continue
                if hypothesis.undoes is not None:
                    self._accounts[move.visit].undo(hypothesis.undoes, p)
                    continue
                if move.gtin is None:
                    if move.units > 0:
                        unknown[move.visit] = unknown.get(move.visit, 0.0) + p
                    continue
                units = chances.setdefault(move.visit, {}).setdefault(move.gtin, {})
                units[move.units] = units.get(move.units, 0.0) + p
        for visit in sorted({*chances, *unknown}):
            by_product = {
                gtin: {0: max(0.0, 1.0 - math.fsum(units.values())), **units}
                for gtin, units in chances.get(visit, {}).items()
            }
            moved = [m for m in best.moves if m.visit == visit and m.units > 0 and m.gtin]
            booked[visit] = Doubt(
                line,
                by_product,
                unknown.get(visit, 0.0),
                evidence,
                part.place.id,
                part.delta_g,
                part.sigma_g,
                (moved[0].gtin or "", moved[0].units)
                if moved and best_p >= PROVISIONAL_FROM
                else None,
            )
            self._accounts[visit].book(booked[visit])
        if not told:
            if best_p >= PROVISIONAL_FROM:
                self._tell(step, part, line, best_p, best, evidence)
            self._restock(part, best)
        return booked

    def _tell(
        self,
        step: WeightStep,
        part: Part,
        line: str,
        posterior: float,
        best: Hypothesis,
        evidence: tuple[Evidence, ...],
    ) -> None:
        for index, move in enumerate(best.moves):
            if move.visit is None or move.gtin is None:
                continue
            self._emit(
                Picked if move.units > 0 else PutBack,
                at_ns=step.began_ns,
                visit=move.visit,
                line=line if index == 0 else f"{line}.{index}",
                gtin=move.gtin,
                units=abs(move.units),
                facing=part.place.id,
                posterior=round(posterior, 6),
                evidence=evidence,
            )
            if move.units < 0 and move.gtin != part.place.gtin:
                self._emit(
                    Misplaced,
                    at_ns=step.began_ns,
                    facing=part.place.id,
                    gtin=move.gtin,
                    units=-move.units,
                    posterior=round(posterior, 6),
                )

    def _restock(self, part: Part, best: Hypothesis) -> None:
        """Bring the book of the facing up to the likeliest explanation, whoever it was."""
        place = part.place
        for move in best.moves:
            if move.gtin is None:
                continue
            if move.gtin == place.gtin:
                place.units -= move.units
                left = place.units
            else:
                left = place.strangers.get(move.gtin, 0) - move.units
                place.strangers[move.gtin] = max(0, left)
            if left < 0 and move.units > 0:
                self._alert(
                    self._now_ns,
                    "count-error",
                    place.id,
                    f"{place.id}: the book says {left + move.units} × "
                    f"{self._shelves.products[move.gtin].name}, yet {move.units} were taken",
                )
            self._emit(
                StockMoved,
                at_ns=self._now_ns,
                facing=place.id,
                gtin=move.gtin,
                units=-move.units,
                left=left,
            )

    # -- people who answer ---------------------------------------------------------------------

    def _counted(self, count: StockCounted) -> None:
        place = self._shelves.places.get(count.facing)
        if place is None:
            self._alert(count.at_ns, "unknown-facing", count.facing, f"no facing {count.facing}")
            return
        place.units = count.units
        self._emit(
            Restocked,
            at_ns=count.at_ns,
            facing=place.id,
            gtin=place.gtin,
            units=count.units,
            actor=count.actor,
        )

    def _rearranged(self, change: PlanogramChanged) -> None:
        place = self._shelves.places.get(change.facing)
        if place is None or change.gtin not in self._shelves.products:
            self._alert(
                change.at_ns,
                "unknown-facing",
                change.facing,
                f"no facing {change.facing} or no product {change.gtin}",
            )
            return
        place.gtin, place.units = change.gtin, change.units
        place.strangers.pop(change.gtin, None)
        self._emit(
            Restocked,
            at_ns=change.at_ns,
            facing=place.id,
            gtin=change.gtin,
            units=change.units,
            actor=change.actor,
        )

    def _answered(self, verdict: ReviewDecided) -> None:
        review = self._reviews.pop(verdict.review, None)
        if review is None:
            self._alert(
                verdict.at_ns, "unknown-review", verdict.review, f"no open review {verdict.review}"
            )
            return
        unknown = [g for g, _ in verdict.lines or () if g not in self._shelves.products]
        if unknown:
            self._reviews[verdict.review] = review
            self._alert(
                verdict.at_ns,
                "unknown-product",
                verdict.review,
                f"{verdict.review}: no product {', '.join(unknown)}; the case stays open",
            )
            return
        self._emit(
            ReviewClosed,
            at_ns=verdict.at_ns,
            review=verdict.review,
            visit=review.visit,
            shopper=review.shopper,
            lines=review.certain if verdict.lines is None else verdict.lines,
            actor=verdict.actor,
            verified=verdict.lines is not None,
        )

    # -- events --------------------------------------------------------------------------------

    def _alert(self, at_ns: int, kind: str, subject: str, text: str) -> None:
        self._emit(Alerted, at_ns=at_ns, kind=kind, subject=subject, text=text)

    def _emit(self, kind: type[Event], /, *, at_ns: int, **fields: object) -> None:
        self._numbers += 1
        event = kind(number=self._numbers, at_ns=at_ns, decided_ns=self._now_ns, **fields)
        self._profiles.apply(event)
        self._out.append(event)


def _evidence(posterior: float, hypothesis: Hypothesis) -> Evidence:
    move = hypothesis.moves[0] if hypothesis.moves else None
    return Evidence(
        visit=move.visit if move else None,
        gtin=move.gtin if move else None,
        units=move.units if move else 0,
        posterior=round(posterior, 6),
        terms={name: round(value, 3) for name, value in sorted(hypothesis.terms.items())},
    )
