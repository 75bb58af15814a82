"""How emulated vision errs: the figures that `simulator.emulation_fit` takes from rendered frames.

Every figure is conditional on what makes vision err: how many cameras have a clear view (`views`:
0, 1, 2, 3 or more), how near the next person is (`crowd`: alone, within 1.2 m, within 0.6 m), and
whether a hand reaches. Distributions are eleven quantiles, from the least value to the greatest.
"""

from __future__ import annotations

from bisect import bisect_right
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

VIEWS = 4
CROWD_M = (1.2, 0.6)
COMPANY = 4  # bins: nobody, one, two, three or more others within CROWD_M[0]
STEP_S = 0.1
QUANTILES = np.linspace(0.0, 1.0, 11)
_STEPS = QUANTILES.tolist()

Deciles = Annotated[list[float], msgspec.Meta(min_length=11, max_length=11)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
PerSecond = Annotated[float, msgspec.Meta(ge=0)]
ByViews = Annotated[list[float], msgspec.Meta(min_length=VIEWS, max_length=VIEWS)]
ByViewsAndCrowd = Annotated[list[list[float]], msgspec.Meta(min_length=VIEWS, max_length=VIEWS)]


class EmulationError(Exception):
    """The file of fitted figures cannot be used; the message names it and says why."""


class Tracking(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How people are followed on the floor; rates by [views][crowd], per second.

    A person is lost (hidden, the tracklet goes on or is forgotten after `forget_s`) or the
    tracklet breaks and another begins after a gap. Two persons swap at a rate by their company.
    """

    start_s: Deciles
    lose_per_s: ByViewsAndCrowd
    find_per_s: ByViewsAndCrowd
    break_per_s: ByViewsAndCrowd
    gap_s: Deciles
    forget_s: float
    swap_per_s: list[float]
    error_m: list[Deciles]
    memory_s: float
    reported_sigma_m: ByViews
    ghosts_per_s: PerSecond
    ghost_s: Deciles
    ghost_away_m: Deciles


class HandErrors(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Errors of a hand in the frame (away from the body, to its left, up), metres.

    Mean = `bias` (3×3) · (1, distance from the body, height); the rest has the Cholesky factor
    `spread` (3×3) and tails that `stretch` (quantiles of the Mahalanobis distance) gives.
    """

    bias: list[list[float]]
    spread: list[list[float]]
    stretch: Deciles
    reported_sigma_m: Deciles


class HandSeeing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How hands are seen: not at all, by one camera, by several.

    `chain[reaching][views]` (3×3) gives the next state, a step of STEP_S on; `errors[reaching]`
    is for one camera, then for several. `wrong_side` and `stolen` (another's hand taken for one's
    own, by crowd) are shares of time, in bursts of `wrong_side_s` and `stolen_s`.
    """

    chain: list[list[list[list[float]]]]
    errors: list[list[HandErrors]]
    memory_s: float
    wrong_side: list[float]
    wrong_side_s: float
    stolen: list[float]
    stolen_s: float


class Links(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Links from a new tracklet to ended ones: how often one is told, and its log-likelihood
    ratio, where both are one person and where they are not."""

    told_right: Share
    right_ratio: Deciles
    told_wrong: Share
    wrong_ratio: Deciles


Sample = tuple[Share, Share, Share]
Samples = Annotated[list[Sample], msgspec.Meta(min_length=1, max_length=1000)]
ByViewsSamples = Annotated[list[Samples], msgspec.Meta(min_length=VIEWS, max_length=VIEWS)]


class SightingErrors(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Sightings of what hands hold, by [views]: the share of times that one is `told` when a hand
    goes into a rack or has come out, and what they said of hands that held something and of empty
    ones: (probability of what was truly held, of unknown, of the likeliest wrong product)."""

    told: Annotated[list[Share], msgspec.Meta(min_length=VIEWS, max_length=VIEWS)]
    held: ByViewsSamples
    empty: ByViewsSamples


class Emulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole fit; `made_by`, `scenes` and `person_seconds` say what from.

    `sightings` is None where vision told of none, for want of a gallery.
    """

    made_by: str
    model_sha256: str
    scenes: list[str]
    person_seconds: float
    tracking: Tracking
    hands: HandSeeing
    links: Links
    sightings: SightingErrors | None = None


def load_emulation(path: Path) -> Emulation:
    """Read the fitted figures. Raises EmulationError naming the file and the field at fault."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Emulation)
    except OSError as error:
        raise EmulationError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EmulationError(f"{path}: {error}; make it with: openaisle emulation fit") from error


def save_emulation(path: Path, emulation: Emulation) -> None:
    """Write the figures as readable JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(emulation), indent=1) + b"\n")


def crowd_of(gap_m: float) -> int:
    """The crowd bin of somebody whose next neighbour is `gap_m` away."""
    return sum(gap_m < least for least in CROWD_M)


def company_of(others: int) -> int:
    """The company bin of somebody with so many others within CROWD_M[0]."""
    return min(others, COMPANY - 1)


def draw(quantiles: list[float], uniform: float) -> float:
    """The value of a distribution at `uniform` in 0…1: `np.interp` of one value, in less time."""
    at = min(max(bisect_right(_STEPS, uniform) - 1, 0), len(_STEPS) - 2)
    low, high = _STEPS[at], _STEPS[at + 1]
    slope = (quantiles[at + 1] - quantiles[at]) / (high - low)
    return quantiles[-1] if uniform >= 1.0 else slope * (uniform - low) + quantiles[at]
