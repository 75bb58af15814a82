"""Random crowds in generated worlds: what the engine's probabilities are worth.

Of each visit it is kept how likely the engine held its bill, whether that bill was wrong and
whether a human was asked; of each line its posterior and whether it was true. Nothing here was
written by hand, so nothing can have been tuned to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from cart.events import Entered, Event, Exited
from fusion.engine import Engine
from fusion.states import Holdings, counted
from sensors.observations import ExitReads, GateCrossing, ProductSighting, WeightStep
from service.generated import drawn_crowd, drawn_wish, staged_of
from service.heard import Heard, hear, over_processes
from simulator.bills import pair
from simulator.scorecard_crowding import CROWDS, crowd_at
from simulator.scorecard_lines import calibration, told_lines
from simulator.scorecard_risk import VisitOutcome, risk_coverage

AT_ONCE = 8  # shoppers of one scene
SURE = 0.99
_MOVE_BELIEF = (WeightStep, ProductSighting, ExitReads, GateCrossing)


class CrowdVisit(msgspec.Struct, frozen=True, kw_only=True):
    """One visit as it was decided.

    `posterior` is P(the cart held exactly what `lines` bill); of a visit that was `reviewed` the
    lines are the likeliest cart. `crowd` is the closest company at any of its picks.
    """

    world: int
    seed: int
    shopper: str
    visit: str
    posterior: float
    reviewed: bool
    lines: tuple[tuple[str, int], ...]
    wrong_units: int
    missed_units: int
    overcharged_cents: int
    crowd: str


class CrowdLine(msgspec.Struct, frozen=True, kw_only=True):
    """One line as it was told, whether it was true, and who else stood within 1 m."""

    world: int
    posterior: float
    right: bool
    crowd: str


Found = tuple[list[CrowdVisit], list[CrowdLine]]


def measure_crowd(
    visits: int, worlds: int, seed: int, workers: int, told: Callable[[int], None]
) -> dict[str, Any]:
    """Play `visits` visits over `worlds` generated worlds and judge what the engine said of them.

    `told` hears how many visits are done. Gives what `--json` writes: see docs/measures.md.
    """
    found: Found = ([], [])
    for part in over_processes(partial(_play, seed), _parts(visits, worlds), workers):
        found[0].extend(part[0])
        found[1].extend(part[1])
        told(len(found[0]))
    return judged(found, seed, worlds)


def _parts(visits: int, worlds: int) -> list[tuple[int, int, int]]:
    """(world, part, shoppers) of each scene: all worlds before any has its second."""
    parts: list[tuple[int, int, int]] = []
    left = visits
    while left > 0:
        world, part = len(parts) % worlds, len(parts) // worlds
        parts.append((world, part, min(AT_ONCE, left)))
        left -= AT_ONCE
    return parts


def _play(seed: int, asked: tuple[int, int, int]) -> Found:
    world, part, count = asked
    staged = staged_of(drawn_wish(seed, world), drawn_crowd(seed, world, part, count))
    return decided(hear(staged, seed * 1000 + part), world)


def decided(heard: Heard, world: int) -> Found:
    """The visits and lines of one run, each with what the engine thought and what was true."""
    events, carts = _with_carts(heard)
    truth = heard.truth
    prices = {product.gtin: product.price_cents for product in heard.store.products}
    lines = told_lines(events, truth)
    visits = []
    for bill in pair(events, truth):
        if bill.visit is None or bill.closed_ns is None or bill.left_ns is None:
            continue
        chances = _chances(carts[bill.visit])
        billed = tuple(sorted((bill.lines or {}).items()))
        if bill.review is not None:
            billed = max(chances, key=lambda one: chances[one])
        wrong = Counter(dict(billed)) - Counter(bill.true)
        crowds = [
            crowd_at(truth, one.shopper, one.at_ns) for one in lines if one.visit == bill.visit
        ]
        visits.append(
            CrowdVisit(
                world=world,
                seed=truth.seed,
                shopper=bill.shopper,
                visit=bill.visit,
                posterior=chances.get(billed, 0.0),
                reviewed=bill.review is not None,
                lines=billed,
                wrong_units=wrong.total(),
                missed_units=(Counter(bill.true) - Counter(dict(billed))).total(),
                overcharged_cents=sum(prices[gtin] * units for gtin, units in wrong.items()),
                crowd=max(crowds, key=CROWDS[:3].index, default=CROWDS[0])
                if set(crowds) <= set(CROWDS[:3])
                else CROWDS[3],
            )
        )
    told = [
        CrowdLine(
            world=world,
            posterior=one.posterior,
            right=one.right,
            crowd=crowd_at(truth, one.shopper, one.at_ns),
        )
        for one in lines
    ]
    return visits, told


def _with_carts(heard: Heard) -> tuple[list[Event], dict[str, list[tuple[float, Holdings]]]]:
    """The events of a run, and what each visit may have held when it closed."""
    engine, events = Engine(heard.store), list[Event]()
    inside: set[str] = set()
    carts: dict[str, list[tuple[float, Holdings]]] = {}
    for observation in heard.observations:
        for event in engine.step(observation):
            events.append(event)
            if isinstance(event, Entered):
                inside.add(event.visit)
            elif isinstance(event, Exited):
                inside.discard(event.visit)
        if isinstance(observation, _MOVE_BELIEF):
            carts.update((visit, engine.belief.carts(visit)) for visit in inside)
    return events, carts


def _chances(
    carts: Iterable[tuple[float, Holdings]],
) -> dict[tuple[tuple[str, int], ...], float]:
    """P of each bill, over the carts that it would be right for."""
    found: dict[tuple[tuple[str, int], ...], float] = {}
    for p, held in carts:
        lines = tuple(sorted(counted(held).items()))
        found[lines] = found.get(lines, 0.0) + p
    return found


def judged(found: Found, seed: int, worlds: int) -> dict[str, Any]:
    """The figures of many visits and lines."""
    visits, lines = found
    outcomes = [
        VisitOutcome(
            reviewed=one.reviewed,
            probability=one.posterior,
            wrong_units=one.wrong_units,
            missed_units=one.missed_units,
            billed_units=sum(units for _, units in one.lines),
        )
        for one in visits
    ]
    exact = [(one.posterior, one.wrong_units + one.missed_units == 0) for one in visits]
    unreviewed = [pair for pair, one in zip(exact, visits, strict=True) if not one.reviewed]
    return {
        "seed": seed,
        "worlds": worlds,
        "vision": "emulated",
        "transport": "direct",
        "visits": [msgspec.to_builtins(one) for one in visits],
        "reviewed": sum(one.reviewed for one in visits),
        "visit_calibration": calibration(exact),
        "unreviewed_calibration": calibration(unreviewed),
        "line_calibration": calibration((one.posterior, one.right) for one in lines),
        "sure_lines": _by_crowd([(o.crowd, o.right) for o in lines if o.posterior >= SURE]),
        "sure_visits": _by_crowd(
            [(one.crowd, not one.wrong_units) for one in visits if one.posterior >= SURE]
        ),
        "risk_coverage": risk_coverage(outcomes),
    }


def _by_crowd(found: Sequence[tuple[str, bool]]) -> dict[str, dict[str, int]]:
    """How many there were, and how many were wrong, by who stood within 1 m."""
    return {
        crowd: {
            "count": sum(one == crowd for one, _ in found),
            "wrong": sum(one == crowd and not right for one, right in found),
        }
        for crowd in CROWDS
        if any(one == crowd for one, _ in found)
    }
