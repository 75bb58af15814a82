"""That nobody new is let in stands at the top of the page, with the reason."""

from typing import Any

from playwright.sync_api import Page, expect

from cart.events import Alerted


def alert(shop: Any, number: int, kind: str, text: str) -> None:
    shop.live.apply(
        Alerted(
            number=number,
            at_ns=shop.now_ns,
            decided_ns=shop.now_ns,
            kind=kind,
            subject="entry",
            text=text,
        )
    )


def test_a_closed_entry_is_shown_until_it_is_open(page: Page, shop: Any) -> None:
    shop.busy_afternoon()
    page.goto(shop.url)
    status, banner = page.locator("#status"), page.locator("#trouble")
    expect(status).to_have_text("Up")
    alert(shop, 1001, "entry-closed", "Nobody new is let in: 1 of 1 exits are down: gate-out")
    expect(status).to_have_text("Entry closed")
    expect(banner).to_have_text("Nobody new is let in: 1 of 1 exits are down: gate-out")
    alert(shop, 1002, "entry-opened", "Shoppers are let in again")
    expect(status).to_have_text("Up")
    expect(banner).to_be_hidden()
    page.goto("about:blank")  # or it misses the server that ends before it
