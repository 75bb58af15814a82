"""The figures of RFID tags that the design quotes, held against the recorded runs of a reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from service.realism import Quoted
from service.realism_rfid import SILENCES_S, recorded_runs, silent_shares
from service.tag_runs import DATASET, RecordedRun, read_tag_runs, tags_by_layout

READS_PER_S = (1.0, 2.0)
SILENT_SHARES = (0.46, 0.13, 0.09)
SEEN_SHARES = (0.73, 0.99)
STRENGTHS_DBM = (-70.0, -44.0)
SLACK = 0.05  # of a share
SLACK_DB = 2.0


def quoted_of_tags(real_data: Path) -> list[Quoted]:
    """How often tags are read, how long silent, how many ever, how strong, and by whom."""
    path = real_data / DATASET
    runs = read_tag_runs(path)
    return [
        _reads(runs),
        _silences(silent_shares(recorded_runs(path))),
        _seen(runs),
        _strengths(runs),
        Quoted(
            what="reads from the wrong zone",
            quoted="about 5 %",
            found="one reader alone, no zones",
            holds=None,
        ),
    ]


def _reads(runs: Sequence[RecordedRun]) -> Quoted:
    rates = [len(run.reads) / run.seconds / len(run.serials) for run in runs]
    least, middle, most = np.quantile(rates, (0.0, 0.5, 1.0)).tolist()
    return Quoted(
        what="reads a second of a tag that is read, among 70",
        quoted="1 to 2",
        found=f"{middle:.1f} (median of {len(runs)} runs; {least:.1f} to {most:.1f})",
        holds=READS_PER_S[0] <= middle <= READS_PER_S[1],
    )


def _silences(shares: Sequence[float]) -> Quoted:
    lengths = ", ".join(f"{s:g}" for s in SILENCES_S)
    return Quoted(
        what=f"share of the time in silences of {lengths} s or more",
        quoted=", ".join(f"{share:.0%}" for share in SILENT_SHARES),
        found=", ".join(f"{share:.0%}" for share in shares) + " (runs with one pass)",
        holds=all(
            abs(found - quoted) <= SLACK
            for found, quoted in zip(shares, SILENT_SHARES, strict=True)
        ),
    )


def _seen(runs: Sequence[RecordedRun]) -> Quoted:
    hung = tags_by_layout(list(runs))
    by_layout = {
        layout: float(np.mean([len(r.serials) / tags for r in runs if r.layout == layout]))
        for layout, tags in hung.items()
    }
    shares = sorted(by_layout.values())
    return Quoted(
        what="tags ever read in a run, by layout",
        quoted="73% to 99%",
        found=", ".join(f"{share:.0%} {layout}" for layout, share in by_layout.items()),
        holds=abs(shares[0] - SEEN_SHARES[0]) <= SLACK
        and abs(shares[-1] - SEEN_SHARES[1]) <= SLACK,
    )


def _strengths(runs: Sequence[RecordedRun]) -> Quoted:
    dbm = [read.rssi_dbm for run in runs for read in run.reads]
    weakest, strongest = min(dbm), max(dbm)
    low, high = np.quantile(dbm, (0.05, 0.95)).tolist()
    return Quoted(
        what="strength of reads, dBm",
        quoted="−70 to −44",
        found=f"{weakest:.0f} to {strongest:.0f} (90 %: {low:.0f} to {high:.0f})",
        holds=abs(weakest - STRENGTHS_DBM[0]) <= SLACK_DB
        and abs(strongest - STRENGTHS_DBM[1]) <= SLACK_DB,
    )
