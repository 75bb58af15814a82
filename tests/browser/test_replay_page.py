"""The page of a replay in a real browser: its bar does what it says."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Page, expect

from cart.events import Picked
from service.recording import Recording
from service.replay_changes import changed, parse_changes
from service.replay_player import Player
from service.replay_reel import Reel, reel_of
from service.web.app import create_app
from service.web.serve import serve_app
from simulator.truth import Truth

SAMPLE = Path(__file__).parents[2] / "datasets" / "recordings" / "one-shopper.mcap"


@dataclass
class Shown:
    """A replay that is being served."""

    player: Player
    url: str

    @property
    def position_s(self) -> float:
        return float(self.player.changes(self.player.revision)["position_s"])


@pytest.fixture(scope="module")
def broken() -> Reel:
    """One shopper, and the plates of the first pick are dead: one error, one line less."""
    recording = Recording.open(SAMPLE)
    reel = reel_of(recording, msgspec.json.decode(recording.truth or b"", type=Truth))
    first = next(event for event in reel.events() if isinstance(event, Picked))
    shelf_id, _, plate = first.facing.partition(".")
    shelf = next(s for g in reel.store.gondolas for s in g.shelves if s.id == shelf_id)
    facing = next(f for f in shelf.facings if min(f.plates) == int(plate))
    dead = [f"plate-dead:{shelf_id}.{n}" for n in facing.plates]
    return changed(recording, reel, parse_changes([], dead, "recorded", reel.store))


@pytest.fixture
def shown(broken: Reel) -> Iterator[Shown]:
    with Player(broken, playing=False) as player:
        served = serve_app(create_app(player.live, None, None, player), "127.0.0.1", 0)
        deadline = time.monotonic() + 120
        while not player.index.whole and time.monotonic() < deadline:
            time.sleep(0.01)
        yield Shown(player, served.url)
        served.stop()


@pytest.fixture
def open_page(page: Page, shown: Shown) -> Iterator[Page]:
    page.goto(shown.url)
    expect(page.locator("#controls-error")).to_have_text("1 error ›")
    yield page
    page.goto("about:blank")  # or it misses the server that ends before it


@pytest.fixture(autouse=True)
def _no_complaints(complaints: list[str]) -> object:
    """Every test ends with a silent console: no error, no warning, no CSP violation."""
    yield
    assert complaints == []


def test_it_says_what_it_shows(open_page: Page, shown: Shown, broken: Reel) -> None:
    expect(open_page.locator("#controls-name")).to_have_text("one-shopper.mcap")
    expect(open_page.locator("#controls-changed")).to_have_text(" · ".join(broken.changes))
    expect(open_page.locator("#controls-at")).to_have_text("00:00.0")
    length = open_page.locator("#controls-length")
    expect(length).to_have_text(f"00:{int(shown.player.duration_s * 10) / 10:04.1f}")
    expect(open_page.locator("#controls-marks [data-kind=pick]")).to_have_count(1)
    expect(open_page.locator("#controls-marks [data-kind=error]")).to_have_count(1)
    expect(open_page.locator(".view").first).to_be_visible()
    words = "getComputedStyle(document.querySelector('.view'), '::after').content"
    assert open_page.evaluate(words) == '"no pictures in this recording"'


def test_it_plays_and_pauses(open_page: Page, shown: Shown) -> None:
    open_page.locator("#controls-speed").select_option("2")
    open_page.get_by_role("button", name="Play").click()
    expect(open_page.locator("#feed li").last).to_contain_text("Ada came in")
    open_page.get_by_role("button", name="Pause").click()
    expect(open_page.get_by_role("button", name="Play")).to_be_visible()
    stood = shown.position_s
    assert stood > 1.0
    at = open_page.locator("#controls-at")
    expect(at).to_have_text(f"00:{int(stood * 10 + 1e-6) / 10:04.1f}")
    assert open_page.evaluate("location.hash") == f"#t={stood:g}"
    open_page.wait_for_timeout(300)
    assert shown.position_s == stood
    open_page.keyboard.press("Escape")
    open_page.locator("h1").click()
    open_page.keyboard.press("Space")
    expect(open_page.get_by_role("button", name="Pause")).to_be_visible()


def test_it_steps(open_page: Page, shown: Shown) -> None:
    open_page.get_by_role("button", name="Next happening").click()
    expect(open_page.locator("#feed li")).to_have_count(1)
    expect(open_page.locator("#controls-note")).to_have_text("Ada came in")
    came = shown.position_s
    moment = f"00:{int(came * 10 + 1e-6) / 10:04.1f}"
    expect(open_page.locator("#controls-at")).to_have_text(moment)
    expect(open_page.locator("#feed time")).to_have_text(moment)
    since = open_page.locator("#cart-list .who p")
    expect(since).to_have_text(re.compile(r"^since 00:0\d\.\d · "))
    open_page.get_by_role("button", name="0.1 s back").click()
    expect(open_page.locator("#feed li")).to_have_count(0)
    assert shown.position_s == pytest.approx(came - 0.1, abs=0.002)
    open_page.locator("h1").click()
    for _ in range(3):
        open_page.keyboard.press("ArrowRight")
    expect(open_page.locator("#feed li")).to_have_count(1)
    open_page.keyboard.press("Shift+ArrowRight")
    expect(open_page.locator("#controls-note")).to_have_attribute("data-kind", "error")
    open_page.keyboard.press("Shift+ArrowRight")
    expect(open_page.locator("#feed li").first).to_contain_text("Ada took")
    open_page.keyboard.press("Shift+ArrowLeft")
    open_page.keyboard.press("Shift+ArrowLeft")
    expect(open_page.locator("#feed li")).to_have_count(1)
    open_page.wait_for_function("at => location.hash === `#t=${at}`", arg=came)
    assert shown.position_s == came


def test_the_bar_scrubs_forwards_and_backwards(open_page: Page, shown: Shown) -> None:
    box = open_page.locator("#controls-scrub").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    open_page.mouse.move(box["x"] + 9, y)
    open_page.mouse.down()
    for share in (0.2, 0.5, 0.7, 0.95):
        open_page.mouse.move(box["x"] + share * box["width"], y)
    expect(open_page.locator("#receipt-list summary")).to_contain_text("Ada")
    open_page.mouse.move(box["x"] + 0.55 * box["width"], y)
    open_page.mouse.up()
    expect(open_page.locator("#receipt-list summary")).to_have_count(0)
    expect(open_page.locator("#cart-list [data-visit]")).to_have_count(1)
    share = shown.position_s / shown.player.duration_s
    assert share == pytest.approx(0.55, abs=0.02)
    open_page.wait_for_function("document.getElementById('controls-scrub').value > 10")


def test_a_deep_link_opens_its_moment(shown: Shown, page: Page) -> None:
    page.goto(f"{shown.url}#t=15.5")
    expect(page.locator("#controls-at")).to_have_text("00:15.5")
    expect(page.locator("#feed li")).to_have_count(2)
    assert shown.position_s == 15.5
    assert page.evaluate("location.hash") == "#t=15.5"
    page.evaluate("location.hash = '#t=5'")
    expect(page.locator("#controls-at")).to_have_text("00:05.0")
    expect(page.locator("#feed li")).to_have_count(1)
    assert page.evaluate("location.hash") == "#t=5"


def test_a_deep_link_stops_a_player_that_is_elsewhere(shown: Shown, page: Page) -> None:
    shown.player.seek(16.9)
    shown.player.play()
    page.goto(f"{shown.url}#t=5.5")
    expect(page.locator("#controls-at")).to_have_text("00:05.5")
    page.wait_for_timeout(300)
    assert (shown.position_s, page.evaluate("location.hash")) == (5.5, "#t=5.5")
    page.reload()
    expect(page.locator("#controls-at")).to_have_text("00:05.5")


def test_an_error_is_gone_to_and_said(open_page: Page, shown: Shown) -> None:
    open_page.locator("#controls-error").click()
    note = open_page.locator("#controls-note")
    expect(note).to_have_text(re.compile("^Ada took .*: on no bill$"))
    expect(note).to_have_attribute("data-kind", "error")
    there = shown.position_s
    shown.player.seek(0.0)
    expect(open_page.locator("#controls-at")).to_have_text("00:00.0")
    open_page.get_by_role("button", name="Go to error").click()
    expect(open_page.locator("#controls-at")).not_to_have_text("00:00.0")
    assert shown.position_s == pytest.approx(there, abs=0.001)


def test_nothing_sticks_out_sideways(open_page: Page) -> None:
    for width, height in ((1440, 900), (900, 1100), (390, 844), (360, 640)):
        open_page.set_viewport_size({"width": width, "height": height})
        root = "document.documentElement"
        assert open_page.evaluate(f"{root}.scrollWidth") <= width
        if width == 1440:
            assert open_page.evaluate(f"{root}.scrollHeight") <= height
