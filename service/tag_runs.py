"""Recorded runs of RFID tags: a hand-held reader that passed a wall of tags, once or several times.

"Estimating Relative Tag Locations based on Time-Differences in Read Events" (Hasler, Wölbitsch,
Goller, Walk; IEEE RFID 2019). Runs of one group have the same tags at the same places and the same
way of walking.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

from service.realism import RealDataError

DATASET = "rfid/detego-dataset.zip"
_MEMBER = "dataset/dataset.csv"


@dataclass(frozen=True, slots=True)
class RecordedRead:
    """One read: seconds since the reader started, the tag's serial number, strength."""

    at_s: float
    serial: int
    rssi_dbm: float


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """One run; `layout` names how the tags hung, `reads` are in order of time."""

    number: int
    group: int
    layout: str
    passes: int
    reads: tuple[RecordedRead, ...]

    @property
    def seconds(self) -> float:
        """From the first read to the last."""
        return self.reads[-1].at_s - self.reads[0].at_s

    @property
    def serials(self) -> set[int]:
        """The tags that were ever read."""
        return {read.serial for read in self.reads}


def read_tag_runs(path: Path) -> list[RecordedRun]:
    """All runs of the dataset, by number. Raises RealDataError naming the file."""
    found: dict[int, tuple[int, str, int, list[RecordedRead]]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read(_MEMBER).decode("utf-8")
        for row in csv.DictReader(io.StringIO(text)):
            number = int(row["experiment_nr"])
            of_run = int(row["group"]), row["setup"], int(row["iterations"])
            read = RecordedRead(
                int(row["milliseconds"]) / 1e3, int(row["serial"]), float(row["rssi"])
            )
            found.setdefault(number, (*of_run, []))[3].append(read)
    except (OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise RealDataError(f"{path}: not the dataset of tag reads: {error}") from error
    if not found:
        raise RealDataError(f"{path}: {_MEMBER} has no reads")
    return [
        RecordedRun(number, group, layout, passes, tuple(sorted(reads, key=lambda r: r.at_s)))
        for number, (group, layout, passes, reads) in sorted(found.items())
    ]


def tags_by_layout(runs: list[RecordedRun]) -> dict[str, int]:
    """How many tags hung in each layout, as far as any run of it read them."""
    seen: dict[str, set[int]] = {}
    for run in runs:
        seen.setdefault(run.layout, set()).update(run.serials)
    return {layout: len(serials) for layout, serials in seen.items()}
