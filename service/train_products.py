"""Trains networks that embed products: the shipped one on rendered packages alone, or one's own on
labelled pictures; always from random weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from service.enrol_products import LEFT_OUT, enrol_store, show_store
from service.picture_lists import read_labelled
from service.product_augment import Augment
from service.product_card import file_product_weights
from service.product_fit import Fitted, Recipe, fit
from service.product_net import NetShape, export_net, parameters_in, write_notes
from service.product_score import Shown, fit_scale, score_products
from simulator.product_pictures import SHOP_VIEWS, training_pictures, training_products
from vision.gallery import Gallery, Scale
from vision.products import ProductEmbedder

PICTURES_RECIPE = Recipe(
    shape=NetShape((64, 128, 256), 2, 128, halve_twice=True),
    epochs=40,
    sides_px=(64, 64, 80),
    augment=Augment(area=(0.35, 1.1), cut_share=0.3, blend_share=0.1, erased=0.1),
)
PICTURES_SIDE_PX = 96  # a net sees more in larger pictures than it was trained on (FixRes)

PACKAGES_RECIPE = Recipe(
    shape=NetShape((32, 64, 128), 1, 96, halve_twice=True),
    epochs=20,
    sides_px=(48,),
    augment=Augment(
        area=(0.5, 1.15),
        stretch=1.15,
        mirror=False,  # a mirrored package is none
        light=0.25,
        contrast=0.2,
        colour=0.12,  # a flavour is a colour
        tint=0.04,
        coarsest_px=24,
        erased=0.1,
        cut_share=0.0,
        blend_share=0.0,
    ),
    batch=96,
    decay=5e-4,
    sharpness=24.0,
    smoothing=0.05,
)
PACKAGES_SIDE_PX = 48
PACKAGES, CROPS = 1000, 12  # packages, and crops in a hand of each
NOT_FITTED_UNKNOWN_AT = 0.2  # pictures that all show something known cannot tell where
CALIBRATED_ON = 160  # further packages


def train_on_packages(
    weights: Path,
    products: int,
    crops: int,
    epochs: int | None = None,
    seed: int = 1,
    *,
    minutes: float | None = None,
    threads: int = 1,
    say: Callable[[str], None] = print,
) -> Fitted:
    """Train on rendered pictures of `products` packages of training's half, `crops` in a hand of
    each; write `weights` (.onnx). Raises TrainingUnavailableError without torch."""
    pictures, labels = [], []
    for index, picture in training_pictures(products, crops, seed):
        pictures.append(picture)
        labels.append(index)
    say(f"{len(pictures)} pictures of {products} packages")
    recipe = replace(PACKAGES_RECIPE, epochs=epochs or PACKAGES_RECIPE.epochs)
    known = np.array(labels, np.intp)
    fitted = fit(pictures, known, None, recipe, seed, threads, say, minutes)
    write_weights(fitted, weights, PACKAGES_SIDE_PX, recipe, [])
    return fitted


def train_on_pictures(
    listed: Path,
    weights: Path,
    epochs: int | None = None,
    seed: int = 1,
    *,
    minutes: float | None = None,
    threads: int = 1,
    say: Callable[[str], None] = print,
) -> Gallery:
    """Train on the pictures of a list or folder; write `weights` (.onnx) and, beside them, the
    gallery of what was learnt of each product (.npz), under its number or its folder's name.

    Raises PicturesError, and TrainingUnavailableError without torch.
    """
    shown = read_labelled(listed, kept_px=2 * max(PICTURES_RECIPE.sides_px))
    recipe = replace(PICTURES_RECIPE, epochs=epochs or PICTURES_RECIPE.epochs)
    say(f"{len(shown.pictures)} pictures of {len(np.unique(shown.labels))} products")
    fitted = fit(shown.pictures, shown.labels, shown.groups, recipe, seed, threads, say, minutes)
    return write_weights(fitted, weights, PICTURES_SIDE_PX, recipe, shown.names)


def ship(
    out: Path,
    epochs: int | None = None,
    seed: int = 1,
    *,
    minutes: float | None = None,
    threads: int = 1,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train on rendered packages, fit the scale on other packages and measure on yet others, all
    of training's half; the figures. Weights in a folder with a manifest get an entry and a card."""
    fitted = train_on_packages(
        out, PACKAGES, CROPS, epochs, seed, minutes=minutes, threads=threads, say=say
    )
    embedder = ProductEmbedder(out, threads)
    trained = embedder.new_gallery().scale
    gallery, shown = _other_packages(embedder, seed + 1000, say)
    scale = fit_scale(gallery, shown, trained)
    say(f"fitted: {scale}")
    write_notes(out, notes_of(scale, trained))
    embedder = ProductEmbedder(out, threads)
    gallery, shown = _other_packages(embedder, seed + 2000, say)
    figures = score_products(gallery, shown, trained)
    if (out.parent / "manifest.json").exists():
        command = f"openaisle products train --seed {seed}"
        command += "" if epochs is None else f" --epochs {epochs}"
        command += "" if minutes is None else f" --minutes {minutes:g}"
        facts = {
            "parameters": parameters_in(out),
            "side": embedder.side_px,
            "dimensions": embedder.dimensions,
            "temperature": scale.temperature,
            "unknown_at": scale.unknown_at,
            "correlation": scale.correlation,
            "pictures": PACKAGES * (CROPS + SHOP_VIEWS),
            "products": PACKAGES,
            "calibrated_on": CALIBRATED_ON,
            "views": SHOP_VIEWS,
            "passes": f"{fitted.passes:.1f} passes over the pictures",
        }
        file_product_weights(out.parent, out, command, facts, figures)
    return figures


def notes_of(scale: Scale, trained: Scale) -> dict[str, str]:
    """What weights say of how cosines are to be scaled."""
    return {
        "temperature": f"{scale.temperature:.4f}",
        "unknown_at": f"{scale.unknown_at:.4f}",
        "correlation": f"{scale.correlation:.4f}",
        "trained_temperature": f"{trained.temperature:.4f}",
    }


def write_weights(
    fitted: Fitted, weights: Path, side_px: int, recipe: Recipe, names: Sequence[str]
) -> Gallery:
    """Export a network, and the proxies of its classes, if any, as a gallery beside it."""
    scale = Scale(temperature=1 / recipe.sharpness, unknown_at=NOT_FITTED_UNKNOWN_AT)
    export_net(fitted.net, side_px, weights, notes_of(scale, scale))
    gallery = ProductEmbedder(weights).new_gallery()
    for k, name in enumerate(names):
        gallery.enrol(name, fitted.proxies[k : k + 1])
    if names:
        gallery.save(weights.with_suffix(".npz"))
    return gallery


def _other_packages(
    embedder: ProductEmbedder, seed: int, say: Callable[[str], None]
) -> tuple[Gallery, Shown]:
    """Packages of training's half that were not trained on: a gallery of most, and hands."""
    products = training_products(CALIBRATED_ON, seed)
    gallery = embedder.new_gallery()
    enrol_store(gallery, embedder, products, seed=seed, half="training", leave_out=LEFT_OUT)
    return gallery, show_store(gallery, embedder, products, 3, seed, half="training", say=say)
