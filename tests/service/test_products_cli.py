"""`openaisle products`: enrol, list, remove and measure; what is wrong is said in one line."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from sensors.store import load_store
from service.cli import app
from service.enrol_products import embed_thoroughly, enrol_store, show_store
from service.product_score import NOT_ENROLLED
from service.user_errors import is_user_error
from simulator.product_pictures import Studio
from vision.gallery import Gallery, GalleryError
from vision.products import WEIGHTS, ProductEmbedder

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
pytestmark = pytest.mark.skipif(
    not WEIGHTS.is_file(), reason="no weights yet: `openaisle products train` makes them"
)
GTIN, OTHER = "4006381333931", "4006381333948"


def run(*words: object) -> str:
    result = CliRunner().invoke(app, ["products", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def refused(*words: object) -> str:
    with pytest.raises(Exception, check=is_user_error) as caught:
        run(*words)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of two products, by GTIN."""
    root = tmp_path_factory.mktemp("pictures")
    products = load_store(CORNER).products[:2]
    studio = Studio(products)
    rng = np.random.default_rng(1)
    for index, gtin in enumerate((GTIN, OTHER)):
        (root / gtin).mkdir()
        for k in range(2):
            picture = studio.shop_picture(index, 0.3 * k, rng)
            cv2.imwrite(str(root / gtin / f"{k}.png"), picture[..., ::-1])
    return root


def test_products_are_enrolled_listed_measured_and_removed(folder, tmp_path):
    gallery = tmp_path / "shop.npz"
    said = run(
        "enrol", GTIN, folder / GTIN / "0.png", folder / GTIN / "1.png", "--gallery", gallery
    )
    assert "1 products, 1 of them new" in said
    run("enrol", OTHER, folder / OTHER, "--gallery", gallery)
    run("enrol", OTHER, folder / OTHER / "0.png", "--gallery", gallery)
    run("list", "--gallery", gallery, "--json", tmp_path / "list.json")
    listed = json.loads((tmp_path / "list.json").read_text("utf-8"))
    assert listed["pictures"] == {"0" + GTIN: 2, "0" + OTHER: 3}
    table = ["eval", folder, "--gallery", gallery, "--json", tmp_path / "eval.json"]
    run(*table, "--matrix", tmp_path / "matrix.png")
    figures = json.loads((tmp_path / "eval.json").read_text("utf-8"))
    assert figures["top1"] == 1.0
    assert figures["confusions"] == []
    assert cv2.imread(str(tmp_path / "matrix.png")).shape == (16, 16, 3)
    run("remove", GTIN, "--gallery", gallery)
    assert Gallery.load(gallery).gtins() == ["0" + OTHER]
    run(*table)
    figures = json.loads((tmp_path / "eval.json").read_text("utf-8"))
    assert (figures["crops"], figures["crops_of_enrolled"]) == (4, 2)


def test_many_are_enrolled_from_a_folder_or_a_list(folder, tmp_path):
    run("enrol", "--list", folder, "--gallery", tmp_path / "a.npz")
    assert len(Gallery.load(tmp_path / "a.npz")) == 2
    listed = tmp_path / "list.txt"
    listed.write_text(f"{folder / GTIN / '0.png'}, 5\n", encoding="utf-8")
    run("enrol", "--list", listed, "--gallery", tmp_path / "b.npz")
    assert Gallery.load(tmp_path / "b.npz").gtins() == ["00000000000005"]


def test_a_catalogue_is_enrolled_whole_and_most_of_it_to_be_measured(tmp_path):
    products = load_store(CORNER).products[:10]
    embedder = ProductEmbedder()
    gallery = embedder.new_gallery()
    enrol_store(gallery, embedder, products, 2, leave_out=5)
    assert len(gallery) == 8
    shown = show_store(gallery, embedder, products, 1)
    assert shown.cosines.shape == (20 * 4, 8)
    assert (shown.truth == NOT_ENROLLED).sum() == (2 + 10) * 4
    assert len(np.unique(shown.thing)) == 20


def test_a_photograph_is_looked_at_more_than_once(folder):
    embedder = ProductEmbedder()
    picture = cv2.imread(str(folder / GTIN / "0.png"))[..., ::-1]
    flipped = np.ascontiguousarray(picture[:, ::-1])
    plain = embed_thoroughly(embedder, [picture, flipped])
    mirrored = embed_thoroughly(embedder, [picture, flipped], mirrored=True)
    assert np.linalg.norm(plain, axis=1) == pytest.approx(np.ones(2), abs=1e-5)
    assert mirrored[0] == pytest.approx(mirrored[1], abs=1e-5)
    assert plain[0] != pytest.approx(plain[1], abs=1e-3)


def test_what_is_wrong_is_named(folder, tmp_path):
    gallery = tmp_path / "shop.npz"
    where = ["--gallery", gallery]
    picture = folder / GTIN / "0.png"
    assert "check digit is 2, it would have to be 1" in refused(
        "enrol", "4006381333932", picture, *where
    )
    assert "'apple' is not a GTIN" in refused("enrol", "apple", picture, *where)
    assert "name one to ten pictures" in refused("enrol", GTIN, *where)
    assert "name a GTIN" in refused("enrol", *where)
    (tmp_path / "empty").mkdir()
    assert "there are no pictures" in refused("enrol", GTIN, tmp_path / "empty", *where)
    (tmp_path / "text.jpg").write_text("no picture", encoding="utf-8")
    assert "text.jpg: not a picture" in refused("enrol", GTIN, tmp_path / "text.jpg", *where)
    assert not gallery.exists()
    (tmp_path / "names" / "apple").mkdir(parents=True)
    (tmp_path / "names" / "apple" / "a.png").write_bytes(picture.read_bytes())
    assert "called by GTINs" in refused("enrol", "--list", tmp_path / "names", *where)
    Gallery("another", 4).save(gallery)
    assert "another embedding network" in refused("enrol", GTIN, picture, *where)
    assert "another embedding network" in refused("eval", folder, *where)
    assert "name pictures" in refused("eval", *where)
    assert "which gallery" in refused("eval", folder)
    assert "cannot be read" in refused("list", "--gallery", tmp_path / "none.npz")
    with pytest.raises(GalleryError, match="not in the gallery"):
        run("remove", GTIN, *where)
