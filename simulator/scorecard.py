"""The scorecard: everything that is measured of many runs, beside a plain rule.

`sheet` measures one run; `card` adds sheets up to what `openaisle score --json` writes, which
docs/scorecard.md explains key by key. A card contains all that `score.pool` gives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

import msgspec

from cart.events import Event
from sensors.observations import Observation
from sensors.store import Store
from simulator.bills import pair
from simulator.score import COUNTS, Figures, pool, score
from simulator.scorecard_bootstrap import intervals, ratios
from simulator.scorecard_causes import CAUSES, Error, classify
from simulator.scorecard_crowding import crowding, fates
from simulator.scorecard_lines import calibration, told_lines
from simulator.scorecard_risk import VisitOutcome, outcomes, risk_coverage, unaided
from simulator.scorecard_stock import StockError, stock_error
from simulator.scorecard_tracks import Tracking, tracking
from simulator.truth import Truth

SCHEMA = "openaisle-scorecard-1"
COLUMNS = ("all", "unreviewed", "after_review", "unaided", "plain_rule")
NO_FAULT = "none"
_BESIDE = {"unaided": "unaided", "plain_rule": "plain"}  # columns that are scores of their own
_RESULTS = (*COUNTS, "precision", "recall", "f1")


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Processor seconds as measured: of making the messages (None where they lay ready) and of
    billing them; and the hours of store time, of one camera and of one plate, that they cover."""

    playing_cpu_s: float | None
    billing_cpu_s: float
    store_h: float
    camera_h: float
    plate_h: float


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A visit whose bill is wrong; `at_s` is the first moment to look at, since the run began."""

    shopper: str
    visit: str | None
    at_s: float
    errors: list[dict[str, Any]]


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What one run says; sheets of many runs are added up by `card`."""

    scene: str
    seed: int
    faults: list[str]
    ours: Figures
    unaided: Figures
    plain: Figures
    causes: dict[str, int]
    lines: list[tuple[float, bool]]
    visits: list[VisitOutcome]
    failures: list[Failure]
    crowds: dict[str, dict[str, int]]
    stock: StockError
    tracking: Tracking
    cost: Cost
    recording: str | None = None


def sheet(
    events: Sequence[Event],
    plain_events: Sequence[Event],
    points: Sequence[Observation],
    truth: Truth,
    store: Store,
    *,
    began_ns: int,
    cost: Cost,
    vision: str,
    transport: str,
    realtime_factor: float | None,
    faults: Sequence[str] = (),
) -> Sheet:
    """Measure one run.

    `plain_events` are the plain rule's, `points` the TrackPoints that vision gave, `faults` the
    kinds that were laid over the run, `began_ns` the time that moments are counted from.
    """
    bills = pair(events, truth)
    told = told_lines(events, truth)
    errors = classify(bills, told)

    def scored(found: Sequence[Event]) -> Figures:
        return score(
            found,
            truth,
            store,
            vision=vision,
            transport=transport,
            realtime_factor=realtime_factor,
        )

    return Sheet(
        scene=truth.scene,
        seed=truth.seed,
        faults=sorted(set(faults)),
        ours=scored(events),
        unaided=scored(unaided(events)),
        plain=scored(plain_events),
        causes={cause: sum(e.cause == cause for e in errors) for cause in CAUSES},
        lines=[(line.posterior, line.right) for line in told],
        visits=outcomes(events, bills),
        failures=_failures(errors, store, began_ns),
        crowds={name: dict(counts) for name, counts in crowding(errors, truth).items()},
        stock=stock_error(events, store, truth),
        tracking=tracking(points, truth, store.floor),
        cost=cost,
    )


def _failures(errors: Sequence[Error], store: Store, began_ns: int) -> list[Failure]:
    names = {product.gtin: product.name for product in store.products}
    by_visit: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for error in errors:
        if error.cause == "held":
            continue
        at_s = max(0.0, round(((error.at_ns or began_ns) - began_ns) / 1e9, 1))
        found = {
            "cause": error.cause,
            "at_s": at_s,
            "billed": names.get(error.billed or "", error.billed),
            "true": names.get(error.true or "", error.true),
            "other": error.other,
        }
        by_visit.setdefault((error.shopper, error.visit), []).append(found)
    return [
        Failure(
            shopper=shopper,
            visit=visit,
            at_s=min(e["at_s"] for e in found),
            errors=sorted(found, key=lambda e: e["at_s"]),
        )
        for (shopper, visit), found in by_visit.items()
    ]


def card(sheets: Sequence[Sheet]) -> Figures:
    """Add sheets up; a dict fit for JSON. Raises ValueError without any."""
    pooled = pool([one.ours for one in sheets])
    scenes: dict[str, list[Sheet]] = {}
    for one in sheets:
        scenes.setdefault(one.scene, []).append(one)
    for name, found in scenes.items():
        pooled["scenes"][name] |= _part(found, [[one] for one in found])
    clusters = list(scenes.values()) if len(scenes) > 1 else [[one] for one in sheets]
    kinds = sorted({kind for one in sheets for kind in one.faults or [NO_FAULT]})
    by_fault = {k: [o for o in sheets if k in (o.faults or [NO_FAULT])] for k in kinds}
    return {
        "schema": SCHEMA,
        **pooled,
        **_part(sheets, clusters),
        "faults": {
            kind: {
                **_results([one.ours for one in found]),
                "reviewed_visits": sum(one.ours["reviewed_visits"] for one in found),
                "runs": len(found),
            }
            for kind, found in by_fault.items()
        },
        "calibration": calibration(line for one in sheets for line in one.lines),
        "risk_coverage": risk_coverage(visit for one in sheets for visit in one.visits),
        "outcomes": [
            {"scene": one.scene, "seed": one.seed, **msgspec.to_builtins(visit)}
            for one in sheets
            for visit in one.visits
        ],
        "crowding": fates([one.crowds for one in sheets]),
        "stock": _stock(reduce(add, (one.stock for one in sheets))),
        "tracking": _tracking(reduce(add, (one.tracking for one in sheets))),
        "cost": _cost([one.cost for one in sheets]),
        "failures": [
            {
                "scene": one.scene,
                "seed": one.seed,
                **msgspec.to_builtins(failure),
                "recording": one.recording,
            }
            for one in sheets
            for failure in one.failures
        ],
        "runs": [
            {
                "scene": one.scene,
                "seed": one.seed,
                "faults": one.faults,
                **{name: _counted([one], name) for name in COLUMNS},
            }
            for one in sheets
        ],
    }


def _part(sheets: Sequence[Sheet], clusters: Sequence[Sequence[Sheet]]) -> Figures:
    """What is said overall and of each scene alike, intervals by resampling `clusters`."""
    causes: Counter[str] = Counter()
    for one in sheets:
        causes.update(one.causes)
    return {
        **{name: _results([getattr(one, key) for one in sheets]) for name, key in _BESIDE.items()},
        "ratios": {name: ratios(_counted(sheets, name)) for name in COLUMNS},
        "intervals": {
            name: intervals([_counted(found, name) for found in clusters]) for name in COLUMNS
        },
        "causes": {cause: causes[cause] for cause in CAUSES},
        "seeds": sorted({one.seed for one in sheets}),
    }


def _results(scores: Sequence[Figures]) -> Figures:
    pooled = pool(scores)
    return {key: pooled[key] for key in _RESULTS}


def _counted(sheets: Sequence[Sheet], column: str) -> dict[str, int]:
    """The counts of a column, added up over sheets."""
    total: Counter[str] = Counter()
    for one in sheets:
        found: Figures = getattr(one, _BESIDE.get(column, "ours"))
        part = found[column] if column in ("unreviewed", "after_review") else found
        total.update({key: part[key] for key in COUNTS})
        total["reviewed_visits"] += found["reviewed_visits"] if column == "all" else 0
    return {key: total[key] for key in (*COUNTS, "reviewed_visits")}


def _stock(total: StockError) -> Figures:
    """Errors per facing and run."""
    facings = max(1, total.facings)
    return {
        "facings": total.facings,
        "facings_off": total.facings_off,
        "units_off_per_facing": total.units_off / facings,
        "units_off_before_per_facing": total.units_before / facings,
        "units_moved_wrongly_per_facing": total.units_moved / facings,
    }


def _tracking(total: Tracking) -> Figures:
    hours = total.shopper_s / 3600
    return {
        "shopper_hours": hours,
        "swaps": total.swaps,
        "breaks": total.breaks,
        "swaps_per_shopper_hour": total.swaps / hours if hours else None,
        "breaks_per_shopper_hour": total.breaks / hours if hours else None,
        "unseen_share": total.unseen_s / total.shopper_s if hours else None,
    }


def _cost(costs: Sequence[Cost]) -> Figures:
    played = [cost for cost in costs if cost.playing_cpu_s is not None]
    billing_s = sum(cost.billing_cpu_s for cost in costs)
    playing_s = sum(cost.playing_cpu_s or 0.0 for cost in played)
    cameras_h, plates_h = sum(c.camera_h for c in played), sum(c.plate_h for c in costs)
    return {
        "store_hours": sum(cost.store_h for cost in costs),
        "billing_cpu_s": billing_s,
        "playing_cpu_s": playing_s if played else None,
        "billing_cpu_s_per_plate_hour": billing_s / plates_h if plates_h else None,
        "playing_cpu_s_per_camera_hour": playing_s / cameras_h if cameras_h else None,
    }
