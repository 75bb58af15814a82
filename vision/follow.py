"""Where people are looked for in a whole picture, and where those who are known are only followed.

Finding people in a whole picture costs more than looking at the few who are known to be there: a
detector need not search every picture, so long as each person is looked at in each (Bewley et al.,
SORT, ICIP 2016, tell why: from one picture to the next people hardly move). Somebody who is new
to a view is found when it is searched next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from vision.detection import Detection
from vision.frame import Picture
from vision.joints import Refined

# Every third picture at ten a second, and every fifth of a view that says all there is.
SEARCH_NS = 250_000_000
SETTLED_NS = 450_000_000
_SEEN = 0.3  # confidence of a joint that tells where somebody went
_FEWEST = 3  # so many of them show a person
_FURTHEST = 0.35  # of the box's height, between two looks: beyond it another person is looked at


@runtime_checkable
class Follower(Protocol):
    """A detector that can also look again at people who are known."""

    def detect_all(self, frames: Mapping[str, Picture]) -> dict[str, list[Detection]]:
        """The people in each camera's picture, best score first."""

    def follow(
        self, frames: Mapping[str, Picture], known: Mapping[str, Sequence[Detection]]
    ) -> dict[str, list[Detection]]:
        """Those of the `known` people, found in each camera's last picture, who are still seen in
        this one, best score first."""


class Following(Refined):
    """A detector whose second look at people also follows them from picture to picture."""

    def follow(
        self, frames: Mapping[str, Picture], known: Mapping[str, Sequence[Detection]]
    ) -> dict[str, list[Detection]]:
        """Those of the `known` people, found in each camera's last picture, who are still seen in
        this one, best score first."""
        refined = self._refiner.refine(frames, known)
        before = [one for people in known.values() for one in people]
        after = _followed(before, [one for people in refined.values() for one in people])
        found: dict[str, list[Detection]] = {}
        start = 0
        for camera, people in known.items():
            own = after[start : start + len(people)]
            start += len(people)
            found[camera] = self._kept([one for one in own if one is not None])
        return found


class Rounds:
    """When each camera's picture is searched: every `SEARCH_NS`, every `SETTLED_NS` where all who
    should be seen are and nobody else is, the cameras one after another."""

    def __init__(self, cameras: Iterable[str]) -> None:
        cameras = list(cameras)
        self._lag_ns = {c: SEARCH_NS * n // len(cameras) for n, c in enumerate(cameras)}
        self._searched_ns: dict[str, int] = {}

    def due(self, camera: str, at_ns: int, *, settled: bool) -> bool:
        """Whether the camera's picture is to be searched now; the answer yes is remembered."""
        last_ns = self._searched_ns.get(camera)
        pause_ns = SETTLED_NS if settled else SEARCH_NS
        if last_ns is not None and 0 <= at_ns - last_ns < pause_ns:
            return False
        # After the first time each camera waits for its turn.
        self._searched_ns[camera] = at_ns - (self._lag_ns[camera] if last_ns is None else 0)
        return True


def _followed(before: list[Detection], after: list[Detection]) -> list[Detection | None]:
    """What became of each detection: None of those who are not seen any more, or in whose place
    somebody else is."""
    if not before:
        return []
    was = np.array([one.keypoints for one in before])
    now = np.array([one.keypoints for one in after])
    both = (was[..., 2] >= _SEEN) & (now[..., 2] >= _SEEN)
    share = both / np.maximum(both.sum(axis=1, keepdims=True), 1)
    middle, to = (np.einsum("nj,njk->nk", share, joints[..., :2]) for joints in (was, now))
    boxes = np.array([one.box for one in before])
    away = np.abs(to - middle).max(axis=1)
    there = (both.sum(axis=1) >= _FEWEST) & (away < _FURTHEST * (boxes[:, 3] - boxes[:, 1]))
    return [new if still else None for new, still in zip(after, there, strict=True)]
