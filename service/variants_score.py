"""How variants of a real recording are billed: exact, reviewed, wrong or missed, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cart.events import Exited
from service.heard import over_processes
from service.pipeline import Pipeline
from service.variants import KINDS, Tape, draw, entries_of, read_tape, store_of
from simulator.scorecard_risk import share_interval

OUTCOMES = ("exact", "reviewed", "wrong", "missed")


def measure_variants(
    real_data: Path, count: int, seed: int, workers: int, told: Callable[[int], None]
) -> dict[str, Any]:
    """Bill `count` variants. Gives what `--json` writes: see docs/measures.md."""
    found: list[dict[str, Any]] = []
    share = max(1, math.ceil(count / workers / 4))
    lots = [range(n, min(n + share, count)) for n in range(0, count, share)]
    for lot in over_processes(partial(_bill_lot, real_data, seed), lots, workers):
        found += lot
        told(len(found))
    kinds = {kind: [one for one in found if one["kind"] == kind] for kind in KINDS}
    return {
        "seed": seed,
        "variants": found,
        "all": _tally(found),
        "kinds": {kind: _tally(part) for kind, part in kinds.items() if part},
    }


def _bill_lot(real_data: Path, seed: int, numbers: Sequence[int]) -> list[dict[str, Any]]:
    tape = read_tape(real_data)
    return [bill_variant(tape, number, seed) for number in numbers]


def bill_variant(tape: Tape, number: int, seed: int) -> dict[str, Any]:
    """What became of one variant."""
    variant = draw(tape, number, seed)
    pipeline = Pipeline(store_of(tape, variant), tape.imported.code_key)
    entries = entries_of(tape, variant, seed * 100_003 + number)
    left = [e for one in entries for e in pipeline.feed(one) if isinstance(e, Exited)]
    true = {} if variant.back else {variant.facing.gtin: variant.units}
    billed = dict(left[0].lines) if left else {}
    if len(left) != 1 or left[0].review is not None:
        outcome = "reviewed" if left else "missed"
    elif billed == true:
        outcome = "exact"
    else:
        too_much = any(units > true.get(gtin, 0) for gtin, units in billed.items())
        outcome = "wrong" if too_much else "missed"
    return {
        "kind": variant.kind,
        "facing": f"{variant.shelf.id}.{variant.facing.plates[0]}",
        "plate": variant.plate,
        "weight_g": round(variant.weight_g, 1),
        "true": true,
        "billed": billed,
        "outcome": outcome,
    }


def _tally(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    counts = {what: sum(one["outcome"] == what for one in found) for what in OUTCOMES}
    return {
        "variants": len(found),
        **counts,
        "intervals": {what: share_interval(n, len(found)) for what, n in counts.items()},
    }
