"""The table of `openaisle devices list`: logins beside how each device has done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from sensors.store import Store
from service.device_access import kind_of, names_of
from service.device_access_folder import AccessFolder
from service.device_statistics import DeviceStatistics, read_device_statistics

NS = 1_000_000_000


def device_rows(
    store: Store, access: AccessFolder, data: Path, now_ns: int
) -> list[dict[str, Any]]:
    """A row for each device of the store file, each login, and whoever else has spoken, JSON-ready.

    Times ago are in seconds, lag and skew in milliseconds; what is not known is None. Where no
    store has run in `data` nobody was heard. Raises JournalError where its journal is unreadable.
    """
    heard: dict[str, DeviceStatistics] = {}
    if (data / "journal.sqlite").is_file():
        heard = {one.device: one for one in read_device_statistics(data)}
    names = dict.fromkeys([*names_of(store), *access.logins, *heard])
    return [_row(name, store, access, heard.get(name), now_ns) for name in names]


def _row(
    name: str, store: Store, access: AccessFolder, heard: DeviceStatistics | None, now_ns: int
) -> dict[str, Any]:
    login = access.logins.get(name)
    state = "none" if login is None else "yes" if login.revoked_ns is None else "revoked"
    kind = kind_of(store, name) or (login.kind if login else "")
    row: dict[str, Any] = {
        "device": name,
        "kind": kind or (heard.kind if heard else ""),
        "login": state,
        "login_since_ns": None if login is None else login.revoked_ns or login.added_ns,
        "speaks_for": [] if login is None else list(login.speaks_for),
    }
    if heard is None:
        return {**row, "last_seen_s": None}
    seen_ns = max(heard.last_seen_ns, heard.last_refused_ns)  # rubbish is a sign of life too
    return {
        **row,
        "last_seen_s": round((now_ns - seen_ns) / NS, 1) if seen_ns else None,
        "messages": heard.messages,
        "rate_hz": round(heard.rate_hz, 2),
        "lag_ms": heard.lag_ms,
        "lag_p95_ms": heard.lag_p95_ms,
        "skew_ms": heard.skew_ms,
        "skew_sigma_ms": heard.skew_sigma_ms,
        "missing": heard.missing,
        "repeats": heard.repeats,
        "dead_letters": heard.dead_letters,
        "last_reason": heard.last_reason,
        "up": heard.up,
        "down_reason": heard.down_reason,
    }


def table_of(rows: list[dict[str, Any]]) -> Table:
    """The rows for people."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("device", "kind", "login"):
        table.add_column(title)
    for title in ("last seen", "rate", "lag", "skew"):
        table.add_column(title, justify="right")
    table.add_column("errors")
    for row in rows:
        table.add_row(
            row["device"],
            row["kind"],
            row["login"],
            _ago(row["last_seen_s"]),
            f"{row['rate_hz']:.1f}/s" if row.get("rate_hz") else "",
            _ms(row.get("lag_ms")),
            _skew(row.get("skew_ms"), row.get("skew_sigma_ms")),
            _errors(row),
        )
    return table


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "never"
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{max(seconds, 0.0):.0f} s ago"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"


def _skew(value: float | None, sigma: float | None) -> str:
    if value is None:
        return ""
    return f"{value:+.0f} ms" if sigma is None else f"{value:+.0f} ± {sigma:.0f} ms"


def _errors(row: dict[str, Any]) -> str:
    """What is wrong with it, the worst first."""
    said = []
    if row.get("up") is False:
        said.append(f"down: {row['down_reason']}" if row["down_reason"] else "down")
    if row.get("dead_letters"):
        said.append(f"{row['dead_letters']} refused ({row['last_reason']})")
    if row.get("missing"):
        said.append(f"{row['missing']} missing")
    if row.get("repeats"):
        said.append(f"{row['repeats']} repeated")
    return "; ".join(said)
