"""Training from random weights on pictures of products: views, mixing, export with a gallery."""

import hashlib
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from service import train_products
from service.product_augment import Augment, mix, views
from service.product_fit import one_cycle
from service.product_net import NetShape, build_net, export_net
from vision.gallery import Gallery
from vision.products import ProductEmbedder

COLOURS = ((200, 30, 30), (30, 180, 40), (40, 60, 220))


def pictures(rng, count):
    found = []
    for k in range(count):
        picture = rng.integers(0, 60, (40, 30 + k % 9, 3), dtype=np.uint8)
        picture[8:30, 8:24] = COLOURS[k % 3]
        found.append(picture)
    return found


def test_views_are_of_the_side_and_differ():
    rng = np.random.default_rng(1)
    one = pictures(rng, 1) * 4
    seen = views(one, 24, Augment(coarsest_px=12), rng)
    assert seen.shape == (4, 24, 24, 3)
    assert seen.dtype == np.float32
    assert seen.min() >= 0
    assert seen.max() <= 255
    assert np.abs(seen[0] - seen[1]).mean() > 1


def test_without_change_a_view_is_the_picture():
    still = Augment((1, 1), 1.0, 0.0, False, 0, 0, 0, 0, 0, 0.0)
    picture = np.random.default_rng(2).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    seen = views([picture], 24, still, np.random.default_rng(3))[0]
    assert np.abs(seen - picture).mean() < 1.5


@pytest.mark.parametrize("how", [Augment(cut_share=1.0), Augment(cut_share=0.0, blend_share=1.0)])
def test_mixed_labels_have_the_share_of_their_pixels(how):
    rng = np.random.default_rng(4)
    values = np.arange(8, dtype=np.float32)
    x = np.ones((8, 20, 20, 3), np.float32) * values[:, None, None, None]
    mixed, others, share = mix(x, np.arange(8), how, rng)
    expected = share * values + (1 - share) * others
    assert mixed.mean(axis=(1, 2, 3)) == pytest.approx(expected, abs=1e-3)


def test_the_rate_rises_and_falls():
    rates = [one_cycle(t) for t in np.linspace(0, 1, 101)]
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[0] < 0.1
    assert rates[-1] < 0.01
    assert np.argmax(rates) == 10


@pytest.mark.parametrize("side_px", [16, 23, 28, 40])
def test_a_net_takes_any_side_and_its_file_says_the_same(tmp_path, side_px):
    """A side that does not halve evenly at every stage is as good, in torch and in ONNX."""
    torch = pytest.importorskip("torch", reason="training needs the extra `train`")
    pytest.importorskip("onnx", reason="training needs the extra `train`")
    torch.manual_seed(1)
    net = build_net(NetShape((8, 8, 16, 16), 1, 8, halve_twice=True))
    for module in net.modules():  # blocks begin as their shortcuts: let the rest speak too
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    crops = list(np.random.default_rng(7).integers(0, 256, (3, side_px, side_px, 3), np.uint8))
    export_net(net, side_px, tmp_path / "net.onnx", {})
    with torch.no_grad():
        expected = net(torch.from_numpy(np.stack(crops))).numpy()
    found = ProductEmbedder(tmp_path / "net.onnx").embed(crops)
    assert found == pytest.approx(expected, abs=1e-4)


def test_training_on_pictures_gives_a_network_and_its_gallery(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="training needs the extra `train`")
    pytest.importorskip("onnx", reason="training needs the extra `train`")
    rng = np.random.default_rng(5)
    lines = []
    for k, picture in enumerate(pictures(rng, 24)):
        cv2.imwrite(str(tmp_path / f"{k}.png"), picture[..., ::-1])
        lines.append(f"{k}.png, {k % 3}, 0")
    (tmp_path / "list.txt").write_text("\n".join(lines), encoding="utf-8")
    small = replace(
        train_products.PICTURES_RECIPE,
        shape=NetShape((8, 8), 1, 8, halve_twice=False),
        epochs=6,
        sides_px=(16, 24),
        batch=8,
    )
    monkeypatch.setattr(train_products, "PICTURES_RECIPE", small)
    monkeypatch.setattr(train_products, "PICTURES_SIDE_PX", 24)
    said: list[str] = []
    train_products.train_on_pictures(
        tmp_path / "list.txt", tmp_path / "net.onnx", seed=3, say=said.append
    )
    assert said[0] == "24 pictures of 3 products"
    assert len(said) == 7
    embedder = ProductEmbedder(tmp_path / "net.onnx")
    gallery = Gallery.load(tmp_path / "net.npz", embedder.network)
    assert gallery.gtins() == [f"{k:014d}" for k in range(3)]
    fresh = pictures(np.random.default_rng(6), 9)
    taken = gallery.cosines(embedder.embed(fresh)).argmax(axis=1)
    assert (taken == np.arange(9) % 3).mean() > 0.6


def test_shipped_weights_are_scaled_and_filed(tmp_path, monkeypatch):
    """A training far too short to be of use leaves a network, its entry and its card."""
    pytest.importorskip("torch", reason="training needs the extra `train`")
    pytest.importorskip("onnx", reason="training needs the extra `train`")
    for name, value in (("PACKAGES", 8), ("CROPS", 1), ("CALIBRATED_ON", 5)):
        monkeypatch.setattr(train_products, name, value)
    small = replace(
        train_products.PACKAGES_RECIPE, shape=NetShape((8, 8), 1, 8, halve_twice=True), batch=8
    )
    monkeypatch.setattr(train_products, "PACKAGES_RECIPE", small)
    (tmp_path / "manifest.json").write_text('{"other": {"file": "other.onnx"}}', encoding="utf-8")
    weights = tmp_path / "product-embedding.onnx"
    figures = train_products.ship(weights, epochs=1, say=lambda _: None)
    entries = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert entries.keys() == {"other", "product-embedding"}
    entry = entries["product-embedding"]
    assert entry["sha256"] == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert entry["trained_by"].startswith("openaisle products train --seed 1 --epochs 1 (1.0 pass")
    assert entry["figures"]["top5"] == round(figures["top5"], 4)
    embedder = ProductEmbedder(weights)
    trained, fitted = embedder.trained_scale(), embedder.new_gallery().scale
    assert trained is not None
    assert trained.temperature == pytest.approx(1 / small.sharpness, abs=1e-4)
    assert fitted.temperature != trained.temperature
    card = (tmp_path / "product-embedding.md").read_text(encoding="utf-8")
    assert f"| top1 | {round(figures['top1'], 4)} |" in card
    assert f"over temperature {fitted.temperature}" in card
