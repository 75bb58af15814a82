"""The commands `products …`: enrol products from pictures, measure a gallery, train the network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import cv2
import typer
from rich.markup import escape
from rich.table import Table

from sensors.store import load_store
from service.cli_common import JsonOption, console, write_json, write_result
from service.enrol_products import (
    LEFT_OUT,
    checked_gtin,
    enrol_list,
    enrol_pictures,
    enrol_store,
    open_gallery,
    show_pictures,
    show_store,
)
from service.product_score import confusion_matrix, confusions, matrix_picture, score_products
from service.train_products import ship, train_on_pictures
from simulator.product_pictures import SHOP_VIEWS
from vision.gallery import Gallery, GalleryError
from vision.products import WEIGHTS, ProductEmbedder

MODELS = Path("models")
GalleryOption = Annotated[Path, typer.Option(help="The gallery: one file, .npz.")]
WeightsOption = Annotated[Path, typer.Option(help="The embedding network (.onnx).")]
MirroredOption = Annotated[
    bool,
    typer.Option(
        "--mirrored", help="Look at mirror images too: for fruit and other goods without print."
    ),
]

products_app = typer.Typer(
    help="Recognise products by their looks: docs/products.md.", no_args_is_help=True
)


@products_app.command("enrol")
def enrol(
    gallery: GalleryOption,
    gtin: Annotated[str | None, typer.Argument(help="The product's GTIN.")] = None,
    pictures: Annotated[
        list[Path] | None, typer.Argument(help="One to ten pictures of it, or a folder of them.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Enrol a simulated store's whole catalogue from rendered shop pictures."),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--list", help="Enrol many: a list FILE, NUMBER or a folder of folders named by GTIN."
        ),
    ] = None,
    views: Annotated[int, typer.Option(min=1, max=10, help="Pictures each, with --store.")] = (
        SHOP_VIEWS
    ),
    mirrored: MirroredOption = False,
    weights: WeightsOption = WEIGHTS,
    json: JsonOption = None,
) -> None:
    """Enrol products from pictures, without training; more pictures add to what is there.

    Example: `openaisle products enrol 4006381333931 front.jpg side.jpg --gallery shop.npz`
    """
    if sum(way is not None for way in (gtin, store, listed)) != 1:
        raise GalleryError("name a GTIN with pictures of it, or --store STORE, or --list LIST")
    embedder = ProductEmbedder(weights)
    held = open_gallery(gallery, embedder)
    before = len(held)
    if store is not None:
        enrol_store(held, embedder, load_store(store).products, views)
    elif listed is not None:
        enrol_list(held, embedder, listed, mirrored)
    else:
        assert gtin is not None
        enrol_pictures(held, embedder, checked_gtin(gtin), pictures or [], mirrored)
    held.save(gallery)
    console.print(
        f"{gallery}: {len(held)} products, {len(held) - before} of them new", markup=False
    )
    counts = {one: held.pictures_of(one) for one in held.gtins()}
    write_json(json, {"gallery": str(gallery), "network": held.network, "pictures": counts})


@products_app.command("list")
def list_command(gallery: GalleryOption, json: JsonOption = None) -> None:
    """List what a gallery knows: products, and how many pictures of each."""
    held = Gallery.load(gallery)
    counts = {gtin: held.pictures_of(gtin) for gtin in held.gtins()}
    for gtin, count in counts.items():
        console.print(f"{gtin}  {count} pictures", markup=False, highlight=False)
    console.print(f"{len(held)} products, by network {held.network}, {held.scale}", markup=False)
    write_json(json, {"network": held.network, "pictures": counts})


@products_app.command("remove")
def remove(
    gtin: Annotated[str, typer.Argument(help="The product's GTIN.")], gallery: GalleryOption
) -> None:
    """Forget a product, to enrol it anew or for good."""
    held = Gallery.load(gallery)
    held.remove(gtin)
    held.save(gallery)
    console.print(f"{gallery}: {len(held)} products", markup=False)


@products_app.command("eval")
def evaluate(
    pictures: Annotated[
        Path | None,
        typer.Argument(help="A list FILE, NUMBER, or a folder of folders named by GTIN."),
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(help="The gallery to measure; with --store it may be left out.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Measure on rendered crops of a simulated store's products in hands."),
    ] = None,
    things: Annotated[int, typer.Option(min=1, help="Hands for each product, with --store.")] = 3,
    views: Annotated[
        int, typer.Option(min=1, max=10, help="Shop pictures each, with --store alone.")
    ] = SHOP_VIEWS,
    seed: Annotated[int, typer.Option(help="Seed of the rendered crops.")] = 2,
    mirrored: MirroredOption = False,
    weights: WeightsOption = WEIGHTS,
    matrix: Annotated[
        Path | None, typer.Option(help="Draw the confusion matrix to this file (.png).")
    ] = None,
    json: JsonOption = None,
) -> None:
    """Measure how well products are named: top-1, top-5, unknown, calibration, confusions.

    With --store alone, every fifth product is left out of the gallery, to be unknown.
    """
    if (pictures is None) == (store is None):
        raise GalleryError("name pictures to measure on, or --store STORE")
    embedder = ProductEmbedder(weights)
    if gallery is not None:
        held = Gallery.load(gallery, embedder.network)
    elif store is None:
        raise GalleryError("--gallery: which gallery is to be measured?")
    else:
        held = embedder.new_gallery()
        enrol_store(held, embedder, load_store(store).products, views, leave_out=LEFT_OUT)
    if store is not None:
        products = load_store(store).products
        shown = show_store(held, embedder, products, things, seed, say=_say)
    else:
        assert pictures is not None
        shown = show_pictures(held, embedder, pictures, mirrored)
    figures = score_products(held, shown, embedder.trained_scale())
    pairs = confusions(held, shown)
    _show(figures, pairs)
    if matrix is not None:
        picture = matrix_picture(confusion_matrix(held, shown))
        write_result(matrix, cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes())
    write_json(json, {**figures, "confusions": pairs})


@products_app.command("train")
def train(
    out: Annotated[Path, typer.Option(help="The network to write (.onnx).")] = (
        MODELS / WEIGHTS.name
    ),
    pictures: Annotated[
        Path | None,
        typer.Option(help="Train on these instead: a list FILE, NUMBER[, GROUP], or a folder."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the pictures.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="A limit of time for the training itself.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of pictures and training.")] = 1,
) -> None:
    """Train an embedding network from scratch: on rendered packages, as the shipped one, or on
    pictures of your own, which also gives a gallery of their products beside it.

    Example: `openaisle products train --pictures train.txt --out build/grocery.onnx`
    """
    if pictures is None:
        ship(out, epochs, seed, minutes=minutes, say=_say)
        return
    held = train_on_pictures(pictures, out, epochs, seed, minutes=minutes, say=_say)
    console.print(f"{out}; {out.with_suffix('.npz')}: {len(held)} products", markup=False)


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False)


def _show(figures: dict[str, Any], pairs: list[tuple[str, str, int]]) -> None:
    table = Table("figure", "value")
    for key, value in figures.items():
        if isinstance(value, dict):
            for name, row in value.items():
                text = ", ".join(f"{k} {_short(v)}" for k, v in row.items())
                table.add_row(f"{key} {name}", text)
        else:
            table.add_row(key, _short(value))
    console.print(table)
    for truth, taken, count in pairs:
        console.print(f"{escape(truth)} was taken for {escape(taken)}: {count}×", highlight=False)


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
