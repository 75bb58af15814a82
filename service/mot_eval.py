"""Scores tracks against ground truth with TrackEval and MOTChallenge's official preprocessing.

HOTA (IJCV 2021), MOTA (CLEAR) and IDF1 (ECCV-W 2016) are computed by the published package
`trackeval`; here its files are laid out for it and its figures read.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from service.mot_files import MotFileError, MotSequence, write_results

Rows = Sequence[Sequence[float]]


class BenchUnavailableError(Exception):
    """A package that only measuring needs is not installed."""


class MotScore(msgspec.Struct, frozen=True, kw_only=True):
    """Percentages, and counts over the evaluated frames."""

    hota: float
    deta: float
    assa: float
    mota: float
    idf1: float
    switches: int
    false_boxes: int
    missed_boxes: int
    true_boxes: int


@dataclass(frozen=True, slots=True)
class Evaluated:
    """TrackEval's own results of one sequence, by metric; to be combined over sequences."""

    by_metric: dict[str, dict[str, Any]]


def first_evaluated_frame(sequence: MotSequence) -> int:
    """MOT17: the frame after the half that its detector was trained on; else 1."""
    if sequence.folder.resolve().name.startswith("MOT17"):
        return sequence.frames // 2 + 2
    return 1


def evaluate(
    sequence: MotSequence, rows: Rows, first_frame: int, last_frame: int | None = None
) -> Evaluated:
    """Score result rows (frame, id, left, top, width, height, score) on frames from
    `first_frame` to `last_frame`. Raises BenchUnavailableError and MotFileError."""
    trackeval = load_trackeval()
    last = sequence.frames if last_frame is None else last_frame
    truth = sequence.folder / "gt.txt"
    try:
        lines = truth.read_text().splitlines()
    except OSError as error:
        raise MotFileError(f"{truth}: cannot be read: {error.strerror}") from error
    classes = bool(lines) and len(lines[0].split(",")) == 9  # MOT16 on: class and visibility
    name = "sequence"
    with TemporaryDirectory(prefix="openaisle-mot-") as temporary:
        folder = Path(temporary)
        gt = folder / "gt" / name / "gt" / "gt.txt"
        result = folder / "trackers" / "one" / "data" / f"{name}.txt"
        gt.parent.mkdir(parents=True)
        result.parent.mkdir(parents=True)
        kept = []
        for line in filter(None, map(str.strip, lines)):
            frame, rest = line.split(",", 1)
            if first_frame <= int(float(frame)) <= last:
                kept.append(f"{int(float(frame)) - first_frame + 1},{rest}\n")
        gt.write_text("".join(kept))
        write_results(
            result,
            [[r[0] - first_frame + 1, *r[1:]] for r in rows if first_frame <= r[0] <= last],
        )
        dataset = trackeval.datasets.MotChallenge2DBox(
            {
                "GT_FOLDER": str(folder / "gt"),
                "TRACKERS_FOLDER": str(folder / "trackers"),
                "TRACKERS_TO_EVAL": ["one"],
                "BENCHMARK": "MOT17" if classes else "MOT15",
                "SEQ_INFO": {name: last - first_frame + 1},
                "SKIP_SPLIT_FOL": True,
                "PRINT_CONFIG": False,
            }
        )
        with contextlib.redirect_stdout(io.StringIO()):
            raw = dataset.get_raw_seq_data("one", name)
            pairs = dataset.get_preprocessed_seq_data(raw, "pedestrian")
            return Evaluated({m.get_name(): m.eval_sequence(pairs) for m in _metrics(trackeval)})


def combine(parts: Sequence[Evaluated]) -> MotScore:
    """The score over all given sequences, as MOTChallenge combines them."""
    trackeval = load_trackeval()
    found = {
        metric.get_name(): metric.combine_sequences(
            {str(i): part.by_metric[metric.get_name()] for i, part in enumerate(parts)}
        )
        for metric in _metrics(trackeval)
    }
    hota, clear, identity = found["HOTA"], found["CLEAR"], found["Identity"]
    return MotScore(
        hota=100 * float(np.mean(hota["HOTA"])),
        deta=100 * float(np.mean(hota["DetA"])),
        assa=100 * float(np.mean(hota["AssA"])),
        mota=100 * float(clear["MOTA"]),
        idf1=100 * float(identity["IDF1"]),
        switches=int(clear["IDSW"]),
        false_boxes=int(clear["CLR_FP"]),
        missed_boxes=int(clear["CLR_FN"]),
        true_boxes=int(clear["CLR_TP"] + clear["CLR_FN"]),
    )


def load_trackeval() -> Any:
    """TrackEval, also older ones beside numpy 2. Raises BenchUnavailableError."""
    for name, kind in (("float", float), ("int", int), ("bool", bool)):
        if name not in vars(np):  # numpy 1.24 removed aliases that TrackEval 1.0 still uses
            setattr(np, name, kind)
    try:
        import trackeval  # noqa: PLC0415
    except ImportError as error:
        raise BenchUnavailableError(
            "TrackEval is not installed: pip install 'openaisle[bench]'"
        ) from error
    return trackeval


def _metrics(trackeval: Any) -> list[Any]:
    quiet = {"PRINT_CONFIG": False}
    return [
        trackeval.metrics.HOTA(),
        trackeval.metrics.CLEAR(quiet),
        trackeval.metrics.Identity(quiet),
    ]
