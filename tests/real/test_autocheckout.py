"""A real store's recording is billed as its official receipt says."""

import json
import os
import shutil
from pathlib import Path

import pytest

from cart.events import Exited, ReviewRequested, to_json
from service.autocheckout import ImportFailedError, import_autocheckout
from service.pipeline import Pipeline
from service.recording import Recording, replay, write_recording

DATA = os.environ.get("OPENAISLE_REAL_DATA")
pytestmark = pytest.mark.skipif(
    not DATA, reason="OPENAISLE_REAL_DATA does not name a folder with the real recordings"
)
CASE = Path(DATA or ".") / "autocheckout-benchmark-1"


def billed(folder, path):
    imported = import_autocheckout(folder)
    write_recording(path, imported.entries, imported.store_text, imported.code_key, {})
    return list(replay(Recording.open(path), Pipeline))


def test_the_receipt_is_exactly_the_official_one(tmp_path):
    events = billed(CASE, tmp_path / "a.mcap")
    bills = {e.shopper: e.lines for e in events if isinstance(e, Exited)}
    assert bills == {"3325379692103139202": (("00071142008582", 1),)}
    assert not [e for e in events if isinstance(e, ReviewRequested)]


def test_nothing_but_the_four_files_is_read(tmp_path):
    copy = tmp_path / "case"
    copy.mkdir()
    for name in ("plate_data", "full_targets", "planogram", "products"):
        shutil.copy(CASE / f"{name}.json", copy)
    assert [to_json(e) for e in billed(copy, tmp_path / "b.mcap")] == [
        to_json(e) for e in billed(CASE, tmp_path / "a.mcap")
    ]


@pytest.mark.parametrize("name", ["plate_data", "full_targets", "planogram", "products"])
def test_a_broken_file_is_named(tmp_path, name):
    copy = tmp_path / "case"
    shutil.copytree(CASE, copy, ignore=shutil.ignore_patterns("README*"))
    broken = copy / f"{name}.json"
    broken.chmod(0o644)
    broken.write_text(broken.read_text()[:1000])
    with pytest.raises(ImportFailedError, match=rf"{name}\.json, line \d+: not JSON"):
        import_autocheckout(copy)
    broken.unlink()
    with pytest.raises(ImportFailedError, match="cannot be read"):
        import_autocheckout(copy)


def test_rows_that_lack_a_key_are_an_error_and_no_crash(tmp_path):
    copy = tmp_path / "case"
    shutil.copytree(CASE, copy, ignore=shutil.ignore_patterns("README*"))
    file = copy / "planogram.json"
    file.chmod(0o644)
    file.write_text(json.dumps({"plate_ids": []}))
    with pytest.raises(ImportFailedError, match="not as expected"):
        import_autocheckout(copy)
