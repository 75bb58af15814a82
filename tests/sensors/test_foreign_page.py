"""The adapter that docs/devices-of-others.md shows is short, and works as it says."""

import importlib
import re
import sys
from pathlib import Path

import pytest
import yaml

from sensors import foreign_kinds
from sensors.decode import Decoder
from sensors.foreign_kinds import CELLS, READERS, CellKind
from sensors.store import Store
from sensors.wire import WireError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "devices-of-others.md").read_text(encoding="utf-8")


@pytest.fixture
def acme(monkeypatch, tmp_path):
    """A decoder of a store with the scale of the page, its kind named as the page says."""
    (script,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert len(script.splitlines()) < 40
    (tmp_path / "foreign_acme.py").write_text(script, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "foreign_acme", raising=False)
    module = vars(importlib.import_module("foreign_acme"))
    (line,) = re.findall(r'`("acme-scale": [^`]*)`', PAGE)
    kind = eval(f"{{{line}}}", vars(foreign_kinds) | module)
    monkeypatch.setitem(CELLS, "acme-scale", kind["acme-scale"])
    content = yaml.safe_load((ROOT / "datasets/stores/corner.yaml").read_text(encoding="utf-8"))
    device = {"id": "a", "kind": "acme-scale", "topic": "acme/1", "shelf": "g1s1", "plate": 3}
    return Decoder(Store.model_validate(content | {"devices": [device]}))


def test_it_reads_what_the_page_says_that_it_reads(acme):
    (sample,) = re.findall(r"scale: `(.*)`\.", PAGE)
    said = acme.decode("acme/1", sample.encode())
    assert (said.device, said.plate, said.grams) == ("a", 3, 412.5)
    assert said.clock_ns is not None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"mass": {"value": 1, "unit": "lb"}}', "mass.unit: 'lb' is not kg"),
        ('{"mass": {"value": 1, "unit": "kg"}, "at": "noon"}', "at: 'noon'"),
        ('{"mass": {"value": 1, "value": 2, "unit": "kg"}}', "'value' stands there twice"),
        ('{"mass": {"value": 1e9, "unit": "kg"}}', "is not within"),
        ('{"mass": {"unit": "kg"}}', "value"),
    ],
)
def test_it_refuses_the_rest(acme, body, reason):
    with pytest.raises(WireError, match=rf"a \(acme-scale\): .*{reason}"):
        acme.decode("acme/1", body.encode())


def test_every_kind_is_on_the_page():
    rows = re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE, re.MULTILINE)
    assert set(rows) == {"kind", *READERS, *CELLS}
    assert all(isinstance(kind, CellKind) for kind in CELLS.values())
