"""The projection behind the live page."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from cart import events
from sensors.observations import DeviceHealth, HandPoint, Tick, TrackPoint, WeightStep
from sensors.store import load_store
from service.live import FEED_LENGTH, LiveState
from service.web.floor import ellipse

STORE = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
COLA, RICE = "04000000011859", "04000000019992"
SECOND = 1_000_000_000
T0 = 1_700_000_000 * SECOND


@pytest.fixture
def live() -> LiveState:
    return LiveState(STORE)


def moment(number: int, seconds: float = 0.0) -> dict[str, int]:
    at_ns = T0 + int(seconds * SECOND)
    return {"number": number, "at_ns": at_ns, "decided_ns": at_ns}


def enter(live: LiveState, number: int = 1, shopper: str = "ada", tracklet: str | None = "t1"):
    live.apply(
        events.Entered(**moment(number), visit=f"v-{shopper}", shopper=shopper, tracklet=tracklet)
    )


def take(live: LiveState, number: int, units: int = 2, posterior: float = 0.99) -> None:
    live.apply(
        events.Picked(
            **moment(number, number),
            visit="v-ada",
            line=f"l{number}",
            gtin=COLA,
            units=units,
            facing="g1s2.1",
            posterior=posterior,
            evidence=(),
        )
    )
    left = live.snapshot()["stock"]["g1s2.1"]["units"] - units
    live.apply(
        events.StockMoved(
            **moment(number, number), facing="g1s2.1", gtin=COLA, units=-units, left=left
        )
    )


def track(live: LiveState, tracklet: str = "t1", seconds: float = 0.0, x: float = 2.0) -> None:
    live.observe(
        TrackPoint(
            at_ns=T0 + int(seconds * SECOND),
            tracklet=tracklet,
            x_m=x,
            y_m=3.0,
            covariance=(0.04, 0.0, 0.01),
        )
    )


def test_a_pick_shows_in_cart_stock_and_feed(live: LiveState) -> None:
    enter(live)
    take(live, 2, posterior=0.998)
    state = live.snapshot()
    (cart,) = state["carts"]
    assert (cart["shopper"], cart["state"], cart["total_cents"]) == ("Ada", "shopping", 198)
    assert cart["lines"] == [
        {
            "gtin": COLA,
            "name": "Cola Zero",
            "quantity": 2,
            "price_cents": 99,
            "total_cents": 198,
            "posterior": 0.998,
            "why": "",
        }
    ]
    assert state["stock"]["g1s2.1"] == {"units": 5, "capacity": 12}
    assert [e["text"] for e in state["events"]] == [
        "Ada came in",
        "Ada took 2 × Cola Zero from g1s2.1 · 99 %",
    ]


def test_doubt_is_that_of_the_least_certain_product(live: LiveState) -> None:
    enter(live)
    take(live, 2, posterior=0.99)
    take(live, 3, posterior=0.7)
    assert live.snapshot()["carts"][0]["doubt"] == pytest.approx(0.3)


def test_a_person_carries_the_visit_of_the_tracklet(live: LiveState) -> None:
    track(live)
    assert live.snapshot()["floor"]["people"][0]["visit"] is None
    enter(live)
    take(live, 2)
    person = live.snapshot()["floor"]["people"][0]
    assert (person["visit"], person["shopper"], person["value_cents"]) == ("v-ada", "Ada", 198)
    assert person["ellipse"] == [0.49, 0.245, 0.0]


def test_a_visit_moves_on_to_another_tracklet(live: LiveState) -> None:
    enter(live)
    track(live, "t1", 0.0, x=2.0)
    live.assign("t2", "v-ada")
    track(live, "t2", 0.5, x=2.5)
    (person,) = live.snapshot()["floor"]["people"]
    assert (person["tracklet"], person["x"]) == ("t2", 2.5)
    live.assign("t2", None)
    assert {p["visit"] for p in live.snapshot()["floor"]["people"]} == {"v-ada", None}


def test_everybody_of_a_group_is_shown(live: LiveState) -> None:
    enter(live)
    track(live, "t1", 0.0, x=2.0)
    track(live, "t2", 0.1, x=3.0)
    live.assign("t2", "v-ada", "v-ada+1")
    people = live.snapshot()["floor"]["people"]
    assert [(p["person"], p["visit"], p["shopper"], p["x"]) for p in people] == [
        ("v-ada", "v-ada", "Ada", 2.0),
        ("v-ada+1", "v-ada", "Ada", 3.0),
    ]


def test_tracklets_and_hands_vanish_in_store_time(live: LiveState) -> None:
    track(live)
    live.observe(
        HandPoint(
            at_ns=T0,
            tracklet="t1",
            side="left",
            x_m=2.2,
            y_m=3.1,
            z_m=1.0,
            sigma_m=0.03,
            views=2,
        )
    )
    assert live.snapshot()["floor"]["hands"] == [["t1", 2.2, 3.1, 1.0]]
    live.observe(Tick(at_ns=T0 + SECOND))
    floor = live.snapshot()["floor"]
    assert len(floor["people"]) == 1
    assert floor["hands"] == []
    live.observe(Tick(at_ns=T0 + 1_600_000_000))
    assert live.snapshot()["floor"]["people"] == []


def test_a_weight_step_stirs_its_facing(live: LiveState) -> None:
    live.observe(
        WeightStep(
            at_ns=T0, shelf="g1s1", began_ns=T0, plates=(3, 4), delta_g=(1, 2), sigma_g=(1, 1)
        )
    )
    assert live.snapshot()["floor"]["stirred"] == ["g1s1.1", "g1s1.4"]


def test_a_device_that_is_down_degrades_the_store(live: LiveState) -> None:
    assert live.snapshot()["status"]["state"] == "STARTING"
    live.observe(DeviceHealth(at_ns=T0, device="cam2", up=False, reason="no frames"))
    assert live.snapshot()["status"] == {"state": "DEGRADED", "down": {"cam2": "no frames"}}
    live.observe(DeviceHealth(at_ns=T0, device="cam2", up=True))
    assert live.snapshot()["status"] == {"state": "UP", "down": {}}


def test_the_entry_is_shown_as_closed_until_the_engine_opens_it(live: LiveState) -> None:
    live.observe(DeviceHealth(at_ns=T0, device="gate-out", up=False, reason="no power"))
    why = "Nobody new is let in: 1 of 1 exits are down: gate-out"
    live.apply(events.Alerted(**moment(1), kind="entry-closed", subject="entry", text=why))
    revision = live.revision
    status = live.snapshot()["status"]
    assert (status["state"], status["closed"]) == ("ENTRY CLOSED", why)
    live.observe(DeviceHealth(at_ns=T0, device="gate-out", up=True))
    live.apply(events.Alerted(**moment(2), kind="entry-opened", subject="entry", text="again"))
    assert live.changes(revision)["status"] == {"state": "UP", "down": {}}


def test_an_exit_writes_the_receipt_and_closes_the_cart(live: LiveState) -> None:
    enter(live)
    take(live, 2)
    live.apply(events.Exited(**moment(3, 9), visit="v-ada", shopper="ada", lines=((COLA, 2),)))
    state = live.snapshot()
    assert state["carts"] == []
    (receipt,) = state["receipts"]
    assert (receipt["total_cents"], receipt["tax_cents"]) == (198, ((19.0, 32),))
    assert state["totals"] == {"receipts": 1, "billed_cents": 198}


def test_whoever_walks_on_after_an_exit_is_somebody_else(live: LiveState) -> None:
    enter(live)
    live.apply(events.Exited(**moment(2, 9), visit="v-ada", shopper="ada", lines=()))
    track(live, seconds=10)
    assert live.snapshot()["floor"]["people"][0]["visit"] == "v-ada"
    track(live, seconds=11.5)
    assert live.snapshot()["floor"]["people"][0]["visit"] is None


def test_a_review_holds_the_cart_until_it_is_closed(live: LiveState) -> None:
    enter(live)
    take(live, 2, posterior=0.6)
    live.apply(
        events.ReviewRequested(
            **moment(3, 9),
            review="r1",
            visit="v-ada",
            shopper="ada",
            reason="alike",
            certain=(),
            candidates=(events.Candidate(lines=((COLA, 2),), probability=0.6),),
            evidence=(),
        )
    )
    live.apply(events.Exited(**moment(4, 9), visit="v-ada", shopper="ada", lines=(), review="r1"))
    state = live.snapshot()
    assert (state["carts"][0]["state"], state["receipts"]) == ("held", [])
    assert state["reviews"][0]["candidates"][0]["lines"][0]["name"] == "Cola Zero"
    live.apply(
        events.ReviewClosed(
            **moment(5, 20),
            review="r1",
            visit="v-ada",
            shopper="ada",
            lines=((RICE, 1),),
            actor="kim",
            verified=True,
        )
    )
    state = live.snapshot()
    assert (state["carts"], state["reviews"]) == ([], [])
    assert state["receipts"][0]["reviewer"] == "kim"


def test_an_audit_shows_a_bill_and_may_lower_it(live: LiveState) -> None:
    enter(live)
    take(live, 2)
    case = {"visit": "v-ada", "shopper": "ada", "certain": ((COLA, 2),), "candidates": ()}
    asked = {"reason": "drawn", "evidence": (), "kind": "audit", "minutes": 0.8}
    live.apply(
        events.ReviewRequested(**moment(3, 9), review="r1", **case, **asked, worth_cents_per_min=60)
    )
    live.apply(
        events.ReviewRequested(**moment(4, 9), review="r2", **case, **asked, worth_cents_per_min=90)
    )
    live.apply(events.Exited(**moment(5, 9), visit="v-ada", shopper="ada", lines=((COLA, 2),)))
    state = live.snapshot()
    assert (state["carts"], state["receipts"][0]["lines"][0]["quantity"]) == ([], 2)
    assert [c["review"] for c in state["reviews"]] == ["r2", "r1"]
    assert (state["reviews"][0]["kind"], state["reviews"][0]["minutes"]) == ("audit", 0.8)
    before = state["totals"]["billed_cents"]
    for number, credited in ((6, ((COLA, 1),)), (7, ())):
        live.apply(
            events.BillChecked(
                **moment(number, 20),
                review=f"r{number - 5}",
                visit="v-ada",
                shopper="ada",
                kind="audit",
                lines=((COLA, 1),),
                credited=credited,
                actor="kim",
                verified=True,
            )
        )
    state = live.snapshot()
    assert state["reviews"] == []
    (receipt,) = state["receipts"]
    assert (receipt["lines"][0]["quantity"], receipt["reviewer"]) == (1, "kim")
    assert state["totals"] == {"receipts": 1, "billed_cents": before - receipt["total_cents"]}


def test_another_product_on_a_facing_changes_the_layout(live: LiveState) -> None:
    before = live.layout_revision
    live.apply(events.Restocked(**moment(1), facing="g1s1.1", gtin=RICE, units=4, actor="kim"))
    assert live.layout_revision > before
    facing = live.layout()["gondolas"][0]["facings"][0]
    assert (facing["id"], facing["gtin"]) == ("g1s1.1", RICE)
    assert live.changes(before)["stock"] == {"g1s1.1": {"units": 4, "capacity": 12}}


def test_changes_hold_only_what_changed_since(live: LiveState) -> None:
    enter(live)
    seen = live.revision
    assert live.changes(seen)["events"] == []
    assert "carts" not in live.changes(seen)
    track(live)
    changes = live.changes(seen)
    assert set(changes) == {"revision", "time_s", "anew", "floor", "stock", "events"}
    assert not changes["anew"]
    take(live, 2)
    changes = live.changes(changes["revision"])
    assert [e["number"] for e in changes["events"]] == [2]
    assert list(changes["stock"]) == ["g1s2.1"]


def test_the_clock_alone_is_a_change_once_a_second(live: LiveState) -> None:
    live.observe(Tick(at_ns=T0))
    seen = live.revision
    live.observe(Tick(at_ns=T0 + SECOND // 2))
    assert live.revision == seen
    live.observe(Tick(at_ns=T0 + SECOND))
    assert live.revision > seen


def test_messages_while_people_move_stay_small(live: LiveState) -> None:
    for i in range(20):
        live.apply(
            events.Entered(**moment(i + 1), visit=f"v{i}", shopper=f"shopper-{i}", tracklet=f"t{i}")
        )
    seen = live.revision
    for i in range(20):
        track(live, f"t{i}", 1.0)
    assert len(json.dumps(live.changes(seen))) < 8000


def test_the_feed_is_bounded(live: LiveState) -> None:
    for i in range(FEED_LENGTH + 20):
        enter(live, i + 1, f"s{i}", None)
    feed = live.snapshot()["events"]
    assert (len(feed), feed[-1]["number"]) == (FEED_LENGTH, FEED_LENGTH + 20)


def test_an_event_of_an_unknown_visit_is_an_error_and_changes_nothing(live: LiveState) -> None:
    before = live.snapshot()
    with pytest.raises(KeyError):
        take(live, 1)
    after = live.snapshot()
    assert (after["carts"], after["stock"], after["events"]) == (
        before["carts"],
        before["stock"],
        before["events"],
    )


def test_threads_may_write_and_read_at_once(live: LiveState) -> None:
    enter(live)
    done = threading.Event()
    torn: list[BaseException] = []

    def read() -> None:
        try:
            while not done.is_set():
                json.dumps(live.snapshot())
        except BaseException as error:
            torn.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(300):
        track(live, f"t{i}", i / 100)
        take(live, i + 2, units=1)
    done.set()
    reader.join()
    assert torn == []
    assert live.snapshot()["carts"][0]["lines"][0]["quantity"] == 300


def test_an_ellipse_of_a_leaning_covariance() -> None:
    long, short, angle = ellipse((0.05, 0.03, 0.05))
    assert long > short
    assert angle == pytest.approx(0.785, abs=1e-3)
