"""The network that embeds products: any crop becomes a unit vector, and bad input is named."""

import numpy as np
import pytest

from simulator.product_pictures import Studio, shop_pictures, training_products
from vision.detector import ModelMissing
from vision.frame import FrameError
from vision.products import PAD_GREY, WEIGHTS, ProductEmbedder, fit_square

needs_weights = pytest.mark.skipif(
    not WEIGHTS.is_file(), reason="no weights yet: `openaisle products train` makes them"
)


@pytest.fixture(scope="module")
def embedder() -> ProductEmbedder:
    return ProductEmbedder(WEIGHTS)


@needs_weights
def test_crops_of_any_size_become_unit_vectors(embedder):
    rng = np.random.default_rng(1)
    sizes = [(1, 1), (16, 40), (200, 90), (48, 48)] + [(30, 30)] * 40
    crops = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]
    vectors = embedder.embed(crops)
    assert vectors.shape == (44, embedder.dimensions)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(44), abs=1e-5)
    alone = embedder.embed(crops[2:3])
    assert vectors[2:3] == pytest.approx(alone, abs=1e-4)
    assert embedder.embed([]).shape == (0, embedder.dimensions)


def test_a_square_keeps_the_shape_of_what_it_shows():
    crop = np.full((10, 40, 3), 200, np.uint8)
    square = fit_square(crop, 20)
    assert square.shape == (20, 20, 3)
    assert (square[8:12] == 200).all()
    assert (square[:7] == PAD_GREY).all()
    assert (square[13:] == PAD_GREY).all()
    assert (fit_square(crop[:, :10], 20) == 200).all()


@pytest.mark.parametrize(
    "crop", [np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 3))]
)
def test_what_is_no_crop_is_refused(crop):
    with pytest.raises(FrameError, match="crop: expected uint8"):
        fit_square(crop, 20)


def test_missing_and_foreign_weights_are_named(tmp_path):
    with pytest.raises(ModelMissing, match=r"none\.onnx: no such weights"):
        ProductEmbedder(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no network", encoding="utf-8")
    with pytest.raises(ModelMissing, match=r"text\.onnx: not a network that embeds products"):
        ProductEmbedder(tmp_path / "text.onnx")
    with pytest.raises(ModelMissing, match=r"pose\.onnx: not a network that embeds"):
        ProductEmbedder(WEIGHTS.parent / "person-pose.onnx")


@needs_weights
def test_a_new_product_is_recognised_from_a_few_pictures(embedder):
    """Products that training never drew, in other light and from other sides."""
    studio = Studio(training_products(12, 77), "training")
    gallery = embedder.new_gallery()
    for index, product in enumerate(studio.products):
        gallery.enrol(product.gtin, embedder.embed(shop_pictures(studio, index, 3, seed=1)))
    right = 0
    for index in range(12):
        again = embedder.embed(shop_pictures(studio, index, 4, seed=2))
        right += int(gallery.cosines(again).mean(axis=0).argmax()) == index
    assert right >= 8
