"""Simulated tags against real ones: a reader that passes 69 to 79 tags.

Real are the runs of "Estimating Relative Tag Locations based on Time-Differences in Read Events"
(Hasler et al., IEEE RFID 2019) in which the reader passed once, in 18 to 25 s; in the others it
came back several times, and its absence would count as silence. Simulated are as many tags before
one antenna for as long, in the default world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from service.realism import Comparison, RealDataError, compare
from service.tag_runs import DATASET, read_tag_runs, tags_by_layout
from simulator.plates import BATCH_NS
from simulator.rfid import Rfid
from simulator.shelves import Shelves
from simulator.world import World, realise, stream

Array = NDArray[np.float64]

SEEDS = range(1, 6)
SILENCES_S = (1.0, 2.0, 5.0)
SHARE_TOLERANCE = 0.08
_MOMENTS = 20_000
ANTENNA = "antenna"
GTIN = "04000000010371"
_UNITS = 4  # of a simulated facing; what is left over stands on the last one


@dataclass(frozen=True, slots=True, eq=False)
class TagRun:
    """One run of a reader: when each tag was read (s, in order), and how strong (dBm)."""

    tags: int
    seconds: float
    read_s: dict[str, Array]
    rssi_dbm: Array


def compare_tags(real_data: Path) -> list[Comparison]:
    """How often tags are read, how long they are silent, how many are ever read, how strong."""
    runs = recorded_runs(real_data / DATASET)
    simulated = [run for seed in SEEDS for run in simulated_runs(runs, World(id="default"), seed)]
    return [
        compare(
            "tags: reads of a tag", "1/s", _rates(runs), _rates(simulated), factor=1.5, at=(0.5,)
        ),
        _compare_silences(runs, simulated),
        compare(
            "tags: ever read in a run",
            "share",
            _seen(runs),
            _seen(simulated),
            factor=1.5,
            at=(0.5,),
        ),
        compare("tags: strength", "dBm", _rssi(runs), _rssi(simulated), farthest=0.2),
    ]


def recorded_runs(path: Path) -> list[TagRun]:
    """The runs with one pass of the dataset. Raises RealDataError naming the file."""
    runs = read_tag_runs(path)
    present = tags_by_layout(runs)
    once = [run for run in runs if run.passes == 1]
    if not once:
        raise RealDataError(f"{path}: no run with one pass")
    return [
        _run(present[run.layout], [(str(r.serial), r.at_s, r.rssi_dbm) for r in run.reads])
        for run in once
    ]


def simulated_runs(like: Sequence[TagRun], world: World, seed: int) -> list[TagRun]:
    """As many tags for as long as in each given run, before one antenna of a shelf."""
    return [
        _run(run.tags, simulated_reads(run.tags, run.seconds, world, len(like) * seed + n))
        for n, run in enumerate(like)
    ]


def simulated_reads(
    tags: int, seconds: float, world: World, seed: int
) -> list[tuple[str, float, float]]:
    """EPC, moment (s) and strength (dBm) of all reads of so many tags before one antenna."""
    world = world.model_copy(update={"stock_off_by_one": 0.0})
    store = shelf_of_tags(tags)
    true = realise(store, world, seed)
    shelves = Shelves(store, true, stream(world.seed, seed, "units"))
    rfid = Rfid(store, true, seed, 0, "realism")
    return [
        (read.epc, (begin_ns + read.offset_ns) / 1e9, read.rssi_dbm)
        for begin_ns in range(0, int(seconds * 1e9), BATCH_NS)
        for read in rfid.reads(begin_ns, begin_ns + BATCH_NS, shelves, [])[ANTENNA]
    ]


def silent_shares(runs: Sequence[TagRun]) -> tuple[float, ...]:
    """The share of time, from each tag's first read to its last, in gaps of SILENCES_S or more."""
    gaps = _gaps(runs)
    return tuple(float(gaps[gaps >= s].sum() / gaps.sum()) for s in SILENCES_S)


def _compare_silences(real: Sequence[TagRun], simulated: Sequence[TagRun]) -> Comparison:
    theirs, ours = silent_shares(real), silent_shares(simulated)
    lengths = ", ".join(f"{s:g}" for s in SILENCES_S)
    both = " and ".join("/".join(f"{x:.2f}" for x in shares) for shares in (theirs, ours))
    worst = max(abs(a - b) for a, b in zip(theirs, ours, strict=True))
    return replace(
        compare("tags: gap in which a moment lies", "s", _at_moments(real), _at_moments(simulated)),
        counts=(len(_gaps(real)), len(_gaps(simulated))),
        test=f"time in gaps ≥ {lengths} s within ± {SHARE_TOLERANCE} ({both})",
        passed=worst <= SHARE_TOLERANCE,
    )


def _at_moments(runs: Sequence[TagRun]) -> Array:
    """The lengths of the gaps in which evenly spread moments lie: gaps weighted by their length."""
    ends = np.cumsum(gaps := _gaps(runs))
    moments = (np.arange(_MOMENTS) + 0.5) / _MOMENTS * ends[-1]
    chosen: Array = gaps[np.searchsorted(ends, moments)]
    return chosen


def _gaps(runs: Sequence[TagRun]) -> Array:
    return np.concatenate([np.diff(at_s) for run in runs for at_s in run.read_s.values()])


def _rates(runs: Sequence[TagRun]) -> Array:
    return np.array([len(at_s) / run.seconds for run in runs for at_s in run.read_s.values()])


def _seen(runs: Sequence[TagRun]) -> Array:
    return np.array([len(run.read_s) / run.tags for run in runs])


def _rssi(runs: Sequence[TagRun]) -> Array:
    return np.concatenate([run.rssi_dbm for run in runs])


def _run(tags: int, reads: Sequence[tuple[str, float, float]]) -> TagRun:
    by_tag: dict[str, list[float]] = {}
    for tag, at_s, _ in reads:
        by_tag.setdefault(tag, []).append(at_s)
    times = [at_s for _, at_s, _ in reads]
    return TagRun(
        tags=tags,
        seconds=max(times) - min(times),
        read_s={tag: np.sort(np.array(at_s)) for tag, at_s in by_tag.items()},
        rssi_dbm=np.array([rssi for _, _, rssi in reads]),
    )


def shelf_of_tags(tags: int) -> Store:
    """One gondola with an antenna, and as many tagged units on it."""
    plates = max(1, tags // _UNITS)
    facings: list[dict[str, Any]] = [
        {"gtin": GTIN, "plates": [plate], "units": units, "capacity": units}
        for plate in range(1, plates + 1)
        for units in (_UNITS if plate < plates else tags - _UNITS * (plates - 1),)
    ]
    shelf = {"id": "shelf", "z_m": 1.0, "plate_count": plates, "facings": facings}
    return Store.model_validate(
        {
            "id": "tags",
            "name": "Tags",
            "floor": {"x_min_m": 0, "y_min_m": 0, "x_max_m": 9, "y_max_m": 3},
            "gates": [{"id": "gate", "kind": "both", "a_m": [0, 0], "b_m": [1, 0]}],
            "gondolas": [
                {"id": "rack", "x_m": 1, "y_m": 2, "width_m": 0.1 * plates, "depth_m": 0.4,
                 "height_m": 1.5, "shelves": [shelf]}
            ],
            "antennas": [{"id": ANTENNA, "kind": "shelf", "covers": ["shelf"]}],
            "products": [
                {"gtin": GTIN, "name": "Tag", "price_cents": 1, "weight_g": 9, "tagged": True}
            ],
        }
    )  # fmt: skip
