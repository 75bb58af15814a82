"""The engine: observations in the order of their time in, cart events out.

It has no clock: time is the time of the observations. It has no randomness: the same
observations give the same events, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cart.events import Entered, Event
from cart.profile import Profiles
from fusion.account import Account
from fusion.belief import Belief
from fusion.charging import best_bill
from fusion.checkout import Checkout
from fusion.dark import Dark
from fusion.decisions import Decisions
from fusion.desk import Desk
from fusion.entrance import Entrance
from fusion.exit_gate import (
    confirmed,
    log_likelihood,
    of_others,
    strong_reads,
    unexplained,
)
from fusion.gates import Gates
from fusion.learning import Learning
from fusion.log import Log
from fusion.meetings import Meetings
from fusion.people import GATE_REACH_M, NS, People, visit_of
from fusion.risk import Promise
from fusion.shelves import Shelves
from fusion.standing import Standing
from fusion.states import State, counted
from fusion.switches import EVERYTHING, Switches
from fusion.workload import Backlog
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

LEFT_WITHIN_NS = 10 * NS  # of what gates read
UNKNOWN_CARRY = 0.2  # P(somebody of whom nothing is known carries a product that the gate read)
REPAIR_EVERY_NS = 300_000_000
_NEVER_NS = 2**63


class Engine:
    """Decides who took what in one store.

    It weighs the kinds of evidence that are `used`; `profiles` are what it knows of shoppers from
    before, by default nothing.
    """

    def __init__(
        self, store: Store, profiles: Profiles | None = None, used: Switches = EVERYTHING
    ) -> None:
        self._store = store
        self._used = used
        self._centres_m = {gate.id: gate.centre_m for gate in store.gates}
        self._gates = Gates()
        self._entrance = Entrance(store)
        self._closed = ""  # why nobody new is let in
        floor = store.floor
        self.people = People((floor.x_max_m - floor.x_min_m) * (floor.y_max_m - floor.y_min_m))
        self._meetings = Meetings(store.gondolas)
        self._dark = Dark(store)
        self._shelves = Shelves(store, used.planogram)
        self._profiles = Profiles() if profiles is None else profiles
        self._profiles.use_history = store.policy.use_history and used.history
        self._log = Log(self._profiles.apply)
        self._learning = Learning(self._shelves, self._log)
        self._log.listen(self._learning.hear)
        self._standing = Standing(self._profiles, store.policy, self._log)
        self._accounts: dict[str, Account] = {}
        self.belief = Belief()
        self.decisions = Decisions(
            self._shelves,
            self.people,
            self._accounts,
            self._profiles,
            self.belief,
            self._log,
            used,
        )
        self.decisions.listen(self._learning.decided)
        promise = Promise(store.policy.wrong_charge_promise)
        self._desk = Desk(self._log, self._shelves, promise, store.policy.review_expires_h)
        self._checkout = Checkout(store, self._shelves, self._log, self._desk, promise)
        self._backlog = Backlog(store.policy.most_open_reviews)
        self._waiting = 0  # visits held for review
        self._tagged = [p.gtin for p in store.products if p.tagged]
        self._left: list[tuple[str, int, str]] = []  # gate, when, visit
        self._visits = 0
        self._repaired_ns = 0
        self._closing_ns = 0  # no visit ends before
        self._down: set[str] = set()

    def step(self, observation: Observation) -> list[Event]:
        """Take the next observation; the events that it brings about, in order."""
        if isinstance(observation, TagPresence):  # nothing is decided by it yet
            return []
        self._log.now_ns = max(self._now_ns, observation.at_ns)
        self._close_visits()
        self._desk.expire()
        match observation:
            case TagRead():
                pass
            case TrackPoint():
                self.people.saw(observation)
                self._meetings.body(observation)
            case HandPoint():
                self.people.saw_hand(observation)
                self._meetings.hand(observation)
                self._reached(observation)
            case TrackletLink():
                self.people.linked(observation)
            case ProductSighting():
                self.decisions.sighted(observation)
            case WeightStep():
                self.decisions.weighed(observation)
            case ExitReads():
                self._read_at_exit(observation)
            case CodeScanned():
                self._shown(observation)
            case GateCrossing():
                self._crossed(observation)
            case StockCounted():
                self._desk.counted(observation)
            case PlanogramChanged():
                self._desk.rearranged(observation)
            case ReviewDecided():
                self._desk.answered(observation)
            case DeviceHealth():
                self._hear(observation)
            case _:
                pass
        if self._now_ns - self._repaired_ns >= REPAIR_EVERY_NS:
            self._repaired_ns = self._now_ns
            self.people.repair(self._now_ns)
            for meeting in self._meetings.over(self._now_ns):
                self.decisions.met(meeting)
        if self._desk.waiting != self._waiting:
            self._waiting = self._desk.waiting
            self._rule_entry(self._now_ns)
        return self._log.drain()

    def stumble(self, observation: Observation, error: Exception) -> list[Event]:
        """`step` failed on an observation: what it had decided so far, and an alert that says so.

        One observation that the engine cannot take must not stop the store.
        """
        self._log.alert(
            observation.at_ns,
            "engine-fault",
            type(observation).__name__,
            f"{type(observation).__name__} at {observation.at_ns} was left out: "
            f"{type(error).__name__}: {error}; please report this",
        )
        return self._log.drain()

    def refuse(self, at_ns: int, gate: str, reason: str) -> Event:
        """A gate refused a code: the alert that tells the operator why."""
        self._log.alert(at_ns, "code-refused", gate, f"{gate}: {reason}")
        return self._log.drain()[-1]

    @property
    def _now_ns(self) -> int:
        return self._log.now_ns

    def _reached(self, hand: HandPoint) -> None:
        """Note whose hand is in a shelf that does not weigh."""
        for shelf in self._dark.hand(hand):
            person = self.people.owner_of(hand.tracklet)
            account = self._accounts.get(visit_of(person)) if person else None
            if account is not None and shelf not in account.unweighed:
                account.unweighed.append(shelf)

    # -- gates ---------------------------------------------------------------------------------

    def _hear(self, health: DeviceHealth) -> None:
        """Note that a device is up or down, which may close or open the entry."""
        if health.up:
            self._down.discard(health.device)
        elif health.device not in self._down:  # an alert for each fall
            self._down.add(health.device)
            self._log.alert(
                health.at_ns,
                "device-down",
                health.device,
                f"{health.device} is down: {health.reason or 'no reason given'}",
            )
        self._dark.now(self._down)
        self._rule_entry(health.at_ns)

    def _rule_entry(self, at_ns: int) -> None:
        """The entry closes and opens by rule: what is down, and how much waits for review."""
        reasons = self._entrance.why_closed(self._down), self._backlog.why_closed(self._waiting)
        was, self._closed = self._closed, "; ".join(filter(None, reasons))
        if self._closed and not was:
            self._log.alert(at_ns, "entry-closed", "entry", f"Nobody new is let in: {self._closed}")
        elif was and not self._closed:
            self._log.alert(at_ns, "entry-opened", "entry", "Shoppers are let in again")

    def _shown(self, code: CodeScanned) -> None:
        """A good code. While the entry is closed it lets in none but those who can mend it."""
        if self._closed and not code.staff:
            self._log.alert(
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
            open_account.shared = True
            self.people.begin(person, crossing.at_ns, *centre)
            return
        self._visits += 1
        code, visit = ticket.code, ticket.admit(f"v{self._visits}")
        account = Account(visit, code.shopper, crossing.at_ns, staff=code.staff)
        self._accounts[visit] = account
        self.belief.begin(visit)
        tracklet = self.people.begin(visit, crossing.at_ns, *centre)
        self._log.emit(
            Entered, at_ns=crossing.at_ns, visit=visit, shopper=code.shopper, tracklet=tracklet
        )

    def _uninvited(self, crossing: GateCrossing) -> None:
        """Somebody came in on no code: behind others who had one, or just so."""
        gate, before = crossing.gate, self._gates.complete_at(crossing)
        if before is None:
            self._log.alert(crossing.at_ns, "no-code", gate, f"{gate}: entered without a code")
            return
        self._log.alert(
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
                self.people.doubt(unseen)
        if person is None:
            self._log.alert(
                crossing.at_ns,
                "unknown-exit",
                crossing.gate,
                f"{crossing.gate}: somebody left whom no visit within {GATE_REACH_M} m explains",
            )
            return
        account = inside[person]
        account.inside.remove(person)
        self._left.append((crossing.gate, crossing.at_ns, account.visit))
        if account.inside:
            self.people.end(person)
        else:
            account.last, account.leaving_ns = person, crossing.at_ns

    def _read_at_exit(self, reads: ExitReads) -> None:
        """Weigh what a visit may carry by the tags that the gate read as it went out."""
        self._left = [one for one in self._left if reads.at_ns - one[1] < LEFT_WITHIN_NS]
        visits = [v for gate, at, v in self._left if (gate, at) == (reads.gate, reads.crossed_ns)]
        account = self._accounts.get(visits[0]) if visits else None
        tagged = self._tagged if self._used.tags else []
        if not tagged or account is None or account.inside or account.shared:
            return
        read, visit = strong_reads(reads.reads), account.visit
        beside = self._beside(reads, account)
        foreign = of_others(beside)

        def ratio(state: State) -> float:
            return log_likelihood(state.carts[visit], read, tagged, foreign)

        if self._used.late:
            self.decisions.read_at_exit(visit, ratio)
        _, likeliest = self.belief.carts(visit)[0]
        account.astonishing = unexplained(likeliest, read, tagged, foreign)
        account.confirmed = () if beside else confirmed(likeliest, read, tagged)
        units = counted(likeliest)
        for gtin in (g for g in tagged if read[g] > units[g]):
            self.decisions.contents.carried(account.picks, visit, gtin, foreign(gtin))

    def _beside(
        self, reads: ExitReads, account: Account
    ) -> list[tuple[float, Callable[[str], float]]]:
        """Who else was near a gate as somebody went out: how near, and P(they carry a product)."""
        owners = {tracklet: visit for tracklet, visit, _ in self.people.owners()}
        near = {v: m for t, m in reads.tracklets if (v := owners.get(t, t)) != account.visit}
        near |= {
            visit: 0.0
            for gate, at_ns, visit in self._left
            if gate == reads.gate and at_ns >= reads.began_ns and visit != account.visit
        }
        return [(away_m, partial(self._carries, visit)) for visit, away_m in near.items()]

    def _carries(self, visit: str, gtin: str) -> float:
        """P(a visit holds a product)."""
        if visit not in self._accounts:
            return UNKNOWN_CARRY
        return sum(p for p, held in self.belief.carts(visit) if counted(held)[gtin])

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
        bill = best_bill(self.belief.carts(account.visit), self._shelves.products, policy)
        del self._accounts[account.visit]
        asks = [ask] if ask else []
        if any(self.people.mistakable(person) for person in account.persons) and bill.lines:
            asks.append("they may have been taken for somebody else")
        if account.unweighed:
            asks.append(f"they reached into {', '.join(account.unweighed)}, which did not weigh")
        if self.decisions.may_have_been_handed(account.visit):
            asks.append("something may have been handed over")
        ask = "; ".join(asks)
        for person in account.persons:
            self.people.end(person)
        ask = ask or self._standing.ask(account, bill, left_ns)
        whole = account.confirmed and bill.lines == account.confirmed
        if whole and not self._checkout.holds(account, bill, ask):
            self._learning.verified(account.visit, bill.lines)
            self._profiles.confirmed(left_ns, account.visit, account.shopper, bill.lines)
        self._checkout.close(account, bill, left_ns, ask)
        self.decisions.end(account.visit)
