"""The `store` commands: check a store file, draw its plan, generate stores and their worlds."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Console
from rich.markup import escape

from sensors.store import StoreFileError, load_store, parse_store
from service.cli_common import JsonOption, write_json
from service.plan_drawing import draw_plan
from service.store_check import StoreCheck, check_store
from simulator.catalogue import Confusables
from simulator.generate import Wish, generate_store, generate_world
from simulator.generate_cameras import Layout
from simulator.generate_files import store_text, world_text

console = Console(emoji=False, soft_wrap=True)
store_app = typer.Typer(
    help="Check and draw store files; generate stores and worlds.", no_args_is_help=True
)
FileArgument = Annotated[Path, typer.Argument(help="The store file.")]


@store_app.command()
def check(file: FileArgument, json: JsonOption = None) -> None:
    """Say what a store file amounts to, and what its installer may want to mend.

    Warnings do not fail the check; a file that cannot be used does.
    """
    checked = check_store(load_store(file))
    for line in summary(checked):
        console.print(escape(line), highlight=False)
    for warning in checked.warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}", highlight=False)
    write_json(json, checked.facts())


@store_app.command()
def draw(
    file: FileArgument,
    out: Annotated[
        Path | None, typer.Option(help="The picture, an SVG; default: beside you, as STORE.svg.")
    ] = None,
) -> None:
    """Draw the plan: racks, facings, gates, cameras and how many of them see each place."""
    store = load_store(file)
    path = out or Path(f"{store.id}.svg")
    if path.suffix.lower() != ".svg":
        raise StoreFileError(f"--out {path}: expected a name that ends in .svg")
    _write(path, draw_plan(check_store(store)))
    console.print(f"{path}: the plan of {store.name}", markup=False, highlight=False)


@store_app.command()
def generate(
    folder: Annotated[Path, typer.Argument(help="Gets stores/ID.yaml and worlds/ID.yaml.")],
    id: Annotated[str, typer.Option(help="The store's and the world's id.")],
    seed: Annotated[int, typer.Option(help="Draws everything; one seed gives one store.")] = 0,
    name: Annotated[str, typer.Option(help="What people call the store.")] = "",
    size: Annotated[str, typer.Option(help="The floor in metres, WIDTHxDEPTH.")] = "8x6",
    gondolas: Annotated[int, typer.Option(help="Racks of 1.2 m.")] = 6,
    gates: Annotated[int, typer.Option(help="1: one for both ways; 2: one in, one out.")] = 2,
    density: Annotated[float, typer.Option(help="Share of the plates in use.")] = 0.8,
    families: Annotated[
        float, typer.Option(help="Share of articles with flavours that differ in a colour only.")
    ] = 0.4,
    same_weight: Annotated[
        float, typer.Option(help="Share of articles that another brand equals in weight.")
    ] = 0.3,
    most: Annotated[int, typer.Option(help="No article holds more, g or ml.")] = 2000,
    tagged: Annotated[float, typer.Option(help="Share of articles with RFID tags.")] = 0.0,
    cameras: Annotated[str, typer.Option(help="corners, rows or auto: where they see most.")] = (
        "auto"
    ),
    camera_count: Annotated[int, typer.Option(help="How many; 0: as the floor needs.")] = 0,
    deviation: Annotated[
        float, typer.Option(help="How far the world lies from the belief; 1: as in real stores.")
    ] = 1.0,
) -> None:
    """Generate a store and the world that deviates from it; the same options, the same bytes."""
    if cameras not in get_args(Layout):
        raise StoreFileError(f"--cameras {cameras!r}: expected {', '.join(get_args(Layout))}")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", id):
        raise StoreFileError(f"--id {id!r}: expected lower-case letters, digits and -")
    if not name.isprintable():
        raise StoreFileError(f"--name {name!r}: expected one line of text")
    wish = Wish(
        id=id,
        seed=seed,
        name=name,
        size_m=_size(size),
        gondolas=gondolas,
        gates=gates,
        density=density,
        tagged=tagged,
        confusables=Confusables(families, same_weight),
        net_most=most,
        cameras="corners" if cameras == "corners" else "rows" if cameras == "rows" else "auto",
        camera_count=camera_count,
        deviation=deviation,
    )
    world = world_text(
        generate_world(wish), f"What is true of {id} where it deviates from stores/{id}.yaml."
    )
    text = store_text(generate_store(wish), f"Made by: {_command(wish)}")
    store_path, world_path = (folder / kind / f"{id}.yaml" for kind in ("stores", "worlds"))
    checked = check_store(parse_store(text, str(store_path)))
    _write(store_path, text)
    _write(world_path, world)
    for line in (f"{store_path}", f"{world_path}", *summary(checked)):
        console.print(line, markup=False, highlight=False)
    for warning in checked.warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}", highlight=False)


def summary(checked: StoreCheck) -> list[str]:
    """A store's figures in a few lines."""
    f = checked.facts()
    wide, long = f["floor_m"]
    return [
        f"{checked.store.name} ({f['store']}): {wide:g} × {long:g} m, {f['gates']} gates",
        f"shelves: {f['gondolas']} gondolas, {f['shelves']} shelves, {f['plates']} plates, "
        f"{f['facings']} facings",
        f"goods: {f['products']} products, {f['units']} units",
        f"cameras: {f['cameras']}; of the floor {f['floor_seen_share']:.0%} is seen, "
        f"{f['floor_seen_twice_share']:.0%} by two or more; of the facings "
        f"{f['facings_seen_share']:.0%} and {f['facings_seen_twice_share']:.0%}",
        f"weights: {f['same_shelf_pairs_within_10_g']} of {f['same_shelf_pairs']} pairs on one "
        f"shelf differ by less than 10 g; {f['products_with_another_within_5_g']} products have "
        "another within 5 g",
    ]


def _command(wish: Wish) -> str:
    """The command line that makes the store of a wish, of what differs from the defaults."""
    usual = _options(Wish(id=wish.id))
    given = [f"--{k} {shlex.quote(v)}" for k, v in _options(wish).items() if v != usual[k]]
    return " ".join([f"openaisle store generate DIR --id {wish.id}", *given])


def _options(wish: Wish) -> dict[str, str]:
    return {
        "seed": str(wish.seed),
        "name": wish.name,
        "size": "x".join(f"{side:g}" for side in wish.size_m),
        "gondolas": str(wish.gondolas),
        "gates": str(wish.gates),
        "density": str(wish.density),
        "families": str(wish.confusables.families),
        "same-weight": str(wish.confusables.same_weight),
        "most": str(wish.net_most),
        "tagged": str(wish.tagged),
        "cameras": wish.cameras,
        "camera-count": str(wish.camera_count),
    }


def _size(text: str) -> tuple[float, float]:
    try:
        wide, long = (float(part) for part in text.lower().split("x"))
    except ValueError:
        raise StoreFileError(f"--size {text!r}: expected WIDTHxDEPTH in metres, as 8x6") from None
    if not (wide < 100 and long < 100):
        raise StoreFileError(f"--size {text!r}: expected less than 100 m each way")
    return wide, long


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StoreFileError(f"{path}: cannot be written: {error.strerror}") from error
