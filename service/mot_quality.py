"""The table of trackers on MOT-style sequences: ours and others on the same boxes, scored alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from service.mot_eval import Evaluated, MotScore, combine, evaluate, first_evaluated_frame
from service.mot_files import MotFileError, MotSequence, read_sequence
from service.mot_peers import LEAST_SCORE, PEERS, Peer
from service.mot_track import fill_gaps, track_sequence

Array = NDArray[np.float64]

OURS = "openaisle"
FLOOR = "openaisle, with cam_para.txt"
OFFLINE = "openaisle, offline: gaps filled"


class QualityRow(msgspec.Struct, frozen=True, kw_only=True):
    """One tracker's score on one sequence, or on all of a benchmark together."""

    sequence: str
    tracker: str
    frames: str
    score: MotScore


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """All rows, and for each tracker that was not run how to install it."""

    rows: list[QualityRow]
    missing: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Entrant:
    name: str
    rows: Callable[[MotSequence], Array | None]


def sequences_under(root: Path) -> list[MotSequence]:
    """The folders with det.txt and gt.txt under `root`, or `root` itself. Raises MotFileError."""
    if not root.is_dir():
        raise MotFileError(f"{root}: is not a folder; expected one of MOT-style folders")
    folders = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    found = [one for one in folders if (one / "det.txt").exists() and (one / "gt.txt").exists()]
    if not found:
        raise MotFileError(f"{root}: holds no folder with det.txt and gt.txt")
    return [read_sequence(folder) for folder in found]


def measure_quality(
    sequences: Sequence[MotSequence], peers: bool, offline: bool, told: Callable[[str], None]
) -> Quality:
    """Run ours (online; with a floor where cam_para.txt is; offline where asked) and, where asked,
    the peers that are installed. `told` hears what is being run. Raises BenchUnavailableError and
    MotFileError."""
    entrants = [
        _Entrant(OURS, track_sequence),
        _Entrant(FLOOR, lambda s: track_sequence(s, use_ground=True) if s.ground else None),
    ]
    if offline:
        entrants.append(_Entrant(OFFLINE, lambda s: fill_gaps(track_sequence(s), s.frame_rate_hz)))
    missing: dict[str, str] = {}
    for peer in PEERS if peers else ():
        try:
            peer.make(30.0)
        except ImportError:
            missing[peer.name] = f"pip install {peer.package} (most come with 'openaisle[bench]')"
            continue
        entrants.append(_Entrant(peer.name, _runner(peer)))
    rows: list[QualityRow] = []
    parts: dict[tuple[str, str], list[Evaluated]] = {}
    for sequence in sequences:
        first = first_evaluated_frame(sequence)
        for entrant in entrants:
            told(f"{entrant.name} on {sequence.folder.name}")
            found = entrant.rows(sequence)
            if found is None:
                continue
            part = evaluate(sequence, found.tolist(), first)
            parts.setdefault((_benchmark(sequence), entrant.name), []).append(part)
            rows.append(
                QualityRow(
                    sequence=sequence.folder.name,
                    tracker=entrant.name,
                    frames=f"{first}-{sequence.frames}",
                    score=combine([part]),
                )
            )
    for (benchmark, tracker), several in parts.items():
        if len(several) > 1:
            rows.append(
                QualityRow(
                    sequence=f"{benchmark} together",
                    tracker=tracker,
                    frames=f"{len(several)} sequences",
                    score=combine(several),
                )
            )
    return Quality(rows=rows, missing=missing)


def _benchmark(sequence: MotSequence) -> str:
    return sequence.folder.resolve().name.split("-")[0]


def _runner(peer: Peer) -> Callable[[MotSequence], Array]:
    def run(sequence: MotSequence) -> Array:
        ready, step = peer.make(sequence.frame_rate_hz)
        rows = [np.zeros((0, 7))]
        for frame, boxes in sequence.by_frame():
            found = step(ready(boxes[boxes[:, 4] >= LEAST_SCORE]))
            rows.append(np.column_stack([np.full(len(found), float(frame)), found]))
        return np.concatenate(rows)

    return run
