"""Who is let in: codes while the store works, nobody new while it does not; who is in gets out."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cart import events as e
from fusion.engine import Engine
from fusion.entrance import Entrance
from sensors.observations import CodeScanned, DeviceHealth, GateCrossing, Tick, TrackPoint
from sensors.policy import CloseEntry
from sensors.store import Store, StoreFileError, load_store, parse_store

CORNER = Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml"
STORE = load_store(CORNER)
NS = 1_000_000_000
SHELVES = [shelf.id for gondola in STORE.gondolas for shelf in gondola.shelves]
CAMERAS = [camera.id for camera in STORE.cameras]
ENTRY, EXIT = STORE.gates


def ruled(**rule) -> Store:
    policy = STORE.policy.model_copy(update={"close_entry": CloseEntry(**rule)})
    return STORE.model_copy(update={"policy": policy})


class Door:
    """Tells an engine who is at its gates, a second after the other."""

    def __init__(self, store: Store = STORE) -> None:
        self.engine = Engine(store)
        self.events: list[e.Event] = []
        self.now_ns = 0
        self.places: dict[str, tuple[float, float]] = {}  # of all whom cameras see

    def say(self, kind, **fields) -> list[e.Event]:
        found = []
        for tenth in range(1, 11):
            at_ns = self.now_ns + tenth * NS // 10
            for who, (x_m, y_m) in self.places.items():
                found += self.engine.step(
                    TrackPoint(
                        at_ns=at_ns, tracklet=who, x_m=x_m, y_m=y_m, covariance=(0.01, 0, 0.01)
                    )
                )
        self.now_ns += NS
        found += self.engine.step(kind(at_ns=self.now_ns, **fields))
        self.events += found
        return found

    def health(self, device: str, up: bool) -> list[e.Event]:
        return self.say(DeviceHealth, device=device, up=up, reason="why")

    def show(self, shopper: str, **fields) -> list[e.Event]:
        return self.say(CodeScanned, gate=ENTRY.id, shopper=shopper, **fields)

    def come(self, who: str = "t") -> list[e.Event]:
        self.places[who] = ENTRY.centre_m
        found = self.say(GateCrossing, gate=ENTRY.id, direction="in")
        self.places[who] = (0.8 * len(self.places), 2.5)
        return found

    def go(self, who: str) -> list[e.Event]:
        self.places[who] = EXIT.centre_m
        found = self.say(GateCrossing, gate=EXIT.id, direction="out")
        del self.places[who]
        for _ in range(4):
            found += self.say(Tick)
        return found

    def alerts(self, kind: str) -> list[str]:
        return [x.text for x in self.events if isinstance(x, e.Alerted) and x.kind == kind]

    def of(self, kind) -> list[e.Event]:
        return [x for x in self.events if isinstance(x, kind)]


def test_while_too_much_is_down_codes_are_refused_with_the_reason_and_taken_again_after():
    door = Door(ruled(shelves=2))
    door.health("g1s1", False)
    assert door.alerts("entry-closed") == []
    door.health("g2s1", False)
    assert door.alerts("entry-closed") == [
        "Nobody new is let in: 2 of 12 shelves are down: g1s1, g2s1"
    ]
    door.health("g3s1", False)
    door.show("ada")
    (refused,) = door.alerts("code-refused")
    assert "gate-in: the entry is closed, 3 of 12 shelves are down" in refused
    door.come()
    assert door.of(e.Entered) == []
    assert door.alerts("no-code")
    door.health("g1s1", True)
    assert door.alerts("entry-opened") == []
    door.health("g2s1", True)
    assert len(door.alerts("entry-opened")) == 1
    door.show("ben")
    door.come()
    assert [x.shopper for x in door.of(e.Entered)] == ["ben"]
    assert len(door.alerts("entry-closed")) == 1


def test_a_code_that_was_taken_before_still_lets_in_for_the_gate_is_open():
    door = Door()
    door.show("ada", group_size=2)
    door.come("t1")
    door.health(EXIT.id, False)
    door.come("t2")
    assert [x.shopper for x in door.of(e.Entered)] == ["ada"]
    assert door.engine.people.owners()[-1][1:] == ("v1", "v1+1")
    assert door.alerts("tailgater") == door.alerts("no-code") == []


def test_staff_come_in_to_mend_it():
    door = Door()
    door.health(EXIT.id, False)
    door.show("ines", staff=True)
    door.come()
    assert [x.shopper for x in door.of(e.Entered)] == ["ines"]


@pytest.mark.parametrize(
    ("rule", "down", "reason"),
    [
        ({}, SHELVES[:5], ""),
        ({}, SHELVES[:6], "6 of 12 shelves are down: g1s1, g1s2, g1s3, g2s1 and 2 more"),
        ({}, CAMERAS[:-1], ""),
        ({}, CAMERAS, f"{len(CAMERAS)} of {len(CAMERAS)} cameras are down"),
        ({}, ["gate-in", "rfid-g3", "rfid-out", "somebody"], ""),
        ({}, ["gate-out"], "1 of 1 exits are down: gate-out"),
        ({"exits": None}, ["gate-out"], ""),
        ({"antennas": 1}, ["rfid-out"], "1 of 2 antennas are down: rfid-out"),
        ({"devices": ["gate-in"]}, ["gate-in"], "gate-in is down"),
        ({"devices": ["g1s1", "g1s2"]}, ["g1s2", "g1s1"], "g1s1, g1s2 are down"),
        ({"shelves": 13}, SHELVES, ""),
        ({"shelves": "1%"}, SHELVES[:1], "1 of 12 shelves are down"),
        ({"shelves": "9%"}, SHELVES[:1], ""),
    ],
)
def test_the_rule(rule, down, reason):
    found = Entrance(ruled(**rule)).why_closed(down)
    assert found.startswith(reason) and bool(found) == bool(reason)


def test_a_shelf_is_down_when_all_who_speak_for_it_are():
    cells = "".join(
        f"- {{id: cell{n}, kind: esphome-number, topic: c/{n}, shelf: g1s1, plate: {n}}}\n"
        for n in (1, 2)
    )
    text = CORNER.read_text(encoding="utf-8")
    store = parse_store(
        f"{text}\ndevices:\n{cells}- {{id: reader, kind: zebra-fixed, topic: z, antennas: "
        "{1: rfid-g3, 2: rfid-out}}\npolicy: {close_entry: {shelves: 1, antennas: 2}}\n"
    )
    entrance = Entrance(store)
    assert entrance.why_closed(["cell1"]) == ""
    assert entrance.why_closed(["cell1", "cell2"]) == "1 of 12 shelves are down: g1s1"
    assert entrance.why_closed(["reader"]) == "2 of 2 antennas are down: rfid-g3, rfid-out"


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("{devices: [g9s9]}", "there is no device 'g9s9'"),
        ("{shelves: 0}", "policy.close_entry.shelves"),
        ("{shelves: 120%}", "policy.close_entry.shelves"),
        ("{shelves: 0%}", "policy.close_entry.shelves"),
        ("{shelves: true}", "policy.close_entry.shelves"),
        ("{doors: 1}", "policy.close_entry.doors"),
    ],
)
def test_a_rule_that_is_none_is_told(rule, fault):
    text = f"{CORNER.read_text(encoding='utf-8')}\npolicy: {{close_entry: {rule}}}\n"
    with pytest.raises(StoreFileError, match=fault):
        parse_store(text)


def test_more_than_were_confirmed_are_told_and_fewer_are_fine():
    door = Door()
    door.show("ada", group_size=2)
    for who in ("t1", "t2", "t3"):
        door.come(who)
    assert door.alerts("tailgater") == [
        "gate-in: somebody came in behind ada, whose code was for 2"
    ]
    door.show("ben", group_size=3)
    door.come("t4")
    door.show("eve")
    door.come("t5")
    assert [x.shopper for x in door.of(e.Entered)] == ["ada", "ben", "eve"]
    assert len(door.alerts("tailgater")) == 1
    door.come("t6")
    assert "behind eve, whose code was for 1" in door.alerts("tailgater")[1]
    door.now_ns += 31 * NS
    door.come("t7")
    assert len(door.alerts("tailgater")) == 2
    assert len(door.alerts("no-code")) == 1


DEVICES = st.sampled_from([*SHELVES[:7], *CAMERAS, EXIT.id, ENTRY.id])
DEEDS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["down", "up"]), DEVICES),
        st.tuples(st.sampled_from(["visit", "visit", "show", "come"]), st.just("")),
        st.tuples(st.just("go"), st.just("")),
    ),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(DEEDS)
def test_no_code_that_is_shown_while_closed_opens_a_visit_and_nobody_is_locked_in(deeds):
    door = Door(ruled(shelves=2, cameras=1, devices=[ENTRY.id]))
    closed, refused, inside = False, set(), []
    for number, (deed, device) in enumerate(deeds):
        shopper, who = f"s{number}", f"t{number}"
        if deed in ("down", "up"):
            door.health(device, deed == "up")
        if deed in ("visit", "show"):
            closed = len(door.alerts("entry-closed")) > len(door.alerts("entry-opened"))
            door.show(shopper)
            refused |= {shopper} if closed else set()
        if deed in ("visit", "come") and any(isinstance(x, e.Entered) for x in door.come(who)):
            inside.append(who)
        if deed == "go" and inside:
            assert any(isinstance(x, e.Exited) for x in door.go(inside.pop(0)))
        if deed == "visit" and not closed:
            assert inside and inside[-1] == who
    entered = {x.shopper for x in door.of(e.Entered)}
    assert not entered & refused
    for device in [*SHELVES, *CAMERAS, ENTRY.id, EXIT.id]:
        door.health(device, False)
    for who in inside:
        assert any(isinstance(x, e.Exited) for x in door.go(who))
    assert len(door.of(e.Exited)) == len(door.of(e.Entered))
    assert door.alerts("unknown-exit") == []


@settings(max_examples=50, deadline=None)
@given(DEEDS)
def test_the_same_health_gives_the_same_events_also_after_a_restart(deeds):
    one, other = Door(ruled(shelves=2)), Door(ruled(shelves=2))
    for number, (deed, device) in enumerate(deeds):
        for door in (one, other):
            if deed in ("down", "up"):
                door.health(device, deed == "up")
            else:
                door.show(f"s{number}")
                door.come(f"t{number}")
        other.engine = pickle.loads(pickle.dumps(other.engine))
    assert [e.to_json(x) for x in one.events] == [e.to_json(x) for x in other.events]
