"""Exports what a recording truly shows: MOTChallenge for trackers, COCO for detectors and poses.

Boxes of MOTChallenge are those of the whole body as it would show were nothing before it, cut at
the picture's edge, with the share that is seen as visibility; COCO's hold the pixels that are
seen, with 17 keypoints. Ids are the people's own for the whole recording.
"""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Any

import cv2
import msgspec

from sensors.store import Store, parse_store
from service.recording import Recording, RecordingError
from simulator.picture_truth import SeenPerson

_PAIRED = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
KEYPOINTS = ["nose", *(f"{side}_{part}" for part in _PAIRED for side in ("left", "right"))]
SKELETON = [
    *([16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13], [6, 7], [6, 8], [7, 9]),
    *([8, 10], [9, 11], [2, 3], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 7]),
]
_PEDESTRIAN = 1

Shown = tuple[int, list[SeenPerson]]  # at_ns, who is in the picture


def export_mot(recording: Recording, folder: Path, pictures: bool) -> dict[str, int]:
    """Write `<folder>/<recording>-<camera>/` with gt/gt.txt and seqinfo.ini, one per camera; with
    `pictures` img1/ from the videos. Returns the boxes by camera.

    Raises RecordingError where the recording has no truth of pictures, or nothing can be written;
    VideoError where a video is missing.
    """
    store = parse_store(recording.store_text, f"{recording.path}: store.yaml")
    boxes = {}
    try:
        for camera, shown in _pictures(recording, store).items():
            name = f"{recording.path.stem}-{camera}"
            sequence = folder / name
            (sequence / "gt").mkdir(parents=True, exist_ok=True)
            rows = [
                f"{number},{person.number},{x0 + 1},{y0 + 1},{x1 - x0},{y1 - y0},1,"
                f"{_PEDESTRIAN},{person.share:.4f}\n"
                for number, (_, people) in enumerate(shown, 1)
                for person in people
                for x0, y0, x1, y1 in [person.body_box]
            ]
            (sequence / "gt" / "gt.txt").write_text("".join(rows), encoding="ascii")
            _write_seqinfo(sequence, name, store, camera, len(shown))
            if pictures:
                _write_pictures(recording, camera, shown, sequence / "img1")
            boxes[camera] = len(rows)
    except OSError as error:
        raise RecordingError(f"{folder}: cannot be written: {error}") from error
    return boxes


def export_coco(recording: Recording, file: Path, pictures: bool) -> dict[str, int]:
    """Write one COCO file with every camera's pictures; with `pictures`, jpegs from the videos
    go to a folder of the file's name. Returns the annotations by camera.

    Raises RecordingError where the recording has no truth of pictures, or nothing can be written;
    VideoError where a video is missing.
    """
    store = parse_store(recording.store_text, f"{recording.path}: store.yaml")
    sizes = {camera.id: (camera.width_px, camera.height_px) for camera in store.cameras}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    counts = {}
    if file.is_dir():
        raise RecordingError(f"{file}: is a folder; name a file")
    folder = file.with_suffix("")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for camera, shown in _pictures(recording, store).items():
            before = len(annotations)
            width, height = sizes[camera]
            for number, (at_ns, people) in enumerate(shown, 1):
                image = len(images) + 1
                images.append(
                    {
                        "id": image,
                        "file_name": f"{folder.name}/{camera}/{number:06d}.jpg",
                        "width": width,
                        "height": height,
                        "camera": camera,
                        "at_ns": at_ns,
                    }
                )
                annotations += [
                    _annotation(len(annotations) + n, image, person)
                    for n, person in enumerate((p for p in people if p.box is not None), 1)
                ]
            counts[camera] = len(annotations) - before
            if pictures:
                _write_pictures(recording, camera, shown, folder / camera)
        category = {"id": 1, "name": "person", "keypoints": KEYPOINTS, "skeleton": SKELETON}
        content = {"images": images, "annotations": annotations, "categories": [category]}
        file.write_bytes(msgspec.json.encode(content))
    except OSError as error:
        raise RecordingError(f"{file}: cannot be written: {error}") from error
    return counts


def _annotation(number: int, image: int, person: SeenPerson) -> dict[str, Any]:
    assert person.box is not None
    x0, y0, x1, y1 = person.box
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": (x1 - x0) * (y1 - y0),
        "iscrowd": 0,
        "keypoints": [value for point in person.keypoints for value in point],
        "num_keypoints": sum(1 for point in person.keypoints if point[2]),
        "person": person.number,
        "visibility": person.share,
    }


def _pictures(recording: Recording, store: Store) -> dict[str, list[Shown]]:
    """What each camera's pictures truly show, in order of time."""
    pictures: dict[str, list[Shown]] = {}
    installed = {camera.id for camera in store.cameras}
    for exposure in recording.exposures():
        for camera, people in exposure.cameras.items():
            if camera not in installed:  # it becomes part of a path
                raise RecordingError(f"{recording.path}: the store has no camera {camera!r}")
            pictures.setdefault(camera, []).append((exposure.at_ns, people))
    if not pictures:
        raise RecordingError(
            f"{recording.path}: no truth of pictures in it; "
            "record one with: openaisle simulate SCENE --record FILE --video"
        )
    return dict(sorted(pictures.items()))


def _write_seqinfo(sequence: Path, name: str, store: Store, camera: str, length: int) -> None:
    installed = next(one for one in store.cameras if one.id == camera)
    seqinfo = configparser.ConfigParser(interpolation=None)
    seqinfo.optionxform = str  # type: ignore[assignment,method-assign]
    seqinfo["Sequence"] = {
        "name": name,
        "imDir": "img1",
        "frameRate": f"{installed.fps:g}",
        "seqLength": str(length),
        "imWidth": str(installed.width_px),
        "imHeight": str(installed.height_px),
        "imExt": ".jpg",
    }
    with (sequence / "seqinfo.ini").open("w", encoding="utf-8") as stream:
        seqinfo.write(stream, space_around_delimiters=False)


def _write_pictures(recording: Recording, camera: str, shown: list[Shown], folder: Path) -> None:
    """Write the video's pictures as JPEG, numbered as the truth's are."""
    index = recording.cameras().get(camera)
    if index is None:
        raise RecordingError(f"{recording.path}: camera {camera} was not filmed: no --pictures")
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {at_ns: number for number, (at_ns, _) in enumerate(shown, 1)}
    for filmed, rgb in recording.frames(camera, index):
        number = numbers.get(filmed.at_ns)
        if number is not None:
            cv2.imwrite(str(folder / f"{number:06d}.jpg"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
