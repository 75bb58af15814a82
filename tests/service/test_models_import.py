"""Other people's weights: taken in, named, found again, and refused where they cannot be used."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from service.cli_models import models_app
from service.models_import import ImportUnusableError, import_weights, rendered_people
from service.models_registry import (
    MANIFEST,
    SHIPPED,
    WeightsNotFound,
    find_weights,
    known_weights,
    user_folder,
)
from vision.detector import TorchMissing, WeightsUnusable

OURS = SHIPPED / "person-pose.onnx"


def test_weights_are_taken_in_by_name_and_found_again(tmp_path, monkeypatch):
    given = tmp_path / "Their Pose.v2.onnx"
    shutil.copyfile(OURS, given)
    folder = tmp_path / "mine"
    said: list[str] = []
    name, entry = import_weights(str(given), folder, say=said.append)
    assert name == "their-pose.v2"
    assert entry.head == "people and joints"
    assert entry.input_px == (256, 320)
    assert "AGPL-3.0" in entry.terms
    assert entry.source == str(given)
    assert entry.figures["rendered_people"] == 3
    assert entry.figures["rendered_people_found"] >= 2
    assert entry.figures["ms_per_frame"] > 0
    assert find_weights(name, folder).read_bytes() == OURS.read_bytes()
    monkeypatch.setenv("OPENAISLE_MODELS", str(folder))
    assert find_weights(name) == folder / entry.file
    assert find_weights(None) == OURS
    assert find_weights(str(given)) == given
    assert {"person-pose", name} <= known_weights().keys()

    run = CliRunner()
    out = tmp_path / "check.json"
    assert run.invoke(models_app, ["check", name, "--json", str(out)]).exit_code == 0
    assert json.loads(out.read_text(encoding="utf-8"))[name]["input"] == [256, 320]
    assert name[:6] in run.invoke(models_app, ["list"]).output
    (folder / entry.file).write_bytes(b"something else")
    spoilt = run.invoke(models_app, ["check", name])
    assert isinstance(spoilt.exception, WeightsNotFound)
    assert "not the file that was registered" in str(spoilt.exception)


@pytest.mark.parametrize(
    ("source", "options", "error", "said"),
    [
        ("nowhere.onnx", {}, ImportUnusableError, "no such file"),
        (str(OURS), {"size_px": (250, 320)}, ImportUnusableError, "multiples of 32"),
        (str(OURS), {"size_px": (256, 320)}, ImportUnusableError, "is ONNX"),
        (str(OURS), {"name": "No Name"}, ImportUnusableError, "--name"),
        (str(SHIPPED / MANIFEST), {}, ImportUnusableError, r"\.pt or \.onnx"),
    ],
)
def test_what_cannot_be_imported_is_named(tmp_path, source, options, error, said):
    with pytest.raises(error, match=said):
        import_weights(source, tmp_path, **options)
    assert not (tmp_path / MANIFEST).exists()


def test_names_and_manifests_that_are_none(tmp_path):
    with pytest.raises(WeightsNotFound, match=r"known are .*person-pose"):
        find_weights("somebody-elses", tmp_path)
    (tmp_path / MANIFEST).write_text('{"a": {"file": 3}}', encoding="utf-8")
    with pytest.raises(WeightsNotFound, match=r"manifest\.json: not a manifest"):
        known_weights(tmp_path)


def test_where_a_users_weights_are(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAISLE_MODELS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert user_folder() == tmp_path / "openaisle" / "models"
    assert user_folder(tmp_path / "x") == tmp_path / "x"


def test_the_picture_shows_whole_people():
    rgb, boxes = rendered_people()
    assert rgb.shape == (480, 640, 3)
    assert len(boxes) == 3
    assert ((boxes[:, 3] - boxes[:, 1]) > 50).all()


def test_pt_files_of_any_random_net_are_exported(tmp_path):
    pytest.importorskip("torch", reason="exporting needs the extra train")
    ultralytics = pytest.importorskip("ultralytics", reason="exporting needs the extra train")
    for task, head in (("pose", "people and joints"), ("detect", "people without joints")):
        net = ultralytics.YOLO(f"yolo11n{'-pose' if task == 'pose' else ''}.yaml", task=task)
        net.save(tmp_path / f"{task}.pt")
        name, entry = import_weights(
            str(tmp_path / f"{task}.pt"), tmp_path / "mine", size_px=(64, 96)
        )
        assert (name, entry.head, entry.input_px) == (task, head, (64, 96))
    (tmp_path / "broken.pt").write_bytes(b"no weights")
    with pytest.raises(WeightsUnusable, match=r"broken\.pt: ultralytics cannot load it"):
        import_weights(str(tmp_path / "broken.pt"), tmp_path / "mine")


def test_a_name_without_the_packages_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(TorchMissing, match=r"pip install 'openaisle\[train\]'"):
        import_weights("yolo11n-pose", tmp_path)
