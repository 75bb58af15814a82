"""The HTTP API: what the store looks like now, and what people may tell the engine."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sensors.store import normalise_gtin
from sensors.wire import Count, Payload, Verdict
from service.live import LiveState
from service.web.layout import facings_by_id

DEVICE = "pages"
Submit = Callable[[Payload], None]
Actor = Annotated[str, Field(min_length=1, max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Decision(_Body):
    """A labeler's answer: the whole visit as (GTIN, units), or null for "cannot be told"."""

    lines: list[tuple[str, Annotated[int, Field(ge=1, le=1000)]]] | None
    actor: Actor

    @field_validator("lines")
    @classmethod
    def _pad(cls, lines: list[tuple[str, int]] | None) -> list[tuple[str, int]] | None:
        return None if lines is None else [(normalise_gtin(gtin), n) for gtin, n in lines]


class Counted(_Body):
    """Somebody counted a facing."""

    facing: str
    units: Annotated[int, Field(ge=0, le=100_000)]
    actor: Actor


class Accepted(BaseModel):
    """The message is on its way to the engine."""

    seq: int


def api_router(live: LiveState, submit: Submit | None) -> APIRouter:
    """The routes under /api/v1. Without `submit` they only read."""
    router = APIRouter(prefix="/api/v1")

    def section(name: str) -> list[dict[str, Any]]:
        cards: list[dict[str, Any]] = live.snapshot()[name]
        return cards

    boot, numbers = secrets.token_hex(8), itertools.count()
    products = {product.gtin for product in live.store.products}
    facings = facings_by_id(live.store)

    def send(kind: type[Verdict] | type[Count], **fields: Any) -> Accepted:
        if submit is None:
            raise HTTPException(503, "This page only shows; it cannot reach the engine.")
        seq = next(numbers)
        submit(kind(device=DEVICE, boot=boot, seq=seq, at_ns=live.store_ns, **fields))
        return Accepted(seq=seq)

    @router.get("/layout")
    def read_layout() -> dict[str, Any]:
        """Floor, gondolas, gates, cameras and products."""
        return live.layout()

    @router.get("/state")
    def read_state() -> dict[str, Any]:
        """Everything that the live page shows."""
        return live.snapshot()

    @router.get("/carts")
    def read_carts() -> list[dict[str, Any]]:
        """Carts that are open or held for review."""
        return section("carts")

    @router.get("/receipts")
    def read_receipts() -> list[dict[str, Any]]:
        """The newest finished bills, newest first."""
        return section("receipts")

    @router.get("/reviews")
    def read_reviews() -> list[dict[str, Any]]:
        """Open review cases."""
        return section("reviews")

    @router.get("/cameras")
    def read_cameras() -> dict[str, dict[str, Any]]:
        """How each camera fares, by its id."""
        cards: dict[str, dict[str, Any]] = live.snapshot()["cameras"]
        return cards

    @router.post("/reviews/{review}/decision", status_code=202)
    def decide(review: str, decision: Decision) -> Accepted:
        """Answer a review case."""
        if all(case["review"] != review for case in section("reviews")):
            raise HTTPException(404, f"There is no open review {review[:64]!r}.")
        for gtin, _ in decision.lines or ():
            if gtin not in products:
                raise HTTPException(422, f"The store has no product {gtin}.")
        return send(Verdict, review=review, lines=decision.lines, actor=decision.actor)

    @router.post("/counts", status_code=202)
    def count(counted: Counted) -> Accepted:
        """Tell what a facing really holds."""
        if counted.facing not in facings:
            raise HTTPException(404, f"The store has no facing {counted.facing[:64]!r}.")
        return send(Count, facing=counted.facing, units=counted.units, actor=counted.actor)

    return router
