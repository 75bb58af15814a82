"""The gallery by which a store's vision tells products in hands, where it has one."""

from __future__ import annotations

from pathlib import Path

from vision.gallery import Gallery
from vision.held import KnownProducts
from vision.products import WEIGHTS, ProductEmbedder

GALLERIES = Path(__file__).resolve().parent.parent / "datasets" / "galleries"


def known_products(gallery: Path, weights: Path = WEIGHTS) -> KnownProducts | None:
    """The products of a gallery file, and the network that it was made with; None without file.

    Raises GalleryError for a file that is no gallery or another network's, and ModelMissing where
    the gallery is there and the network is not.
    """
    if not gallery.is_file():
        return None
    embedder = ProductEmbedder(weights)
    return KnownProducts(embedder, Gallery.load(gallery, embedder.network))


def gallery_of(store: str) -> Path:
    """Where the gallery of one of our stores lies, if it has one."""
    return GALLERIES / f"{store}.npz"
