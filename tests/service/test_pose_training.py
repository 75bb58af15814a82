import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from service.model_card import file_boxes, file_weights
from service.pose_score import detect
from service.train_pose import TrainingUnavailableError, train_pose


class FakeSession:
    """Answers any picture with the given rows of the net's output."""

    def __init__(self, rows: list[np.ndarray]) -> None:
        self.output = np.zeros((1, 56, 1680), np.float32)
        for i, row in enumerate(rows):
            self.output[0, :, i] = row
        self.given: np.ndarray | None = None

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="images", shape=[1, 3, 256, 320])]

    def run(self, _: None, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.given = feeds["images"]
        return [self.output]


def _row(u: float, v: float, score: float) -> np.ndarray:
    row = np.zeros(56)
    row[:5] = u, v, 20, 40, score
    row[5:] = np.tile([u, v, 0.9], 17)
    return row


def test_detections_are_in_the_pixels_of_the_picture_and_thinned_out() -> None:
    session = FakeSession([_row(100, 108, 0.8), _row(101, 108, 0.9), _row(200, 58, 0.1)])
    found = detect(session, np.zeros((240, 320, 3), np.uint8), 0.3)
    assert len(found) == 1
    assert found[0, :5] == pytest.approx([91, 80, 111, 120, 0.9], abs=1e-5)
    assert found[0, 5:8] == pytest.approx([101, 100, 0.9], abs=1e-5)
    assert session.given is not None
    assert session.given[0, :, 0, 0] == pytest.approx(114 / 255)
    assert session.given[0, :, 8:248].max() == 0


def test_filing_weights_keeps_other_entries_and_names_the_terms(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"other": {"file": "x"}}')
    weights = tmp_path / "person-pose.onnx"
    weights.write_bytes(b"abc")
    figures = {"box_map50": 0.5, "held_out": {"recall": 0.9}, "corner": {"recall": 0.8}}
    file_weights(tmp_path, weights, 987_720, "openaisle train pose", figures, (256, 320))
    entries = json.loads((tmp_path / "manifest.json").read_text())
    assert entries["other"] == {"file": "x"}
    (tmp_path / "person-pose.boxes.onnx").write_bytes(b"abc")
    file_boxes(tmp_path, tmp_path / "person-pose.boxes.onnx")
    entries = json.loads((tmp_path / "manifest.json").read_text())
    assert entries["person-pose.boxes"]["sha256"] == entries["person-pose"]["sha256"]
    assert entries["person-pose"]["sha256"].startswith("ba7816bf")
    assert "AGPL-3.0" in entries["person-pose"]["terms"]
    assert "| recall | 0.9 | 0.8 |" in (tmp_path / "person-pose.md").read_text()


def test_training_without_its_packages_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ultralytics", None)
    with pytest.raises(TrainingUnavailableError, match=r"openaisle\[train\]"):
        train_pose(tmp_path)
