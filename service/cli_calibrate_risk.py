"""The command `calibrate risk`: which threshold of risk keeps which promise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from fusion.risk import CONFIDENCE, GRID
from sensors.store import StoreFileError, parse_store
from service.cli_common import JsonOption, console, write_json, write_result
from service.cli_score import read_card
from service.journal import Journal
from service.live_store import LiveStoreError
from service.recording import RecordingError
from service.risk_plot import draw_risk
from service.risk_report import percent, risk_report
from service.verified_visits import Visits, halves, joined, of_card, of_ledger

ALPHAS = [0.05, 0.02, 0.01]


def risk_command(
    cards: Annotated[
        list[Path] | None,
        typer.Argument(help="Scorecards that `openaisle score --json` wrote."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Instead: a store's data directory, by its own verdicts."),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(help="A scorecard to check on; default: every other run of the first ones."),
    ] = None,
    alpha: Annotated[
        list[float] | None,
        typer.Option(help="The most that may be charged wrongly; default: 0.05, 0.02 and 0.01."),
    ] = None,
    threshold: Annotated[
        list[float] | None,
        typer.Option(help="A threshold to test, chosen before looking; default: a grid from 0.01."),
    ] = None,
    confidence: Annotated[
        float, typer.Option(min=0.5, max=0.9999, help="How sure to be of it.")
    ] = CONFIDENCE,
    json: JsonOption = None,
    drawing: Annotated[
        Path | None, typer.Option(help="Draw the curve into this .svg file.")
    ] = None,
) -> None:
    """Choose `review_risk_above`: how risky a visit may be and yet go unreviewed.

    By verified visits: of scorecards, or of a store's audits and shadow cases. Prints what each
    threshold promises, and what became of it on visits that it was not chosen on. Example:
    `openaisle calibrate risk card.json --drawing risk.svg` (docs/charging.md)
    """
    alphas = alpha or ALPHAS
    if not all(0 < one < 1 for one in alphas):
        raise StoreFileError("--alpha: expected shares above 0 and below 1")
    if not all(0 <= one <= 1 for one in threshold or []):
        raise StoreFileError("--threshold: expected probabilities from 0 to 1")
    if drawing is not None and drawing.suffix.lower() != ".svg":
        raise StoreFileError(f"--drawing {drawing}: expected a name that ends in .svg")
    chosen_on, checked_on, limit = _visits(cards or [], data, check)
    # riskier visits were held: of these a ledger says nothing
    grid = sorted({min(one, limit) for one in threshold or GRID})
    report = risk_report(chosen_on, checked_on, alphas, confidence, grid)
    _show(report)
    if drawing is not None:
        write_result(drawing, draw_risk(report).encode())
    write_json(json, report)


def _visits(
    cards: list[Path], data: Path | None, check: Path | None
) -> tuple[Visits, Visits, float]:
    """What to choose on, what to check on, and the most risk of a visit that can be among them."""
    if bool(cards) == (data is not None):
        raise StoreFileError("give scorecards, or --data with a store's data directory")
    limit = 1.0
    if data is not None:
        parts, limit = _ledger(data)
    else:
        parts = [part for path in cards for part in of_card(read_card(path), str(path))]
    if check is None:
        return *halves(parts), limit
    if check in cards:
        raise RecordingError(f"--check {check}: it is one of those to choose on")
    return joined(parts), joined(of_card(read_card(check), str(check))), limit


def _ledger(data: Path) -> tuple[list[Visits], float]:
    if not (data / "journal.sqlite").exists():
        raise LiveStoreError(f"{data}: no journal here; name the store's directory with --data")
    journal = Journal(data / "journal.sqlite")
    try:
        store = parse_store(journal.meta()["store_text"], f"{data}: store file")
        limit = store.policy.review_risk_above
        return of_ledger(journal.events()), 1.0 if limit is None else limit
    finally:
        journal.close()


def _show(report: dict[str, Any]) -> None:
    table = Table(title="Risk against coverage, to choose on", title_justify="left")
    for column in ("risk up to", "visits", "accepted", "wrong", "share", "upper bound"):
        table.add_column(column, justify="right")
    for row in report["thresholds"]:
        share = row["wrong_share"]
        table.add_row(
            percent(row["threshold"]),
            str(row["visits"]),
            percent(row["coverage"]),
            str(row["wrong"]),
            "–" if share is None else percent(share),
            percent(row["upper"]),
        )
    console.print(table)
    for name, key in (("to choose on", "chosen_on"), ("to check on", "checked_on")):
        size = report[key]
        console.print(
            f"{name}: {size['accepted']} visits charged unseen, {size['held']} held for review",
            markup=False,
            highlight=False,
        )
    for promise in report["promises"]:
        console.print(promise["guarantee"], markup=False, highlight=False)
        held_out = promise["held_out"]
        if held_out is None:
            continue
        ends = held_out["interval"]
        seen = (
            "none to check on"
            if ends is None
            else (
                f"{held_out['wrong']} of {held_out['visits']} ({percent(held_out['share'])},"
                f" {percent(ends[0])} to {percent(ends[1])})"
            )
        )
        console.print(
            f"  chosen on {promise['wrong']} wrong of {promise['visits']}; on the others: {seen}\n"
            f"  policy: {{review_risk_above: {promise['threshold']:g},"
            f" wrong_charge_promise: {promise['alpha']:g}}}",
            markup=False,
            highlight=False,
        )
