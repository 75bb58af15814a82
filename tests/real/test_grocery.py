"""Photographs of groceries (Klasson et al. 2019) are read, enrolled and named by the same code."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from service.enrol_products import embed_thoroughly, enrol_list, show_pictures
from service.picture_lists import read_labelled
from service.product_score import score_products
from vision.products import WEIGHTS, ProductEmbedder

ROOT = os.environ.get("OPENAISLE_REAL_DATA")
GROCERY = Path(ROOT or ".") / "grocery"
pytestmark = pytest.mark.skipif(
    ROOT is None or not GROCERY.is_dir(), reason="OPENAISLE_REAL_DATA names no folder with grocery"
)
needs_weights = pytest.mark.skipif(
    not WEIGHTS.is_file(), reason="no weights yet: `openaisle products train` makes them"
)


def iconic_list(folder: Path) -> Path:
    """One iconic picture of each class, as a list."""
    with (GROCERY / "classes.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    lines = [f"{GROCERY}{row[4]}, {row[1]}, {row[3]}" for row in rows]
    (folder / "iconic.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder / "iconic.txt"


def test_the_lists_of_the_set_are_read():
    shown = read_labelled(GROCERY / "val.txt", kept_px=64)
    assert len(shown.pictures) == 296
    assert len(shown.names) == 60  # of the 81 classes
    assert shown.groups is not None
    assert int(shown.groups.max()) < 46


@needs_weights
def test_one_iconic_picture_each_names_photographs_better_than_chance(tmp_path):
    """The shipped network, which never saw a photograph: top-5 of 81 by chance is 6 %."""
    embedder = ProductEmbedder()
    gallery = embedder.new_gallery()
    enrol_list(gallery, embedder, iconic_list(tmp_path), mirrored=True)
    assert len(gallery) == 81
    shown = show_pictures(gallery, embedder, GROCERY / "val.txt", mirrored=True)
    figures = score_products(gallery, shown)
    assert figures["crops_of_enrolled"] == 296
    assert figures["top5"] > 0.12


@needs_weights
def test_a_photograph_is_nearest_to_itself():
    embedder = ProductEmbedder()
    shown = read_labelled(GROCERY / "val.txt", kept_px=64)
    vectors = embed_thoroughly(embedder, shown.pictures[:40])
    assert (np.argmax(vectors @ vectors.T, axis=1) == np.arange(40)).mean() > 0.9
