"""Galleries name what crops show, say unknown, pool crops, and refuse what does not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision.gallery import MOST_PROTOTYPES, UNKNOWN, Gallery, GalleryError, Scale

FIRST, SECOND = "04006381333931", "00000000000017"


def unit(*rows):
    found = np.array(rows, dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def two() -> Gallery:
    gallery = Gallery("net", 3, Scale(temperature=0.1, unknown_at=0.5, correlation=0.25))
    gallery.enrol("4006381333931", unit([1, 0, 0], [1, 1, 0]))
    gallery.enrol("17", unit([0, 0, 1]))
    return gallery


def test_the_nearest_picture_of_a_product_counts():
    cosines = two().cosines(unit([1, 1, 0], [0, 0, 1], [0, 1, 0]))
    assert cosines == pytest.approx(np.array([[1, 0], [0, 1], [np.sqrt(0.5), 0]]), abs=1e-6)


def test_scores_are_those_of_a_scaled_softmax_with_unknown():
    scores = two().scores(unit([1, 0, 0]))
    shares = np.exp(np.array([1.0, 0.0, 0.5]) / 0.1)
    assert list(scores) == [FIRST, SECOND, UNKNOWN]
    assert list(scores.values()) == pytest.approx(shares / shares.sum())


def test_what_is_far_from_all_is_unknown():
    scores = two().scores(unit([0, 1, -3]))
    assert max(scores, key=scores.__getitem__) == UNKNOWN


def test_a_further_crop_counts_by_the_correlation():
    gallery, crop = two(), unit([1, 0.2, 0.9])
    one = np.log(list(gallery.scores(crop).values()))
    three = np.log(list(gallery.scores(np.repeat(crop, 3, axis=0)).values()))
    assert three - three[0] == pytest.approx((1 + 2 * 0.25) * (one - one[0]), rel=1e-6)


def test_a_crop_without_weight_says_nothing():
    gallery, good, bad = two(), unit([1, 0, 0]), unit([0, 0, 1])
    both = np.concatenate([good, bad])
    assert gallery.scores(both, [1, 0]) == pytest.approx(gallery.scores(good))
    assert gallery.scores(both, [1, 0.1])[FIRST] > gallery.scores(both, [0.1, 1])[FIRST]
    assert set(gallery.scores(both[:0]).values()) == {1 / 3}
    assert set(gallery.scores(both, [0, 0]).values()) == {1 / 3}


@given(
    st.lists(st.tuples(*[st.floats(-1, 1)] * 3), max_size=6),
    st.floats(0.01, 2),
    st.floats(0, 1),
)
def test_scores_sum_to_one_in_any_order(rows, temperature, correlation):
    gallery = two()
    gallery.scale = Scale(temperature, 0.3, correlation)
    crops = np.array(rows, dtype=np.float32).reshape(-1, 3)
    scores = gallery.scores(crops)
    assert sum(scores.values()) == pytest.approx(1)
    assert gallery.scores(crops[::-1]) == pytest.approx(scores, abs=1e-6)


def test_a_saved_gallery_is_the_same_one(tmp_path):
    gallery, crop = two(), unit([1, 0.5, 0.2])
    gallery.save(tmp_path / "shop.npz")
    loaded = Gallery.load(tmp_path / "shop.npz", "net")
    assert loaded.gtins() == [FIRST, SECOND]
    assert [loaded.pictures_of(g) for g in loaded.gtins()] == [2, 1]
    assert loaded.scale == gallery.scale
    assert loaded.scores(crop) == gallery.scores(crop)


def test_an_empty_gallery_is_saved_and_knows_nothing(tmp_path):
    Gallery("net", 3).save(tmp_path / "shop.npz")
    loaded = Gallery.load(tmp_path / "shop.npz")
    assert loaded.scores(unit([1, 0, 0])) == {UNKNOWN: 1.0}


def test_products_are_forgotten_and_enrolled_anew():
    gallery = two()
    gallery.cosines(unit([1, 0, 0]))
    gallery.remove("4006381333931")
    assert gallery.gtins() == [SECOND]
    gallery.enrol("17", unit([1, 0, 0]))
    assert gallery.pictures_of("17") == 2
    assert gallery.cosines(unit([1, 0, 0])) == pytest.approx(np.array([[1.0]]))
    with pytest.raises(GalleryError, match="04006381333931 is not in the gallery"):
        gallery.remove("4006381333931")


def test_vectors_and_weights_that_do_not_fit_are_refused():
    gallery = two()
    with pytest.raises(GalleryError, match=r"expected vectors \(N, 3\), found \(1, 2\)"):
        gallery.scores(np.ones((1, 2)))
    with pytest.raises(GalleryError, match="finite"):
        gallery.enrol("17", np.full((1, 3), np.nan))
    with pytest.raises(GalleryError, match="expected 1 weights"):
        gallery.scores(unit([1, 0, 0]), [1, 1])
    with pytest.raises(GalleryError, match="expected 1 weights"):
        gallery.scores(unit([1, 0, 0]), [-1])
    with pytest.raises(GalleryError, match="no pictures"):
        gallery.enrol("17", np.zeros((0, 3)))
    with pytest.raises(GalleryError, match=f"more than {MOST_PROTOTYPES}"):
        gallery.enrol("17", np.ones((MOST_PROTOTYPES, 3)))
    with pytest.raises(ValueError, match="not a GTIN"):
        gallery.enrol("apple", unit([1, 0, 0]))
    assert gallery.pictures_of("17") == 1
    with pytest.raises(GalleryError, match="scaled"):
        Scale(temperature=0)


def test_the_gallery_of_another_network_is_refused(tmp_path):
    two().save(tmp_path / "shop.npz")
    with pytest.raises(GalleryError, match=r"shop\.npz: made by another embedding network"):
        Gallery.load(tmp_path / "shop.npz", "other")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"text", "empty archive", "other"])
def test_what_is_no_gallery_is_refused_by_name(tmp_path, content):
    path = tmp_path / "shop.npz"
    if content == "empty archive":
        np.savez(path)
    elif content == "other":
        np.savez(path, kind=np.array("something"), prototypes=np.zeros(3))
    else:
        path.write_bytes(content)
    with pytest.raises(GalleryError, match=r"shop\.npz: not a gallery of products"):
        Gallery.load(path)
    with pytest.raises(GalleryError, match="No such file"):
        Gallery.load(tmp_path / "absent.npz")


def test_a_cut_off_gallery_is_refused(tmp_path):
    path = tmp_path / "shop.npz"
    two().save(path)
    whole = path.read_bytes()
    for size in range(0, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(GalleryError):
            Gallery.load(path)
