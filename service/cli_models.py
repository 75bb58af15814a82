"""The `models` commands: take published weights in, list what there is, check that it works."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from service.cli_common import JsonOption, console, write_json
from service.models_import import ImportUnusableError, import_weights, try_out
from service.models_registry import (
    Weights,
    WeightsNotFound,
    digest,
    find_weights,
    known_weights,
    user_folder,
)
from vision.detector import OnnxDetector, WeightsUnusable, load_detector

models_app = typer.Typer(help="Weights that find people: ours and others.", no_args_is_help=True)
ModelsOption = Annotated[
    Path | None,
    typer.Option(
        "--models",
        help="The folder of your weights; default: OPENAISLE_MODELS, else "
        "~/.local/share/openaisle/models.",
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights",
        help="What vision sees with: a name of `openaisle models list`, or a .onnx or .pt file.",
    ),
]


@models_app.callback()
def models() -> None:
    """Weights that find people: ours and others."""


@models_app.command("import")
def import_command(
    source: Annotated[
        str, typer.Argument(help="A .onnx or .pt file, or a name such as yolo11n-pose.")
    ],
    name: Annotated[
        str | None, typer.Option(help="What to call them; default: the file's.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Input that a .pt file is exported for, ROWSxCOLUMNS.")
    ] = None,
    models: ModelsOption = None,
    json: JsonOption = None,
) -> None:
    """Take published people or pose weights, so that a store need not see with ours.

    A .pt file is exported to ONNX; a name is downloaded from ultralytics' releases. Both need
    `pip install 'openaisle[train]'`; an ONNX file does not. The weights are run on a rendered
    picture, timed, and registered with their source and terms.

    `openaisle models import yolo11n-pose --size 320x416`, then
    `openaisle simulate SCENE --vision frames --weights yolo11n-pose`
    """
    folder = user_folder(models)
    called, entry = import_weights(
        source, folder, name, _size(size), lambda text: console.print(escape(text))
    )
    figures = entry.figures
    height, width = entry.input_px or (0, 0)
    console.print(
        f"{called}: {entry.head}, {height}×{width} pixels, {figures['ms_per_frame']} ms a frame "
        f"on one thread; finds {figures['rendered_people_found']} of "
        f"{figures['rendered_people']} rendered people, {figures['rendered_boxes_besides']} boxes "
        "besides",
        markup=False,
    )
    if figures["rendered_people_found"] != figures["rendered_people"]:
        console.print(
            "Weights trained on photographs need not know rendered people: judge them by real ones."
        )
    console.print(f"terms: {entry.terms}", markup=False)
    console.print(f"{folder / entry.file}: use it with --weights {called}", markup=False)
    write_json(json, {"name": called, **_facts(Weights(called, folder, entry))})


@models_app.command("list")
def list_command(models: ModelsOption = None, json: JsonOption = None) -> None:
    """Every file of weights by name: ours, and those that were imported."""
    known = known_weights(models)
    table = Table("name", "finds", "input", "ms a frame", "from", "terms")
    for name, weights in sorted(known.items()):
        entry = weights.entry
        height, width = entry.input_px or (0, 0)
        table.add_row(
            escape(name),
            entry.head or "–",
            f"{height}×{width}" if height else "–",
            str(entry.figures.get("ms_per_frame", "–")),
            escape(entry.source),
            escape(entry.terms[:60]),
        )
    console.print(table)
    write_json(json, {name: _facts(weights) for name, weights in sorted(known.items())})


@models_app.command("check")
def check_command(
    name: Annotated[
        str | None, typer.Argument(help="A name or file; default: all there is.")
    ] = None,
    models: ModelsOption = None,
    json: JsonOption = None,
) -> None:
    """Whether weights are the files that were registered, and find rendered people."""
    known = known_weights(models)
    asked = sorted(known) if name is None else [name]
    found: dict[str, dict[str, Any]] = {}
    for one in asked:
        weights = known.get(one)
        path = find_weights(one, models) if weights is None else weights.path
        if weights is not None:
            _same(weights)
        found[one] = _tried(path, must=name is not None or one == "person-pose")
        text = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in found[one].items())
        console.print(f"{one}: {text}", markup=False)
    write_json(json, found)


def _same(weights: Weights) -> None:
    path = weights.path
    if not path.is_file():
        raise WeightsNotFound(f"{path}: is registered as {weights.name}, and is not there")
    if digest(path) != weights.entry.sha256:
        raise WeightsNotFound(
            f"{path}: is not the file that was registered as {weights.name}; import it again"
        )


def _tried(path: Path, *, must: bool) -> dict[str, Any]:
    """What weights make of a rendered picture; of those of another kind only that they are so."""
    try:
        detector = load_detector(path)
    except WeightsUnusable:
        if must:
            raise
        return {"finds": "no people: weights of another kind"}
    facts: dict[str, Any] = {"finds": str(detector.head), "input": list(detector.input_px)}
    if isinstance(detector, OnnxDetector):
        trial = try_out(detector, rounds=5)
        facts |= {
            "rendered_people": trial.people,
            "rendered_people_found": trial.found,
            "ms_per_frame": trial.ms_per_frame,
        }
    return facts


def _facts(weights: Weights) -> dict[str, Any]:
    entry = weights.entry
    return {
        "file": str(weights.path),
        "sha256": entry.sha256,
        "source": entry.source,
        "terms": entry.terms,
        "head": entry.head,
        "input_px": list(entry.input_px or ()),
        "figures": entry.figures,
    }


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        rows, columns = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise ImportUnusableError(f"--size {text!r}: expected ROWSxCOLUMNS, as 256x320") from None
    return rows, columns
