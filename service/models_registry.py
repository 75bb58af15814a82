"""Which weights there are: those shipped under models/, and those that a user has registered.

Both folders have a `manifest.json`: by name the file, its digest, where it is from, the terms it
may be used under and what was measured. The user's is `--models DIR`, else the folder that
OPENAISLE_MODELS names, else `~/.local/share/openaisle/models`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

SHIPPED = Path(__file__).resolve().parent.parent / "models"
MANIFEST = "manifest.json"
DEFAULT = "person-pose"
SEEING = (".onnx", ".pt")  # weights that look at pictures
_T = TypeVar("_T")


class WeightsNotFound(Exception):
    """No weights have that name, or the manifest that should name them cannot be read."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a manifest says of one file beside it; what else it says is of no concern here."""

    file: str
    sha256: str
    terms: str
    source: str = ""
    trained_by: str = ""
    head: str = ""
    input_px: tuple[int, int] | None = None
    figures: dict[str, float | int | str] = {}


class _Shipped(msgspec.Struct, frozen=True):
    """An entry of ours, whose figures are of another kind."""

    file: str
    sha256: str
    terms: str
    trained_by: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights by their name, in the folder where they lie."""

    name: str
    folder: Path
    entry: Entry

    @property
    def path(self) -> Path:
        """The file."""
        return self.folder / self.entry.file

    @property
    def shipped(self) -> bool:
        """Whether they came with this package."""
        return self.folder == SHIPPED


def user_folder(models: Path | None = None) -> Path:
    """Where a user's weights are kept; `models` if given."""
    if models is not None:
        return models
    named = os.environ.get("OPENAISLE_MODELS")
    if named:
        return Path(named).expanduser()
    home = os.environ.get("XDG_DATA_HOME")
    base = Path(home) if home else Path.home() / ".local" / "share"
    return base / "openaisle" / "models"


def known_weights(models: Path | None = None) -> dict[str, Weights]:
    """Everything that finds people, by name; a user's go before ours of the same name.

    Raises WeightsNotFound where a manifest cannot be read.
    """
    shipped = _read(SHIPPED, _Shipped)
    ours = {
        name: Entry(e.file, e.sha256, e.terms, "shipped", e.trained_by)
        for name, e in shipped.items()
    }
    folder = user_folder(models)
    found = {name: Weights(name, SHIPPED, entry) for name, entry in ours.items()}
    found |= {name: Weights(name, folder, entry) for name, entry in _read(folder, Entry).items()}
    return {n: w for n, w in found.items() if w.path.suffix in SEEING}


def find_weights(wanted: str | Path | None, models: Path | None = None) -> Path:
    """The file of weights that are asked for by name or path; of ours, if nothing is wanted.

    Raises WeightsNotFound naming what there is.
    """
    if wanted is None:
        return SHIPPED / f"{DEFAULT}.onnx"
    path = Path(wanted)
    if path.suffix in SEEING and path.is_file():
        return path
    known = known_weights(models)
    weights = known.get(str(wanted))
    if weights is None:
        raise WeightsNotFound(
            f"--weights {wanted}: no such file, and no weights of that name; known are "
            f"{', '.join(sorted(known))}; `openaisle models import FILE` adds others"
        )
    return weights.path


def register(folder: Path, name: str, entry: Entry) -> None:
    """Write an entry into the manifest of a user's folder. Raises WeightsNotFound."""
    entries = {**_read(folder, Entry), name: entry}
    content = msgspec.json.format(msgspec.json.encode(entries, order="sorted"), indent=2)
    part = folder / f"{MANIFEST}.part"
    part.write_bytes(content + b"\n")
    part.replace(folder / MANIFEST)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(folder: Path, kind: type[_T]) -> Mapping[str, _T]:
    path = folder / MANIFEST
    if folder.exists() and not folder.is_dir():
        raise WeightsNotFound(f"{folder}: is a file; expected the folder of your weights")
    if not path.is_file():
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, kind])  # type: ignore[valid-type]
    except (OSError, msgspec.DecodeError) as error:
        raise WeightsNotFound(f"{path}: not a manifest of weights: {error}") from error
