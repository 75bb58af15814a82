"""Whether trust wants a human to look at a visit that would else be billed at once.

A visit is looked at where its expected loss exceeds what a look costs. Of a shopper of whom it is
r times likelier than of a stranger that there is something to find, r from 1 to 3, a look is worth
it from 1/r of that cost. Where the store's policy has a prior of concealment, the loss by things
that no product explains counts r times too: r is then the likelihood ratio of concealment.

Nothing else hangs on trust: not what a line costs, and not who took what. The case that a labeler
sees does not speak of it; the event `ProfileUsed` does.
"""

from __future__ import annotations

from cart.events import ProfileUsed
from cart.profile import Profiles
from fusion.account import Account
from fusion.charging import UNKNOWN_ITEM_CENTS, Bill
from fusion.log import Log
from sensors.policy import Policy

ASK = "several small doubts"


class Standing:
    """Asks for looks by trust, as the store's policy allows."""

    def __init__(self, profiles: Profiles, policy: Policy, log: Log) -> None:
        self._profiles = profiles
        self._policy = policy
        self._log = log

    def ask(self, account: Account, bill: Bill, at_ns: int) -> str:
        """Why a visit is to be looked at, in words for a labeler; empty where trust does not ask.

        Where a visit is looked at in any case, trust has nothing to say.
        """
        cost_cents = self._policy.review_cost_cents
        loss_cents = bill.expected_loss_cents
        if not self._policy.use_trust or account.staff or loss_cents > cost_cents or bill.doubtful:
            return ""
        trust = self._profiles.of(account.shopper).trust
        ratio = trust.ratio(at_ns)
        hidden_cents = bill.unknown * UNKNOWN_ITEM_CENTS if self._policy.conceal_prior else 0.0
        weighed_cents = loss_cents + (ratio - 1) * hidden_cents
        if weighed_cents * ratio <= cost_cents:
            return ""
        self._log.emit(
            ProfileUsed,
            at_ns=at_ns,
            visit=account.visit,
            shopper=account.shopper,
            by="trust",
            gtins=(),
            before=round(loss_cents, 3),
            after=round(weighed_cents, 3),
            reason=(
                f"trust of {trust.mean(at_ns):.2f}: a look is worth it from "
                f"{cost_cents / ratio:.0f} cents of expected loss, not from {cost_cents}"
            ),
        )
        return ASK
