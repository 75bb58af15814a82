"""How runs are shown to people: receipts beside the truth, reviews, and the score as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cart.events import Alerted, Event, Exited, ReviewClosed, ReviewRequested
from cart.receipt import Price, Receipt, write_receipt
from sensors.store import Store
from simulator.truth import Truth


def prices_of(store: Store) -> dict[str, Price]:
    """What every product of a store costs."""
    return {
        p.gtin: Price(
            gtin=p.gtin,
            name=p.name,
            price_cents=p.price_cents,
            tax_percent=store.tax_percent[p.tax_class],
        )
        for p in store.products
    }


def receipts_of(events: Sequence[Event], store: Store) -> list[Receipt]:
    """The receipts that are final: visits closed without review, and decided reviews."""
    prices = prices_of(store)
    return [
        write_receipt(e.visit, e.shopper, e.at_ns, store.currency, e.lines, prices)
        for e in events
        if isinstance(e, ReviewClosed) or (isinstance(e, Exited) and e.review is None)
    ]


def money(cents: int, currency: str) -> str:
    """An amount in minor units as people read it."""
    return f"{cents / 100:.2f} {currency}"


def show_receipts(
    console: Console, events: Sequence[Event], store: Store, truth: Truth | None
) -> None:
    """Each visit's bill, beside what was truly taken where that is known."""
    names = {p.gtin: p.name for p in store.products}
    taken = {v.shopper: dict(v.lines) for v in truth.visits} if truth else {}
    receipts = {r.visit: r for r in receipts_of(events, store)}
    table = Table(title="Receipts", title_justify="left", show_lines=True)
    for column in ("shopper", "receipt", "total", *(("truly taken", "") if truth else ())):
        table.add_column(column, justify="right" if column == "total" else "left")
    for event in events:
        if not isinstance(event, Exited):
            continue
        receipt = receipts.get(event.visit)
        if receipt is None:
            cells, total, billed = escape(f"held for review {event.review}"), "–", None
        else:
            cells = lines_text([(x.gtin, x.quantity) for x in receipt.lines], names, "\n")
            total = money(receipt.total_cents, receipt.currency)
            billed = {line.gtin: line.quantity for line in receipt.lines}
        row = [escape(event.shopper), cells, total]
        if truth:
            true = taken.get(event.shopper, {})
            row.append(lines_text(sorted(true.items()), names, "\n"))
            row.append("·" if billed is None else "[green]✓[/]" if billed == true else "[red]✗[/]")
        table.add_row(*row)
    for shopper in sorted(set(taken) - {e.shopper for e in events if isinstance(e, Exited)}):
        table.add_row(
            escape(shopper),
            "[red]no receipt[/]",
            "–",
            lines_text(sorted(taken[shopper].items()), names, "\n"),
            "[red]✗[/]",
        )
    console.print(table)


def show_reviews(console: Console, events: Sequence[Event], store: Store) -> None:
    """What the engine asks a human, with the answers that it thinks of."""
    names = {p.gtin: p.name for p in store.products}
    asked = [e for e in events if isinstance(e, ReviewRequested)]
    alerts = [e for e in events if isinstance(e, Alerted)]
    if not asked:
        console.print("Reviews: none")
    for case in asked:
        console.print(
            f"Review [bold]{escape(case.review)}[/] of {escape(case.shopper)}: "
            f"{escape(case.reason)}"
        )
        for candidate in case.candidates:
            console.print(f"  {candidate.probability:6.1%}  {lines_text(candidate.lines, names)}")
    for alert in alerts:
        console.print(f"Alert: {escape(alert.text)}")


def lines_text(
    lines: Sequence[tuple[str, int]], names: Mapping[str, str], between: str = ", "
) -> str:
    """Lines of a bill as people read them, "2 × Cola, 1 × Tea", fit to stand in rich markup."""
    return escape(between.join(f"{n} × {names.get(g, g)}" for g, n in lines) or "nothing")


def show_score(console: Console, score: Mapping[str, Any]) -> None:
    """The score in its three columns, and what it was measured with."""
    table = Table(title="Score", title_justify="left")
    table.add_column("")
    columns = (
        ("all, before verdicts", score),
        ("unreviewed visits", score["unreviewed"]),
        ("after review", score["after_review"]),
    )
    for title, _ in columns:
        table.add_column(title, justify="right")
    rows = (
        ("visits", "visits", "d"),
        ("receipts exact", "receipts_exact", "d"),
        ("items truly taken", "items_true", "d"),
        ("items billed", "items_billed", "d"),
        ("items correct", "items_correct", "d"),
        ("precision", "precision", ".1%"),
        ("recall", "recall", ".1%"),
        ("F1", "f1", ".1%"),
        ("wrong charges", "wrong_charges", "d"),
        ("missed items", "missed_items", "d"),
        ("overcharged, cents", "overcharged_cents", "d"),
        ("undercharged, cents", "undercharged_cents", "d"),
    )
    for label, key, form in rows:
        table.add_row(label, *(format(column[key], form) for _, column in columns))
    console.print(table)
    visits = score["visits"] or 1
    factor = score["realtime_factor"]
    pace = "–" if factor is None else f"{factor:.1f}"
    console.print(
        f"{score['reviewed_visits']} of {score['visits']} visits reviewed "
        f"({score['reviewed_visits'] / visits:.0%}) · vision: {score['vision']} · "
        f"transport: {score['transport']} · {pace} × real time",
        markup=False,
    )
    for key, label in (
        ("provisional_latency_s", "pick to provisional line"),
        ("final_latency_s", "pick to final line"),
        ("receipt_latency_s", "exit to receipt"),
    ):
        p = score[key]
        if p["p50"] is not None:
            console.print(
                f"{label}: p50 {p['p50']:.2f} s, p95 {p['p95']:.2f} s, p99 {p['p99']:.2f} s"
            )
