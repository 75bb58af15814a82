"""Takes published people and pose weights into a store's own collection, checked and measured.

A `.pt` file of ultralytics is exported to ONNX, which is what stores run on processors; an ONNX
file is taken as it is. Either is tried on a rendered picture before it is registered.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from sensors.store import load_store
from service.models_registry import Entry, digest, register
from service.simulate import DATASETS
from simulator.figure import Figure, Stance
from simulator.render import Renderer
from vision.detection import iou
from vision.detector import OnnxDetector, WeightsUnusable
from vision.detector_torch import load_yolo, need_torch

USUAL_PX = (256, 320)  # rows, columns
OPSET = 17
_STRIDE_PX = 32
_ROUNDS = 20
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
AGPL = (
    "Ultralytics claims AGPL-3.0 for weights that its package trained, and sells other licences: "
    "settle it before a store runs on them."
)
UNKNOWN_TERMS = "The file does not say; ask whoever published it."


class ImportUnusableError(Exception):
    """Weights cannot be imported; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What weights made of a rendered picture: of `people` they `found` some, with `others` boxes
    besides, in `ms_per_frame` on one thread of this machine's processor."""

    people: int
    found: int
    others: int
    ms_per_frame: float


def import_weights(
    source: str,
    folder: Path,
    name: str | None = None,
    size_px: tuple[int, int] | None = None,
    say: Callable[[str], None] = print,
) -> tuple[str, Entry]:
    """Register weights from a file, or by the name that ultralytics publishes them under.

    `size_px` (rows, columns) is the input that a `.pt` file is exported for. Returns the name and
    what the manifest says. Raises ImportUnusableError, WeightsUnusable, or TorchMissing.
    """
    height, width = size_px or USUAL_PX
    if height % _STRIDE_PX or width % _STRIDE_PX or min(height, width) < _STRIDE_PX:
        raise ImportUnusableError(
            f"--size {height}x{width}: expected multiples of {_STRIDE_PX}, as 256x320"
        )
    path = Path(source)
    called = name or _plain(path.stem)
    if not _NAME.fullmatch(called):
        raise ImportUnusableError(f"--name {called!r}: expected small letters, digits and . _ -")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImportUnusableError(f"{folder}: cannot be made: {error.strerror}") from error
    with TemporaryDirectory(prefix="openaisle-weights-") as scratch:
        given = path if path.is_file() else _download(source, Path(scratch), say)
        if given.suffix.lower() == ".onnx":
            if size_px is not None:
                raise ImportUnusableError(
                    f"--size: {path} is ONNX, whose input size is settled; export it anew"
                )
            ready = given
        elif given.suffix.lower() == ".pt":
            say(f"exporting {given.name} to ONNX at {height}×{width}")
            ready = export(given, Path(scratch), (height, width))
        else:
            raise ImportUnusableError(f"{path}: expected a file that ends in .pt or .onnx")
        detector = OnnxDetector(ready)
        say(f"{given.name}: {detector.head}; trying it on a rendered picture")
        trial = try_out(detector)
        kept = folder / f"{called}.onnx"
        shutil.copyfile(ready, kept)
    entry = Entry(
        file=kept.name,
        sha256=digest(kept),
        terms=terms_of(kept),
        source=str(path.resolve()) if path.is_file() else f"ultralytics assets: {source}",
        head=str(detector.head),
        input_px=detector.input_px,
        figures={
            "rendered_people": trial.people,
            "rendered_people_found": trial.found,
            "rendered_boxes_besides": trial.others,
            "ms_per_frame": trial.ms_per_frame,
        },
    )
    register(folder, called, entry)
    return called, entry


def export(checkpoint: Path, folder: Path, size_px: tuple[int, int]) -> Path:
    """An ONNX file of a `.pt` file, for pictures of `size_px` (rows, columns), one at a time.

    Raises TorchMissing or WeightsUnusable.
    """
    need_torch(f"{checkpoint.name} has to be exported")
    os.environ.setdefault("YOLO_OFFLINE", "1")
    copy = folder / f"export-{checkpoint.name}"  # ultralytics writes beside what it reads
    shutil.copyfile(checkpoint, copy)
    net = load_yolo(copy)
    if net.task not in ("detect", "pose"):
        raise WeightsUnusable(
            f"{checkpoint}: it was trained for the task {net.task!r}, expected detect or pose"
        )
    try:
        written = net.export(
            format="onnx",
            imgsz=list(size_px),
            opset=OPSET,
            dynamic=False,
            nms=False,
            batch=1,
            device="cpu",
            verbose=False,
        )
    except Exception as error:
        brief = (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsUnusable(f"{checkpoint}: ultralytics cannot export it: {brief}") from error
    return Path(written)


def try_out(detector: OnnxDetector, rounds: int = _ROUNDS) -> Trial:
    """Let weights look at a rendered picture of three people, and time them."""
    rgb, boxes = rendered_people()
    found = detector.detect_all({"rendered": rgb})["rendered"]
    overlap = iou(boxes, np.array([d.box for d in found]).reshape(-1, 4))
    met = overlap.max(axis=1, initial=0.0) >= 0.5
    right = overlap.max(axis=0, initial=0.0) >= 0.5
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        detector.detect_all({"rendered": rgb})
        spent.append(time.process_time() - began)
    return Trial(
        people=len(boxes),
        found=int(met.sum()),
        others=int((~right).sum()),
        ms_per_frame=round(1000 * float(np.median(spent)), 1),
    )


def rendered_people() -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A picture (480, 640, 3) of three people in the corner shop, and their boxes (3, 4)."""
    store = load_store(DATASETS / "stores" / "corner.yaml")
    camera = store.cameras[0].model()
    renderer = Renderer(store, [camera], 1)
    middle = (
        np.array(
            [store.floor.x_min_m + store.floor.x_max_m, store.floor.y_min_m + store.floor.y_max_m]
        )
        / 2
    )
    rng = np.random.default_rng(7)
    crowd = []
    for number, (dx, dy, heading) in enumerate(
        [(-1.2, 0.1, 0.4), (0.0, 0.4, 2.0), (1.3, -0.1, 4.0)]
    ):
        x, y = middle + np.array([dx, dy])
        stance = Stance(
            x_m=float(x),
            y_m=float(y),
            heading_rad=heading,
            stride_rad=0.7,
            speed_m_s=0.8,
            left_hand_m=None,
            right_hand_m=None,
        )
        crowd.append((number + 1, Figure.random(rng), stance))
    frame = renderer.render(camera.id, crowd)
    boxes = []
    for number, _, _ in crowd:
        rows, columns = np.nonzero(frame.ids == number)
        if len(rows):
            boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    return frame.rgb, np.array(boxes, dtype=np.float64).reshape(-1, 4)


def terms_of(path: Path) -> str:
    """The terms that an ONNX file names, with what they mean where they are Ultralytics'."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    written = session.get_modelmeta().custom_metadata_map
    licence, author = written.get("license", ""), written.get("author", "")
    if "AGPL" in licence or author == "Ultralytics":
        return f"{licence or 'Exported by the Ultralytics package'}. {AGPL}"
    return licence or UNKNOWN_TERMS


def _download(name: str, folder: Path, say: Callable[[str], None]) -> Path:
    """Weights that ultralytics publishes under a name."""
    if "/" in name or Path(name).suffix not in ("", ".pt"):
        raise ImportUnusableError(f"{name}: there is no such file")
    need_torch(f"{name} is no file here, and is to be downloaded by its name")
    from ultralytics.utils import downloads  # noqa: PLC0415

    file = name if name.endswith(".pt") else f"{name}.pt"
    known: Any = downloads.GITHUB_ASSETS_NAMES
    if file not in known:
        some = ", ".join(sorted(n[:-3] for n in known if "11n" in n or "26n" in n))
        raise ImportUnusableError(
            f"{name}: there is no such file, and ultralytics publishes nothing of that name "
            f"(it does {some}, among others)"
        )
    say(f"downloading {file} from ultralytics' releases")
    target = folder / file
    try:
        downloads.safe_download(
            url=f"https://github.com/ultralytics/assets/releases/download/v8.4.0/{file}",
            file=target,
            min_bytes=1e5,
            retry=0,
            progress=False,
        )
    except Exception as error:  # whatever a network can do
        raise ImportUnusableError(_unreachable(name, file)) from error
    if not target.is_file():
        raise ImportUnusableError(_unreachable(name, file))
    return target


def _unreachable(name: str, file: str) -> str:
    return (
        f"{name}: {file} could not be downloaded from github.com/ultralytics/assets; is there "
        "internet here? Else fetch the file elsewhere and import it by its path"
    )


def _plain(stem: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._") or "weights"
