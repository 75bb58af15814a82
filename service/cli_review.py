"""Commands for people at work: entry codes, and the review queue."""

from __future__ import annotations

import base64
import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import msgspec
import psutil
import segno
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cart.events import BillChecked, Event, ReviewClosed, ReviewRequested
from cart.queue import open_cases
from sensors.store import Store, load_store, parse_store
from sensors.wire import Verdict, encode, topic
from service.engine_process import feed_offline
from service.journal import Journal
from service.keys import code_issuer
from service.live_store import SERVICE_FILE, LiveStoreError, read_password
from service.pipeline import Pipeline
from service.report import lines_text
from service.web.access import USER

console = Console(emoji=False, soft_wrap=True)
DataOption = Annotated[
    Path, typer.Option("--data", help="The store's data directory, as given to `serve`.")
]
review_app = typer.Typer(
    help="The cases that the engine is unsure of: list, show, decide.", no_args_is_help=True
)


def code(
    shopper: Annotated[str, typer.Argument(help="Who comes in.")],
    store: Annotated[Path, typer.Option(help="The store file.")] = Path("store.yaml"),
    data: DataOption = Path("store-data"),
    valid_s: Annotated[int, typer.Option(help="How long the code opens the gate, seconds.")] = 60,
    text: Annotated[
        bool, typer.Option("--text", help="Print the code's text, no picture.")
    ] = False,
    staff: Annotated[
        bool, typer.Option("--staff", help="For somebody who works here and owes nothing.")
    ] = False,
) -> None:
    """Issue an entry code for a shopper and show it as a QR code.

    It is signed with the key in the data directory, which the first `serve` there makes.
    """
    issuer = code_issuer(data, load_store(store).id)
    token = issuer.issue(
        shopper, time.time_ns(), nonce=secrets.token_urlsafe(9), valid_s=valid_s, staff=staff
    )
    if text:
        console.print(token, soft_wrap=True, highlight=False, markup=False)
    else:
        segno.make_qr(token, error="l").terminal(out=sys.stdout, compact=True)


@review_app.command("list")
def list_reviews(
    data: DataOption = Path("store-data"),
    json_file: Annotated[Path | None, typer.Option("--json", help="Write for machines.")] = None,
) -> None:
    """The open cases, first those of which a minute's look saves most (docs/charging.md)."""
    store, events = _read(data)
    cases = open_cases(events)
    table = Table(title=f"{len(cases)} open review{'' if len(cases) == 1 else 's'}")
    for column in ("review", "kind", "shopper", "why", "likeliest answer", "minutes"):
        table.add_column(column)
    names = {p.gtin: p.name for p in store.products}
    for case in cases:
        likeliest = lines_text(case.candidates[0].lines, names) if case.candidates else "–"
        table.add_row(
            escape(case.review),
            case.kind,
            escape(case.shopper),
            escape(case.reason),
            likeliest,
            "–" if case.minutes is None else f"{case.minutes:.1f}",
        )
    console.print(table)
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(cases), indent=2))


@review_app.command("show")
def show_review(
    review: Annotated[str, typer.Argument(help="The case, as `review list` names it.")],
    data: DataOption = Path("store-data"),
) -> None:
    """One case with its candidates and what each sensor said."""
    store, events = _read(data)
    names = {p.gtin: p.name for p in store.products}
    case = _case(events, review)
    console.print(f"[bold]{escape(case.review)}[/]: {escape(f'{case.shopper} · {case.reason}')}")
    console.print(f"certain: {lines_text(case.certain, names)}")
    for number, candidate in enumerate(case.candidates, 1):
        console.print(f"  {number}. {lines_text(candidate.lines, names)}")
    for evidence in case.evidence:
        what = names.get(evidence.gtin or "", "nothing that the catalogue knows")
        said = [one for one in evidence.terms.items() if one[0] != "history"]
        terms = ", ".join(f"{name} {value:+.1f}" for name, value in said)
        who = evidence.visit or "nobody"
        console.print(f"  {who}: {evidence.units:+d} × {what}: {terms}", markup=False)
    console.print(
        f"Decide with: openaisle review decide {review} --data {data} --candidate N "
        "(or --line GTIN=UNITS …, --nothing, --unknown)",
        markup=False,
    )


@review_app.command("decide")
def decide_review(
    review: Annotated[str, typer.Argument(help="The case, as `review list` names it.")],
    data: DataOption = Path("store-data"),
    candidate: Annotated[int | None, typer.Option(help="Take the n-th candidate.")] = None,
    line: Annotated[list[str] | None, typer.Option(help="GTIN=UNITS, once per product.")] = None,
    nothing: Annotated[bool, typer.Option("--nothing", help="They took nothing.")] = False,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="It cannot be told: only what is certain is billed.")
    ] = False,
    actor: Annotated[str, typer.Option(help="Who decides.")] = "labeler",
    password_file: Annotated[
        Path | None, typer.Option(help="The page's password, where the store runs with one.")
    ] = None,
) -> None:
    """Say what a visit took; the receipt follows."""
    store, events = _read(data)
    case = _case(events, review)
    lines = _answer(case, store, candidate, line or [], nothing, unknown)
    url = running_url(data)
    if url is not None:
        _post(url, review, lines, actor, read_password(password_file))
        console.print(f"{review}: sent to the running store", markup=False)
        return
    now_ns = time.time_ns()
    verdict = Verdict(
        device="cli",
        boot=secrets.token_hex(8),
        seq=0,
        at_ns=now_ns,
        review=review,
        lines=None if lines is None else list(lines),
        actor=actor,
    )
    found = feed_offline(
        data, [(now_ns, topic(store.id, "control", "cli"), encode(verdict))], Pipeline
    )
    closed = [e for e in found if isinstance(e, ReviewClosed | BillChecked) and e.review == review]
    if not closed:
        raise LiveStoreError(f"{review}: the verdict was journaled but closed no case")
    names = {p.gtin: p.name for p in store.products}
    console.print(f"{escape(review)}: billed {lines_text(closed[0].lines, names)}")


def _read(data: Path) -> tuple[Store, list[Event]]:
    if not (data / "journal.sqlite").exists():
        raise LiveStoreError(f"{data}: no journal here; name the store's directory with --data")
    journal = Journal(data / "journal.sqlite")
    try:
        store = parse_store(journal.meta()["store_text"], f"{data}: store file")
        return store, list(journal.events())
    finally:
        journal.close()


def _case(events: list[Event], review: str) -> ReviewRequested:
    for case in open_cases(events):
        if case.review == review:
            return case
    cases = ", ".join(c.review for c in open_cases(events)) or "none"
    raise LiveStoreError(f"{review}: no such open review; open are: {cases}")


def _answer(
    case: ReviewRequested,
    store: Store,
    candidate: int | None,
    lines: list[str],
    nothing: bool,
    unknown: bool,
) -> tuple[tuple[str, int], ...] | None:
    given = [candidate is not None, bool(lines), nothing, unknown]
    if sum(given) != 1:
        raise LiveStoreError("give exactly one of --candidate, --line, --nothing, --unknown")
    if unknown:
        return None
    if candidate is not None:
        if not 1 <= candidate <= len(case.candidates):
            raise LiveStoreError(f"--candidate: expected 1 to {len(case.candidates)}")
        return case.candidates[candidate - 1].lines
    answer = []
    known = {p.gtin for p in store.products}
    for text in lines:
        gtin, _, units = text.partition("=")
        if gtin.zfill(14) not in known or not units.isdigit() or int(units) < 1:
            raise LiveStoreError(f"--line {text!r}: expected GTIN=UNITS of a product of the store")
        answer.append((gtin.zfill(14), int(units)))
    return tuple(answer)


def running_url(data: Path) -> str | None:
    """Where the store of a data directory is being served; None where no process runs it."""
    try:
        note = json.loads((data / SERVICE_FILE).read_text(encoding="utf-8"))
        return str(note["url"]) if psutil.pid_exists(int(note["pid"])) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _post(url: str, review: str, lines: Any, actor: str, password: str | None) -> None:
    headers = {"content-type": "application/json"}
    if password is not None:
        login = base64.b64encode(f"{USER}:{password}".encode()).decode()
        headers["authorization"] = f"Basic {login}"
    request = urllib.request.Request(
        f"{url}api/v1/reviews/{review}/decision",
        data=json.dumps({"lines": lines, "actor": actor}).encode(),
        headers=headers,
    )
    try:
        with urllib.request.urlopen(request, timeout=10):
            pass
    except urllib.error.HTTPError as error:
        raise LiveStoreError(f"{url}: {error.code}: {error.read().decode()[:300]}") from error
    except urllib.error.URLError as error:
        raise LiveStoreError(f"{url}: the running store does not answer: {error.reason}") from error
