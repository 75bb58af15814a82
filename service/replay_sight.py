"""Vision that looks again at a recording's videos, and says anew what it sees."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from itertools import groupby
from statistics import median

import msgspec

from sensors.store import Store
from sensors.wire import encode, topic
from service.eyes import MODEL, WORKER
from service.recording import Recording, RecordingError
from service.video import Filmed, Picture
from simulator.faults_laid import Message
from vision.detector import load_eyes
from vision.pipeline import VisionPipeline

BOOT = "again"
LATENCY_NS = 150_000_000  # where the recording has no vision to take it from


class _Said(msgspec.Struct):
    """What is needed of a recorded report."""

    at_ns: int
    device: str


def look_again(
    recording: Recording,
    store: Store,
    messages: list[Message],
    working: Callable[[int], frozenset[str]],
    progress: Callable[[float], None] | None = None,
) -> list[Message]:
    """The messages with vision's replaced by what the present model sees in the videos.

    `working` says which cameras give frames at a moment. A report arrives when the recorded one
    of that moment did, or as much later as those mostly did. Raises RecordingError where there
    are no videos, VideoError where one cannot be read.
    """
    index = recording.cameras()
    if not index:
        raise RecordingError(
            f"{recording.path}: it has no videos, so vision cannot look again: record with "
            "`openaisle simulate SCENE --record FILE --video`"
        )
    prefix = topic(store.id, "vision", "")
    places: dict[int, int] = {}  # of each moment's report among the messages
    worker = WORKER
    for place, (_, said_on, body) in enumerate(messages):
        if said_on.startswith(prefix):
            try:
                said = msgspec.json.decode(body, type=_Said)
            except msgspec.DecodeError as error:
                raise RecordingError(f"{recording.path}: {said_on}: {error}") from error
            places[said.at_ns] = place
            worker = said.device
    late_ns = [messages[place][0] - at_ns for at_ns, place in places.items()]
    latency_ns = round(median(late_ns)) if late_ns else LATENCY_NS
    vision = VisionPipeline(store, load_eyes(MODEL), worker, BOOT)
    anew: dict[int, Message] = {}
    besides: list[Message] = []
    exposures = len({filmed.at_ns for frames in index.values() for filmed in frames})
    for count, (at_ns, frames) in enumerate(_exposures(recording, index), 1):
        on = working(at_ns)
        report = vision.see(at_ns, {c: rgb for c, rgb in frames.items() if c in on})
        said_on, body = topic(store.id, "vision", worker), encode(report)
        if at_ns in places:
            anew[places[at_ns]] = messages[places[at_ns]][0], said_on, body
        else:
            besides.append((at_ns + latency_ns, said_on, body))
        if progress is not None:
            progress(count / exposures)
    others = [
        anew.get(place, message)
        for place, message in enumerate(messages)
        if place in anew or not message[1].startswith(prefix)
    ]
    return list(heapq.merge(others, besides, key=lambda message: message[0]))


def _exposures(
    recording: Recording, index: dict[str, list[Filmed]]
) -> Iterator[tuple[int, dict[str, Picture]]]:
    """The pictures of each instant by camera, in order of time."""

    def film(camera: str) -> Iterator[tuple[int, str, Picture]]:
        for filmed, picture in recording.frames(camera, index[camera]):
            yield filmed.at_ns, camera, picture

    shown = heapq.merge(*(film(camera) for camera in sorted(index)), key=lambda one: one[0])
    for at_ns, taken in groupby(shown, key=lambda one: one[0]):
        yield at_ns, {camera: picture for _, camera, picture in taken}
