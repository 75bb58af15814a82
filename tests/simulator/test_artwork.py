"""Package art: brands have their own layouts, flavours differ by colour alone."""

import numpy as np

from sensors.store import Picture, Product
from simulator.artwork import layout_of, package_art
from simulator.packages import mip_levels


def product(name: str, brand: str = "", gtin: str = "04000000010371", **look: str) -> Product:
    picture = Picture.model_validate({"base": "#b3121d", "accent": "#ffffff", **look})
    return Product(
        gtin=gtin, name=name, brand=brand, price_cents=1, weight_g=100.0, picture=picture
    )


def edges(art: np.ndarray) -> np.ndarray:
    return (np.diff(art.astype(int), axis=1) != 0).any(axis=2)


def test_flavours_of_a_family_differ_by_colour_alone() -> None:
    cherry = package_art(product("Cola Cherry", "Brio"))
    lime = package_art(product("Cola Lime", "Brio", "04000000012221", base="#7b1236"))
    again = package_art(product("Cola Zero", "Brio", "04000000011859"))
    assert (edges(cherry) == edges(lime)).mean() > 0.97
    assert (cherry != lime).any(axis=2).mean() > 0.3
    assert (cherry == again).all()


def test_brands_and_families_have_layouts_of_their_own() -> None:
    cola = product("Cola", "Brio")
    for other in (product("Cola", "Nerra"), product("Juice", "Brio")):
        assert (edges(package_art(cola)) != edges(package_art(other))).mean() > 0.05
    assert (
        layout_of(cola, "scoring").mark == layout_of(product("Juice", "Brio"), "scoring").mark
    ).all()
    alone = [
        package_art(product("Cola", "", gtin)) for gtin in ("04000000010371", "04000000010746")
    ]
    assert (edges(alone[0]) != edges(alone[1])).mean() > 0.05


def test_coarser_levels_keep_the_mean_colour() -> None:
    art = package_art(product("Cola", "Brio", motif="checks"))
    for level in mip_levels(art)[1:]:
        assert np.abs(level.mean(axis=(0, 1)) - art.mean(axis=(0, 1))).max() < 4
        assert level.std() <= art.std() + 1
