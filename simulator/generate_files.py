"""Writes generated stores and worlds as YAML that people read: a facing and an article a line."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import BaseModel

from sensors.store import Gondola, Store
from simulator.generate import DEVIATIONS
from simulator.world import World

_PLAIN = re.compile(r"^[A-Za-z][A-Za-z0-9 _.-]*[A-Za-z0-9]$|^[A-Za-z]$")
_WORDS = ("yes", "no", "on", "off", "true", "false", "null", "y", "n")


def store_text(store: Store, first_line: str) -> str:
    """The YAML of a store; `first_line` is its comment. Keys at their defaults are left out."""
    fields = _given(store)
    names = {product.gtin: product.name for product in store.products}
    lines = [f"# {first_line}"]
    for key, value in fields.items():
        if key == "gondolas":
            lines.append("gondolas:")
            for gondola in store.gondolas:
                lines += _gondola(gondola, names)
        elif isinstance(value, list):
            lines += [f"{key}:", *(f"- {_flow(item)}" for item in value)]
        else:
            lines.append(f"{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def world_text(world: World, first_line: str) -> str:
    """The YAML of a world: its deviations; what is left out keeps its default."""
    lines = [f"# {first_line}"]
    lines += [f"{key}: {_flow(getattr(world, key))}" for key in ("id", "seed", *DEVIATIONS)]
    lines.append(f"rfid: {{missing_share: {_flow(world.rfid.missing_share)}}}")
    return "\n".join(lines) + "\n"


def _gondola(gondola: Gondola, names: dict[str, str]) -> list[str]:
    """One line for the rack, one for each board, one for each facing and what it holds."""
    head = _flow({k: v for k, v in _given(gondola).items() if k != "shelves"})
    lines = [f"- {head[:-1]}, shelves: ["]
    for s, shelf in enumerate(gondola.shelves):
        board = _flow({k: v for k, v in _given(shelf).items() if k != "facings"})
        end = "]}" if s == len(gondola.shelves) - 1 else ","
        if not shelf.facings:
            lines.append(f"    {board}{end}")
            continue
        lines.append(f"    {board[:-1]}, facings: [")
        for f, facing in enumerate(shelf.facings):
            close = f"]}}{end}" if f == len(shelf.facings) - 1 else ","
            lines.append(f"      {_flow(_given(facing))}{close}  # {names[facing.gtin]}")
    return lines


def _given(part: BaseModel) -> dict[str, Any]:
    """What a part says, without keys that stand at their default; GTINs at 13 digits."""
    found = part.model_dump(mode="json", exclude_defaults=True)
    return {key: value for key, value in found.items() if value is not None}


def _flow(value: Any, key: str = "") -> str:
    """A value in YAML's flow style."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_flow(v, k)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str):
        if key == "gtin":
            return f"'{value.removeprefix('0')}'"  # the loader pads it again
        if _PLAIN.match(value) and value.lower() not in _WORDS:
            return value
        return json.dumps(value, ensure_ascii=False)  # a string of JSON is one of YAML
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    return json.dumps(value)
