"""What a wrong bill costs: too much costs the shopper, too little the store."""

from __future__ import annotations

from sensors.policy import Policy

COST_OF_GOODS = 0.7  # of the price: what the store loses with a unit that nobody pays


def loss_cents(billed_cents: int, owed_cents: int, too_much: bool, policy: Policy) -> float:
    """The loss of charging `billed_cents` where `owed_cents` are owed, in minor units.

    `too_much` says that something is billed that is not owed: that costs a fixed harm besides
    the money. What is billed too low costs the goods.
    """
    harm = policy.wrong_charge_harm_cents if too_much else 0
    if billed_cents > owed_cents:
        return billed_cents - owed_cents + harm
    return (owed_cents - billed_cents) * COST_OF_GOODS + harm
