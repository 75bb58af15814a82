"""Fits what the engine knows of reaching hands to played scenes, where it is true who took what.

A played scene gives, for every step of weight, what was seen of each visit that was there and, from
the truth alone, which of them did it. Where vision takes somebody else for whoever did, the hands
that are seen are not theirs: how often that is, is a matter of identities and not of reaching, so
such steps are left out, and counted. First the constants that say where hands are seen get the
greatest likelihood of the hands that were seen; then the others the greatest likelihood of the true
visits under the engine's softmax.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from cart.events import Entered, Evidence
from fusion.decision import Decision, place_of
from fusion.engine import Engine
from fusion.reach import UNSEEN_BODY, Constants, Sighting, frames_log_ratio, log_ratio, sight
from sensors.observations import Observation, WeightStep
from sensors.store import Store, parse_store
from service.cli_common import truth_of
from service.jobs import one_thread_each
from service.recording import Recording, RecordingError
from service.simulate import DATASETS, Vision, bill, stage
from service.simulate import simulate as play
from service.worker_pool import worker_pool
from simulator.truth import Truth

Array = NDArray[np.float64]
Loss = Callable[[Constants], float]

RECORDING = ".mcap"
SCENES = ("fit-blind", "fit-crowd", "fit-deli", "fit-kiosk", "reach-corner")
NEAR_NS = 1_000_000_000  # between a deed and the beginning or end of its step
STANDS_NEAR_M = 1.2
IS_THERE_M = 0.7  # between where somebody truly is and where their visit is seen
HANDS = ("short_away", "short_away_sd", "short_left_sd", "short_up", "short_up_sd", "unseen_share")
PEOPLE = (
    "arm_m",
    "aside_sd",
    "before_sd",
    "stretched_share",
    "stretch",
    "unseen_share",
    "frames_weight",
)
SHARES = ("stretched_share", "unseen_share")
STIFFNESS = 5.0  # nats over all deeds that a constant's change by a factor of e, or a metre, costs
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True, slots=True)
class Deed:
    """A step of weight, what was seen of each visit's persons around it, and whose it truly was."""

    step: WeightStep
    facing: str
    grew: bool
    seen: dict[str, list[Sighting | None]]
    places: dict[str, list[tuple[float, float] | None]] = field(default_factory=dict)
    visit: str = ""


class _Watcher(Engine):
    """An engine that notes what it knew when it decided."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.deeds: list[Deed] = []
        self._noted: set[int] = set()
        self.visits: list[tuple[str, str]] = []
        self.decisions.listen(self._note)

    def hear(self, observation: Observation) -> None:
        for event in self.step(observation):
            if isinstance(event, Entered):
                self.visits.append((event.shopper, event.visit))

    def _note(self, decision: Decision, _evidence: tuple[Evidence, ...]) -> None:
        if decision.deed in self._noted:  # what came later moves it, but hands are those of before
            return
        self._noted.add(decision.deed)
        step, part, place = decision.step, decision.part, place_of(decision.part)
        persons = {visit: self._accounts[visit].persons for visit in decision.present}
        seen = {v: [sight(self.people, p, place, step) for p in of] for v, of in persons.items()}
        places = {v: [self._where(p, step.began_ns) for p in of] for v, of in persons.items()}
        self.deeds.append(Deed(step, part.place.id, part.delta_g > 0, seen, places))

    def _where(self, person: str, at_ns: int) -> tuple[float, float] | None:
        point = self.people.body_at(person, at_ns)
        return None if point is None else (point.x_m, point.y_m)


def fit_scenes() -> list[Path]:
    """The scenes that the shipped constants were fitted on."""
    return [DATASETS / "scenes" / f"{name}.yaml" for name in SCENES]


def collect(sources: Sequence[Path], seeds: Iterable[int], vision: Vision, jobs: int) -> list[Deed]:
    """All deeds of which it is known whose they were: of scenes with each seed, of recordings."""
    wanted = [(one, None, vision) for one in sources if one.suffix == RECORDING] + [
        (one, seed, vision) for seed in seeds for one in sources if one.suffix != RECORDING
    ]
    with one_thread_each(), worker_pool(jobs) as pool:
        return [deed for deeds in pool.map(_watch, *zip(*wanted, strict=True)) for deed in deeds]


def _watch(source: Path, seed: int | None, vision: Vision) -> list[Deed]:
    if seed is None:
        watcher, truth = _billed_again(Recording.open(source))
    else:
        staged = stage(source)
        watcher = _Watcher(staged.store)
        truth = play(staged, seed, vision, listen=watcher.hear).truth
    shoppers = {visit: shopper for shopper, visit in watcher.visits}
    return [
        replace(deed, visit=visit)
        for deed in watcher.deeds
        if (visit := _whose(deed, truth, watcher.visits)) is not None
        and _is_taken_for_themselves(deed, visit, truth, shoppers[visit])
    ]


def _is_taken_for_themselves(deed: Deed, visit: str, truth: Truth, shopper: str) -> bool:
    """Whether some member of the visit truly was where the visit was seen, if it was seen."""
    seen = [place for place in deed.places[visit] if place is not None]
    members = [shopper, *(m for v in truth.visits if v.shopper == shopper for m in v.members)]
    true = [_place_at(truth.paths[m], deed.step.began_ns) for m in members if m in truth.paths]
    return not seen or any(math.dist(a, b) < IS_THERE_M for a in seen for b in true)


def _place_at(path: Sequence[tuple[int, float, float]], at_ns: int) -> tuple[float, float]:
    _, x_m, y_m = min(path, key=lambda one: abs(one[0] - at_ns))
    return x_m, y_m


def _billed_again(recording: Recording) -> tuple[_Watcher, Truth]:
    truth = truth_of(recording)
    if truth is None:
        raise RecordingError(f"{recording.path}: the recording carries no truth to fit to")
    store = parse_store(recording.store_text, f"{recording.path}: store.yaml")
    watcher = _Watcher(store)
    bill(store, recording.code_key, list(recording.entries()), watcher.hear)
    return watcher, truth


def _whose(deed: Deed, truth: Truth, visits: list[tuple[str, str]]) -> str | None:
    """The visit that did it; None where nobody did, several did, or whoever did has no visit."""
    code = {member: visit.shopper for visit in truth.visits for member in visit.members}
    who = set()
    for move in truth.moves:
        slid = move.kind == "slide" and deed.grew
        if (slid or move.kind in ("put_back", "restock")) != deed.grew:
            continue
        there = (move.to if slid else move.facing) == deed.facing
        if there and deed.step.began_ns - NEAR_NS < move.at_ns < deed.step.at_ns + NEAR_NS:
            who.add(code.get(move.shopper, move.shopper))
    found = [visit for shopper, visit in visits if {shopper} == who and visit in deed.seen]
    return found[-1] if found else None


class Stacked:
    """Deeds as arrays: one row per person who was there."""

    def __init__(self, deeds: Sequence[Deed]) -> None:
        rows = [
            (number, visit, seen, visit == deed.visit)
            for number, deed in enumerate(deeds)
            for visit, persons in deed.seen.items()
            for seen in persons
        ]
        visits = {key: n for n, key in enumerate(dict.fromkeys((r[0], r[1]) for r in rows))}
        self.count = len(deeds)
        self._visit = np.array([visits[r[0], r[1]] for r in rows])
        self._deed = np.array([number for number, _ in visits])
        self._did = np.array([deeds[number].visit == visit for number, visit in visits])
        self._known = np.array([r[2] is not None for r in rows])
        self._sightings = _stack([r[2] for r in rows if r[2] is not None])
        did = np.array([r[3] for r in rows])[self._known]
        near = np.hypot(self._sightings.body[:, 0], self._sightings.body[:, 1]) < STANDS_NEAR_M
        self.reaching = _some(self._sightings, did & near)
        self.standing_by = _some(self._sightings, ~did & near)

    def log_chances(self, by: Constants) -> tuple[Array, Array]:
        """Of each deed: log P(the true visit) and log P(the likeliest)."""
        rows = np.full(len(self._known), np.log(UNSEEN_BODY))
        rows[self._known] = log_ratio(self._sightings, by)
        ratio = np.full(len(self._deed), -np.inf)
        np.maximum.at(ratio, self._visit, rows)
        total = np.full(self.count, -np.inf)
        np.logaddexp.at(total, self._deed, ratio)
        chance = ratio - total[self._deed]
        likeliest = np.full(self.count, -np.inf)
        np.maximum.at(likeliest, self._deed, chance)
        return chance[self._did], likeliest


def _stack(seen: Sequence[Sighting]) -> Sighting:
    hands = np.full((len(seen), max(len(one.hands) for one in seen), 2, 3), np.nan)
    for row, one in zip(hands, seen, strict=True):
        row[: len(one.hands)] = one.hands
    return Sighting(
        np.array([one.body for one in seen]),
        np.array([one.variance for one in seen]),
        hands,
        np.array([one.height_m for one in seen]),
    )


def _some(seen: Sighting, which: NDArray[np.bool_]) -> Sighting:
    return Sighting(seen.body[which], seen.variance[which], seen.hands[which], seen.height_m[which])


def fit(deeds: Sequence[Deed], start: Constants) -> Constants:
    """The constants that fit the deeds best, from `start` on."""
    stacked = Stacked(deeds)
    hands = stacked.standing_by.hands
    found = replace(
        start,
        bystander_mean=tuple(np.nanmean(hands, axis=(0, 1, 2)).tolist()),
        bystander_sd=tuple(np.nanstd(hands, axis=(0, 1, 2)).tolist()),
    )
    stiff = STIFFNESS / stacked.count
    found = _improved(
        found, HANDS, stiff, lambda c: -float(frames_log_ratio(stacked.reaching, c).mean())
    )
    return _improved(found, PEOPLE, stiff, lambda c: -float(stacked.log_chances(c)[0].mean()))


def _improved(start: Constants, names: Sequence[str], stiff: float, loss: Loss) -> Constants:
    """`start` with the named constants where the loss is least; each stays on its side of zero."""
    origin = np.concatenate([_free(name, getattr(start, name)) for name in names])

    def constants(point: Array) -> Constants:
        values: dict[str, Any] = {}
        at = 0
        for name in names:
            size = np.size(getattr(start, name))
            values[name] = _bound(name, point[at : at + size])
            at += size
        return replace(start, **values)

    def cost(point: Array) -> float:
        return loss(constants(point)) + stiff * float(((point - origin) ** 2).sum())

    best = minimize(cost, origin, method="L-BFGS-B", options={"maxiter": 60, "eps": 1e-4})
    return constants(best.x)


def _free(name: str, value: float | tuple[float, ...]) -> Array:
    """A constant as the optimiser sees it, without bounds."""
    if isinstance(value, tuple):
        return np.array(value)
    return np.array([np.log(value / (1 - value)) if name in SHARES else np.log(value)])


def _bound(name: str, free: Array) -> float | tuple[float, ...]:
    if len(free) > 1:
        return tuple(free.tolist())
    value = float(np.exp(free[0]))
    return value / (1 + value) if name in SHARES else value


def judged(deeds: Sequence[Deed], by: Constants) -> dict[str, Any]:
    """How well the constants tell whose deeds these were, and whether P means what it says."""
    true, likeliest = Stacked(deeds).log_chances(by)
    right, said = true >= likeliest - 1e-9, np.exp(likeliest)
    bins = []
    for least, most in pairwise(BINS):
        inside = (said >= least) & ((said < most) | (most == 1.0))
        if inside.any():
            bins.append(
                {
                    "from": least,
                    "deeds": int(inside.sum()),
                    "said": float(said[inside].mean()),
                    "right": float(right[inside].mean()),
                }
            )
    return {
        "deeds": len(deeds),
        "log_loss": -float(true.mean()),
        "right": float(right.mean()),
        "below_0.9": float((said < 0.9).mean()),
        "wrong_from_0.9": int(((said >= 0.9) & ~right).sum()),
        "ece": sum(one["deeds"] * abs(one["said"] - one["right"]) for one in bins) / len(deeds),
        "bins": bins,
    }
