"""The command `replay`: bill a recording again, as it is or changed, or show it on the page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress

from cart.events import Event
from sensors.store import StoreFileError
from service.cli_common import (
    LONGEST_S,
    EventsOption,
    JsonOption,
    console,
    outcome_of,
    score_run,
    truth_of,
    write_events,
    write_json,
)
from service.recording import Recording, RecordingError
from service.replay_changes import Changes, changed, parse_changes
from service.replay_compare import as_json, differences, show_differences
from service.replay_index import Telling
from service.replay_paced import paced
from service.replay_page import served
from service.replay_player import Player
from service.replay_reel import Reel, reel_of
from service.report import show_receipts, show_reviews, show_score
from service.web.controls import FASTEST, SLOWEST


def replay(
    recording: Annotated[Path, typer.Argument(help="A recording (.mcap).")],
    page: Annotated[
        bool, typer.Option("--page", help="Show it on the live page, to play, step and scrub.")
    ] = False,
    port: Annotated[int, typer.Option(help="The page's port; 0 takes a free one.")] = 8642,
    speed: Annotated[
        str | None, typer.Option(help="1 is real time, 10 ten times that; max as fast as it goes.")
    ] = None,
    from_s: Annotated[
        float, typer.Option("--from", min=0.0, help="Show from this second on; all is billed.")
    ] = 0.0,
    to_s: Annotated[float | None, typer.Option("--to", help="Stop at this second.")] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Leave out rfid, vision, weight:G3, weight:g1s2 or camera:C2."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="Lay a fault over it: kind:target[:value][@from-to]."),
    ] = None,
    vision: Annotated[
        str, typer.Option(help="recorded, or frames: look at the recorded videos again.")
    ] = "recorded",
    events: EventsOption = None,
    json: JsonOption = None,
) -> None:
    """Bill a recording again: the same decoder, journal entries and fusion as live.

    Two replays give the same bytes. Scores the result where the recording carries the truth.
    A truncated recording is billed as far as it is whole, with a warning. What is changed with
    `--without`, `--fault` or `--vision frames` is compared with the recording as it is. Examples:

    `openaisle replay run.mcap --page`

    `openaisle replay run.mcap --fault plate-dead:g1s2.7@10-30`
    """
    if not from_s <= LONGEST_S:
        raise StoreFileError(f"--from {from_s}: expected at most {LONGEST_S:g} seconds")
    pace = _speed_of(speed, 1.0 if page else None)
    opened = Recording.open(recording)
    reel = reel_of(opened, truth_of(opened))
    changes = parse_changes(without or [], fault or [], vision, reel.store)
    played = _change(opened, reel, changes)
    if to_s is not None:
        reel, played = reel.until(to_s), played.until(to_s)
    if page:
        if events is not None or json is not None:
            raise StoreFileError("--page: shows; it writes no --events and no --json")
        _show(opened, played, port, pace, from_s)
        return
    found = _bill(played, pace, from_s)
    facts = opened.facts | ({"vision": "frames"} if changes.needs_pictures else {})
    result = _report(played, found, facts, whole=to_s is None)
    if changes:
        before = list(reel.events())
        otherwise, visits = differences(before, found, played.truth)
        show_differences(console, otherwise, visits, played.store)
        result["changed"] = list(played.changes)
        result["differences"] = as_json(otherwise)
        if to_s is None and reel.truth is not None:
            result["as_recorded"] = score_run(before, reel.truth, reel.store, opened.facts)
    if events is not None:
        write_events(events, found)
    write_json(json, result)


def _speed_of(text: str | None, default: float | None) -> float | None:
    """Seconds of the recording in one; None for as fast as possible. Raises StoreFileError."""
    if text is None or text == "max":
        return default if text is None else None
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if not SLOWEST <= speed <= FASTEST:
        raise StoreFileError(f"--speed {text!r}: expected {SLOWEST} to {FASTEST:g}, or max")
    return speed


def _change(opened: Recording, reel: Reel, changes: Changes) -> Reel:
    if not changes:
        return reel
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("Looking at the videos again", visible=changes.needs_pictures)
        played = changed(
            opened, reel, changes, lambda share: progress.update(task, completed=100 * share)
        )
    for words in played.changes:
        console.print(f"Changed: {words}", markup=False, highlight=False)
    return played


def _bill(reel: Reel, speed: float | None, from_s: float) -> list[Event]:
    """All events; at a pace, what happens is told as it does."""
    found: list[Event] = []
    telling = Telling(reel.store)
    for at_s, events in paced(reel, speed, from_s):
        found += events
        for event in events:
            words = telling.words(event)
            if words is not None and speed is not None and at_s >= from_s:
                console.print(f"{at_s:8.2f} s  {words}", markup=False, highlight=False)
    return found


def _report(reel: Reel, found: list[Event], facts: dict[str, Any], whole: bool) -> dict[str, Any]:
    """Bills, reviews and the score; of a part only bills and reviews."""
    truth = reel.truth if whole else None
    show_receipts(console, found, reel.store, truth)
    show_reviews(console, found, reel.store)
    if truth is None:
        return outcome_of(found, reel.store)
    result = score_run(found, truth, reel.store, facts)
    show_score(console, result)
    return result


def _show(opened: Recording, reel: Reel, port: int, speed: float | None, from_s: float) -> None:
    """Serve the page until Ctrl-C, or until the recording turns out to be unusable."""
    with Player(reel, speed=speed, at_s=from_s) as player, served(opened, player, port) as url:
        console.print(f"Replay page: [bold]{url}[/] — end with Ctrl-C", highlight=False)
        try:
            while player.error is None:
                time.sleep(0.2)
        except KeyboardInterrupt:
            return
    if isinstance(player.error, RecordingError):
        raise player.error
    raise RecordingError(f"{reel.name}: it cannot be played: {player.error!r}")
