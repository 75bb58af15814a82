"""A vision worker emulated from the truth, for runs without frames: what it reports is "emulated".

It errs as `simulator.emulation` says that vision errs on rendered frames: errors are correlated in
time and depend on how many cameras have a clear view, on how near others are, and on whether a
hand reaches; hands hide in bursts; tracklets are lost, break and swap.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sensors.camera import CameraModel
from sensors.store import Store
from sensors.wire import HandReport, LinkReport, SightingReport, TrackReport, VisionReport
from simulator.emulation import CROWD_M, STEP_S, VIEWS, Emulation, company_of, crowd_of, draw
from simulator.figure import Figure, Point3, Stance
from simulator.hands import carrying_at, hanging_at
from simulator.people import Side, palms
from simulator.sightings import SightingMaker
from simulator.visibility import Sight
from simulator.world import stream

Array = NDArray[np.float64]
Person = tuple[str, Figure, Stance]
Place = Sequence[float]

LINK_REACH_M = 1.5
LINK_FORGET_S = 5.0
_SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(slots=True)
class _Seen:
    """One person as the emulated worker sees them; `floor` and `hands` are unit normal errors."""

    rng: np.random.Generator
    starts_ns: int
    floor: Array
    hands: Array
    tracklet: str | None = None
    lost_s: float | None = None
    own: set[str] = field(default_factory=set)
    states: list[int] = field(default_factory=lambda: [2, 2])
    wrong_side: bool = False
    stolen: bool = False


@dataclass(frozen=True, slots=True)
class _Ended:
    at_ns: int
    tracklet: str
    x_m: float
    y_m: float


@dataclass(slots=True)
class _Ghost:
    """A tracklet of nobody."""

    tracklet: str
    x_m: float
    y_m: float
    until_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class _Instant:
    """People now: places (N, 3); by person both hands, whether they reach, the views of body and
    hands, who is nearest to them, and their crowd and company bins."""

    bodies: Array
    hands: list[tuple[Point3, Point3]]
    reaching: list[tuple[bool, bool]]
    body_views: list[int]
    hand_views: list[list[int]]
    nearest: list[int]
    crowd: list[int]
    company: list[int]


class EmulatedVision:
    """Turns people as they are into reports as device `device` with `boot` would make them.

    `cameras` are those of the true store; `emulation` says how vision errs.
    """

    def __init__(
        self,
        store: Store,
        cameras: Sequence[CameraModel],
        emulation: Emulation,
        device: str,
        boot: str,
        seed: int,
    ) -> None:
        self._floor = store.floor
        self._sight = Sight(store, cameras)
        self._cameras = list(cameras)
        self._fit = emulation
        self._chain = np.array(emulation.hands.chain).cumsum(axis=3).tolist()
        self._shapes = [
            [(np.array(one.bias), np.array(one.spread)) for one in reaching]
            for reaching in emulation.hands.errors
        ]
        self._device, self._boot, self._seed = device, boot, seed
        self._rng = stream(seed, "emulated vision")
        self._seen: dict[str, _Seen] = {}
        self._ended: list[_Ended] = []
        self._ghosts: list[_Ghost] = []
        self._seq = 0
        self._tracklets = 0
        self._before_ns: int | None = None
        errors = emulation.sightings
        self._sightings = None if errors is None else SightingMaker(store, errors, seed)

    def see(
        self, at_ns: int, people: Sequence[Person], without: Sequence[str] = ()
    ) -> VisionReport:
        """One report; `people` are (id, figure, stance), `without` the cameras that are out.

        To be called in order of time.
        """
        dt = STEP_S if self._before_ns is None else (at_ns - self._before_ns) / 1e9
        self._before_ns = at_ns
        visible = [person for person in people if self._on_floor(person[2])]
        for gone in self._seen.keys() - {person[0] for person in visible}:
            del self._seen[gone]
        self._ended = [e for e in self._ended if at_ns - e.at_ns < LINK_FORGET_S * 1e9]
        self._ghosts = [g for g in self._ghosts if at_ns < g.until_ns]
        tracks: list[TrackReport] = []
        hands: list[HandReport] = []
        links: list[LinkReport] = []
        sightings: list[SightingReport] = []
        if visible:
            now = self._look(visible, without)
            bodies = now.bodies.tolist()
            seen = [self._see(name, at_ns) for name, _, _ in visible]
            self._swap(seen, now, dt)
            covered = self._covered(now.bodies, without)
            for n, one in enumerate(seen):
                if not covered[n]:
                    self._miss(one, at_ns, bodies[n], dt)
                    continue
                views, crowd = now.body_views[n], now.crowd[n]
                tracked = self._follow(one, at_ns, bodies[n], views, crowd, dt, links)
                sightings += self._hold(
                    visible[n], one.tracklet if tracked else None, now, n, at_ns
                )
                if not tracked:
                    continue
                tracks.append(self._track(one, visible[n][2], views, dt))
                hands.extend(self._hands(one, bodies[n], now, n, dt))
        if len(set(without)) < len(self._cameras):
            tracks += [self._haunt(ghost) for ghost in self._ghosts]
        report = VisionReport(
            device=self._device,
            boot=self._boot,
            seq=self._seq,
            at_ns=at_ns,
            tracks=tracks,
            hands=hands,
            links=links,
            sightings=sightings,
        )
        self._seq += 1
        return report

    def _hold(
        self, person: Person, tracklet: str | None, now: _Instant, n: int, at_ns: int
    ) -> list[SightingReport]:
        if self._sightings is None:
            return []
        name, _, stance = person
        holds = stance.left_holds, stance.right_holds
        return self._sightings.see(at_ns, name, tracklet, now.hands[n], holds, now.hand_views[n])

    def _covered(self, bodies: Array, without: Sequence[str]) -> NDArray[np.bool_]:
        """Whether some working camera's picture has their middle; what hides them aside.

        While all work, everybody is: what nobody sees then is in the fit.
        """
        covered = np.full(len(bodies), not without)
        middles = bodies * (1.0, 1.0, 0.6)
        for camera in self._cameras:
            if without and camera.id not in without:
                pixels, depths = camera.project(middles)
                inside = (pixels >= 0).all(axis=1) & (depths > 0)
                inside &= (pixels[:, 0] < camera.width_px) & (pixels[:, 1] < camera.height_px)
                covered |= inside
        return covered

    def _miss(self, one: _Seen, at_ns: int, body: Place, dt: float) -> None:
        """Somebody whom no camera can see is lost."""
        if one.lost_s is not None:
            one.lost_s += dt
        elif one.tracklet is not None:
            one.lost_s = 0.0
            self._ended.append(_Ended(at_ns, one.tracklet, body[0], body[1]))

    def _on_floor(self, stance: Stance) -> bool:
        floor = self._floor
        along = floor.x_min_m < stance.x_m < floor.x_max_m
        return along and floor.y_min_m < stance.y_m < floor.y_max_m

    def _look(self, visible: Sequence[Person], without: Sequence[str]) -> _Instant:
        bodies = np.array([(s.x_m, s.y_m, f.height_m) for _, f, s in visible])
        hands = [_palms(figure, stance) for _, figure, stance in visible]
        clear = self._sight.clear(bodies, np.array(hands), without)
        apart = np.hypot(
            bodies[:, None, 0] - bodies[None, :, 0], bodies[:, None, 1] - bodies[None, :, 1]
        )
        np.fill_diagonal(apart, np.inf)
        return _Instant(
            bodies,
            hands,
            [(s.left_hand_m is not None, s.right_hand_m is not None) for _, _, s in visible],
            np.minimum(clear.bodies, VIEWS - 1).tolist(),
            np.minimum(clear.hands, VIEWS - 1).tolist(),
            apart.argmin(axis=1).tolist(),
            [crowd_of(gap_m) for gap_m in apart.min(axis=1).tolist()],
            [company_of(others) for others in (apart < CROWD_M[0]).sum(axis=1).tolist()],
        )

    def _see(self, name: str, at_ns: int) -> _Seen:
        if name not in self._seen:
            rng = stream(self._seed, "emulated vision", name, at_ns)
            delay_s = draw(self._fit.tracking.start_s, rng.random())
            starts_ns = at_ns + int(delay_s * 1e9)
            self._seen[name] = _Seen(
                rng, starts_ns, rng.standard_normal(2), rng.standard_normal((2, 3))
            )
        return self._seen[name]

    def _follow(
        self,
        one: _Seen,
        at_ns: int,
        body: Place,
        views: int,
        crowd: int,
        dt: float,
        links: list[LinkReport],
    ) -> bool:
        """Whether somebody is tracked at this instant."""
        fit, rng = self._fit.tracking, one.rng
        if at_ns < one.starts_ns:
            return False
        if one.lost_s is not None:
            one.lost_s += dt
            if not _happens(fit.find_per_s[views][crowd], dt, rng):
                return False
            if one.lost_s > fit.forget_s:
                one.tracklet = None
            one.lost_s = None
        elif one.tracklet is not None:
            if _happens(fit.lose_per_s[views][crowd], dt, rng):
                one.lost_s = 0.0
                self._ended.append(_Ended(at_ns, one.tracklet, body[0], body[1]))
                return False
            if _happens(fit.break_per_s[views][crowd], dt, rng):
                self._ended.append(_Ended(at_ns, one.tracklet, body[0], body[1]))
                one.tracklet = None
                one.starts_ns = at_ns + int(draw(fit.gap_s, rng.random()) * 1e9)
                if at_ns < one.starts_ns:
                    return False
        if one.tracklet is None:
            self._start(one, body, links)
        if _happens(fit.ghosts_per_s, dt, rng):
            self._appear(at_ns, body, rng)
        return True

    def _start(self, one: _Seen, body: Place, links: list[LinkReport]) -> None:
        """Begin a tracklet, linked to those that ended nearby lately: rightly and wrongly."""
        one.tracklet = self._name()
        fit, rng = self._fit.links, one.rng
        for ended in list(self._ended):
            if math.hypot(ended.x_m - body[0], ended.y_m - body[1]) > LINK_REACH_M:
                continue
            right = ended.tracklet in one.own
            told, ratio = (
                (fit.told_right, fit.right_ratio) if right else (fit.told_wrong, fit.wrong_ratio)
            )
            if right:
                self._ended.remove(ended)
            if rng.random() < told:
                links.append(
                    LinkReport(
                        earlier=ended.tracklet,
                        later=one.tracklet,
                        log_likelihood_ratio=round(draw(ratio, rng.random()), 3),
                    )
                )
        one.own.add(one.tracklet)

    def _name(self) -> str:
        self._tracklets += 1
        return f"{self._device}-{self._tracklets}"

    def _swap(self, seen: list[_Seen], now: _Instant, dt: float) -> None:
        """Let neighbours exchange their tracklets now and then."""
        for n, one in enumerate(seen):
            near = now.nearest[n]
            other = seen[near]
            both = one.tracklet is not None and other.tracklet is not None
            if near > n and both and one.lost_s is None and other.lost_s is None:
                rate = self._fit.tracking.swap_per_s[now.company[n]]
                if _happens(rate, dt, self._rng):
                    one.tracklet, other.tracklet = other.tracklet, one.tracklet

    def _appear(self, at_ns: int, body: Place, rng: np.random.Generator) -> None:
        fit = self._fit.tracking
        away, turn = draw(fit.ghost_away_m, rng.random()), float(rng.uniform(0, 2 * math.pi))
        until_ns = at_ns + int(draw(fit.ghost_s, rng.random()) * 1e9)
        x, y = body[0] + away * math.cos(turn), body[1] + away * math.sin(turn)
        self._ghosts.append(_Ghost(self._name(), x, y, until_ns))

    def _haunt(self, ghost: _Ghost) -> TrackReport:
        variance = self._fit.tracking.reported_sigma_m[1] ** 2
        return TrackReport(
            tracklet=ghost.tracklet,
            x_m=round(ghost.x_m, 4),
            y_m=round(ghost.y_m, 4),
            covariance=(variance, 0.0, variance),
        )

    def _track(self, one: _Seen, stance: Stance, views: int, dt: float) -> TrackReport:
        fit = self._fit.tracking
        assert one.tracklet is not None
        _wander(one.floor, fit.memory_s, dt, one.rng)
        size = float(np.hypot(*one.floor))
        away = draw(fit.error_m[views], 1 - math.exp(-0.5 * size * size)) / max(size, 1e-9)
        variance = round(fit.reported_sigma_m[views] ** 2, 6)
        jitter = one.rng.normal(0.0, 0.08, 2)
        return TrackReport(
            tracklet=one.tracklet,
            x_m=round(stance.x_m + away * float(one.floor[0]), 4),
            y_m=round(stance.y_m + away * float(one.floor[1]), 4),
            covariance=(variance, 0.0, variance),
            vx_m_s=round(stance.speed_m_s * math.cos(stance.heading_rad) + float(jitter[0]), 3),
            vy_m_s=round(stance.speed_m_s * math.sin(stance.heading_rad) + float(jitter[1]), 3),
        )

    def _hands(self, one: _Seen, body: Place, now: _Instant, n: int, dt: float) -> list[HandReport]:
        fit, rng = self._fit.hands, one.rng
        assert one.tracklet is not None
        _wander(one.hands, fit.memory_s, dt, rng)
        reaches = int(any(now.reaching[n]))
        one.wrong_side = _toggle(one.wrong_side, fit.wrong_side[reaches], fit.wrong_side_s, dt, rng)
        one.stolen = _toggle(one.stolen, fit.stolen[now.crowd[n]], fit.stolen_s, dt, rng)
        found = []
        for side in (0, 1):
            reaching, views = int(now.reaching[n][side]), now.hand_views[n][side]
            chances = self._chain[reaching][views][one.states[side]]
            one.states[side] = min(2, bisect_left(chances, rng.random()))
            state = one.states[side]
            if state == 0:
                continue
            errors = fit.errors[reaching][state - 1]
            shape = self._shapes[reaching][state - 1]
            place = _misplaced(body, now.hands[n][side], shape, errors.stretch, one.hands[side])
            if one.stolen and side == 0 and len(now.hands) > 1:
                place = now.hands[now.nearest[n]][int(rng.integers(2))]
            found.append(
                HandReport(
                    tracklet=one.tracklet,
                    side=_SIDES[side ^ int(one.wrong_side)],
                    x_m=round(place[0], 4),
                    y_m=round(place[1], 4),
                    z_m=round(max(0.0, place[2]), 4),
                    sigma_m=round(draw(errors.reported_sigma_m, rng.random()), 4),
                    views=state if state == 1 else max(2, views),
                )
            )
        return found


def _misplaced(
    body: Place, hand: Point3, shape: tuple[Array, Array], tails: list[float], normal: Array
) -> Point3:
    """Where a hand is thought to be for unit normal errors (3,).

    `shape` is the `bias` and `spread` of its errors, `tails` their `stretch`.
    """
    (bias, spread), (x, y, z) = shape, hand
    reach_x, reach_y = x - body[0], y - body[1]
    distance = max(float(np.hypot(reach_x, reach_y)), 1e-6)
    ax, ay = reach_x / distance, reach_y / distance
    size = max(math.sqrt(normal @ normal), 1e-9)
    stretch = draw(tails, _chi3(size)) / size
    away, left, up = (bias @ np.array([1.0, distance, z]) + spread @ (normal * stretch)).tolist()
    return x + (away * ax - left * ay), y + (away * ay + left * ax), z + up


def _chi3(size: float) -> float:
    """P(the length of a normal vector in space is below `size`)."""
    tail = math.sqrt(2 / math.pi) * size * math.exp(-0.5 * size * size)
    return math.erf(size / math.sqrt(2)) - tail


def _wander(error: Array, memory_s: float, dt: float, rng: np.random.Generator) -> None:
    """One step of an Ornstein–Uhlenbeck process of unit variance, in place."""
    keep = math.exp(-dt / memory_s)
    error *= keep
    error += rng.normal(0.0, math.sqrt(1 - keep * keep), error.shape)


def _toggle(on: bool, share: float, seconds: float, dt: float, rng: np.random.Generator) -> bool:
    """One step of a state that is on for `share` of the time, in bursts of `seconds` on average."""
    share = min(share, 0.95)
    rate = 1 / max(seconds, 1e-3) if on else share / ((1 - share) * max(seconds, 1e-3))
    return on != _happens(rate, dt, rng)


def _happens(per_s: float, dt: float, rng: np.random.Generator) -> bool:
    return bool(rng.random() < -math.expm1(-dt * per_s))


def _palms(figure: Figure, stance: Stance) -> tuple[Point3, Point3]:
    """Both palms; the limbs are worked out for those who reach alone."""
    if stance.left_hand_m is None and stance.right_hand_m is None:
        return _idle(figure, stance, "left"), _idle(figure, stance, "right")
    return palms(figure, stance)


def _idle(figure: Figure, stance: Stance, side: Side) -> Point3:
    """Where a hand hangs, or carries something."""
    holds = stance.left_holds if side == "left" else stance.right_holds
    where = hanging_at if holds is None else carrying_at
    return where(figure.height_m, (stance.x_m, stance.y_m), stance.heading_rad, side)
