"""Figures of a gallery: ranks, unknown, calibration, confusions, pooled crops; the fitted scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.product_score import (
    NOT_ENROLLED,
    Shown,
    auroc,
    calibration_error,
    confusion_matrix,
    confusions,
    fit_scale,
    matrix_picture,
    score_products,
)
from vision.gallery import Gallery, Scale


def gallery_of(count: int, scale: Scale) -> Gallery:
    gallery = Gallery("net", count, scale)
    for k, row in enumerate(np.eye(count, dtype=np.float32)):
        gallery.enrol(str(k + 1), row[None])
    return gallery


def shown_of(cosines, truth, things=None, sides=None) -> Shown:
    count = len(truth)
    return Shown(
        np.array(cosines, dtype=float),
        np.array(truth, np.intp),
        np.arange(count) if things is None else np.array(things, np.intp),
        np.full(count, 40) if sides is None else np.array(sides, np.intp),
    )


def test_figures_of_four_crops():
    gallery = gallery_of(2, Scale(0.05, 0.5, 0.5))
    shown = shown_of(
        [[0.9, 0.1], [0.6, 0.8], [0.2, 0.9], [0.1, 0.2]],
        [0, 0, 1, NOT_ENROLLED],
        sides=[20, 20, 60, 60],
    )
    figures = score_products(gallery, shown)
    assert (figures["crops"], figures["crops_of_enrolled"]) == (4, 3)
    assert figures["top1"] == pytest.approx(2 / 3)
    assert figures["top5"] == 1.0
    assert figures["right_where_it_may_say_unknown"] == pytest.approx(3 / 4)
    assert figures["unknown_auroc"] == 1.0
    assert "ece_before" not in figures
    assert figures["by_size_px"]["17…24"] == {"crops": 2, "top1": 0.5, "top5": 1.0}
    assert figures["by_size_px"]["49…64"]["crops"] == 1
    assert confusions(gallery, shown) == [("00000000000001", "00000000000002", 1)]
    assert confusion_matrix(gallery, shown).tolist() == [[1, 1], [0, 1]]


def test_a_second_crop_of_a_thing_mends_the_first():
    gallery = gallery_of(2, Scale(0.05, 0.2, 0.5))
    shown = shown_of([[0.5, 0.55], [0.9, 0.1], [0.1, 0.8], [0.1, 0.8]], [0, 0, 1, 1], [0, 0, 1, 1])
    pooled = score_products(gallery, shown)["pooled"]
    assert [pooled[n]["top1"] for n in ("1", "2")] == [0.5, 1.0]
    assert pooled["2"]["things"] == 2


def test_the_fitted_scale_mends_a_wrong_one():
    rng = np.random.default_rng(3)
    count, things = 6, 400
    truth = rng.integers(-1, count, things)
    cosines = rng.normal(0.2, 0.12, (things, count))
    cosines[truth >= 0, truth[truth >= 0]] += 0.4
    start = Scale(temperature=0.01, unknown_at=0.0)
    gallery = gallery_of(count, start)
    shown = shown_of(cosines, truth)
    fitted = fit_scale(gallery, shown, start)
    gallery.scale = fitted
    figures = score_products(gallery, shown, start)
    assert figures["ece"] < 0.5 * figures["ece_before"]
    assert 0.02 < fitted.temperature < 0.2
    assert 0.25 < fitted.unknown_at < 0.6


@pytest.mark.parametrize(("copies", "correlation"), [(True, (0.0, 0.1)), (False, (0.5, 1.0))])
def test_the_correlation_says_whether_crops_err_alike(copies, correlation):
    rng = np.random.default_rng(5)
    count, things, crops = 5, 200, 4
    truth = rng.integers(0, count, things)
    noise = rng.normal(0, 0.2, (things, 1 if copies else crops, count))
    cosines = np.broadcast_to(noise, (things, crops, count)).copy()
    cosines[np.arange(things), :, truth] += 0.3
    shown = shown_of(
        cosines.reshape(-1, count), np.repeat(truth, crops), np.repeat(np.arange(things), crops)
    )
    fitted = fit_scale(gallery_of(count, Scale()), shown, Scale(0.1, -0.5))
    low, high = correlation
    assert low <= fitted.correlation <= high


def test_calibration_error_is_the_gap_between_sure_and_right():
    shares = np.array([[0.8, 0.2]] * 10)
    wanted = np.array([0] * 6 + [1] * 4)
    assert calibration_error(shares, wanted) == pytest.approx(0.2)
    assert np.isnan(calibration_error(np.zeros((0, 2)), np.zeros(0, np.intp)))


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=30))
def test_auroc_counts_pairs(rows):
    values = np.array([v for v, _ in rows], dtype=float)
    positive = np.array([p for _, p in rows])
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a in values[positive]
        for b in values[~positive]
    ]
    found = auroc(values, positive)
    assert np.isnan(found) if not pairs else found == pytest.approx(np.mean(pairs))


def test_the_matrix_is_drawn_darker_where_more_is_taken():
    picture = matrix_picture(np.array([[3, 1], [0, 0]]), cell_px=2)
    assert picture.shape == (4, 4, 3)
    assert picture[0, 0].sum() < picture[0, 2].sum() < 3 * 255
    assert (picture[2:] == 255).all()
