"""The end of a visit: its bill goes out, or is held for a review, or goes out and is looked at
again.

A visit is held where its charge is in doubt, its loss dear, its risk above the store's threshold,
or something is amiss with the visit itself. Of those that are billed at once, the first
`shadow_visits` of a store and a random share are queued too: a verdict on these may only lower the
bill.
"""

from __future__ import annotations

from collections.abc import Iterable

from cart.events import Candidate, Exited, ReviewKind, ReviewRequested
from fusion.account import Account
from fusion.audit import drawn
from fusion.charging import Bill
from fusion.desk import Desk, OpenReview
from fusion.log import Log
from fusion.risk import GRID, Promise
from fusion.shelves import Shelves
from fusion.workload import minutes
from sensors.store import Store

_WHY_LOOKED_AT: dict[ReviewKind, str] = {
    "audit": "drawn at random: the bill is out, and a verdict can only lower it",
    "shadow": "one of the store's first visits: the bill is out, and a verdict can only lower it",
}


class Checkout:
    """Writes bills and asks for reviews, by the store's policy."""

    def __init__(
        self, store: Store, shelves: Shelves, log: Log, desk: Desk, promise: Promise
    ) -> None:
        self._store = store
        self._shelves = shelves
        self._log = log
        self._desk = desk
        self._promise = promise
        self._visits = 0  # that were closed, without staff

    def close(self, account: Account, bill: Bill, left_ns: int, ask: str = "") -> None:
        """End a visit; `ask` says why it is to be held whatever its bill is like."""
        if account.staff:
            self._exited(account, left_ns, (), None, None)
            return
        self._visits += 1
        held = self.holds(account, bill, ask)
        if held:
            self._ask(account, bill, left_ns, "held", self._why(account, bill, ask))
        elif kind := self._looked_at(account):
            self._ask(account, bill, left_ns, kind, _WHY_LOOKED_AT[kind])
        self._exited(
            account,
            left_ns,
            bill.certain if held else bill.lines,
            _name(account) if held else None,
            bill.risk,
        )

    def holds(self, account: Account, bill: Bill, ask: str = "") -> bool:
        """Whether a visit goes to review before it is billed."""
        costly = bill.expected_loss_cents > self._store.policy.review_cost_cents
        doubt = bill.doubtful or costly or ask or account.astonishing or bill.risk > self._limit
        return bool(doubt) and not account.staff

    @property
    def _limit(self) -> float:
        """The most risk that is accepted unseen: after a broken promise hardly any."""
        chosen = self._store.policy.review_risk_above
        limit = 1.0 if chosen is None else chosen
        return min(limit, GRID[0]) if self._promise.void else limit

    def _looked_at(self, account: Account) -> ReviewKind | None:
        """Whether a visit that is billed at once is looked at again."""
        policy = self._store.policy
        if self._visits <= policy.shadow_visits:
            return "shadow"
        chosen = drawn(
            self._store.id, account.visit, account.shopper, account.entered_ns, policy.audit_share
        )
        return "audit" if chosen else None

    def _ask(
        self, account: Account, bill: Bill, left_ns: int, kind: ReviewKind, reason: str
    ) -> None:
        policy, review = self._store.policy, _name(account)
        fallback = bill.certain if kind == "held" else bill.lines
        weight = 1 / policy.audit_share if kind == "audit" else 1.0
        candidates = bill.candidates or (Candidate(lines=bill.lines, probability=1.0),)
        work = minutes(len(candidates), len(account.evidence))
        # what audits find must not hang on what the engine thinks of them: all are worth the same
        worth = bill.expected_loss_cents / work if kind == "held" else policy.review_cost_cents
        self._desk.ask(
            review,
            OpenReview(account.visit, account.shopper, fallback, kind, weight, self._log.now_ns),
        )
        self._log.emit(
            ReviewRequested,
            at_ns=left_ns,
            review=review,
            visit=account.visit,
            shopper=account.shopper,
            reason=reason,
            certain=fallback,
            candidates=candidates,
            evidence=tuple(e for found in account.evidence.values() for e in found),
            kind=kind,
            weight=weight,
            risk=bill.risk,
            minutes=work,
            worth_cents_per_min=round(float(worth), 3),
        )

    def _exited(
        self,
        account: Account,
        left_ns: int,
        lines: tuple[tuple[str, int], ...],
        review: str | None,
        risk: float | None,
    ) -> None:
        self._log.emit(
            Exited,
            at_ns=left_ns,
            visit=account.visit,
            shopper=account.shopper,
            lines=lines,
            review=review,
            risk=risk,
        )

    def _why(self, account: Account, bill: Bill, ask: str) -> str:
        reasons = [ask] if ask else []
        if account.astonishing:
            reasons.append(
                f"the gate read tags of {self._names(account.astonishing)}, not in the cart"
            )
        if bill.doubtful:
            reasons.append(f"unsure of {self._names(bill.doubtful)}")
        if bill.risk > self._limit:
            reasons.append(f"a risk of {bill.risk:.1%} of a wrong charge")
        if not reasons:
            reasons.append("several small doubts")
        if bill.unknown > 0.1:
            reasons.append("something was taken that no product explains")
        return f"{'; '.join(reasons)} (expected loss {bill.expected_loss_cents:.0f} cents)"

    def _names(self, gtins: Iterable[str]) -> str:
        return ", ".join(self._shelves.products[gtin].name for gtin in gtins)


def _name(account: Account) -> str:
    """The review case of a visit."""
    return f"r{account.visit[1:]}"
