"""Cuts a span out of a recording: what devices said in it, its videos and its truth.

Weights, frames and tag reads from before the span are left out. What gates and people said before
it is kept, as is: without the codes that were shown then, nobody who is in the store would be a
shopper. What those people took before the cut nobody can know from it; a cut that goes through
visits carries no truth of bills, so that it is not scored against what it does not show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sensors.store import parse_store
from service.pipeline import silence_after
from service.recording import (
    FRAMES,
    TRUE_EXPOSURES,
    Note,
    Recording,
    RecordingError,
    write_recording,
)
from service.records import TICK, Entry
from service.video import VideoError, copy_video, video_path
from simulator.truth import TrueMove, Truth

STREAMS = ("weight", "vision", "rfid")  # kinds that only count while they go on


@dataclass(frozen=True, slots=True)
class Cut:
    """What a cut holds: messages of the span and kept ones from before, frames by camera, visits
    that the cut goes through, and cameras without a video to cut."""

    messages: int
    kept_before: int
    frames: dict[str, int]
    cut_through: list[str]
    without_video: list[str]


def span_of(entries: Iterator[Entry], from_ns: int, to_ns: int) -> Iterator[Entry]:
    """Entries received in [from_ns, to_ns), and those from before that a cut keeps."""
    for entry in entries:
        if entry.received_ns >= to_ns:
            return
        if entry.received_ns >= from_ns or _is_kept(entry.topic):
            yield entry


def cut(recording: Recording, from_s: float, to_s: float, out: Path) -> Cut:
    """Write the span from `from_s` to `to_s`, seconds since the first message, to `out`.

    Raises RecordingError where there is nothing in the span, or `out` is the recording itself.
    """
    first = next(recording.entries(), None)
    if first is None:
        raise RecordingError(f"{recording.path}: the recording has no messages to cut")
    if out.is_dir():
        raise RecordingError(f"{out}: is a folder; name a file")
    if (out.parent.resolve(), out.stem) == (recording.path.parent.resolve(), recording.path.stem):
        raise RecordingError(f"{out}: is the recording that is to be cut; name another file")
    start_ns = first.received_ns
    from_ns, to_ns = start_ns + round(from_s * 1e9), start_ns + round(to_s * 1e9)
    entries = list(span_of(recording.entries(), from_ns, to_ns))
    before = sum(1 for entry in entries if entry.received_ns < from_ns)
    count = len(entries) - before
    if not count:
        raise RecordingError(f"{recording.path}: nothing was said from {from_s:g} s to {to_s:g} s")
    entries += _silence(recording, entries[-1])
    notes = [
        note
        for note in recording.notes()
        if note.topic == TRUE_EXPOSURES and from_ns <= note.at_ns < to_ns
    ]
    frames, missing = {}, []
    for camera, index in recording.cameras().items():
        try:
            copied = copy_video(
                video_path(recording.path, camera), video_path(out, camera), index, from_ns, to_ns
            )
        except VideoError:
            missing.append(camera)
            continue
        frames[camera] = len(copied)
        notes += [Note(one.at_ns, FRAMES + camera, msgspec.json.encode(one)) for one in copied]
    truth, through = truth_of_span(recording, from_ns, to_ns)
    facts = {**recording.facts, "cut": {"from_s": from_s, "to_s": to_s, "kept_before": before}}
    write_recording(
        out,
        entries,
        recording.store_text,
        recording.code_key,
        facts,
        truth,
        notes=sorted(notes, key=lambda note: note.at_ns),
        scene_text=recording.scene_text,
        world_text=recording.world_text,
    )
    return Cut(count, before, frames, through, missing)


def truth_of_span(recording: Recording, from_ns: int, to_ns: int) -> tuple[bytes | None, list[str]]:
    """The truth of what lies in a span, and the shoppers whose visits the span goes through.

    Where there are such visits, there is no truth of bills. Raises RecordingError.
    """
    if recording.truth is None:
        return None, []
    try:
        truth = msgspec.json.decode(recording.truth, type=Truth)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(f"{recording.path}: the truth is unreadable: {error}") from error
    inside = [v for v in truth.visits if from_ns <= v.entered_ns and v.left_ns < to_ns]
    through = [
        v.shopper
        for v in truth.visits
        if v not in inside and v.entered_ns < to_ns and v.left_ns >= from_ns
    ]
    if through:
        return None, through
    spanned = msgspec.structs.replace(
        truth,
        visits=inside,
        moves=[move for move in truth.moves if from_ns <= move.at_ns < to_ns],
        stock=_undone(truth.stock, [m for m in truth.moves if m.at_ns >= to_ns]),
        stock_before=_done(truth.stock_before, [m for m in truth.moves if m.at_ns < from_ns]),
        paths={
            name: kept
            for name, path in truth.paths.items()
            if (kept := [point for point in path if from_ns <= point[0] < to_ns])
        },
    )
    return msgspec.json.encode(spanned, order="deterministic"), []


Stock = dict[str, dict[str, int]]


def _undone(stock: Stock, moves: list[TrueMove]) -> Stock:
    return _moved(stock, moves, -1)


def _done(stock: Stock, moves: list[TrueMove]) -> Stock:
    return _moved(stock, moves, 1)


def _moved(stock: Stock, moves: list[TrueMove], sign: int) -> Stock:
    """Stock after moves (sign 1), or before them (-1)."""
    moved = {facing: dict(units) for facing, units in stock.items()}

    def change(facing: str, move: TrueMove, units: int) -> None:
        if facing and units:
            on = moved.setdefault(facing, {})
            on[move.gtin] = on.get(move.gtin, 0) + sign * units
            if not on[move.gtin]:
                del on[move.gtin]

    for move in moves:
        if move.kind in ("pick", "slide"):
            change(move.facing, move, -move.units)
        if move.kind == "slide":
            change(move.to, move, move.units)
        if move.kind == "restock" or (move.kind == "put_back" and move.left_share == 1.0):
            change(move.facing, move, move.units)
    return moved


def _silence(recording: Recording, last: Entry) -> list[Entry]:
    """Ticks after the last entry, as after every source that ends: deadlines pass."""
    store = parse_store(recording.store_text, f"{recording.path}: store.yaml")
    ticks = silence_after(last.received_ns, store)
    return [Entry(last.number + n, *tick) for n, tick in enumerate(ticks, 1)]


def _is_kept(topic: str) -> bool:
    return topic != TICK and topic.split("/")[2:3] not in [[kind] for kind in STREAMS]
