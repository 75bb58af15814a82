"""Published COCO weights find people in real footage, and are imported with their terms."""

import os
from pathlib import Path

import av
import pytest

from service.models_import import import_weights
from vision.detector import load_detector

DATA = os.environ.get("OPENAISLE_REAL_DATA")
pytestmark = pytest.mark.skipif(
    DATA is None, reason="OPENAISLE_REAL_DATA does not name the folder of real data"
)


@pytest.fixture
def weights() -> Path:
    return Path(DATA or "") / "weights" / "yolo11n-coco-320-int8.onnx"


def test_one_person_walks_past_a_real_camera(weights):
    detector = load_detector(weights)
    assert str(detector.head) == "people without joints"
    counts = []
    with av.open(Path(DATA or "") / "video" / "one-by-one-person-detection.mp4") as film:
        for n, frame in enumerate(film.decode(video=0)):
            if n in (150, 250, 350, 479):
                found = detector.detect_all({"cam": frame.to_ndarray(format="rgb24")})["cam"]
                counts.append(sum(d.score > 0.5 for d in found))
                for one in found:
                    assert not one.keypoints.any()
            if n == 479:
                break
    assert counts == [1, 1, 1, 0]


def test_they_are_imported_with_their_terms(weights, tmp_path):
    name, entry = import_weights(str(weights), tmp_path, "coco")
    assert name == "coco"
    assert entry.input_px == (320, 320)
    assert "AGPL-3.0" in entry.terms
    assert entry.figures["rendered_people_found"] >= 1
