"""The command `explain`: the hypotheses of each incident of a visit, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cart.events import Evidence
from sensors.store import Store, parse_store
from service.cli_common import JsonOption, console, write_json
from service.explain import Explanation, Incident, as_json
from service.explain import explain as explained
from service.recording import Recording

_CHANGED = 0.01  # of a probability: less is no change


def explain(
    recording: Annotated[Path, typer.Argument(help="A recording (.mcap).")],
    visit: Annotated[str, typer.Argument(help="A visit, v3, or a shopper.")],
    json: JsonOption = None,
) -> None:
    """Show why a visit was billed as it was.

    For every change of weight that may concern it: the likeliest hypotheses, their probability, and
    what each sensor said for each, as log-likelihoods in nats (3 more is 20 times likelier), and
    the same in a sentence to the shopper. Where something that came later moved a decision, `now`
    says what it is in the end. Example:

    `openaisle explain run.mcap ada`
    """
    opened = Recording.open(recording)
    store = parse_store(opened.store_text, f"{recording}: store")
    found = explained(store, opened.code_key, opened.entries(), visit)
    for one in found:
        _show(one, store)
    write_json(json, as_json(found))


def _show(one: Explanation, store: Store) -> None:
    names = {product.gtin: product.name for product in store.products}
    console.print(f"[bold]{escape(one.shopper)}[/bold] · {one.visit}")
    for incident in one.incidents:
        console.print(_table(incident, one, names))
        console.print(escape(incident.sentence), highlight=False)
    if not one.incidents:
        console.print("nothing moved that may have been theirs")
    if one.review is not None:
        why = "held for review" if one.review.kind == "held" else one.review.kind
        console.print(f"{why}: {escape(one.review.reason)}")
    if one.bill is not None:
        lines = [f"{units} × {names.get(gtin, gtin)}" for gtin, units in one.bill.lines]
        console.print(f"billed: {escape(', '.join(lines) or 'nothing')}\n")


def _table(incident: Incident, one: Explanation, names: dict[str, str]) -> Table:
    at_s = (incident.at_ns - one.began_ns) / 1e9
    title = f"{at_s:.1f} s · {incident.facing} · {incident.delta_g:+.0f} ± {incident.sigma_g:.0f} g"
    moved = _moved(incident)
    table = Table(title=title, title_justify="left", expand=False)
    table.add_column("hypothesis")
    table.add_column("P", justify="right")
    if moved:
        table.add_column("now", justify="right")
    terms = sorted({name for found in incident.first + incident.last for name in found.terms})
    for name in terms:
        table.add_column(name, justify="right")
    last = {_key(found): found for found in incident.last}
    shown = list(incident.first)
    shown += [found for found in incident.last if _key(found) not in {_key(f) for f in shown}]
    for found in shown:
        now = last.get(_key(found))
        cells = [_said(found, names), f"{found.posterior:.3f}" if found in incident.first else ""]
        if moved:
            cells.append("" if now is None else f"{now.posterior:.3f}")
        cells += [f"{found.terms[name]:+.1f}" if name in found.terms else "" for name in terms]
        table.add_row(*cells)
    return table


def _moved(incident: Incident) -> bool:
    first = {_key(found): found.posterior for found in incident.first}
    last = {_key(found): found.posterior for found in incident.last}
    return any(abs(first.get(k, 0.0) - last.get(k, 0.0)) > _CHANGED for k in {*first, *last})


def _key(found: Evidence) -> tuple[str | None, str | None, int]:
    return found.visit, found.gtin, found.units


def _said(found: Evidence, names: dict[str, str]) -> str:
    if not found.units:
        return "nothing moved"
    who = found.visit or "nobody known"
    what = "something unknown" if found.gtin is None else names.get(found.gtin, found.gtin)
    verb = "took" if found.units > 0 else "put back"
    return escape(f"{who} {verb} {abs(found.units)} × {what}")
