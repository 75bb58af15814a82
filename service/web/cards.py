"""Carts, review cases and receipts as the page and the API show them: JSON-ready dicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cart.events import Alerted, ReviewRequested
from cart.projection import Cart
from cart.receipt import Price, Receipt
from sensors.observations import CameraCondition, DeviceHealth
from sensors.store import Product, Store
from service.web.floor import Badge

Catalogue = Mapping[str, Product]


def price_list(store: Store) -> dict[str, Price]:
    """What receipts need to know of each product, by GTIN."""
    return {
        p.gtin: Price(
            gtin=p.gtin,
            name=p.name,
            price_cents=p.price_cents,
            tax_percent=store.tax_percent[p.tax_class],
        )
        for p in store.products
    }


def worth(cart: Cart, catalogue: Catalogue) -> int:
    """What a cart holds, in minor units of the store's currency."""
    return sum(catalogue[gtin].price_cents * units for gtin, units in cart.units().items())


def doubt(cart: Cart) -> float:
    """1 minus the confidence of the least certain product in the cart; 0 for an empty one."""
    return round(1 - min((cart.confidence(gtin) for gtin in cart.units()), default=1.0), 4)


def priced(lines: Iterable[tuple[str, int]], catalogue: Catalogue) -> list[dict[str, Any]]:
    """Lines of (GTIN, units) with names and money."""
    return [
        {
            "gtin": gtin,
            "name": catalogue[gtin].name,
            "quantity": units,
            "price_cents": catalogue[gtin].price_cents,
            "total_cents": catalogue[gtin].price_cents * units,
        }
        for gtin, units in lines
    ]


def cart_card(cart: Cart, badge: Badge, catalogue: Catalogue) -> dict[str, Any]:
    """A cart that is open or held for review."""
    lines = priced(cart.units().items(), catalogue)
    names = {gtin: product.name for gtin, product in catalogue.items()}
    for line in lines:
        line["posterior"] = round(cart.confidence(line["gtin"]), 4)
        line["why"] = cart.why(line["gtin"], names)
    return {
        "visit": cart.visit,
        "shopper": badge.name,
        "colour": badge.colour,
        "state": cart.state,
        "review": cart.review,
        "entered_s": cart.entered_ns / 1e9,
        "lines": lines,
        "total_cents": badge.value_cents,
        "doubt": badge.doubt,
    }


def review_case(case: ReviewRequested, badge: Badge, catalogue: Catalogue) -> dict[str, Any]:
    """A question to a labeler: what is certain, or billed already, and answers to choose from."""
    return {
        "review": case.review,
        "visit": case.visit,
        "shopper": badge.name,
        "colour": badge.colour,
        "at_s": case.at_ns / 1e9,
        "kind": case.kind,
        "reason": case.reason,
        "minutes": case.minutes,
        "certain": priced(case.certain, catalogue),
        "candidates": [
            {
                "lines": priced(candidate.lines, catalogue),
                "probability": round(candidate.probability, 4),
            }
            for candidate in case.candidates
        ],
    }


def receipt_card(receipt: Receipt, badge: Badge, reviewer: str | None) -> dict[str, Any]:
    """A finished bill; `reviewer` is who decided it, where a labeler did."""
    return {
        "visit": receipt.visit,
        "shopper": badge.name,
        "colour": badge.colour,
        "at_s": receipt.at_ns / 1e9,
        "currency": receipt.currency,
        "lines": [
            {
                "gtin": line.gtin,
                "name": line.name,
                "quantity": line.quantity,
                "price_cents": line.price_cents,
                "total_cents": line.total_cents,
            }
            for line in receipt.lines
        ],
        "tax_cents": receipt.tax_cents,
        "total_cents": receipt.total_cents,
        "reviewer": reviewer,
    }


def alert_card(alert: Alerted) -> dict[str, Any]:
    """Something that a person should know."""
    return {
        "at_s": alert.at_ns / 1e9,
        "kind": alert.kind,
        "subject": alert.subject,
        "text": alert.text,
    }


def camera_card(health: DeviceHealth, condition: CameraCondition) -> dict[str, Any]:
    """How a camera fares, as it said at `told_s`; `age_s` is how old its newest picture was."""
    return {
        "state": condition.state,
        "reason": health.reason,
        "note": condition.note,
        "told_s": health.at_ns / 1e9,
        "fps": round(condition.fps, 1),
        "age_s": round(condition.age_ms / 1e3, 3),
        "size_px": condition.size_px,
        "frames": condition.frames,
        "dropped": condition.dropped,
        "late": condition.late,
        "broken": condition.broken,
    }
