"""The bill of one visit in money: lines, tax per class, total. Prices include tax.

Amounts are integer minor units; tax is rounded half up per tax class over the whole receipt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one unit of a product costs, tax included."""

    gtin: str
    name: str
    price_cents: int
    tax_percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One product on a receipt."""

    gtin: str
    name: str
    quantity: int
    price_cents: int
    total_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A final bill."""

    visit: str
    shopper: str
    at_ns: int
    currency: str
    lines: tuple[Line, ...]
    tax_cents: tuple[tuple[float, int], ...]
    total_cents: int


def write_receipt(
    visit: str,
    shopper: str,
    at_ns: int,
    currency: str,
    lines: Iterable[tuple[str, int]],
    prices: Mapping[str, Price],
) -> Receipt:
    """Price a bill of (GTIN, units).

    Raises KeyError for a GTIN without a price and ValueError for a quantity below 1.
    """
    written: list[Line] = []
    gross_by_rate: dict[float, int] = {}
    for gtin, quantity in sorted(lines):
        if quantity < 1:
            raise ValueError(f"{gtin}: a receipt line needs at least one unit, found {quantity}")
        price = prices[gtin]
        total = price.price_cents * quantity
        written.append(
            Line(
                gtin=gtin,
                name=price.name,
                quantity=quantity,
                price_cents=price.price_cents,
                total_cents=total,
            )
        )
        gross_by_rate[price.tax_percent] = gross_by_rate.get(price.tax_percent, 0) + total
    taxes = tuple((rate, included_tax(gross_by_rate[rate], rate)) for rate in sorted(gross_by_rate))
    return Receipt(
        visit=visit,
        shopper=shopper,
        at_ns=at_ns,
        currency=currency,
        lines=tuple(written),
        tax_cents=taxes,
        total_cents=sum(line.total_cents for line in written),
    )


def included_tax(gross_cents: int, rate_percent: float) -> int:
    """The tax within a gross amount, rounded half up: gross · r / (100 + r)."""
    rate = round(rate_percent * 1000)
    return (2 * gross_cents * rate + (100_000 + rate)) // (2 * (100_000 + rate))
