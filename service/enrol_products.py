"""Fills galleries of products from pictures, and shows them crops whose product is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensors.epc import check_digit
from sensors.store import Product, normalise_gtin
from service.picture_lists import PicturesError, pictures_in, read_labelled, read_picture
from service.product_score import NOT_ENROLLED, Shown
from simulator.halves import Half
from simulator.product_pictures import SHOP_VIEWS, Studio, shop_pictures
from vision.gallery import Gallery, GalleryError
from vision.products import Embedder, ProductEmbedder, Vectors

Bytes = NDArray[np.uint8]

CROPS_OF_THING = 4
LEFT_OUT = 5  # every fifth product is not enrolled, to be unknown


def open_gallery(path: Path, embedder: ProductEmbedder) -> Gallery:
    """The gallery of a file, or a new one where there is none. Raises GalleryError."""
    return Gallery.load(path, embedder.network) if path.exists() else embedder.new_gallery()


def checked_gtin(text: str) -> str:
    """A GTIN-14 whose check digit is right. Raises GalleryError that says what is wrong."""
    try:
        gtin = normalise_gtin(text)
    except ValueError as error:
        raise GalleryError(str(error)) from error
    if gtin[13] != check_digit(gtin):
        raise GalleryError(
            f"{text}: the check digit is {gtin[13]}, it would have to be {check_digit(gtin)}: "
            "is a digit mistyped?"
        )
    return gtin


def enrol_pictures(
    gallery: Gallery, embedder: Embedder, gtin: str, paths: Sequence[Path], mirrored: bool = False
) -> int:
    """Enrol a product from picture files, or folders of them; how many there were.

    Raises GalleryError or PicturesError.
    """
    files = [f for path in paths for f in (pictures_in(path) if path.is_dir() else [path])]
    if not files:
        raise PicturesError(f"product {gtin}: name one to ten pictures of it, or a folder")
    pictures = [read_picture(file) for file in files]
    gallery.enrol(gtin, embed_thoroughly(embedder, pictures, mirrored))
    return len(files)


def enrol_list(gallery: Gallery, embedder: Embedder, listed: Path, mirrored: bool = False) -> None:
    """Enrol the products of a list or folder, by GTIN or number. Raises PicturesError."""
    labelled = read_labelled(listed)
    vectors = embed_thoroughly(embedder, labelled.pictures, mirrored)
    for k in np.unique(labelled.labels):
        try:
            gallery.enrol(labelled.names[k], vectors[labelled.labels == k])
        except ValueError as error:
            raise PicturesError(f"{listed}: folders must be called by GTINs: {error}") from error


def enrol_store(
    gallery: Gallery,
    embedder: Embedder,
    products: Sequence[Product],
    views: int = SHOP_VIEWS,
    seed: int = 1,
    *,
    half: Half = "scoring",
    leave_out: int = 0,
) -> None:
    """Enrol a simulated catalogue, drawn with the art of `half`, from rendered shop pictures:
    `views` of each product from all around. Each `leave_out`-th is not, if that is given."""
    studio = Studio(products, half)
    for index, product in enumerate(products):
        if leave_out and index % leave_out == leave_out - 1:
            continue
        gallery.enrol(product.gtin, embedder.embed(shop_pictures(studio, index, views, seed)))


def embed_thoroughly(
    embedder: Embedder, pictures: Sequence[Bytes], mirrored: bool = False
) -> Vectors:
    """Unit vectors (N, D) of still photographs: the mean of the whole one and of one without its
    rim, and of their mirror images where the product is not printed."""
    total = np.zeros((len(pictures), embedder.dimensions), dtype=np.float32)
    for picture_at, picture in enumerate(pictures):
        looks = [picture, _without_rim(picture)]
        if mirrored:
            looks += [np.ascontiguousarray(look[:, ::-1]) for look in looks]
        total[picture_at] = embedder.embed(looks).sum(axis=0)
    unit: Vectors = total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)
    return unit


def show_pictures(
    gallery: Gallery, embedder: Embedder, listed: Path, mirrored: bool = False
) -> Shown:
    """The pictures of a list or of a folder of products, each a thing of its own.

    Products are called by their GTIN, or number, as they were enrolled; what the gallery does not
    know counts as unknown. Raises PicturesError.
    """
    labelled = read_labelled(listed)
    place = {gtin: k for k, gtin in enumerate(gallery.gtins())}
    try:
        own = [place.get(normalise_gtin(name), NOT_ENROLLED) for name in labelled.names]
    except ValueError as error:
        raise PicturesError(f"{listed}: folders must be called by GTINs: {error}") from error
    vectors = embed_thoroughly(embedder, labelled.pictures, mirrored)
    count = len(labelled.pictures)
    return Shown(
        gallery.cosines(vectors),
        np.array(own, np.intp)[labelled.labels],
        np.arange(count),
        np.array([max(p.shape[:2]) for p in labelled.pictures], np.intp),
    )


def show_store(
    gallery: Gallery,
    embedder: Embedder,
    products: Sequence[Product],
    things: int = 4,
    seed: int = 2,
    *,
    half: Half = "scoring",
    say: Callable[[str], None] = print,
) -> Shown:
    """Each product of a catalogue `things` times in a hand, CROPS_OF_THING crops each time, and as
    many empty hands as there are products. Products that are not enrolled are unknown."""
    studio = Studio(products, half)
    place = {gtin: k for k, gtin in enumerate(gallery.gtins())}
    rng = np.random.default_rng([seed, 37])
    shows: list[int | None] = [k for k in range(len(products)) for _ in range(things)]
    shows += [None] * len(products)
    cosines, truth, sides = [], [], []
    for number, index in enumerate(shows):
        crops = studio.sighting(index, CROPS_OF_THING, rng)
        cosines.append(gallery.cosines(embedder.embed(crops)))
        gtin = "" if index is None else products[index].gtin
        truth += [place.get(gtin, NOT_ENROLLED)] * len(crops)
        sides += [max(c.shape[:2]) for c in crops]
        if number % 500 == 499:
            say(f"{number + 1} of {len(shows)} hands")
    thing = np.repeat(np.arange(len(shows)), CROPS_OF_THING)
    return Shown(np.concatenate(cosines), np.array(truth, np.intp), thing, np.array(sides, np.intp))


def _without_rim(picture: Bytes) -> Bytes:
    height, width = picture.shape[:2]
    return picture[height // 10 : height - height // 10, width // 10 : width - width // 10]
