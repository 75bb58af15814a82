"""What is wrong with a camera is said on its picture, and how fresh it is where nothing is."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sensors.observations import CameraCondition, CameraState, DeviceHealth


@pytest.fixture
def open_page(page: Page, shop: Any) -> Iterator[Page]:
    shop.busy_afternoon()
    page.goto(shop.url)
    expect(page.locator("#status")).to_have_text("Up")
    yield page
    page.goto("about:blank")  # or it misses the server that ends before it


def say(shop: Any, state: CameraState, reason: str = "", **counts: int) -> None:
    facts = {"frames": 100, "dropped": 0, "late": 0, "broken": 0} | counts
    condition = CameraCondition(
        state=state, fps=9.96, age_ms=84.2, size_px=(640, 480), note="", **facts
    )
    health = DeviceHealth(
        at_ns=shop.now_ns, device="cam2", up=state == "up", reason=reason, camera=condition
    )
    shop.live.observe(health)


def test_a_camera_that_is_up_shows_its_rate_age_and_losses(open_page: Page, shop: Any) -> None:
    view = open_page.locator('[data-camera="cam2"]')
    expect(view.locator(".fare")).to_be_hidden()
    say(shop, "up")
    expect(view.locator(".fare")).to_have_text("10 fps · 84 ms old")
    say(shop, "up", dropped=3, broken=1)
    expect(view.locator(".fare")).to_have_text("10 fps · 84 ms old · 3 dropped · 1 broken")
    expect(open_page.locator('[data-camera="cam1"] .fare')).to_be_hidden()


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("frozen", "Picture is frozen"),
        ("wrong_size", "Wrong picture size"),
        ("moved", "Camera was moved"),
        ("stalled", "No new picture"),
        ("covered", "Lens is covered"),
        ("down", "Camera is down"),
    ],
)
def test_what_is_wrong_is_named_until_it_is_well(
    open_page: Page, shop: Any, state: CameraState, word: str
) -> None:
    view = open_page.locator('[data-camera="cam2"]')
    say(shop, state, "why it is so")
    expect(view).to_have_attribute("data-word", word)
    expect(view).to_have_attribute("data-down", "")
    expect(view).to_have_attribute("title", "why it is so")
    shown = view.evaluate("node => getComputedStyle(node, '::after').content")
    assert shown == f'"{word}"'
    expect(open_page.locator("#trouble")).to_have_text("cam2 is down: why it is so")
    say(shop, "up")
    expect(view).not_to_have_attribute("data-down", "")


def test_a_camera_that_nobody_speaks_of_any_more_is_down(open_page: Page, shop: Any) -> None:
    view = open_page.locator('[data-camera="cam2"]')
    say(shop, "up")
    expect(view.locator(".fare")).to_have_text("10 fps · 84 ms old")
    shop.now_ns += 20_000_000_000
    shop.device("cam3", up=True)
    expect(view).to_have_attribute("data-down", "")
    expect(view.locator(".fare")).to_have_text("nothing heard for 20 s")
