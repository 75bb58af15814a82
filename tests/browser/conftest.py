"""A made-up afternoon in the corner shop, served to a real Chromium."""

from __future__ import annotations

import math
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cart import events
from sensors.observations import DeviceHealth, HandPoint, TrackPoint, WeightStep
from sensors.store import load_store
from sensors.wire import Payload
from service.live import LiveState
from service.previews import PreviewReader, PreviewWriter
from service.web.app import create_app
from service.web.serve import ServedApp, serve_app

STORE = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
START_NS = 1_700_000_000_000_000_000
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class MadeUpShop:
    """Feeds a LiveState by hand; `url` is where the page is served."""

    def __init__(self) -> None:
        self.store = load_store(STORE)
        self.live = LiveState(self.store)
        self.cameras = [camera.id for camera in self.store.cameras]
        name = f"openaisle-test-{uuid.uuid4().hex[:12]}"
        self.pictures = PreviewWriter(name, self.cameras)
        self._reader = PreviewReader(name, self.cameras)
        self.said: list[Payload] = []
        self.now_ns = START_NS
        self._number = 0
        self._app = create_app(self.live, self._reader, self.said.append)
        self._served: ServedApp | None = None
        self.open(0)

    @property
    def url(self) -> str:
        assert self._served is not None
        return self._served.url

    def open(self, port: int) -> None:
        self._served = serve_app(self._app, "127.0.0.1", port)

    def shut(self) -> int:
        """Stop serving; returns the port, to open again."""
        assert self._served is not None
        self._served.stop()
        return self._served.port

    def close(self) -> None:
        self.shut()
        self._reader.close()
        self.pictures.close()

    def gtin(self, name: str) -> str:
        return next(p.gtin for p in self.store.products if p.name == name)

    def pass_time(self, seconds: float) -> None:
        self.now_ns += int(seconds * 1e9)

    def happen(self, event: type[events.Event], **fields: object) -> None:
        self._number += 1
        moment = {"at_ns": self.now_ns, "decided_ns": self.now_ns}
        self.live.apply(event(number=self._number, **moment, **fields))

    def enter(self, shopper: str) -> None:
        tracklet = f"t-{shopper}"
        self.happen(events.Entered, visit=f"v-{shopper}", shopper=shopper, tracklet=tracklet)

    def take(
        self, shopper: str, product: str, units: int, facing: str, posterior: float = 0.995
    ) -> None:
        self.happen(
            events.Picked,
            visit=f"v-{shopper}",
            line=f"line-{self._number}",
            gtin=self.gtin(product),
            units=units,
            facing=facing,
            posterior=posterior,
            evidence=(),
        )
        self.happen(
            events.StockMoved,
            facing=facing,
            gtin=self.gtin(product),
            units=-units,
            left=self.live.snapshot()["stock"][facing]["units"] - units,
        )

    def stand(self, shopper: str, x: float, y: float, spread: float = 0.06) -> None:
        self.live.observe(
            TrackPoint(
                at_ns=self.now_ns,
                tracklet=f"t-{shopper}",
                x_m=x,
                y_m=y,
                covariance=(spread**2, 0.3 * spread**2, (0.7 * spread) ** 2),
            )
        )

    def reach(self, shopper: str, x: float, y: float) -> None:
        self.live.observe(
            HandPoint(
                at_ns=self.now_ns,
                tracklet=f"t-{shopper}",
                side="right",
                x_m=x,
                y_m=y,
                z_m=1.1,
                sigma_m=0.03,
                views=3,
            )
        )

    def touch(self, shelf: str, *plates: int) -> None:
        ones = (1.0,) * len(plates)
        self.live.observe(
            WeightStep(
                at_ns=self.now_ns,
                shelf=shelf,
                began_ns=self.now_ns,
                plates=plates,
                delta_g=ones,
                sigma_g=ones,
            )
        )

    def device(self, name: str, up: bool, reason: str = "") -> None:
        self.live.observe(DeviceHealth(at_ns=self.now_ns, device=name, up=up, reason=reason))

    def ask(self, shopper: str) -> None:
        """The shopper leaves, and one line of the visit is in doubt."""
        cola, cherry = self.gtin("Cola Zero"), self.gtin("Cola Cherry")
        review = f"r-{shopper}"
        self.happen(
            events.ReviewRequested,
            review=review,
            visit=f"v-{shopper}",
            shopper=shopper,
            reason="two kinds of one weight",
            certain=((self.gtin("Rice"), 1),),
            candidates=(
                events.Candidate(
                    lines=((self.gtin("Rice"), 1), (cola, 2)),
                    probability=0.66,
                ),
                events.Candidate(lines=((self.gtin("Rice"), 1), (cherry, 2)), probability=0.31),
            ),
            evidence=(),
        )
        self.happen(
            events.Exited,
            visit=f"v-{shopper}",
            shopper=shopper,
            lines=((self.gtin("Rice"), 1),),
            review=review,
        )

    def photograph(self, shade: int = 0) -> None:
        """A new picture from every camera."""
        for index, camera in enumerate(self.cameras):
            picture = np.zeros((480, 640, 3), np.uint8)
            picture[:] = (70 + 20 * index, 60 + shade % 120, 50)
            picture[300:] = picture[300:] // 2 + 60
            for k in range(6):
                cv2.rectangle(
                    picture, (40 + 95 * k, 130), (110 + 95 * k, 290), (40 * k, 170, 90), -1
                )
            x = int(320 + 200 * math.sin(shade / 9 + index))
            cv2.circle(picture, (x, 250), 34, (220, 220, 230), -1)
            cv2.rectangle(picture, (x - 40, 285), (x + 40, 440), (150, 90, 60), -1)
            self.pictures.put(camera, cv2.imencode(".jpg", picture)[1].tobytes())

    def busy_afternoon(self) -> None:
        """Five visits: three in the store, one held for review, one with its receipt."""
        self.enter("eve")
        self.take("eve", "Coffee Crema", 1, "g3s2.7")
        self.take("eve", "Honey", 1, "g4s1.1", 0.99)
        self.pass_time(20)
        lines = ((self.gtin("Coffee Crema"), 1), (self.gtin("Honey"), 1))
        self.happen(events.Exited, visit="v-eve", shopper="eve", lines=lines)
        self.pass_time(5)
        self.enter("dan")
        self.take("dan", "Rice", 1, "g3s1.1")
        self.take("dan", "Cola Zero", 2, "g1s2.1", 0.66)
        self.pass_time(30)
        self.ask("dan")
        for shopper in ("ada", "ben", "cleo"):
            self.pass_time(12)
            self.enter(shopper)
        self.take("ada", "Cola Zero", 2, "g1s2.1")
        self.pass_time(6)
        self.take("ada", "Potato crisps Paprika", 1, "g1s3.4", 0.91)
        self.take("ada", "Chocolate Hazelnut", 3, "g2s2.1", 0.98)
        self.pass_time(4)
        self.take("ben", "Yoghurt Strawberry", 4, "g1s3.10", 0.74)
        self.take("ben", "Milk 1 l 3.5 %", 1, "g2s3.4")
        self.pass_time(3)
        self.happen(
            events.Alerted,
            kind="count",
            subject="g1s3.4",
            text="g1s3.4 seems to hold fewer crisps than counted",
        )


@pytest.fixture
def shop() -> Iterator[MadeUpShop]:
    made_up = MadeUpShop()
    yield made_up
    made_up.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("chromium is not installed: the pages cannot be tried in a browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, headless=True, args=CHROMIUM_ARGS, timeout=2 * PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console had to say in warning or error."""
    return []


@pytest.fixture
def page(chromium: Browser, complaints: list[str]) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(
        "document.addEventListener('securitypolicyviolation', (e) =>"
        " console.error('CSP: ' + e.violatedDirective + ' ' + e.blockedURI))"
    )
    context.set_default_timeout(PATIENCE_MS)
    tab = context.new_page()
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
    )
    yield tab
    context.close()
