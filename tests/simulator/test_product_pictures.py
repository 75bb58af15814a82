"""Pictures of single products show the product, differ as cameras do, and keep to their half."""

import numpy as np
import pytest

from simulator.artwork import rgb_of
from simulator.halves import half_of_colour
from simulator.product_pictures import CROP_PX, Studio, shop_pictures, training_products


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio(training_products(12, 1), "training")


def test_training_products_are_of_trainings_half():
    products = training_products(60, 3)
    assert len({p.gtin for p in products}) == 60
    for product in products:
        red, green, blue = (int(v) for v in rgb_of(product.picture.base))
        assert half_of_colour((red, green, blue)) == "training"
        assert product.brand.startswith("Trade ")


def test_a_seed_gives_the_same_pictures(studio):
    first, again = (studio.hand_crop(3, np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(first, again)
    a, b = (shop_pictures(studio, 2, 3, seed=5) for _ in range(2))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0], a[1])


def test_a_shop_picture_shows_the_product_large(studio):
    rng = np.random.default_rng(1)
    for index in range(4):
        picture = studio.shop_picture(index, 0.0, rng)
        ground = picture[0, 0].astype(int)
        differs = np.abs(picture.astype(int) - ground).max(axis=2) > 12
        assert 0.08 < differs.mean() < 0.9
        rows, columns = np.nonzero(differs)
        assert 40 < rows.mean() < 120
        assert 40 < columns.mean() < 120


def test_crops_are_as_small_as_a_ceiling_camera_sees(studio):
    rng = np.random.default_rng(2)
    sides = [studio.hand_crop(k % 12, rng).shape[0] for k in range(60)]
    assert CROP_PX[0] <= min(sides) < 48
    assert 64 < max(sides) <= CROP_PX[1]


def test_a_hand_shows_the_colour_of_what_it_holds(studio):
    """Crops lie nearer in colour to the product's own shop pictures than to others', mostly."""
    rng = np.random.default_rng(4)
    art = [rgb_of(p.picture.base) for p in studio.products]

    def share(crop: np.ndarray, rgb: np.ndarray) -> float:
        return float((np.abs(crop - rgb).max(axis=2) < 60).mean())

    own, others = [], []
    for index in range(12):
        for _ in range(6):
            crop = studio.hand_crop(index, rng).astype(float)
            own.append(share(crop, art[index]))
            empty = studio.empty_crop(rng).astype(float)
            others.append(share(empty, art[index]))
    assert np.mean(own) > 1.2 * np.mean(others)


def test_a_sighting_is_one_hand_from_several_cameras(studio):
    crops = studio.sighting(1, 4, np.random.default_rng(9))
    assert [c.shape for c in crops[::2]] == [c.shape for c in crops[1::2]]
    assert not np.array_equal(crops[0], crops[1])
    assert len(studio.sighting(None, 2, np.random.default_rng(9))) == 2
