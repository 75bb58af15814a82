"""Every file under models/ is named in the manifest, with its digest, how it was made and terms."""

import hashlib
import json
from pathlib import Path

MODELS = Path(__file__).parents[2] / "models"


def test_the_manifest_names_every_weight_as_it_is():
    entries = json.loads((MODELS / "manifest.json").read_text(encoding="utf-8"))
    files = {entry["file"]: entry for entry in entries.values()}
    found = {path.name for path in MODELS.iterdir() if path.suffix != ".md"}
    assert files.keys() == found - {"manifest.json"}
    for name, entry in files.items():
        assert entry["sha256"] == hashlib.sha256((MODELS / name).read_bytes()).hexdigest(), name
        assert entry["trained_by"].startswith("openaisle ")
        assert entry["trained_on"] and entry["terms"]
