"""Tracklets on the floor, from all cameras of one worker at once.

Each tick predicts every track, then lets one camera after the other correct them: sure
detections first, doubtful ones for tracks that the camera would else miss (ByteTrack, ECCV 2022),
matched by Mahalanobis distance on the ground plane (UCMCTrack, AAAI 2024). Detections left over
begin new tracks (births.py); two tracks on one person are merged (duplicates.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from sensors.wire import LinkReport
from vision import kalman
from vision.appearance import COLOURS, blend, same_person
from vision.association import assign
from vision.births import Birth, find_births
from vision.coverage import Coverage
from vision.duplicates import Duplicates, Owned, told_apart
from vision.links import LinkFinder, Trace
from vision.rig import Rig
from vision.track import Life, Step
from vision.view import View

Array = NDArray[np.float64]

SURE_SCORE = 0.45
LOST_S = 1.5
_TENTATIVE_S = 0.35
_ACCEL_M_S2 = 1.8
_START_SPEED_M_S = 0.8
_COAST_S = 0.4  # an unseen walker's speed decays with this time constant
_COLOUR_SHARE = 0.1
_ROBUST = 4.0  # squared Mahalanobis distance from which a detection's noise is raised
_MOST_GAP_S = 2.0
_CROWDED_M = 0.7
_ALONE_S = 1.5
_MANY_CAMERAS = 3  # where so many see a place, one that sees somebody there is wrong
_GHOST_S = 3.0


class Tracker:
    """Owns the tracks of one worker; `prefix` begins all of their ids."""

    def __init__(self, store: Store, rig: Rig, prefix: str) -> None:
        self._rig = rig
        self._prefix = prefix
        self._coverage = Coverage(store)
        self._links = LinkFinder(store)
        self._duplicates = Duplicates(rig)
        self._lives: list[Life] = []
        self._mean = np.zeros((0, 4))
        self._covariance = np.zeros((0, 4, 4))
        self._colours = np.zeros((0, COLOURS))
        self._born = 0
        self._at_ns: int | None = None

    def step(self, at_ns: int, views: Sequence[View]) -> Step:
        """Take in what the cameras saw at `at_ns`; one view for each camera that works."""
        dt_s = 0.0 if self._at_ns is None else max(0.0, (at_ns - self._at_ns) / 1e9)
        self._at_ns = at_ns
        self._predict(dt_s, at_ns)
        owners = {view.camera: np.full(len(view.scores), -1, dtype=np.intp) for view in views}
        for view in views:
            self._correct(view, owners[view.camera])
        self._bear(at_ns, views, owners)
        self._count(at_ns, owners)
        owned = [(view, owners[view.camera]) for view in views]
        links = self._confirm(at_ns, owned)
        merged = self._duplicates.find(
            min(dt_s, _MOST_GAP_S), [life.id for life in self._lives], self._mean[:, :2], owned
        )
        links += self._forget(at_ns, merged, owned)
        return Step(tuple(self._lives), self._mean.copy(), self._covariance.copy(), owners, links)

    def _predict(self, dt_s: float, at_ns: int) -> None:
        if not self._lives or dt_s == 0.0:
            return
        unseen = np.array([at_ns - life.seen_ns > 1.5e9 * dt_s for life in self._lives])
        self._mean[unseen, 2:] *= np.exp(-dt_s / _COAST_S)
        self._mean, self._covariance = kalman.predict(
            self._mean, self._covariance, dt_s, _ACCEL_M_S2
        )

    def _correct(self, view: View, owner: NDArray[np.intp]) -> None:
        if not self._lives:
            return
        confirmed = np.array([life.confirmed for life in self._lives])
        sure = view.scores >= SURE_SCORE
        self._match(view, owner, confirmed, view.placed & sure)
        self._match(view, owner, confirmed, view.placed & ~sure)
        self._match(view, owner, ~confirmed, view.placed & sure)

    def _match(
        self,
        view: View,
        owner: NDArray[np.intp],
        tracks: NDArray[np.bool_],
        detections: NDArray[np.bool_],
    ) -> None:
        columns = np.flatnonzero(detections & (owner < 0))
        if not len(columns):
            return
        free = tracks.copy()
        free[owner[owner >= 0]] = False
        rows = np.flatnonzero(free)
        if not len(rows):
            return
        squared, log_volume = kalman.distances(
            self._mean[rows],
            self._covariance[rows],
            view.xy_m[columns],
            view.covariance[columns],
        )
        alike = same_person(self._colours[rows], view.colours[columns])
        pairs = assign(squared, log_volume, alike)
        if not len(pairs):
            return
        track, detection = rows[pairs[:, 0]], columns[pairs[:, 1]]
        owner[detection] = track
        doubt = np.maximum(1.0, squared[pairs[:, 0], pairs[:, 1]] / _ROBUST)
        self._mean[track], self._covariance[track] = kalman.update(
            self._mean[track],
            self._covariance[track],
            view.xy_m[detection],
            view.covariance[detection] * doubt[:, None, None],
        )
        clear = view.clear[detection]
        self._colours[track[clear]] = blend(
            self._colours[track[clear]], view.colours[detection[clear]], _COLOUR_SHARE
        )

    def _bear(self, at_ns: int, views: Sequence[View], owners: dict[str, NDArray[np.intp]]) -> None:
        births = find_births(views, owners, self._rig, self._mean, SURE_SCORE)
        births = [b for b in births if self._coverage.room_for(b.xy_m)]
        if not births:
            return
        for birth in births:
            self._begin(at_ns, birth)
            for camera, detection in birth.members:
                owners[camera][detection] = len(self._lives) - 1

    def _begin(self, at_ns: int, birth: Birth) -> None:
        self._lives.append(Life(f"{self._prefix}{self._born}", at_ns, at_ns))
        self._born += 1
        covariance = np.eye(4)[None] * _START_SPEED_M_S**2
        covariance[0, :2, :2] = birth.covariance
        mean = np.array([[*birth.xy_m, 0.0, 0.0]])
        self._mean = np.concatenate([self._mean, mean])
        self._covariance = np.concatenate([self._covariance, covariance])
        self._colours = np.concatenate([self._colours, birth.colours[None]])

    def _count(self, at_ns: int, owners: dict[str, NDArray[np.intp]]) -> None:
        views = np.zeros(len(self._lives), dtype=np.intp)
        for owner in owners.values():
            views[owner[owner >= 0]] += 1
        for life, seen in zip(self._lives, views.tolist(), strict=True):
            if seen:
                life.seen_ns = at_ns
                life.hits += 1
                if seen >= 2:
                    life.paired += 1
                    life.paired_ns = at_ns

    def _confirm(self, at_ns: int, owned: Owned) -> list[LinkReport]:
        links: list[LinkReport] = []
        cameras = [view.camera for view, _ in owned]
        for i, life in enumerate(self._lives):
            if life.confirmed or life.seen_ns != at_ns:
                continue
            if not self._coverage.room_for(self._mean[i, :2]):
                continue
            age_s = (at_ns - life.born_ns) / 1e9
            covering = self._coverage.cameras_seeing(self._mean[i, :2], cameras)
            alone = (life.hits >= 3 and age_s >= 0.25 and covering < 2) or (
                life.hits >= 8 and age_s >= _ALONE_S and covering < _MANY_CAMERAS
            )
            apart = all(told_apart(i, j, owned) for j in self._neighbours(i))
            life.doubted += not apart
            if apart and (life.paired >= 3 or alone) and life.hits >= 2 * life.doubted:
                life.confirmed = True
                links += self._links.on_confirmed(at_ns, self._trace(i))
        return links

    def _neighbours(self, i: int) -> list[int]:
        """Confirmed tracks so near to track i that it may be a second one on their person."""
        apart = ((self._mean[:, :2] - self._mean[i, :2]) ** 2).sum(axis=1)
        near = np.flatnonzero(apart < _CROWDED_M**2).tolist()
        return [j for j in near if j != i and self._lives[j].confirmed]

    def _forget(self, at_ns: int, merged: list[tuple[int, int]], owned: Owned) -> list[LinkReport]:
        """Drop merged and lost tracks; links that their end makes likely."""
        links = [
            LinkReport(
                earlier=self._lives[keep].id,
                later=self._lives[drop].id,
                log_likelihood_ratio=Duplicates.EVIDENCE,
            )
            for keep, drop in merged
            if self._lives[keep].confirmed and self._lives[drop].confirmed
        ]
        cameras = [view.camera for view, _ in owned]
        dropped = {drop for _, drop in merged}
        stay: list[int] = []
        lost: list[int] = []
        inside = self._coverage.holds(self._mean[:, :2])
        for i, life in enumerate(self._lives):
            unseen_s = (at_ns - life.seen_ns) / 1e9
            lifetime_s = LOST_S if life.confirmed and inside[i] else _TENTATIVE_S
            if i in dropped or self._is_ghost(at_ns, i, cameras):
                continue
            if unseen_s <= lifetime_s:
                stay.append(i)
            elif life.confirmed:
                lost.append(i)
        living = [self._trace(i) for i in stay if lost and self._lives[i].confirmed]
        for i in lost:
            links += self._links.on_lost(at_ns, self._trace(i), living)
        if len(stay) < len(self._lives):
            place = np.full(len(self._lives) + 1, -1, dtype=np.intp)
            place[stay] = np.arange(len(stay))
            for _, owner in owned:
                owner[:] = place[owner]
            self._lives = [self._lives[i] for i in stay]
            self._mean, self._covariance = self._mean[stay], self._covariance[stay]
            self._colours = self._colours[stay]
        return links

    def _is_ghost(self, at_ns: int, i: int, cameras: list[str]) -> bool:
        """Whether only one of many cameras has shown a confirmed track for a long time."""
        life = self._lives[i]
        if not life.confirmed or at_ns - max(life.paired_ns, life.born_ns) < _GHOST_S * 1e9:
            return False
        return self._coverage.cameras_seeing(self._mean[i, :2], cameras) >= _MANY_CAMERAS

    def _trace(self, i: int) -> Trace:
        life = self._lives[i]
        return Trace(
            life.id,
            life.born_ns,
            life.seen_ns,
            self._mean[i].copy(),
            self._covariance[i].copy(),
            self._colours[i].copy(),
        )
