"""What the commands on runs and recordings share: options, event files, JSON results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console

from cart.events import Event, from_json, to_json
from sensors.store import Store, StoreFileError
from service.recording import Recording, RecordingError
from service.report import receipts_of
from service.simulate import Transport, Vision
from simulator.score import score as score_events
from simulator.truth import Truth

LONGEST_S = 1e9  # moments in recordings that options may name

console = Console(emoji=False, soft_wrap=True)
JsonOption = Annotated[
    Path | None, typer.Option("--json", help="Write the result for machines to this file.")
]
EventsOption = Annotated[
    Path | None, typer.Option("--events", help="Write the event log, one JSON line each.")
]


def parse_seeds(text: str) -> list[int]:
    """`1`, `1-5` and `1,3,7` as numbers. Raises StoreFileError."""
    try:
        numbers: list[int] = []
        for part in text.split(","):
            first, _, last = part.partition("-")
            numbers += range(int(first), int(last or first) + 1)
    except ValueError:
        numbers = []
    if not numbers:
        raise StoreFileError(f"--seeds {text!r}: expected 1, 1-5 or 1,3,7")
    return numbers


def truth_of(recording: Recording) -> Truth | None:
    """The truth that a recording carries, if any. Raises RecordingError where it is damaged."""
    if not recording.truth:
        return None
    try:
        return msgspec.json.decode(recording.truth, type=Truth)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(f"{recording.path}: the truth is unreadable: {error}") from error


def write_events(path: Path, events: Sequence[Event]) -> None:
    """Write an event log. Raises RecordingError."""
    write_result(path, b"".join(to_json(event) + b"\n" for event in events))


def read_events(path: Path) -> list[Event]:
    """Read an event log. Raises RecordingError naming the line."""
    found = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        try:
            found.append(from_json(line))
        except (ValueError, msgspec.DecodeError, RecursionError) as error:
            raise RecordingError(f"{path}, line {number}: {error}") from error
    return found


def vision_of(text: str) -> Vision:
    if text == "frames":
        return "frames"
    if text == "emulated":
        return "emulated"
    raise StoreFileError(f"--vision {text!r}: expected frames or emulated")


def transport_of(text: str) -> Transport:
    """`direct` or `broker`. Raises StoreFileError."""
    if text == "direct":
        return "direct"
    if text == "broker":
        return "broker"
    raise StoreFileError(f"--transport {text!r}: expected direct or broker")


def score_run(
    events: Sequence[Event], truth: Truth, store: Store, facts: dict[str, Any]
) -> dict[str, Any]:
    factor = facts.get("realtime_factor")
    known = isinstance(factor, int | float) and 0 < factor < math.inf
    return score_events(
        events,
        truth,
        store,
        vision=str(facts.get("vision", "unknown")),
        transport=str(facts.get("transport", "unknown")),
        realtime_factor=factor if known else None,
    )


def outcome_of(events: Sequence[Event], store: Store) -> dict[str, Any]:
    """What can be said without the truth, under the score's keys."""
    return {
        "receipts": [
            {
                "shopper": r.shopper,
                "lines": [
                    {"gtin": x.gtin, "quantity": x.quantity, "total_cents": x.total_cents}
                    for x in r.lines
                ],
                "total_cents": r.total_cents,
            }
            for r in receipts_of(events, store)
        ]
    }


def write_json(path: Path | None, result: dict[str, Any]) -> None:
    """Write a result, if a file is given. Raises RecordingError."""
    if path is not None:
        write_result(path, msgspec.json.format(msgspec.json.encode(result), indent=2))


def write_result(path: Path, content: bytes) -> None:
    """Write a file that was asked for. Raises RecordingError naming it."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be written: {error.strerror}") from error
