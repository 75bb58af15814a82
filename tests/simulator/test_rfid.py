"""What antennas read of tags on shelves, in hands, in foil, behind bodies and at the gate."""

import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensors.decode import Decoder
from sensors.epc import decode_sgtin
from sensors.store import Store, load_store
from sensors.wire import TagReads, TagReport
from simulator.player import Said, ScenePlayer
from simulator.rfid import Bearer, Rfid
from simulator.scene import parse_scene
from simulator.shelves import Shelves, Unit
from simulator.world import World, realise, stream

GTIN, OTHER, PLAIN = "04000000010371", "04000000010746", "04000000011118"
STEP_NS = 200_000_000
STEADY = {"heard_s": 1e9, "missing_share": 0.0, "quality_log_sigma": 0.0, "ghosts_per_s": 0.0}


def shop(units: int = 4, others: int = 0) -> Store:
    """Two gondolas across an aisle of 2 m; an antenna for the first one and one at the gate."""
    gondola = {"width_m": 1.2, "depth_m": 0.4, "height_m": 1.5}

    def shelf(name: str, gtin: str, each: int) -> dict[str, Any]:
        facings = [
            {"gtin": gtin, "plates": [p], "units": each, "capacity": each} for p in range(1, 12)
        ]
        plain = {"gtin": PLAIN, "plates": [12], "units": 5, "capacity": 5}
        return {"id": name, "z_m": 1.0, "plate_count": 12, "facings": [*facings, plain]}

    return Store.model_validate(
        {
            "id": "shop",
            "name": "Shop",
            "floor": {"x_min_m": -2, "y_min_m": -3, "x_max_m": 4, "y_max_m": 20},
            "gates": [{"id": "gate", "kind": "both", "a_m": [0, 12], "b_m": [1, 12]}],
            "gondolas": [
                {"id": "a", "x_m": 0, "y_m": 1, **gondola, "shelves": [shelf("a1", GTIN, units)]},
                {"id": "b", "x_m": 1.2, "y_m": -1, "yaw_deg": 180, **gondola,
                 "shelves": [shelf("b1", OTHER, others)]},
            ],
            "antennas": [
                {"id": "shelf", "kind": "shelf", "covers": ["a1"]},
                {"id": "out", "kind": "gate", "gate": "gate"},
            ],
            "products": [
                {"gtin": gtin, "name": gtin, "price_cents": 1, "weight_g": 9,
                 "tagged": gtin != PLAIN}
                for gtin in (GTIN, OTHER, PLAIN)
            ],
        }
    )  # fmt: skip


def read(
    store: Store,
    rfid: dict[str, Any],
    seconds: float,
    bearers: list[Bearer] | None = None,
    seed: int = 1,
) -> dict[str, list[tuple[float, TagReport]]]:
    world = World(id="w", wrong_facings=0.0, stock_off_by_one=0.0, rfid={**rfid})  # type: ignore[arg-type]
    true = realise(store, world, seed)
    shelves = Shelves(store, true, stream("units"))
    antennas = Rfid(store, true, seed, 0, "scene")
    found: dict[str, list[tuple[float, TagReport]]] = {a.id: [] for a in store.antennas}
    for begin_ns in range(0, int(seconds * 1e9), STEP_NS):
        reads = antennas.reads(begin_ns, begin_ns + STEP_NS, shelves, bearers or [])
        for antenna, some in reads.items():
            offsets = [r.offset_ns for r in some]
            assert offsets == sorted(offsets)
            assert all(0 <= offset <= STEP_NS for offset in offsets)
            found[antenna] += [((begin_ns + r.offset_ns) / 1e9, r) for r in some]
    return found


def count(reads: list[tuple[float, TagReport]]) -> Counter[str]:
    return Counter(decode_sgtin(r.epc)[0] for _, r in reads)


def per_tag_of(reads: list[tuple[float, TagReport]], gtin: str) -> Counter[str]:
    return Counter(r.epc for _, r in reads if decode_sgtin(r.epc)[0] == gtin)


def test_the_same_seed_reads_the_same():
    assert read(shop(), {}, 10) == read(shop(), {}, 10)
    assert read(shop(), {}, 10) != read(shop(), {}, 10, seed=2)


def test_each_tagged_unit_has_a_tag_of_its_own_and_no_other_has_one():
    reads = read(shop(2), STEADY, 10)["shelf"]
    found = {decode_sgtin(r.epc) for _, r in reads}
    assert {gtin for gtin, _ in found} == {GTIN}
    assert len(found) == 22


@pytest.mark.parametrize(("units", "per_s"), [(1, 110.0), (4, 115.0)])
def test_an_antenna_divides_its_reads_among_its_tags(units, per_s):
    """Eleven tags at 10 a second each are below what the antenna can do, forty-four are not."""
    reads = read(shop(units), {**STEADY, "tag_reads_per_s": 10.0}, 40)["shelf"]
    assert len(reads) / 40 == pytest.approx(per_s, rel=0.05)


def test_some_tags_are_never_read():
    store = shop(40)
    reads = read(store, {**STEADY, "missing_share": 0.2, "antenna_reads_per_s": 5000.0}, 2)
    seen = {r.epc for _, r in reads["shelf"]}
    assert 1 - len(seen) / 440 == pytest.approx(0.2, abs=0.06)


def test_a_tag_is_silent_for_as_long_as_stated():
    """Spells of 2 s and silences of exactly 3 s: read two fifths of the time."""
    rfid = {**STEADY, "heard_s": 2.0, "silent_s": 3.0, "silent_log_sigma": 0.0,
            "silent_tag_log_sigma": 0.0, "antenna_reads_per_s": 1e4,
            "tag_reads_per_s": 50.0}  # fmt: skip
    times: dict[str, list[float]] = {}
    for at_s, report in read(shop(), rfid, 60)["shelf"]:
        times.setdefault(report.epc, []).append(at_s)
    assert len(times) == 44
    gaps = np.concatenate([np.diff(at_s) for at_s in times.values()])
    silences = gaps[gaps > 1.0]
    # Some spells are too short for a read, and two silences look like one.
    assert np.quantile(silences, 0.01) > 3.0
    assert np.median(silences) == pytest.approx(3.0, abs=0.1)
    assert 1 - silences.sum() / gaps.sum() == pytest.approx(0.4, abs=0.05)


def test_one_read_in_twenty_is_from_the_wrong_zone():
    found = count(read(shop(4, 4), STEADY, 100)["shelf"])
    assert found[OTHER] / found.total() == pytest.approx(0.05, abs=0.01)
    alone = count(read(shop(4, 4), {**STEADY, "stray_range_m": 0.5}, 10)["shelf"])
    assert alone[OTHER] == 0


def test_a_body_in_between_makes_reads_rarer_and_weaker():
    # The antenna hangs at (0.6, -0.5); somebody at (0.6, 0.6) stands before the middle plates.
    free = read(shop(), STEADY, 60)["shelf"]
    barred = read(shop(), STEADY, 60, [Bearer(0.6, 0.6, [])])["shelf"]
    each, less = Counter(r.epc for _, r in free), Counter(r.epc for _, r in barred)
    ratio = {epc: less[epc] / each[epc] for epc in each}
    behind = {epc for epc in ratio if ratio[epc] < 0.5}
    assert 20 <= len(behind) <= 36
    assert np.mean([ratio[epc] for epc in behind]) == pytest.approx(0.2, abs=0.04)
    assert np.mean([ratio[epc] for epc in ratio if epc not in behind]) == pytest.approx(1, abs=0.05)

    def strength(reads: list[tuple[float, TagReport]]) -> float:
        return float(np.mean([r.rssi_dbm for _, r in reads if r.epc in behind]))

    assert strength(free) - strength(barred) > 3.0


def test_what_is_held_before_the_shelf_is_still_read_unless_in_foil():
    units = [Unit(OTHER, 50.0, 0.08), Unit(OTHER, 50.0, 0.08)]
    units[1].concealed = True
    near = read(shop(), STEADY, 60, [Bearer(0.6, 0.5, units)])["shelf"]
    per_tag = per_tag_of(near, OTHER)
    free = np.quantile(list(per_tag_of(near, GTIN).values()), 0.85)
    assert per_tag.most_common(1)[0][1] / free == pytest.approx(0.4, abs=0.12)
    assert per_tag.total() - per_tag.most_common(1)[0][1] <= 5
    assert count(read(shop(), STEADY, 20, [Bearer(0.6, 9.0, units)])["shelf"])[OTHER] == 0


def test_the_gate_reads_what_is_carried_past():
    carried = [Unit(GTIN, 50.0, 0.08), Unit(PLAIN, 50.0, 0.08)]
    at_gate, inside = Bearer(0.5, 11.5, carried), Bearer(0.5, 9.0, carried)
    reads = read(shop(), STEADY, 60, [at_gate])["out"]
    assert len({r.epc for _, r in reads}) == 1
    assert len(reads) / 60 == pytest.approx(10 * 0.4, rel=0.15)
    assert read(shop(), STEADY, 60, [inside])["out"] == []
    carried[0].concealed = True
    assert len(read(shop(), STEADY, 60, [at_gate])["out"]) <= 4


def test_the_gate_reads_ghosts_of_what_is_near():
    inside = Bearer(0.5, 9.0, [Unit(OTHER, 50.0, 0.08)])
    ghosts = read(shop(), {**STEADY, "ghosts_per_s": 2.0}, 100, [inside])["out"]
    assert count(ghosts) == {OTHER: pytest.approx(200, abs=50)}
    assert read(shop(), {**STEADY, "ghosts_per_s": 2.0}, 10)["out"] == [], "shelves are far away"


def test_strengths_are_those_of_a_reader():
    rssi = [r.rssi_dbm for _, r in read(shop(20), {}, 20)["shelf"]]
    assert -72.0 <= min(rssi) < max(rssi) <= -44.0
    assert np.median(rssi) == pytest.approx(-66, abs=1.5)


def test_a_scene_is_read_from_shelf_to_gate():
    """One shampoo goes out openly, one tube of toothpaste in foil; both were read on the shelf.

    So is, in the end, the tube that came out of the foil again and was put back.
    """
    corner = load_store(Path(__file__).parents[2] / "datasets" / "stores" / "corner.yaml")
    text = """
      {name: s, store: corner, world: corner, shoppers: [{name: ada, enters_at_s: 0.5, script: [
      pick: Shampoo, pick: {product: Toothpaste, units: 2, conceal: true}, put_back: last,
      dwell: 7]}]}"""
    sure = {"missing_share": 0.0, "ghosts_per_s": 0.0, "wrong_zone_share": 0.0, "silent_s": 1e-3}
    world = World(id="corner", wrong_facings=0.0, rfid=sure)  # type: ignore[arg-type]
    player = ScenePlayer(corner, world, parse_scene(text, corner), 1, 0, lambda *_: "code")
    decoder = Decoder(corner)
    messages: dict[str, list[TagReads]] = {"rfid-g3": [], "rfid-out": []}
    for said in player:
        if isinstance(said, Said) and "/rfid/" in said.topic:
            message = decoder.decode(said.topic, said.body)
            assert isinstance(message, TagReads)
            offset_ns = player.true.clock_offset_ns[message.device]
            assert 0 < said.received_ns - (message.at_ns - offset_ns) - message.span_ns < 50e6
            messages[message.device].append(message)
    for some in messages.values():
        assert {b.at_ns - a.at_ns for a, b in itertools.pairwise(some)} == {STEP_NS}
    names = {p.gtin: p.name for p in corner.products}

    def read_by(antenna: str) -> dict[str, float]:
        """The time of each tag's last read, s."""
        return {r.epc: (m.at_ns + r.offset_ns) / 1e9 for m in messages[antenna] for r in m.reads}

    shelf, out = read_by("rfid-g3"), read_by("rfid-out")
    (epc,) = out
    assert names[decode_sgtin(epc)[0]] == "Shampoo"
    visit = player.truth.visits[0]
    assert abs(out[epc] - visit.left_ns / 1e9) < 2.0
    end_s = max(shelf.values())
    gone = {e for e, at_s in shelf.items() if at_s < end_s - 6.0}
    assert {names[decode_sgtin(e)[0]] for e in gone} == {"Shampoo", "Toothpaste"}
    assert len(gone) == 2
    assert epc in gone
