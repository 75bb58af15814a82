"""Landmarks that outlive the worker: kept, reloaded, refused where damaged, reset on command."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from sensors.store import Store
from service import vision_worker
from service.cli import app
from service.kept_landmarks import KeptLandmarks
from service.vision_worker import VisionWorker
from vision.landmarks import Landmarks
from vision.moved import LOOK_EVERY_NS, MovedCheck

STORE = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
RNG = np.random.default_rng(8)
SHELVES = cv2.GaussianBlur(
    RNG.integers(0, 255, (30, 40, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1), (3, 3), 0
)


def looks(check: MovedCheck, camera: str, count: int, shift: int = 0) -> list[str]:
    """What `count` looks at the view, moved by `shift` pixels, find."""
    view = np.roll(SHELVES, shift, 1).astype(np.uint8)
    found = [check.look(camera, view, n * LOOK_EVERY_NS) for n in range(count)]
    return ["" if one is None else one.state for one in found]


def some(count: int = 60) -> Landmarks:
    bits = RNG.integers(0, 256, (count, 32), dtype=np.uint8)
    return Landmarks(RNG.uniform(0, 400, (count, 2)).round(2), bits)


def test_they_are_as_they_were_and_of_one_calibration(tmp_path, store: Store):
    kept, marks = KeptLandmarks(tmp_path / "new", store), some()
    assert kept.load("cam1") is None
    assert kept.save("cam1", marks)
    again = kept.load("cam1")
    assert again is not None
    np.testing.assert_allclose(again.places_px, marks.places_px, atol=1e-4)
    np.testing.assert_array_equal(again.bits, marks.bits)
    turned = store.cameras[0].model_copy(update={"roll_deg": 1.0})
    other = store.model_copy(update={"cameras": [turned, *store.cameras[1:]]})
    assert KeptLandmarks(tmp_path / "new", other).load("cam1") is None
    assert kept.forget("cam1")
    assert not kept.forget("cam1")


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "shape", "numbers"])
def test_a_damaged_file_is_as_good_as_none(tmp_path, store: Store, damage):
    kept, marks = KeptLandmarks(tmp_path, store), some()
    if damage == "shape":
        marks = Landmarks(marks.places_px[:-1], marks.bits)
    elif damage == "numbers":
        marks = Landmarks(np.full((60, 2), np.nan), marks.bits)
    kept.save("cam1", marks)
    path = kept.path("cam1")
    whole = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "cut": whole[: len(whole) // 2], "text": b"hello"}.get(damage, whole)
    )
    assert kept.load("cam1") is None


def test_where_they_cannot_be_written_the_worker_goes_on(tmp_path, store: Store):
    (tmp_path / "file").write_text("")
    assert not KeptLandmarks(tmp_path / "file", store).save("cam1", some())


def worker(store: Store, kept: KeptLandmarks) -> tuple[VisionWorker, MovedCheck]:
    reader = SimpleNamespace(camera="cam1", plan=SimpleNamespace(rules=SimpleNamespace(fps=10.0)))
    check = MovedCheck()
    nothing = cast(Any, None)
    one = VisionWorker(
        store, [cast(Any, reader)], nothing, nothing, "b", moved_check=check, landmarks=kept
    )
    return one, check


def test_a_camera_that_was_moved_while_nothing_ran_is_noticed(tmp_path, store, monkeypatch):
    monkeypatch.setattr(vision_worker, "KEEP_EVERY_S", 0.0)
    kept = KeptLandmarks(tmp_path / "landmarks", store)
    first, check = worker(store, kept)
    first._keep_landmarks()
    assert not kept.path("cam1").exists()  # nothing is known yet
    assert looks(check, "cam1", 5)[-1] == ""
    first._keep_landmarks()
    assert kept.load("cam1") is not None

    second, check = worker(store, kept)
    assert looks(check, "cam1", 4, shift=64)[-1] == "moved"
    before = kept.path("cam1").read_bytes()
    second._keep_landmarks()
    assert kept.path("cam1").read_bytes() == before  # the wrong view is not learned

    words = ["cameras", "accept", str(STORE), "cam1", "--data", str(tmp_path)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "learned anew" in result.output
    second._keep_landmarks()
    assert set(looks(check, "cam1", 5, shift=64)) == {""}
    second._keep_landmarks()
    third, check = worker(store, kept)
    assert set(looks(check, "cam1", 4, shift=64)) == {""}
    assert third is not second


def test_a_camera_that_the_store_has_not_cannot_be_accepted(tmp_path):
    result = CliRunner().invoke(app, ["cameras", "accept", str(STORE), "cam9"])
    assert result.exit_code != 0
    assert "no camera 'cam9', only cam1" in str(result.exception)
