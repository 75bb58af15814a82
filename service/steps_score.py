"""Which laid steps a detector found, what it found that was not there, and how honest its σ is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensors.observations import WeightStep
from service.steps_laid import Laid

Array = NDArray[np.float64]

EARLY_S = 0.05  # a step cannot be told sooner after it began
AFTER_S = 0.3  # nor begin later after the laid one had settled
CLAIM_SHARE = 0.3  # of what a plate felt: less is no sign of that step
SIZE_G, SIZE_SHARE = 5.0, 0.2  # a step was found where its size is right within the larger


@dataclass(frozen=True, slots=True)
class Told:
    """A step with the moment at which the detector told it, seconds."""

    step: WeightStep
    told_s: float


@dataclass(frozen=True, slots=True)
class Judged:
    """One laid step: its size, that over the plates' noise, and what became of it.

    `found` within the right size; then `late_s` after its settling, `began_off_s` of its
    beginning, the error over the stated sigma of each of its plates (`z`) and of the whole step
    (`z_sum`), and the stated sigma of its loudest plate.
    """

    grams: float
    over_noise: float
    slow: bool
    plates: int
    found: bool
    late_s: float = 0.0
    began_off_s: float = 0.0
    z: tuple[float, ...] = ()
    z_sum: float = 0.0
    sigma_g: float = 0.0


@dataclass(slots=True)
class Tally:
    """What came out of some time of some plates."""

    plate_hours: float = 0.0
    judged: list[Judged] = field(default_factory=list)
    false: int = 0
    pairs: int = 0
    apart: int = 0
    transients: int = 0
    presses: int = 0

    def add(self, other: Tally) -> None:
        """Take in what came out of other plates."""
        self.plate_hours += other.plate_hours
        self.judged += other.judged
        self.false += other.false
        self.pairs += other.pairs
        self.apart += other.apart
        self.transients += other.transients
        self.presses += other.presses


def judge(told: Sequence[Told], laid: Sequence[Laid], level_sigma_g: Array) -> Tally:
    """Hold what was told against what was laid; `level_sigma_g` is the plates' noise by which
    sizes are divided."""
    tally = Tally()
    claims: dict[int, list[Told]] = {index: [] for index in range(len(laid))}
    errors: dict[tuple[int, int], float] = {}  # by identity of a told step, and plate
    for one in told:
        claimed = [i for i, event in enumerate(laid) if _claims(one.step, event)]
        fresh = [i for i in claimed if len(claims[i]) < len(laid[i].plates)]
        tally.false += not fresh
        for index in fresh:
            claims[index].append(one)
        for plate, delta in zip(one.step.plates, one.step.delta_g, strict=True):
            true = sum(float(laid[i].felt_g[plate - 1]) for i in fresh)
            errors[id(one), plate - 1] = delta - true
    found: dict[int, bool] = {}
    for index, event in enumerate(laid):
        judged = _judged(event, claims[index], errors, level_sigma_g)
        found[index] = judged.found
        tally.judged.append(judged)
    pairs: dict[int, list[int]] = {}
    for index, event in enumerate(laid):
        if event.pair is not None:
            pairs.setdefault(event.pair, []).append(index)
    for first, second in pairs.values():
        if found[first] and found[second]:
            tally.pairs += 1
            tally.apart += claims[first][0] is not claims[second][0]
    return tally


def _claims(step: WeightStep, event: Laid) -> bool:
    if step.at_ns / 1e9 < event.began_s + EARLY_S:
        return False
    if step.began_ns / 1e9 > event.settled_s + AFTER_S:
        return False
    deltas = dict(zip(step.plates, step.delta_g, strict=True))
    return any(
        deltas.get(plate + 1, 0.0) / event.felt_g[plate] > CLAIM_SHARE for plate in event.plates
    )


def _judged(
    event: Laid, claims: list[Told], errors: dict[tuple[int, int], float], level_sigma_g: Array
) -> Judged:
    plates = list(event.plates)
    grams = abs(float(event.felt_g[plates].sum()))
    noise = float(np.sqrt((level_sigma_g[plates] ** 2).sum()))
    missed = Judged(grams, grams / noise, event.slow, len(plates), False)
    if not claims:
        return missed
    off: dict[int, float] = {}
    sigma: dict[int, float] = {}
    for plate in plates:
        tellers = [one for one in claims if plate + 1 in one.step.plates]
        if tellers:
            most = max(tellers, key=lambda one: abs(_of(one.step.delta_g, one, plate)))
            off[plate] = errors[id(most), plate]
            sigma[plate] = _of(most.step.sigma_g, most, plate)
    untold = sum(float(event.felt_g[plate]) for plate in plates if plate not in off)
    if abs(sum(off.values()) - untold) > max(SIZE_G, SIZE_SHARE * grams):
        return missed
    first = claims[0].step
    whole = sum(errors[id(claims[0]), p - 1] for p in first.plates)
    return Judged(
        grams,
        grams / noise,
        event.slow,
        len(plates),
        True,
        late_s=max(one.told_s for one in claims) - event.settled_s,
        began_off_s=first.began_ns / 1e9 - event.began_s,
        z=tuple(off[p] / sigma[p] for p in off),
        z_sum=whole / float(np.sqrt(sum(s * s for s in first.sigma_g))),
        sigma_g=max(sigma.values()),
    )


def _of(values: tuple[float, ...], one: Told, plate: int) -> float:
    return values[one.step.plates.index(plate + 1)]
