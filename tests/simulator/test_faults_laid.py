"""Faults over messages: what each does to a stream of them, and what it leaves alone."""

import json
from pathlib import Path

import pytest

from sensors.store import load_store
from sensors.wire import (
    BarrierCrossed,
    Count,
    HealthReport,
    TagReads,
    TagReport,
    VisionReport,
    WeightBatch,
    decode,
    encode,
    topic,
)
from simulator.faults import parse_fault
from simulator.faults_laid import lay

STORE = load_store(Path(__file__).parents[2] / "datasets/stores/corner.yaml")
S = 1_000_000_000
START_NS = 1_000 * S
PERIOD_NS = 16_666_667


def said(kind, payload, received_ns):
    return received_ns, topic(STORE.id, kind, payload.device), encode(payload)


def batches(shelf, seconds):
    """A shelf's messages; plate p + 1 of row r of batch n reads n + r/100 + 1000·p grams."""
    for n in range(int(seconds * 5)):
        grams = [[n + r / 100 + 1000.0 * p for p in range(12)] for r in range(12)]
        at_ns = START_NS + n * S // 5
        batch = WeightBatch(
            device=shelf, boot="b", seq=n, at_ns=at_ns, period_ns=PERIOD_NS, grams=grams
        )
        yield said("weight", batch, at_ns + 11 * PERIOD_NS)


def scene(seconds=10.0):
    """Two shelves, a gate, a camera worker, health, a person's count and ticks."""
    messages = [*batches("g1s1", seconds), *batches("g2s1", seconds)]
    for n in range(int(seconds * 10)):
        at_ns = START_NS + n * S // 10
        seen = VisionReport(device="vision-1", boot="b", seq=n, at_ns=at_ns)
        messages.append(said("vision", seen, at_ns + 1))
    at_ns = START_NS + 5 * S
    gate = BarrierCrossed(device="gate-in", boot="b", seq=0, at_ns=at_ns, direction="in")
    health = HealthReport(device="g1s1", boot="b", seq=0, at_ns=at_ns, up=True)
    count = Count(device="page", boot="b", seq=0, at_ns=at_ns, facing="g1s1.1", units=3, actor="a")
    messages += [
        said("gate", gate, at_ns + 2),
        said("health", health, at_ns + 3),
        said("control", count, at_ns + 4),
        (at_ns + 5, "tick", b""),
    ]
    return sorted(messages, key=lambda message: message[0])


def laid(texts, messages, seed=1):
    faults = [parse_fault(text) for text in texts]
    return list(lay(faults, messages, STORE, START_NS, seed))


def readings(messages, shelf, plate):
    """[(true second, reading)] of one plate."""
    found = []
    for received_ns, where, body in messages:
        if where.endswith(f"/weight/{shelf}"):
            rows = json.loads(body)["grams"]
            for i, row in enumerate(rows):
                ago_ns = (len(rows) - 1 - i) * PERIOD_NS
                found.append(((received_ns - ago_ns - START_NS) / S, row[plate - 1]))
    return found


def by_topic(messages, ending):
    return [message for message in messages if message[1].endswith(ending)]


def test_without_faults_everything_passes():
    assert laid([], scene()) == scene()


@pytest.mark.parametrize(
    "text", ["camera-out:*", "broker-restart@3", "engine-kill@3", "plate-dead:g3s1.1"]
)
def test_what_is_not_of_these_messages_leaves_them_as_they_are(text):
    assert laid([text], scene()) == scene()


def test_a_dead_plate_reads_nothing_for_a_while():
    before, after = scene(), laid(["plate-dead:g1s1.3@2.055-3.955"], scene())
    for (t, was), (_, now) in zip(
        readings(before, "g1s1", 3), readings(after, "g1s1", 3), strict=True
    ):
        assert now is None if 2.055 <= t < 3.955 else now == was
    assert readings(before, "g1s1", 4) == readings(after, "g1s1", 4)
    assert by_topic(before, "g2s1") == by_topic(after, "g2s1")


def test_a_stuck_plate_repeats_its_last_reading():
    before, after = scene(), laid(["plate-stuck:g1s1.3@2.055-3.955"], scene())
    last = [g for t, g in readings(before, "g1s1", 3) if t < 2.055][-1]
    for (t, was), (_, now) in zip(
        readings(before, "g1s1", 3), readings(after, "g1s1", 3), strict=True
    ):
        assert now == (last if 2.055 <= t < 3.955 else was)


def test_a_drifting_plate_keeps_what_it_gained():
    after = readings(laid(["plate-drift:g1s1.1:3600@2-4"], scene()), "g1s1", 1)
    for (t, was), (_, now) in zip(readings(scene(), "g1s1", 1), after, strict=True):
        assert now - was == pytest.approx(min(max(t - 2, 0), 2), abs=0.006)


def test_a_spike_is_one_reading():
    after = readings(laid(["plate-spike:g1s1.1:-300@2.05"], scene()), "g1s1", 1)
    off = [
        (t, now - was)
        for (t, was), (_, now) in zip(readings(scene(), "g1s1", 1), after, strict=True)
        if now != was
    ]
    assert len(off) == 1
    assert off[0][1] == -300 and 2.05 <= off[0][0] < 2.07


@pytest.mark.parametrize("target", ["g1s1", "g1"])
def test_a_silent_shelf_says_nothing_for_a_while(target):
    after = laid([f"shelf-silent:{target}@2-4"], scene())
    gone = sorted(set(scene()) - set(after))
    assert gone == [m for m in by_topic(scene(), "g1s1") if 2 <= (m[0] - START_NS) / S < 4]
    assert len(gone) == 10


def test_a_wrong_clock_shows_in_all_that_the_device_says_and_in_nothing_else():
    after = laid(["clock-offset:g1s1:-3"], scene())
    for was, now in zip(scene(), after, strict=True):
        off_s = -3 if was[1].endswith("/g1s1") else 0
        if was[1] == "tick":
            assert was == now
            continue
        before, later = (decode(where, body, STORE.id) for _, where, body in (was, now))
        assert later.at_ns - before.at_ns == off_s * S and was[0] == now[0]
    assert len(by_topic(scene(), "/g1s1")) == 51


def test_a_clock_that_drifts_is_off_by_more_and_more():
    after = by_topic(laid(["clock-drift:g1s1:1000@2-8"], scene()), "weight/g1s1")
    for was, now in zip(by_topic(scene(), "weight/g1s1"), after, strict=True):
        off_s = (json.loads(now[2])["at_ns"] - json.loads(was[2])["at_ns"]) / S
        since_s = min(max((was[0] - START_NS) / S - 2, 0), 6)
        assert off_s == pytest.approx(since_s / 1000, abs=1e-8)


def test_delayed_messages_come_later_in_their_order():
    after = laid(["message-delay:vision:2@0-5"], scene())
    assert [m[0] for m in after] == sorted(m[0] for m in after)
    late = [
        (t + 2 * S, *rest) for t, *rest in by_topic(scene(), "vision-1") if t < START_NS + 5 * S
    ]
    in_time = [m for m in by_topic(scene(), "vision-1") if m[0] >= START_NS + 5 * S]
    assert sorted(by_topic(after, "vision-1")) == sorted([*late, *in_time])
    assert by_topic(after, "/g1s1") == by_topic(scene(), "/g1s1")


def test_lost_repeated_and_reordered_are_about_the_share_said():
    messages = scene(100.0)
    devices = [m for m in messages if m[1] != "tick" and "/control/" not in m[1]]
    lost = laid(["message-loss:*:0.2"], messages)
    assert set(lost) < set(messages)
    assert (len(messages) - len(lost)) / len(devices) == pytest.approx(0.2, abs=0.03)
    twice = laid(["message-duplicate:*:0.2"], messages)
    assert {m[1:] for m in twice} == {m[1:] for m in messages}
    assert (len(twice) - len(messages)) / len(devices) == pytest.approx(0.2, abs=0.03)
    mixed = laid(["message-reorder:*:0.2"], messages)
    assert sorted(m[1:] for m in mixed) == sorted(m[1:] for m in messages)
    assert [m[0] for m in mixed] == sorted(m[0] for m in mixed)
    seqs = [json.loads(m[2])["seq"] for m in by_topic(mixed, "vision-1")]
    behind = sum(1 for i, seq in enumerate(seqs) if any(s > seq for s in seqs[:i]))
    assert behind / len(seqs) == pytest.approx(0.2, abs=0.05)


def test_people_and_ticks_are_never_struck():
    for text in ("message-loss:*:1", "message-delay:*:9", "clock-offset:*:9"):
        after = laid([text], scene())
        kept = [m for m in scene() if m[1] == "tick" or "/control/" in m[1]]
        assert [m for m in after if m[1] == "tick" or "/control/" in m[1]] == kept


def test_the_seed_alone_decides_and_other_devices_do_not():
    text = ["message-loss:*:0.3"]
    assert laid(text, scene()) == laid(text, scene())
    assert laid(text, scene(), seed=2) != laid(text, scene())
    alone = laid(text, by_topic(scene(), "g2s1"))
    assert alone == by_topic(laid(text, scene()), "g2s1")


def test_faults_add_up():
    after = laid(
        ["shelf-silent:g1s1@0-2", "message-duplicate:g1s1:1", "plate-dead:g1s1.1"], scene()
    )
    of_shelf = by_topic(after, "weight/g1s1")
    assert len(of_shelf) == 2 * 40
    assert {g for _, g in readings(after, "g1s1", 1)} == {None}


def test_what_cannot_be_decoded_passes_as_it_is():
    where = topic(STORE.id, "weight", "g1s1")
    assert laid(["plate-dead:g1s1.1"], [(START_NS, where, b"\xff{")]) == [
        (START_NS, where, b"\xff{")
    ]


TAGS = [f"3034F424000206400000{n:04X}" for n in range(400)]


def reads(seconds=10):
    """Both antennas, twice a second: the shelf's reads every tag once in each message."""
    messages = []
    for n in range(seconds * 2):
        at_ns = START_NS + n * S // 2
        for antenna, epcs in (("rfid-g3", TAGS), ("rfid-out", [])):
            found = [TagReport(epc=epc, offset_ns=5, rssi_dbm=-50.0) for epc in epcs]
            said_now = TagReads(
                device=antenna, boot="b", seq=n, at_ns=at_ns, span_ns=S // 2, reads=found
            )
            messages.append(said("rfid", said_now, at_ns + S // 2))
    return messages


def tags_in(messages, ending):
    found = [decode(where, body, STORE.id) for _, where, body in by_topic(messages, ending)]
    return [[read.epc for read in message.reads] for message in found]


def test_a_silent_antenna_says_nothing():
    after = laid(["rfid-silent:rfid-g3@2-4"], reads())
    gone = set(reads()) - set(after)
    assert len(gone) == 4 and all(where.endswith("rfid-g3") for _, where, _ in gone)
    assert laid(["rfid-silent:*"], [*reads(1), *batches("g1s1", 1)]) == list(batches("g1s1", 1))


def test_unreadable_tags_are_always_the_same_share():
    after = tags_in(laid(["tags-unreadable:0.3"], reads()), "rfid-g3")
    assert len({tuple(tags) for tags in after}) == 1 and len(after) == 20
    assert len(after[0]) / len(TAGS) == pytest.approx(0.7, abs=0.07)
    other = tags_in(laid(["tags-unreadable:0.3"], reads(), seed=2), "rfid-g3")
    assert other[0] != after[0]


def test_ghosts_are_of_tags_that_are_read_elsewhere():
    after = laid(["ghost-reads:rfid-out:20"], reads(30))
    ghosts = [epc for tags in tags_in(after, "rfid-out") for epc in tags]
    assert set(ghosts) <= set(TAGS)
    assert len(ghosts) / 30 == pytest.approx(20, rel=0.2)
    assert by_topic(after, "rfid-g3") == by_topic(reads(30), "rfid-g3")
