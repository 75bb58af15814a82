"""Hands in space: wrists of one person in several views, drawn out to the palm and triangulated.

A hand that one camera alone sees is placed where its ray passes the person, or where it meets the
rack that the person reaches into, with a wide sigma. One that no camera sees is guessed from where
weights that know how unsure they are think it is, and reported as occluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sensors.store import Gondola, Store
from sensors.wire import HandReport
from vision.floor import CALIBRATION_RAD
from vision.people import Joints, Person
from vision.rig import Rig
from vision.triangulation import Triangulator

Array = NDArray[np.float64]

_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
_ELBOWS, _WRISTS = slice(7, 9), slice(9, 11)  # left, then right
_UPPER = np.triu_indices(3)
_SURE = 0.4
_PALM_OF_FOREARM = 0.28  # the palm lies this share of a forearm beyond the wrist
_WRIST_PX = 2.5
_WRIST_OF_BOX = 0.07  # as measured with person-pose alone, which does not tell how sure it is
_GUESS = 1.5  # how much further off hidden wrists are than their sigma says
_WIDEST_M = 0.6  # rays that meet no better say less than one ray and the person do
_NO_ELBOW = 2.0  # a bare wrist is that much less sure to be near the palm
_PLACE_M = 0.03
_ARM_M = 1.15
_HIGHEST_M = 2.3
_RACK_SIGMA_M = 0.2
_ALONE_SIGMA_M = 0.3
_STRETCHED_M = 0.3
_IN_REACH_M = 0.9


class HandFinder:
    """Places the hands of tracked people in one store."""

    def __init__(self, store: Store, rig: Rig) -> None:
        self._gondolas = store.gondolas
        self._rig = rig
        self._triangulator = Triangulator(rig)

    def find(self, people: Sequence[Person], joints: Joints) -> list[HandReport]:
        """The hands of `people` whose joints at one instant are `joints`, at most two each."""
        if not people:
            return []
        pixels, sigma_px, seen = self._palms(joints)
        rows, sides = np.nonzero(np.isfinite(sigma_px).any(axis=2))
        pixels, sigma_px = pixels[rows, sides], sigma_px[rows, sides]
        points = self._triangulator.triangulate(pixels, sigma_px)
        rays = self._triangulator.rays(pixels)
        agree = points.agree.sum(axis=1)
        spread = points.covariance + _PLACE_M**2 * np.eye(3)
        sigma_m = np.sqrt(np.trace(spread, axis1=1, axis2=2) / 3)
        reports = []
        for n, (row, side) in enumerate(zip(rows.tolist(), sides.tolist(), strict=True)):
            person, place, sigma = people[row], points.xyz_m[n], float(sigma_m[n])
            views_used = int(agree[n])
            if views_used < 2 or sigma > _WIDEST_M or not _within_reach(place, person.xy_m):
                best = int(np.argmin(sigma_px[n]))
                place, sigma = self._alone(self._rig.position_m[best], rays[n, best], person.xy_m)
                spread[n], views_used = sigma**2 * np.eye(3), 1
                if not _within_reach(place, person.xy_m):
                    continue
            x, y, z = np.round(place, 4).tolist()
            xx, xy, xz, yy, yz, zz = np.round(spread[n][_UPPER], 6).tolist()
            reports.append(
                HandReport(
                    tracklet=person.tracklet,
                    side=_SIDES[side],
                    x_m=x,
                    y_m=y,
                    z_m=z,
                    sigma_m=round(sigma, 4),
                    views=views_used,
                    occluded=not bool(seen[row, side]),
                    covariance=(xx, xy, xz, yy, yz, zz),
                )
            )
        return reports

    def _palms(self, joints: Joints) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Palm pixels (P, 2, C, 2) of each person, side and camera, their noise (P, 2, C), and
        which hands (P, 2) some camera sees."""
        elbows, wrists = joints.pixels[:, :, _ELBOWS], joints.pixels[:, :, _WRISTS]
        bent = joints.confidence[:, :, _ELBOWS] >= _SURE
        sure = joints.confidence[:, :, _WRISTS]
        pixels = wrists + np.where(bent, _PALM_OF_FOREARM, 0.0)[..., None] * (wrists - elbows)
        noise = np.repeat((_WRIST_PX + _WRIST_OF_BOX * joints.heights_px)[..., None], 2, axis=2)
        if joints.sigma_px is not None:
            told = joints.sigma_px[:, :, _WRISTS]
            noise = np.where(np.isfinite(told), told, noise)
        noise = np.hypot(noise, CALIBRATION_RAD * self._rig.focal_px[:, :1])
        noise *= np.where(bent, 1.0, _NO_ELBOW)
        sigma_px = np.where(sure >= _SURE, noise / sure.clip(_SURE), np.inf)
        seen: NDArray[np.bool_] = np.any(sure >= _SURE, axis=1, keepdims=True)
        if joints.sigma_px is not None:
            guessed = ~seen & (sure > 0) & np.isfinite(joints.sigma_px[:, :, _WRISTS])
            sigma_px = np.where(guessed, _GUESS * noise, sigma_px)
        return pixels.swapaxes(1, 2), sigma_px.swapaxes(1, 2), seen[:, 0]

    def _alone(self, eye: Array, ray: Array, xy_m: Array) -> tuple[Array, float]:
        """Place (3,) and sigma of a hand on `ray` (3,) from `eye`, of a person at `xy_m` (2,)."""
        flat = max(float(ray[:2] @ ray[:2]), 1e-9)
        beside = eye + max(0.0, float((xy_m - eye[:2]) @ ray[:2]) / flat) * ray
        if float(np.hypot(*(beside[:2] - xy_m))) >= _STRETCHED_M:
            hits = [_meet_front(gondola, eye, ray) for gondola in self._gondolas]
            near = [h for h in hits if h is not None and np.hypot(*(h[:2] - xy_m)) < _IN_REACH_M]
            if near:
                return min(near, key=lambda h: float(np.hypot(*(h[:2] - xy_m)))), _RACK_SIGMA_M
        return beside, _ALONE_SIGMA_M


def _within_reach(place: Array, xy_m: Array) -> bool:
    away = float(np.hypot(*(place[:2] - xy_m)))
    return away < _ARM_M and -0.1 < float(place[2]) < _HIGHEST_M


def _meet_front(gondola: Gondola, eye: Array, ray: Array) -> Array | None:
    """Where a ray enters the front of a rack (3,), or None."""
    at_eye = np.array(gondola.to_local(float(eye[0]), float(eye[1])))
    ahead = np.array(gondola.to_local(float(eye[0] + ray[0]), float(eye[1] + ray[1])))
    into = float(ahead[1] - at_eye[1])
    if at_eye[1] >= 0 or into <= 1e-6:
        return None
    reach = -float(at_eye[1]) / into
    along = float(at_eye[0] + reach * (ahead[0] - at_eye[0]))
    place: Array = eye + reach * ray
    inside = 0.0 <= along <= gondola.width_m and 0.0 <= float(place[2]) <= gondola.height_m
    return place if inside else None
