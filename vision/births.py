"""New people: detections that no track took, joined across cameras where they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision import kalman
from vision.appearance import blend, same_person
from vision.detector import iou
from vision.evidence import MOST_OF_ONE, log_density, of_looks
from vision.reliability import Reliability, sharpest_first
from vision.rig import Rig
from vision.sameness import shows_body_of
from vision.view import View
from vision.visibility import Visibility

Array = NDArray[np.float64]

_AGREE = 12.0  # squared Mahalanobis distance between two cameras' floor points of one person
_ONE_BODY_IOU = 0.5
_COMING = 0.03  # people who appear on the whole floor between two looks
_UNKNOWN = -3.0  # log odds that a detection without a track is somebody, if nothing else is known


@dataclass(frozen=True, slots=True, eq=False)
class Birth:
    """A place (2,) with covariance (2, 2) where detections (camera, index) agree on a person, and
    the log odds that there is one."""

    xy_m: Array
    covariance: Array
    colours: Array
    members: tuple[tuple[str, int], ...]
    log_odds: float


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """The people who are known already: places (N, 2) and probabilities (N,)."""

    xy_m: Array
    chance: Array


class Midwife:
    """Finds new people on a floor of `area_m2`."""

    def __init__(
        self, rig: Rig, area_m2: float, reliability: Reliability, visibility: Visibility
    ) -> None:
        self._rig = rig
        self._log_area = float(np.log(area_m2))
        self._reliability = reliability
        self._visibility = visibility

    def find(
        self,
        views: Sequence[View],
        owners: dict[str, NDArray[np.intp]],
        known: Known,
        sure_score: float,
        weight: float,
    ) -> list[Birth]:
        """Group the sure detections without owner, sharpest first, one of each camera in a group.

        A detection that shows the body of somebody known begins nobody. `weight` is what a look
        counts for.
        """
        left: list[tuple[float, int, int]] = []
        for v, view in enumerate(views):
            owner = owners[view.camera]
            free = (owner < 0) & view.placed & (view.scores >= sure_score)
            for d in np.flatnonzero(free).tolist():
                if not self._explained(view, owner, d, known.xy_m):
                    left.append((float(np.trace(view.covariance[d])), v, d))
        if not left:
            return []
        left.sort()
        looks = [of_looks(view) for view in views]
        order = sharpest_first([view.covariance[view.placed] for view in views])
        births: list[Birth] = []
        used: set[tuple[int, int]] = set()
        for _, v, d in left:
            if (v, d) in used:
                continue
            birth = self._gather(views, looks, (v, d), order, [x[1:] for x in left], used)
            members = {camera for camera, _ in birth.members}
            missed = self._missed(birth.xy_m, [w.camera for w in views], members, known)
            log_odds = weight * (birth.log_odds + missed) + (1.0 - weight) * _UNKNOWN
            used.update(
                (w, e) for w, view in enumerate(views) for c, e in birth.members if c == view.camera
            )
            births.append(
                Birth(birth.xy_m, birth.covariance, birth.colours, birth.members, log_odds)
            )
            known = Known(
                np.concatenate([known.xy_m, birth.xy_m[None]]), np.append(known.chance, 0.5)
            )
        return births

    def _gather(
        self,
        views: Sequence[View],
        looks: Sequence[Array],
        first: tuple[int, int],
        order: Sequence[int],
        left: Sequence[tuple[int, int]],
        used: set[tuple[int, int]],
    ) -> Birth:
        """The detections that agree with the first one, and what they say."""
        v, d = first
        view = views[v]
        xy, covariance, clothes = view.xy_m[d], view.covariance[d], view.colours[d]
        members = [(view.camera, d)]
        evidence = float(np.log(_COMING)) - self._log_area + self._odds(view, [d], looks[v])[0]
        for w in order:
            options = [e for u, e in left if u == w and (w, e) not in used]
            if w == v or not options:
                continue
            other = views[w]
            squared, log_volume = kalman.distances(
                np.array([[*xy, 0.0, 0.0]]),
                np.pad(covariance, (0, 2))[None],
                other.xy_m[options],
                other.covariance[options],
            )
            alike = same_person(clothes[None], other.colours[options])[0]
            squared = squared[0] - np.minimum(0.0, alike)
            ratio = log_density(squared, log_volume[0]) + self._odds(other, options, looks[w])
            ratio = np.where(squared < _AGREE, ratio, -np.inf)
            best = int(ratio.argmax())
            if ratio[best] <= 0.0:
                continue
            e = options[best]
            members.append((other.camera, e))
            evidence += min(float(ratio[best]), MOST_OF_ONE)
            xy, covariance = _join(xy, covariance, other.xy_m[e], other.covariance[e])
            clothes = blend(clothes, other.colours[e], 0.5)
        return Birth(xy, covariance, clothes, tuple(members), float(evidence))

    def _odds(self, view: View, detections: list[int], looks: Array) -> Array:
        """Log odds, but for the density of its place, that each detection is somebody."""
        camera = self._rig.index[view.camera]
        stray = self._reliability.stray_density(camera, view.xy_m[detections])
        found = float(np.log(self._reliability.found[camera]))
        return np.asarray(looks[detections] - stray + found)

    def _missed(self, xy: Array, cameras: list[str], members: set[str], known: Known) -> float:
        """What it says that the other cameras do not show a person at a place."""
        share = self._visibility.shares(xy[None], cameras, known.xy_m, known.chance)[:, 0]
        index = [self._rig.index[camera] for camera in cameras]
        away = np.array([camera not in members for camera in cameras])
        missed = np.log1p(-self._reliability.found[index] * share)
        return float(missed[away].sum())

    def _explained(self, view: View, owner: NDArray[np.intp], detection: int, xy_m: Array) -> bool:
        """Whether a detection shows a track that the camera does not show elsewhere, badly placed,
        or repeats the one that it does. A box that fits a body at its own place shows nobody
        else."""
        if view.fit is not None and view.fit[detection] > 0.0:
            return False
        shows = shows_body_of(view, detection, self._rig, xy_m)
        for track in np.flatnonzero(shows).tolist():
            own = np.flatnonzero(owner == track)
            if not len(own):
                return True
            boxes = view.boxes[[detection, int(own[0])]]
            if iou(boxes[:1], boxes[1:])[0, 0] >= _ONE_BODY_IOU:
                return True
        return False


def _join(xy_a: Array, cov_a: Array, xy_b: Array, cov_b: Array) -> tuple[Array, Array]:
    info_a, info_b = kalman.inverse(cov_a), kalman.inverse(cov_b)
    covariance = kalman.inverse(info_a + info_b)
    return covariance @ (info_a @ xy_a + info_b @ xy_b), covariance
