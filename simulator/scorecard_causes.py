"""Why a bill is not what it should be: each wrong or missed unit by its cause.

A unit billed to one visit and missing on another's is *wrong shopper*; one billed where the same
visit misses another product is *wrong product*; too many or too few of a product that is rightly
on the bill is *wrong count*; what is left was *missed* or is a *phantom*. Units of a visit that is
held for review are *held*: nothing was decided about them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import msgspec

from simulator.bills import Bill
from simulator.scorecard_lines import Told

Cause = Literal["wrong product", "wrong shopper", "wrong count", "missed", "phantom", "held"]
CAUSES: tuple[Cause, ...] = get_args(Cause)


class Error(msgspec.Struct, frozen=True, kw_only=True):
    """One unit that is wrong: `billed` to `shopper`'s visit, or `true` and missing there, or both.

    `other` is the shopper who took what `shopper` was charged for; `at_ns` the moment to look at.
    """

    cause: Cause
    shopper: str
    visit: str | None
    billed: str | None
    true: str | None
    other: str | None
    at_ns: int | None


def classify(bills: Sequence[Bill], told: Sequence[Told]) -> list[Error]:
    """Every wrong or missed unit of a run, before any verdict."""
    extra = [Counter(bill.lines or {}) - Counter(bill.true) for bill in bills]
    missing = [Counter(bill.true) - Counter(bill.lines or {}) for bill in bills]
    errors: list[Error] = []

    def note(
        cause: Cause, i: int, billed: str | None, true: str | None, j: int | None = None
    ) -> None:
        at_ns = _moment(bills[i], billed, told, bills[i if j is None else j], true)
        bill, other = bills[i], None if j is None else bills[j].shopper
        errors.append(
            Error(
                cause=cause,
                shopper=bill.shopper,
                visit=bill.visit,
                billed=billed,
                true=true,
                other=other,
                at_ns=at_ns,
            )
        )
        if billed is not None:
            extra[i][billed] -= 1
        if true is not None:
            missing[i if j is None else j][true] -= 1

    for i, bill in enumerate(bills):
        if bill.review is not None:
            for gtin in _each(missing[i]):
                note("held", i, None, gtin)
    for i in range(len(bills)):
        for gtin in _each(extra[i]):
            j = next((j for j, lack in enumerate(missing) if j != i and lack[gtin] > 0), None)
            if j is not None:
                note("wrong shopper", i, gtin, gtin, j)
    for i, bill in enumerate(bills):
        for gtin, lacking in list(zip(_each(extra[i]), _each(missing[i]), strict=False)):
            note("wrong product", i, gtin, lacking)
        for gtin in _each(extra[i]):
            note("wrong count" if bill.true.get(gtin) else "phantom", i, gtin, None)
        for gtin in _each(missing[i]):
            note("wrong count" if (bill.lines or {}).get(gtin) else "missed", i, None, gtin)
    return errors


def _each(units: Counter[str]) -> Iterator[str]:
    """Every unit's GTIN, in a fixed order, as they are now."""
    return iter([gtin for gtin in sorted(units) for _ in range(max(0, units[gtin]))])


def _moment(
    charged: Bill, billed: str | None, told: Sequence[Told], taker: Bill, true: str | None
) -> int | None:
    """When it went wrong: the wrong line, else the true pick, else the end of the visit."""
    if billed is not None:
        of_product = [t for t in told if t.visit == charged.visit and t.gtin == billed]
        for line in sorted(of_product, key=lambda t: t.right):
            return line.at_ns
    right_ns = [t.at_ns for t in told if t.visit == taker.visit and t.gtin == true and t.right]
    picks = [at_ns for at_ns, gtin in taker.move_times_ns if gtin == true]
    untold = [at for at in picks if all(abs(at - seen) > 3_000_000_000 for seen in right_ns)]
    for at_ns in (*untold, *picks):
        return at_ns
    return charged.left_ns or charged.closed_ns
