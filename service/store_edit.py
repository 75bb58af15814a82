"""Writes a camera's calibration into a store file, and leaves all else as it is, comments too.

Values are replaced where they stand in the text; keys that are missing are put behind the
camera's `id`. The new text must be a store, or nothing is written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from sensors.store import StoreFileError, parse_store, why_unreadable

Value = float | int | Sequence[float]


def fragment(camera: str, values: Mapping[str, Value]) -> str:
    """The keys of a camera as YAML, to be put below `cameras:` of a store file."""
    lines = [f"- id: {camera}", *(f"  {key}: {_text(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def write_camera(path: Path, camera: str, values: Mapping[str, Value]) -> None:
    """Set keys of a camera of a store file.

    Raises StoreFileError where the file cannot be read or written, is no store, has no such
    camera, or would be no store with the new values.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreFileError(f"{path}: cannot be read: {why_unreadable(error)}") from error
    changed = with_camera(text, camera, values, str(path))
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(changed)
        Path(name).chmod(path.stat().st_mode)
        Path(name).replace(path)
    except OSError as error:
        raise StoreFileError(f"{path}: cannot be written: {error.strerror}") from error


def with_camera(text: str, camera: str, values: Mapping[str, Value], name: str) -> str:
    """The text of a store file `name` with keys of a camera set. Raises StoreFileError."""
    store = parse_store(text, name)
    known = [c.id for c in store.cameras]
    if camera not in known:
        raise StoreFileError(
            f"{name}: cameras: there is no {camera!r}; known: {', '.join(known) or 'none'}"
        )
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    cameras = next(value for key, value in root.value if key.value == "cameras")
    node = next(n for n in cameras.value if _keys(n)["id"].value == camera)
    edits = []
    keys, names = _keys(node), {key.value: key for key, _ in node.value}
    missing = []
    for key, value in values.items():
        if key in keys:
            start = text.index(":", names[key].end_mark.index) + 1
            edits.append((start, _end(text, keys[key]), " " + _text(value)))
        else:
            missing.append(f"{key}: {_text(value)}")
    if missing:
        behind = keys["id"].end_mark.index
        if node.flow_style:
            edits.append((behind, behind, "".join(f", {line}" for line in missing)))
        else:
            indent = "\n" + " " * node.value[0][0].start_mark.column
            edits.append((behind, behind, "".join(indent + line for line in missing)))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    parse_store(text, f"{name} with the new figures of {camera}")
    return text


def _keys(node: yaml.Node) -> dict[str, yaml.Node]:
    assert isinstance(node, yaml.MappingNode)
    return {key.value: value for key, value in node.value}


def _end(text: str, node: yaml.Node) -> int:
    """Where a value ends: the mark of a block sequence lies behind the next lines' blanks."""
    end = node.end_mark.index
    while end > node.start_mark.index and text[end - 1] in " \n":
        end -= 1
    return end


def _text(value: Value) -> str:
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, int) else _number(value)
    return "[" + ", ".join(_number(v) for v in value) + "]"


def _number(value: float) -> str:
    """As short as four places behind the point allow, and always a number to YAML."""
    return f"{value + 0.0:.4f}".rstrip("0").rstrip(".") if round(value, 4) else "0.0"
