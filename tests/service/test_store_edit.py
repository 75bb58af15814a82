"""A camera's figures are changed in a store file; everything else stays, letter by letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from sensors.store import StoreFileError, load_store, parse_store
from service.store_edit import fragment, with_camera, write_camera

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
NEW = {
    "fx": 412.123456,
    "k1": -0.11,
    "k2": 0.0,
    "position_m": [0.2, 0.25, 2.8],
    "look_at_m": [3.0, 2.5, 0.8],
    "roll_deg": -1.25,
}
BLOCK = """cameras:  # two of them
- id: cam1  # by the door
  width_px: 640
  height_px: 480
  fx: 400.0  # measured
  fy: 400.0
  cx: 319.5
  cy: 239.5
  position_m:
  - 0.15
  - 0.15
  - 2.75
  look_at_m: [3.3, 2.9, 0.9]

# the racks
"""


def check(text: str) -> None:
    camera = next(c for c in parse_store(text).cameras if c.id == "cam1")
    assert camera.fx == pytest.approx(412.1235)
    assert (camera.k1, camera.k2, camera.roll_deg) == (-0.11, 0.0, -1.25)
    assert camera.position_m == (0.2, 0.25, 2.8) and camera.look_at_m == (3.0, 2.5, 0.8)
    assert camera.fy == 400.0


def block_store() -> str:
    text = CORNER.read_text(encoding="utf-8")
    start, end = text.index("cameras:"), text.index("gondolas:")
    return text[:start] + BLOCK + text[end:]


def test_flow_style_is_kept(tmp_path: Path):
    path = tmp_path / "store.yaml"
    before = "# our store\n" + CORNER.read_text(encoding="utf-8")
    path.write_text(before, encoding="utf-8")
    write_camera(path, "cam1", NEW)
    after = path.read_text(encoding="utf-8")
    check(after)
    start = after.index("gondolas:")
    assert after[start:] == before[before.index("gondolas:") :]
    assert after.startswith("# our store\n")
    assert load_store(path).cameras[1:] == load_store(CORNER).cameras[1:]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["store.yaml"]


def test_block_style_and_comments_are_kept():
    after = with_camera(block_store(), "cam1", NEW, "store.yaml")
    check(after)
    for comment in ("# two of them", "# by the door", "# measured", "# the racks"):
        assert comment in after


def test_the_fragment_is_what_a_store_takes():
    text = block_store()
    start, end = text.index("- id: cam1"), text.index("# the racks")
    whole = {"width_px": 640, "height_px": 480, "fy": 400.0, "cx": 319.5, "cy": 239.5} | NEW
    check(text[:start] + fragment("cam1", whole) + text[end:])


@pytest.mark.parametrize(
    ("camera", "values", "what"),
    [
        ("cam9", NEW, "no 'cam9'; known: cam1"),
        ("cam1", {"fx": -1.0}, "with the new figures of cam1"),
        ("cam1", {"k1": -9.0}, "fold"),
    ],
)
def test_what_would_be_no_store_is_refused(tmp_path: Path, camera: str, values, what: str):
    path = tmp_path / "store.yaml"
    path.write_text(block_store(), encoding="utf-8")
    with pytest.raises(StoreFileError, match=what):
        write_camera(path, camera, values)
    assert path.read_text(encoding="utf-8") == block_store()
