"""Commands on recordings: record, and recording info, cut and export."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.markup import escape

from service.cli_common import LONGEST_S, JsonOption, console, write_json
from service.journal import Journal
from service.recording import Recording, RecordingError, write_recording
from service.recording_cut import cut, span_of
from service.recording_export import export_coco, export_mot
from service.recording_summary import Summary, summarise
from service.records import Entry
from service.simulate import versions

RecordingArgument = Annotated[Path, typer.Argument(help="A recording (.mcap).")]
_LAST_NS = 2**63 - 1


def record(
    out: Annotated[Path, typer.Option(help="The recording to write (.mcap).")],
    data: Annotated[Path, typer.Option("--data", help="What `serve` writes to.")] = Path(
        "store-data"
    ),
    begin: Annotated[
        str | None, typer.Option("--from", help="A time (2026-11-22T08:00, UTC); default: all.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="A time; default: until now.")] = None,
) -> None:
    """Write what a store has heard to a recording, while it runs or later.

    A span keeps what gates and people said before it, as `recording cut` does. Example:
    `openaisle record --data store-data --from 2026-11-22T08:00 --out morning.mcap`
    """
    file = data / "journal.sqlite"
    if not file.is_file():
        raise RecordingError(f"{data}: no journal of a store here; name what serve's --data named")
    from_ns, to_ns = _moment("--from", begin, 0), _moment("--to", end, _LAST_NS)
    journal = Journal(file)
    try:
        meta = journal.meta()
        if "store_text" not in meta or "code_key" not in meta:
            raise RecordingError(f"{data}: the journal is of no store yet: serve one with it first")
        facts: dict[str, Any] = {"vision": "cameras", "transport": "mqtt", "versions": versions()}
        if begin is not None or end is not None:
            facts["span"] = {"from": begin, "to": end}
        counted = _Counted(span_of(journal.entries(), from_ns, to_ns), from_ns, data)
        write_recording(out, counted, meta["store_text"], meta["code_key"], facts)
    finally:
        journal.close()
    console.print(f"{counted.count} messages → {out}", markup=False)


class _Counted:
    """Entries that are counted as they pass. Raises RecordingError where none is of the span."""

    def __init__(self, entries: Iterator[Entry], from_ns: int, data: Path) -> None:
        self._entries, self._from_ns, self._data = entries, from_ns, data
        self.count = 0

    def __iter__(self) -> Iterator[Entry]:
        last_ns = -1
        for entry in self._entries:
            self.count += 1
            last_ns = entry.received_ns
            yield entry
        if last_ns < self._from_ns:
            raise RecordingError(f"{self._data}: the store heard nothing in that span")


recording_app = typer.Typer(help="Look into, cut and export recordings.", no_args_is_help=True)


@recording_app.command("info")
def info_command(recording: RecordingArgument, json: JsonOption = None) -> None:
    """Say what is in a recording: who spoke, what was filmed, what is known of it."""
    summary = summarise(Recording.open(recording))
    _show(summary)
    write_json(json, msgspec.to_builtins(summary))


@recording_app.command("cut")
def cut_command(
    recording: RecordingArgument,
    begin: Annotated[float, typer.Option("--from", help="Seconds since the first message.")],
    end: Annotated[float, typer.Option("--to", help="Seconds since the first message.")],
    out: Annotated[Path, typer.Option(help="The recording to write (.mcap).")],
) -> None:
    """Cut a span out of a recording, with its videos and truth.

    Keeps what gates and people said before the span: who is inside is known from it, what they
    hold already is not.
    """
    if not (begin < end and max(abs(begin), abs(end)) <= LONGEST_S):
        raise RecordingError(f"--from {begin:g} --to {end:g}: expected a span of some length")
    made = cut(Recording.open(recording), begin, end, out)
    console.print(
        f"{made.messages} messages of the span, {made.kept_before} of gates and people from "
        f"before → {out}",
        markup=False,
    )
    for camera, frames in made.frames.items():
        console.print(f"{camera}: {frames} frames", markup=False)
    for camera in made.without_video:
        console.print(f"{camera}: no video to cut", markup=False)
    if made.cut_through:
        names = ", ".join(made.cut_through)
        console.print(
            f"The cut goes through the visits of {names}: it carries no truth of bills, and is "
            "not scored.",
            markup=False,
        )


@recording_app.command("export")
def export_command(
    recording: RecordingArgument,
    mot: Annotated[
        Path | None, typer.Option(help="Write MOTChallenge ground truth to this folder.")
    ] = None,
    coco: Annotated[
        Path | None, typer.Option(help="Write COCO boxes and keypoints to this file.")
    ] = None,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Write the videos' pictures as JPEG too.")
    ] = False,
) -> None:
    """Export who is truly where in the pictures of a simulated recording.

    Example: `openaisle recording export run.mcap --mot labels --coco labels/people.json`
    """
    if mot is None and coco is None:
        raise RecordingError("say what to export: --mot FOLDER, --coco FILE, or both")
    opened = Recording.open(recording)
    for out, export in ((mot, export_mot), (coco, export_coco)):
        if out is not None:
            counts = export(opened, out, pictures)
            told = ", ".join(f"{camera} {count}" for camera, count in counts.items())
            console.print(f"{sum(counts.values())} people ({told}) → {out}", markup=False)


def _show(summary: Summary) -> None:
    whole = "whole" if summary.whole else "[bold red]truncated[/]"
    console.print(
        f"{escape(summary.path)}: {whole}, store {escape(summary.store)}, "
        f"{summary.seconds:.1f} s from {summary.begins}"
    )
    for topic, count in summary.messages.items():
        console.print(f"  {count:>8} × {topic}", markup=False)
    console.print(f"  {summary.ticks:>8} × silence (tick)", markup=False)
    for camera, one in summary.cameras.items():
        video = "no video" if one.in_video is None else f"{one.in_video} of them in the video"
        console.print(
            f"camera {camera}: {one.frames} frames, {video}, {one.first_s:.1f}–{one.last_s:.1f} s",
            markup=False,
        )
    for name, fact in summary.facts.items():
        console.print(f"{name}: {fact}", markup=False)
    kept = [
        name
        for name, there in (("scene", summary.has_scene), ("world", summary.has_world))
        if there
    ]
    console.print(f"truth: {', '.join(summary.truth) or 'none'}", markup=False)
    console.print(f"files within: {', '.join(['store', *kept])}", markup=False)


def _moment(option: str, text: str | None, default_ns: int) -> int:
    if text is None:
        return default_ns
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise RecordingError(f"{option} {text!r}: expected a time like 2026-11-22T08:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1e6) * 1000
