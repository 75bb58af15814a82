"""How runs are shown to people: receipts beside the truth, reviews, and the score as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cart.events import Alerted, BillChecked, Event, Exited, ReviewClosed, ReviewRequested
from cart.receipt import Price, Receipt, write_receipt
from sensors.store import Store
from simulator.truth import Truth

MOST_FAILURES_SHOWN = 12
ROOM_FOR_INTERVALS = 100
_SCENE_COLUMNS = ("units", "F1", "95 %", "after", "alone", "plain", "wrong", "missed", "held")
RATIO_NAMES = {
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "receipts_exact_share": "receipts exact",
    "wrong_charges_per_100": "wrong charges per 100 units",
    "missed_per_100": "missed per 100 units",
    "reviewed_share": "visits reviewed",
}


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
    """The receipts of visits closed without review and of decided reviews, as they stand in the
    end: lowered where somebody looked again."""
    prices = prices_of(store)
    return list(
        {
            e.visit: write_receipt(e.visit, e.shopper, e.at_ns, store.currency, e.lines, prices)
            for e in events
            if isinstance(e, ReviewClosed | BillChecked)
            or (isinstance(e, Exited) and e.review is None)
        }.values()
    )


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


def show_card(console: Console, card: Mapping[str, Any]) -> None:
    """What a scorecard has beyond the score: scenes beside the plain rule, causes, calibration."""
    table = Table(
        title="F1 by scene", title_justify="left", box=SIMPLE_HEAD, padding=0, show_edge=False
    )
    table.add_column("", overflow="fold", min_width=12)
    left_out = ("95 %",) if console.width < ROOM_FOR_INTERVALS else ()
    for column in (column for column in _SCENE_COLUMNS if column not in left_out):
        table.add_column(column, justify="right", no_wrap=True)
    for name, scene in card["scenes"].items():
        table.add_row(*_scene_row(name, scene, left_out))
    if len(card["scenes"]) > 1:
        table.add_section()
        table.add_row(*_scene_row("all", card, left_out))
    console.print(table)
    console.print(
        "F1: before verdicts, what is held is missed · after: after review · alone: if nobody "
        "reviewed, by the likeliest answers · plain: a plain rule",
        style="dim",
    )
    causes = ", ".join(f"{cause} {n}" for cause, n in card["causes"].items() if n) or "none"
    calibration, high = card["calibration"], card["calibration"]["high"]
    risk, tracking, stock, cost = (
        card[key] for key in ("risk_coverage", "tracking", "stock", "cost")
    )
    for line in (
        f"wrong and missed units by cause: {causes}",
        f"probabilities: log loss {figure(calibration['log_loss'], 3)}, "
        f"ECE {figure(calibration['ece'], 4)} over {calibration['lines']} lines; from 0.90 to "
        f"0.999: ECE {figure(high['ece'], 4)} over {high['lines']}",
        f"{risk['unreviewed_wrongly_charged']} of {risk['unreviewed']} unreviewed visits charged "
        f"too much: below {risk['wrong_charge_upper']:.1%} with 95 % confidence",
        f"identity swaps per shopper-hour: {figure(tracking['swaps_per_shopper_hour'], 2)} · "
        f"stock: {stock['units_moved_wrongly_per_facing']:.3f} units a facing booked wrongly · "
        f"billing: {figure(cost['billing_cpu_s_per_plate_hour'], 2)} CPU s per plate-hour",
    ):
        console.print(line, markup=False, highlight=False)
    for failure in card["failures"][:MOST_FAILURES_SHOWN]:
        errors = ", ".join(sorted({error["cause"] for error in failure["errors"]}))
        console.print(
            f"{failure['scene']}, seed {failure['seed']}, {failure['shopper']} at "
            f"{failure['at_s']:.1f} s: {errors}"
            + (f" · {failure['command']}" if "command" in failure else ""),
            markup=False,
            highlight=False,
        )
    hidden = len(card["failures"]) - MOST_FAILURES_SHOWN
    if hidden > 0:
        console.print(f"… and {hidden} more wrongly billed visits", markup=False)


def show_comparison(console: Console, result: Mapping[str, Any]) -> None:
    """What differs between two scorecards: overall, and the scenes where it is not by chance."""
    for caution in result["cautions"]:
        console.print(f"note: {caution}", markup=False, highlight=False)
    table = Table(title=f"B less A, {result['runs_compared']} runs of each", title_justify="left")
    table.add_column("all, before verdicts")
    for column in ("A", "B", "difference", "95 %", ""):
        table.add_column(column, justify="right")
    for name, found in result["overall"]["all"].items():
        table.add_row(*_difference_row(RATIO_NAMES[name], found))
    told = [
        (scene, name, found)
        for scene, columns in result["scenes"].items()
        for name, found in columns["all"].items()
        if found["verdict"] in ("better", "worse")
    ]
    if told:
        table.add_section()
    for scene, name, found in told:
        table.add_row(*_difference_row(f"{scene}: {RATIO_NAMES[name]}", found))
    console.print(table)
    if not told:
        console.print("No scene differs by more than chance.", markup=False)


def _scene_row(name: str, scene: Mapping[str, Any], left_out: Sequence[str]) -> list[str]:
    ends = scene["intervals"]["all"]["f1"]
    cells = (
        str(scene["items_true"]),
        f"{scene['f1']:.1%}",
        f"{100 * ends[0]:.0f}–{100 * ends[1]:.0f}" if ends else "",
        f"{scene['after_review']['f1']:.1%}",
        f"{scene['unaided']['f1']:.1%}",
        f"{scene['plain_rule']['f1']:.1%}",
        str(scene["wrong_charges"]),
        str(scene["missed_items"]),
        f"{scene['reviewed_visits']}/{scene['visits']}",
    )
    shown = zip(_SCENE_COLUMNS, cells, strict=True)
    return [escape(name), *(cell for column, cell in shown if column not in left_out)]


def _difference_row(name: str, found: Mapping[str, Any]) -> list[str]:
    tone = {"better": "green", "worse": "red"}.get(found["verdict"], "dim")
    ends = found["interval"]
    return [
        escape(name),
        f"{found['a']:.3f}",
        f"{found['b']:.3f}",
        f"{found['difference']:+.3f}",
        f"{ends[0]:+.3f} … {ends[1]:+.3f}" if ends else "",
        f"[{tone}]{found['verdict']}[/]",
    ]


def figure(value: float | None, digits: int) -> str:
    """A figure, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"
