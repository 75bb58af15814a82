"""Everything that enters fusion: one frozen record per kind of thing that a store can notice.

`at_ns` is device time in integer nanoseconds, corrected for the device's clock offset;
`time_sigma_ns` is the standard deviation of what that correction leaves. Lengths are metres in
the store's floor frame, weights grams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What all observations share."""

    at_ns: int
    time_sigma_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPoint(Observation):
    """Where one tracklet stands on the floor; covariance in m² as (xx, xy, yy)."""

    tracklet: str
    x_m: float
    y_m: float
    covariance: tuple[float, float, float]
    vx_m_s: float = 0.0
    vy_m_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackletLink(Observation):
    """How likely two tracklets are one person: a log-likelihood ratio."""

    earlier: str
    later: str
    log_likelihood_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HandPoint(Observation):
    """Where one hand of a tracklet is; `sigma_m` per axis, `views` cameras that saw it.

    No camera sees an `occluded` hand: its place is a guess, and no evidence. `covariance` (xx, xy,
    xz, yy, yz, zz) is in m², where vision tells it.
    """

    tracklet: str
    side: Literal["left", "right"]
    x_m: float
    y_m: float
    z_m: float
    sigma_m: float
    views: int
    occluded: bool = False
    covariance: tuple[float, float, float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSighting(Observation):
    """What cameras make of what a tracklet's hand held, before or after it was in a rack.

    `scores` are the probabilities of the likeliest products by GTIN; `unknown` is that of anything
    else, an empty hand too; what both leave of 1 belongs to products that are not listed. `crops`
    of pictures taken from `began_ns` to `ended_ns` were pooled.
    """

    tracklet: str
    side: Literal["left", "right"]
    moment: Literal["before", "after"]
    scores: tuple[tuple[str, float], ...]
    unknown: float
    crops: int
    began_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightStep(Observation):
    """A change of weight on neighbouring plates of a shelf; `at_ns` is when it settled.

    `plates` are 1-based, `delta_g` and `sigma_g` one value per plate.
    """

    shelf: str
    began_ns: int
    plates: tuple[int, ...]
    delta_g: tuple[float, ...]
    sigma_g: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightTransient(Observation):
    """Plates of a shelf moved and came back to what they weighed: a hand pressed or leaned, or
    something was lifted and put down again. `at_ns` is when that was certain.

    `plates` are 1-based, `peak_g` is how far each was off at most.
    """

    shelf: str
    began_ns: int
    plates: tuple[int, ...]
    peak_g: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRead(Observation):
    """One read of an RFID tag by an antenna."""

    antenna: str
    epc: str
    rssi_dbm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TagPresence(Observation):
    """A tag came into an antenna's field, or left it: `probability` that it is there now.

    `since_ns` is its first read of this stay where it came, its last one where it left.
    `absence_log_ratio` is the log-likelihood ratio of the silence since its last read: taken away
    just then, against still there. `gtin` is None where the code names no product.
    """

    antenna: str
    epc: str
    gtin: str | None
    present: bool
    probability: float
    absence_log_ratio: float
    since_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitReads(Observation):
    """What a gate's antennas read while somebody went out at `crossed_ns`.

    `reads` are pairs of EPC and how often it was read from `began_ns` to `at_ns`; of people who
    cross soon after one another each has their own, and a read may count for several. `tracklets`
    are those nearest to the gate as it was crossed, with their distances in metres.
    """

    gate: str
    crossed_ns: int
    began_ns: int
    reads: tuple[tuple[str, int], ...]
    tracklets: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeScanned(Observation):
    """An entry code that a gate read and the store verified, and how many persons it lets in."""

    gate: str
    shopper: str
    group_size: int = 1
    staff: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCrossing(Observation):
    """Somebody passed a gate's light barrier."""

    gate: str
    direction: Literal["in", "out"]


CameraState = Literal[
    "opening", "up", "stalled", "frozen", "wrong_size", "moved", "covered", "down"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraCondition:
    """How a camera fares: `age_ms` is how old its newest picture was, frames are counted since its
    worker started."""

    state: CameraState
    fps: float
    age_ms: float
    frames: int
    dropped: int
    late: int
    broken: int
    size_px: tuple[int, int]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceHealth(Observation):
    """A device says whether it is up, a camera also how it fares."""

    device: str
    up: bool
    reason: str = ""
    camera: CameraCondition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCounted(Observation):
    """A person counted the units of a facing."""

    facing: str
    units: int
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDecided(Observation):
    """A labeler's verdict on one review case: what the visit took, by GTIN and units.

    `lines` is None where the labeler could not tell.
    """

    review: str
    lines: tuple[tuple[str, int], ...] | None
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanogramChanged(Observation):
    """A facing now holds another product."""

    facing: str
    gtin: str
    units: int
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Observation):
    """Silence: time went on and nothing was said."""
