"""A vision worker emulated from the truth, for runs without frames: what it reports is "emulated".

Errors are correlated in time, hands hide in bursts and more so among people, tracklets break when
people are close. Its numbers are assumptions until they are fitted to reports made from frames.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from sensors.wire import HandReport, LinkReport, TrackReport, VisionReport
from simulator.figure import Figure, Point3, Stance
from simulator.hands import carrying_at, hanging_at
from simulator.people import Side, hand_position, pose_body
from simulator.world import stream

Array = NDArray[np.float64]
Person = tuple[str, Figure, Stance]

FLOOR_SIGMA_M = 0.08
FLOOR_MEMORY_S = 0.6
HAND_SIGMA_M = 0.06
HAND_MEMORY_S = 0.3
HIDDEN_HAND_SHARE = 0.15
CROWDED_HIDDEN_HAND_SHARE = 0.35
HIDDEN_HAND_S = 0.6
LOST_PERSON_SHARE = 0.03
LOST_PERSON_S = 0.5
CROWDED_M = 0.8
DOUBTFUL_M = 0.45
BREAK_EVERY_S = 60.0
DOUBTFUL_BREAK_EVERY_S = 8.0
BREAK_S = (0.3, 0.8)
START_S = (0.3, 0.6)
LINK_REACH_M = 1.5
LINK_FORGET_S = 5.0
_SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(slots=True)
class _Seen:
    """One person as the emulated worker sees them."""

    rng: np.random.Generator
    tracklet: str | None = None
    starts_ns: int = 0
    own: set[str] = field(default_factory=set)
    person_lost: bool = False
    hand_hidden: list[bool] = field(default_factory=lambda: [False, False])
    floor_error: Array = field(default_factory=lambda: np.zeros(2))
    hand_errors: Array = field(default_factory=lambda: np.zeros((2, 3)))


@dataclass(frozen=True, slots=True)
class _Ended:
    at_ns: int
    tracklet: str
    x_m: float
    y_m: float


class EmulatedVision:
    """Turns people as they are into reports as device `device` with `boot` would make them."""

    def __init__(self, store: Store, device: str, boot: str, seed: int) -> None:
        self._floor = store.floor
        self._device, self._boot, self._seed = device, boot, seed
        self._seen: dict[str, _Seen] = {}
        self._ended: list[_Ended] = []
        self._seq = 0
        self._tracklets = 0
        self._before_ns: int | None = None

    def see(self, at_ns: int, people: Sequence[Person]) -> VisionReport:
        """One report; `people` are (id, figure, stance). To be called in order of time."""
        dt = 0.1 if self._before_ns is None else (at_ns - self._before_ns) / 1e9
        self._before_ns = at_ns
        visible = [person for person in people if self._on_floor(person[2])]
        for gone in self._seen.keys() - {person[0] for person in visible}:
            del self._seen[gone]
        self._ended = [e for e in self._ended if at_ns - e.at_ns < LINK_FORGET_S * 1e9]
        tracks: list[TrackReport] = []
        hands: list[HandReport] = []
        links: list[LinkReport] = []
        for name, figure, stance in visible:
            gap_m = min(
                (
                    math.hypot(stance.x_m - other.x_m, stance.y_m - other.y_m)
                    for other_name, _, other in visible
                    if other_name != name
                ),
                default=math.inf,
            )
            seen = self._see(name, at_ns)
            self._age(seen, dt, gap_m, at_ns, stance)
            if at_ns < seen.starts_ns or seen.person_lost:
                continue
            if seen.tracklet is None:
                self._start(seen, stance, links)
            assert seen.tracklet is not None
            tracks.append(_track(seen, seen.tracklet, stance))
            hands.extend(_hands(seen, seen.tracklet, figure, stance))
        report = VisionReport(
            device=self._device,
            boot=self._boot,
            seq=self._seq,
            at_ns=at_ns,
            tracks=tracks,
            hands=hands,
            links=links,
        )
        self._seq += 1
        return report

    def _on_floor(self, stance: Stance) -> bool:
        floor = self._floor
        along = floor.x_min_m < stance.x_m < floor.x_max_m
        return along and floor.y_min_m < stance.y_m < floor.y_max_m

    def _see(self, name: str, at_ns: int) -> _Seen:
        if name not in self._seen:
            rng = stream(self._seed, "emulated vision", name, at_ns)
            seen = _Seen(rng, starts_ns=at_ns + int(rng.uniform(*START_S) * 1e9))
            seen.floor_error = rng.normal(0.0, FLOOR_SIGMA_M, 2)
            seen.hand_errors = rng.normal(0.0, HAND_SIGMA_M, (2, 3))
            self._seen[name] = seen
        return self._seen[name]

    def _age(self, seen: _Seen, dt: float, gap_m: float, at_ns: int, stance: Stance) -> None:
        rng = seen.rng
        _wander(seen.floor_error, FLOOR_SIGMA_M, FLOOR_MEMORY_S, dt, rng)
        _wander(seen.hand_errors, HAND_SIGMA_M, HAND_MEMORY_S, dt, rng)
        share = CROWDED_HIDDEN_HAND_SHARE if gap_m < CROWDED_M else HIDDEN_HAND_SHARE
        for side in (0, 1):
            seen.hand_hidden[side] = _toggle(seen.hand_hidden[side], share, HIDDEN_HAND_S, dt, rng)
        seen.person_lost = _toggle(seen.person_lost, LOST_PERSON_SHARE, LOST_PERSON_S, dt, rng)
        every_s = DOUBTFUL_BREAK_EVERY_S if gap_m < DOUBTFUL_M else BREAK_EVERY_S
        if seen.tracklet is not None and rng.random() < -math.expm1(-dt / every_s):
            self._ended.append(_Ended(at_ns, seen.tracklet, stance.x_m, stance.y_m))
            seen.tracklet = None
            seen.starts_ns = at_ns + int(rng.uniform(*BREAK_S) * 1e9)
            seen.floor_error = rng.normal(0.0, FLOOR_SIGMA_M, 2)

    def _start(self, seen: _Seen, stance: Stance, links: list[LinkReport]) -> None:
        """Begin a tracklet, linked to those that ended nearby lately: rightly and wrongly."""
        self._tracklets += 1
        seen.tracklet = f"{self._device}-{self._tracklets}"
        seen.own.add(seen.tracklet)
        for ended in list(self._ended):
            if math.hypot(ended.x_m - stance.x_m, ended.y_m - stance.y_m) > LINK_REACH_M:
                continue
            mean = -2.0
            if ended.tracklet in seen.own:
                mean = 4.0
                self._ended.remove(ended)
            ratio = round(float(seen.rng.normal(mean, 1.5)), 3)
            link = LinkReport(
                earlier=ended.tracklet, later=seen.tracklet, log_likelihood_ratio=ratio
            )
            links.append(link)


def _wander(
    error: Array, sigma: float, memory_s: float, dt: float, rng: np.random.Generator
) -> None:
    """One step of an Ornstein–Uhlenbeck process of that standard deviation, in place."""
    keep = math.exp(-dt / memory_s)
    error *= keep
    error += rng.normal(0.0, sigma * math.sqrt(1 - keep * keep), error.shape)


def _toggle(on: bool, share: float, seconds: float, dt: float, rng: np.random.Generator) -> bool:
    """One step of a state that is on for `share` of the time, in bursts of `seconds` on average."""
    rate = 1 / seconds if on else share / ((1 - share) * seconds)
    return on != (rng.random() < -math.expm1(-dt * rate))


def _track(seen: _Seen, tracklet: str, stance: Stance) -> TrackReport:
    variance = FLOOR_SIGMA_M**2
    jitter = seen.rng.normal(0.0, 0.08, 2)
    return TrackReport(
        tracklet=tracklet,
        x_m=round(stance.x_m + float(seen.floor_error[0]), 4),
        y_m=round(stance.y_m + float(seen.floor_error[1]), 4),
        covariance=(variance, 0.0, variance),
        vx_m_s=round(stance.speed_m_s * math.cos(stance.heading_rad) + float(jitter[0]), 3),
        vy_m_s=round(stance.speed_m_s * math.sin(stance.heading_rad) + float(jitter[1]), 3),
    )


def _hands(seen: _Seen, tracklet: str, figure: Figure, stance: Stance) -> list[HandReport]:
    reaching = stance.left_hand_m is not None or stance.right_hand_m is not None
    body = pose_body(figure, stance) if reaching else None
    found = []
    for i, side in enumerate(_SIDES):
        if seen.hand_hidden[i]:
            continue
        x, y, z = _idle(figure, stance, side) if body is None else hand_position(body, side)
        error = seen.hand_errors[i]
        report = HandReport(
            tracklet=tracklet,
            side=side,
            x_m=round(x + float(error[0]), 4),
            y_m=round(y + float(error[1]), 4),
            z_m=round(max(0.0, z + float(error[2])), 4),
            sigma_m=HAND_SIGMA_M,
            views=int(seen.rng.integers(1, 4)),
        )
        found.append(report)
    return found


def _idle(figure: Figure, stance: Stance, side: Side) -> Point3:
    """Where a hand hangs, or carries something."""
    holds = stance.left_holds if side == "left" else stance.right_holds
    where = hanging_at if holds is None else carrying_at
    return where(figure.height_m, (stance.x_m, stance.y_m), stance.heading_rad, side)
