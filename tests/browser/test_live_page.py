"""The live page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from sensors.wire import Count, Verdict

if TYPE_CHECKING:
    from conftest import MadeUpShop


@pytest.fixture
def open_page(page: Page, shop: MadeUpShop) -> Iterator[Page]:
    """The page of a busy afternoon, with its link up."""
    shop.busy_afternoon()
    shop.stand("ada", 3.0, 3.9)
    page.goto(shop.url)
    expect(page.locator("#status")).to_have_text("Up")
    yield page
    page.goto("about:blank")  # or it misses the server that ends before it


@pytest.fixture(autouse=True)
def _no_complaints(complaints: list[str]) -> object:
    """Every test ends with a silent console: no error, no warning, no CSP violation."""
    yield
    assert complaints == []


def test_what_is_there_already_is_shown(open_page: Page) -> None:
    expect(open_page.locator("h1")).to_have_text("Corner shop")
    expect(open_page.locator("#figure-shoppers")).to_have_text("3")
    expect(open_page.locator("#figure-billed")).to_have_text("€10.88")
    ada = open_page.locator('[data-visit="v-ada"]')
    expect(ada.locator(".total")).to_have_text("€8.44")
    expect(ada.locator("li")).to_have_count(3)
    expect(open_page.locator('[data-visit="v-dan"] .held')).to_be_visible()
    expect(open_page.locator("#receipt-list summary")).to_contain_text("Eve")
    expect(open_page.locator("#low")).to_contain_text("Yoghurt Strawberry 2/9")
    expect(open_page.locator("#floor")).to_have_attribute(
        "aria-label", "Map of the sales floor. On it: Ada, €8.44."
    )


def test_a_pick_arrives_through_the_websocket(open_page: Page, shop: MadeUpShop) -> None:
    shop.take("cleo", "Gum Mint", 2, "g3s3.1", 0.91)
    cleo = open_page.locator('[data-visit="v-cleo"]')
    expect(cleo.locator("li .name")).to_have_text("Gum Mint")
    expect(cleo.locator(".total")).to_have_text("€1.18")
    expect(cleo.locator(".sure")).to_have_attribute("aria-label", "91 % sure")
    expect(open_page.locator("#feed li").first).to_contain_text("Cleo took 2 × Gum Mint")


def test_the_map_is_drawn_and_moves(open_page: Page, shop: MadeUpShop) -> None:
    ink = "document.getElementById('floor').toDataURL()"
    open_page.wait_for_function(f"{ink}.length > 10_000")
    before = open_page.evaluate(ink)
    shop.pass_time(0.5)
    shop.stand("ada", 2.2, 3.2)
    shop.reach("ada", 2.3, 4.9)
    open_page.wait_for_function(f"before => {ink} !== before", arg=before)


def test_the_facing_under_the_pointer_is_named(open_page: Page) -> None:
    box = open_page.locator("#floor").bounding_box()
    assert box is not None
    tip = open_page.locator("#tip")
    for step in range(12):
        open_page.mouse.move(box["x"] + box["width"] * (0.15 + step * 0.02), box["y"] + 70)
        if tip.is_visible():
            break
    expect(tip).to_contain_text(" of ")
    open_page.mouse.move(5, 5)
    expect(tip).to_be_hidden()


def test_a_camera_is_enlarged_and_goes_on(open_page: Page, shop: MadeUpShop) -> None:
    shop.photograph()
    view = open_page.locator('[data-camera="cam2"]')
    expect(view).to_have_attribute("data-live", "")
    view.click()
    expect(open_page.locator("#large")).to_be_visible()
    expect(open_page.locator("#large-title")).to_have_text("cam2")
    ink = "document.getElementById('large-picture').toDataURL()"
    before = open_page.evaluate(ink)
    shop.photograph(60)
    open_page.wait_for_function(f"before => {ink} !== before", arg=before)
    open_page.keyboard.press("Escape")
    expect(open_page.locator("#large")).to_be_hidden()


def test_a_verdict_goes_to_the_engine(open_page: Page, shop: MadeUpShop) -> None:
    case = open_page.locator('[data-review="r-dan"]')
    expect(case.locator(".certain")).to_have_text("Certain: Rice. And besides?")
    open_page.locator("#actor").fill("kim")
    case.get_by_role("button", name="2 × Cola Cherry").click()
    expect(case.locator(".note")).to_contain_text("Sent")
    (verdict,) = shop.said
    assert isinstance(verdict, Verdict)
    assert (verdict.review, verdict.actor) == ("r-dan", "kim")
    assert verdict.lines == [(shop.gtin("Rice"), 1), (shop.gtin("Cola Cherry"), 2)]


def test_a_count_goes_to_the_engine(open_page: Page, shop: MadeUpShop) -> None:
    open_page.locator("#low").get_by_role("button", name="Cola Zero").click()
    form = open_page.locator("#count")
    expect(form.get_by_role("heading")).to_have_text("Cola Zero on g1s2.1")
    form.get_by_label("Units there now").fill("7")
    form.get_by_label("Counted by").fill("kim")
    form.get_by_role("button", name="Send the count").click()
    expect(form).to_be_hidden()
    (count,) = shop.said
    assert isinstance(count, Count)
    assert (count.facing, count.units, count.actor) == ("g1s2.1", 7, "kim")


def test_a_device_that_is_down_is_told(open_page: Page, shop: MadeUpShop) -> None:
    shop.device("cam3", up=False, reason="no frames for 5 s")
    expect(open_page.locator("#status")).to_have_text("Degraded")
    expect(open_page.locator("#trouble")).to_have_text("cam3 is down: no frames for 5 s")
    expect(open_page.locator('[data-camera="cam3"]')).to_have_attribute("data-down", "")
    shop.device("cam3", up=True)
    expect(open_page.locator("#trouble")).to_be_hidden()


def test_a_lost_connection_is_told_and_comes_back(
    open_page: Page, shop: MadeUpShop, complaints: list[str]
) -> None:
    port = shop.shut()
    expect(open_page.locator("#lost")).to_be_visible()
    expect(open_page.locator("#status")).to_have_text("Offline")
    shop.take("cleo", "Rice", 1, "g3s1.1")
    shop.open(port)
    expect(open_page.locator("#lost")).to_be_hidden()
    expect(open_page.locator('[data-visit="v-cleo"] .total')).to_have_text("€2.59")
    expect(open_page.locator("#feed li")).to_have_count(19)
    assert all("WebSocket connection to" in said for said in complaints)
    complaints.clear()  # the browser reports each attempt that failed


def test_nothing_sticks_out_sideways(open_page: Page) -> None:
    for width, height in ((1440, 900), (900, 1100), (390, 844), (360, 640)):
        open_page.set_viewport_size({"width": width, "height": height})
        root = "document.documentElement"
        assert open_page.evaluate(f"{root}.scrollWidth") <= width
        if width == 1440:
            assert open_page.evaluate(f"{root}.scrollHeight") <= height
