"""How a store decides: what is charged, what people are asked, when the entry closes.

A part of the store file; `docs/store-file.md` explains it key by key, `docs/charging.md` why.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sensors.foreign_devices import IDENTIFIER


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Enough = (
    Annotated[int, Field(ge=1, strict=True)]
    | Annotated[str, Field(pattern=r"^(100|[1-9][0-9]?)%$")]
    | None
)


class CloseEntry(_Part):
    """When nobody new is let in: any of `devices` is down, or enough of a kind.

    A number counts the devices that are down, a share as `50%` is of those that the store has;
    null never closes. `exits` are gates through which people leave.
    """

    devices: list[Annotated[str, Field(pattern=IDENTIFIER)]] = []
    shelves: Enough = "50%"
    cameras: Enough = "100%"
    antennas: Enough = None
    exits: Enough = "100%"


class Policy(_Part):
    """How the store decides; probabilities and money.

    What is null or 0 of `review_risk_above` and the keys below it is not done.
    """

    charge_at: Annotated[float, Field(gt=0.5, lt=1)] = 0.9
    wrong_charge_harm_cents: Annotated[int, Field(ge=0)] = 500
    review_cost_cents: Annotated[int, Field(ge=0)] = 60
    lateness_s: Annotated[float, Field(ge=0, le=30)] = 1.5
    receipt_grace_s: Annotated[float, Field(ge=0, le=600)] = 2.0
    longest_visit_s: Annotated[float, Field(ge=60, le=86_400)] = 14_400.0
    use_history: bool = True
    use_trust: bool = False
    conceal_prior: bool = False
    pool_substitutes: bool = False
    review_risk_above: Annotated[float, Field(ge=0, le=1)] | None = None
    wrong_charge_promise: Annotated[float, Field(gt=0, lt=1)] | None = None
    audit_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    shadow_visits: Annotated[int, Field(ge=0)] = 0
    most_open_reviews: Annotated[int, Field(ge=1)] | None = None
    review_expires_h: Annotated[float, Field(gt=0, le=8784)] | None = None
    close_entry: CloseEntry = CloseEntry()

    @model_validator(mode="after")
    def _conceals_by_trust(self) -> Self:
        if self.conceal_prior and not self.use_trust:
            raise ValueError("conceal_prior comes from trust: it needs use_trust")
        return self
