"""One vision worker's thinking: frames of one instant in, one VisionReport out.

Owns the tracker and the sequence number; frames are only kept until the next instant, detections
until their camera is looked at again. The same frames in the same order give the same reports.

Where the detector can follow, a picture is searched for people now and then and known people are
followed in those between (follow.py).

A view in which nothing moves is not looked at again at once: what was found there before still
holds. It is no new evidence, though: it keeps tracks alive and hardly moves them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from sensors.wire import TrackReport, VisionReport
from vision.calibration import SelfCalibration
from vision.coverage import Coverage
from vision.detection import Detection, sound
from vision.detector import Detector
from vision.follow import Follower, Rounds
from vision.frame import FrameError, Picture, check_frame
from vision.hands import HandFinder
from vision.held import HeldFinder, KnownProducts
from vision.motion import MotionGate
from vision.people import Joints, Person, gather
from vision.rig import Rig
from vision.sides import Sides
from vision.track import Step
from vision.tracker import Tracker
from vision.view import views_of

_LONGEST_PREFIX = 54  # leaves room for the number in a name of 64 characters
_REPEATS = 9.0  # so many repeats of one look, a second or so, count as one more look
_BELIEF_M2 = 0.05**2  # what averaging over time cannot remove: the cameras' shared error


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A detection and the tracklet that it belongs to, if any."""

    detection: Detection
    tracklet: str | None


class VisionPipeline:
    """Detector, tracker and hands of the cameras of one store.

    `device` and `boot` name the worker; tracklets are called `<device>:<boot>:<n>`. With `gate`
    still views are left alone; `looks` counts the pictures looked at, `searches` those of them in
    which not only known people were followed, `spared` the others.
    `latest[camera]` is what each camera last showed; `frame_errors[camera]` counts its broken
    frames and `last_error` is the newest one's message.
    """

    def __init__(
        self,
        store: Store,
        detector: Detector,
        device: str,
        boot: str,
        *,
        gate: bool = False,
        products: KnownProducts | None = None,
    ) -> None:
        prefix = f"{device}:{boot}:"
        if len(prefix) > _LONGEST_PREFIX:
            raise ValueError(f"device and boot are too long together to name tracklets: {prefix}")
        self._device, self._boot = device, boot
        self._detector = detector
        self._rounds = Rounds(c.id for c in store.cameras)
        self._sizes = {c.id: (c.width_px, c.height_px) for c in store.cameras}
        self.rig = Rig([camera.model() for camera in store.cameras])
        self._calibration = SelfCalibration(self.rig)
        self._sides = Sides(self.rig)
        self._tracker = Tracker(store, self.rig, prefix)
        self._hands = HandFinder(store, self.rig)
        self._held = None if products is None else HeldFinder(store, self.rig, products)
        self._coverage = Coverage(store)
        self._gate = MotionGate() if gate else None
        self._found: dict[str, list[Detection]] = {}
        self._settled: set[str] = set()
        self.looks = self.searches = self.spared = 0
        self._seq = 0
        self.latest: dict[str, list[Seen]] = {}
        self.frame_errors: Counter[str] = Counter()
        self.last_error = ""

    def see(self, at_ns: int, frames: Mapping[str, NDArray[np.uint8]]) -> VisionReport:
        """Take in the frames of one instant, by camera id; a broken one counts as missing."""
        pictures: dict[str, Picture] = {}
        for camera in sorted(frames.keys() - self._sizes.keys()):
            self._fail(camera, FrameError(f"camera {camera}: not in the store file"))
        for camera, size_px in self._sizes.items():
            if camera not in frames:
                continue
            try:
                pictures[camera] = check_frame(frames[camera], camera, size_px)
            except FrameError as error:
                self._fail(camera, error)
        still = self._look(at_ns, pictures)
        seen = [(camera, picture, self._found[camera]) for camera, picture in pictures.items()]
        views = [
            replace(view, covariance=view.covariance * _REPEATS) if view.camera in still else view
            for view in views_of(self.rig, seen)
        ]
        step = self._tracker.step(at_ns, views)
        self._settle(step)
        self.latest = {
            camera: [
                Seen(detection, _name(step, track))
                for detection, track in zip(found, step.owners[camera].tolist(), strict=True)
            ]
            for camera, _, found in seen
        }
        people = _people(step)
        joints = self._sides.settle(people, gather(people, views, self.rig))
        self._calibration.look(at_ns, self._fresh(joints, still))
        hands = self._hands.find(people, joints)
        report = VisionReport(
            device=self._device,
            boot=self._boot,
            seq=self._seq,
            at_ns=at_ns,
            tracks=_tracks(step),
            hands=hands,
            links=step.links,
            sightings=[]
            if self._held is None
            else self._held.watch(at_ns, people, joints, hands, views, pictures),
        )
        self._seq += 1
        return report

    def _look(self, at_ns: int, pictures: Mapping[str, Picture]) -> set[str]:
        """Find the people in pictures; the cameras whose last look still holds."""
        gate = self._gate
        still = set()
        if gate is not None:
            for camera in self._found.keys() - pictures.keys():
                gate.forget(camera)
            for camera, picture in pictures.items():
                empty = not self._found.get(camera)
                if gate.is_still(camera, at_ns, picture, empty=empty) and camera in self._settled:
                    still.add(camera)
        looked = {camera: picture for camera, picture in pictures.items() if camera not in still}
        searched = self._searched(at_ns, looked)
        found = {c: sound(people) for c, people in self._detector.detect_all(searched).items()}
        if gate is not None:
            for camera, people in found.items():
                gate.looked(camera, at_ns, empty=not people)
        if isinstance(self._detector, Follower):
            known = {c: self._found[c] for c in looked if c not in searched}
            found.update(self._detector.follow(looked, known))
        self._found.update(found)
        self.looks += len(looked)
        self.searches += len(searched)
        self.spared += len(still)
        return still

    def _searched(self, at_ns: int, looked: Mapping[str, Picture]) -> dict[str, Picture]:
        """The pictures to be searched for people; in others known people are followed."""
        if not isinstance(self._detector, Follower):
            return dict(looked)
        return {
            camera: picture
            for camera, picture in looked.items()
            if self._rounds.due(camera, at_ns, settled=camera in self._settled)
        }

    def _settle(self, step: Step) -> None:
        """Note in which views a look says all there is: each detection is a known person's, and
        each track that the camera should see has one."""
        self._settled = set()
        for camera, owner in step.owners.items():
            owned = set(owner.tolist())
            known = all(track >= 0 and step.lives[track].confirmed for track in owned)
            if known and not any(
                track not in owned and self._coverage.cameras_seeing(mean[:2], [camera])
                for track, mean in enumerate(step.mean)
            ):
                self._settled.add(camera)

    def _fresh(self, joints: Joints, still: set[str]) -> Joints:
        """The joints without those of repeated looks, from which nothing can be learned."""
        if not still:
            return joints
        confidence = joints.confidence.copy()
        confidence[:, [self.rig.index[camera] for camera in still]] = 0.0
        return Joints(joints.pixels, confidence, joints.heights_px)

    def _fail(self, camera: str, error: FrameError) -> None:
        self.frame_errors[camera] += 1
        self.last_error = str(error)


def _name(step: Step, track: int) -> str | None:
    return step.lives[track].id if track >= 0 and step.lives[track].confirmed else None


def _tracks(step: Step) -> list[TrackReport]:
    reports = []
    for life, mean, covariance in zip(step.lives, step.mean, step.covariance, strict=True):
        if life.confirmed:
            x, y, vx, vy = np.round(mean, 4).tolist()
            xx, xy, yy = np.round(covariance[[0, 0, 1], [0, 1, 1]], 6).tolist()
            reports.append(
                TrackReport(
                    tracklet=life.id,
                    x_m=x,
                    y_m=y,
                    covariance=(xx + _BELIEF_M2, xy, yy + _BELIEF_M2),
                    vx_m_s=vx,
                    vy_m_s=vy,
                )
            )
    return reports


def _people(step: Step) -> list[Person]:
    held: list[dict[str, int]] = [{} for _ in step.lives]
    for camera, owner in step.owners.items():
        for detection, track in enumerate(owner.tolist()):
            if track >= 0:
                held[track][camera] = detection
    return [
        Person(life.id, step.mean[i, :2], step.mean[i, 2:], held[i])
        for i, life in enumerate(step.lives)
        if life.confirmed and held[i]
    ]
