"""What simulated people do: its weight on plates, its hands in the air, and its truth."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors.decode import Decoder
from sensors.store import load_store
from sensors.wire import WeightBatch
from simulator.figure import Stance
from simulator.player import CodeShown, Exposure, Happening, Said, ScenePlayer
from simulator.scene import parse_scene
from simulator.truth import TrueMove, Truth
from simulator.world import World

STORE = load_store(Path(__file__).parents[2] / "datasets/stores/corner.yaml")
CALM = World(
    id="calm",
    plates={"noise_median_g": 0.1, "press_share": 0.0, "drift_day_sigma_g": 0.0, "poor_share": 0.0},
    wrong_facings=0.0,
    clock_skew_ms=0.0,
)
NAMES = {p.gtin: p.name for p in STORE.products}
START = 1_700_000_000_000_000_000
S = 1_000_000_000


@dataclass
class Played:
    """A scene that was played to its end."""

    truth: Truth
    happenings: list[Happening]

    def moves(self, kind: str) -> list[TrueMove]:
        return [move for move in self.truth.moves if move.kind == kind]

    def named(self) -> list[tuple[str, str, str, int]]:
        return [(m.kind, m.shopper, NAMES[m.gtin], m.units) for m in self.truth.moves]

    def stances(self, name: str) -> list[tuple[int, Stance]]:
        """Every stance of a shopper, with its time."""
        return [
            (h.at_ns, stance)
            for h in self.happenings
            if isinstance(h, Exposure)
            for who, _, stance in h.people
            if who == name
        ]

    def stance_at(self, name: str, at_ns: int) -> Stance:
        return min(self.stances(name), key=lambda found: abs(found[0] - at_ns))[1]

    def grams(self, shelf: str) -> tuple[np.ndarray, np.ndarray]:
        """Times (N,) and readings (N, plates) of a shelf."""
        decoder, times, rows = Decoder(STORE), [], []
        for said in self.happenings:
            if isinstance(said, Said) and f"/weight/{shelf}" in said.topic:
                batch = decoder.decode(said.topic, said.body)
                assert isinstance(batch, WeightBatch)
                times += [batch.at_ns + i * batch.period_ns for i in range(len(batch.grams))]
                rows += batch.grams
        return np.array(times), np.array(rows, dtype=np.float64)

    def total_at(self, shelf: str, at_ns: int) -> float:
        """Grams on a shelf around a moment."""
        times, grams = self.grams(shelf)
        near = np.abs(times - at_ns) < 0.3 * S
        return float(np.median(grams[near].sum(axis=1)))

    def bills(self) -> dict[str, dict[str, int]]:
        return {
            f"{v.shopper}{i}": {NAMES[g]: n for g, n in v.lines}
            for i, v in enumerate(self.truth.visits)
        }


def play(shoppers: str, seed: int = 1) -> Played:
    text = f"name: s\nstore: corner\nworld: calm\nshoppers:\n{shoppers}\n"
    scene = parse_scene(text, STORE)
    player = ScenePlayer(STORE, CALM, scene, seed, START, lambda who, at, bad: f"{who} {at} {bad}")
    happenings = list(player)
    return Played(player.truth, happenings)


def ada(*lines: str) -> Played:
    return play(f"- {{name: ada, enters_at_s: 0.5, script: [{', '.join(lines)}]}}")


def test_a_slow_lift_takes_the_weight_off_little_by_little() -> None:
    played = ada("pick: {product: Honey, hover_s: 2, slow_s: 2}")
    (move,) = played.moves("pick")
    shelf = move.facing.split(".")[0]
    before, after = (played.total_at(shelf, move.at_ns + s * S) for s in (-3, 2))
    half = played.total_at(shelf, move.at_ns - S)
    assert after < before - 100
    assert 0.25 < (before - half) / (before - after) < 0.75
    hands = [s.right_hand_m or s.left_hand_m for t, s in played.stances("ada") if t < move.at_ns]
    still = Counter(hand for hand in hands if hand is not None)
    assert still.most_common(1)[0][1] >= 15  # hovering, ten times a second


def test_two_products_are_taken_in_one_reach() -> None:
    played = ada("pick_together: [Cola Zero, Cola Cherry]")
    first, second = played.moves("pick")
    assert {NAMES[first.gtin], NAMES[second.gtin]} == {"Cola Zero", "Cola Cherry"}
    assert abs(first.at_ns - second.at_ns) < 0.1 * S
    assert played.bills() == {"ada0": {"Cola Zero": 1, "Cola Cherry": 1}}


def test_what_is_half_eaten_and_put_back_is_billed() -> None:
    played = ada("pick: Honey", "put_back: {product: last, left_share: 0.5}")
    (pick,), (back,) = played.moves("pick"), played.moves("put_back")
    shelf = pick.facing.split(".")[0]
    full = played.total_at(shelf, pick.at_ns - 2 * S) - played.total_at(shelf, pick.at_ns + 2 * S)
    left = played.total_at(shelf, back.at_ns + 2 * S) - played.total_at(shelf, back.at_ns - 2 * S)
    assert abs(left / full - 0.5) < 0.05
    assert played.bills() == {"ada0": {"Honey": 1}}
    assert played.truth.visits[0].carried == []
    before, after = played.truth.stock_before[pick.facing], played.truth.stock[pick.facing]
    assert after[pick.gtin] == before[pick.gtin] - 1


def test_a_unit_changes_hands_where_both_hands_are() -> None:
    played = play(
        "- {name: ada, enters_at_s: 0.5, script: [pick: Honey, give: {to: ben}]}\n"
        "- {name: ben, enters_at_s: 3, script: [pick: Rice, dwell: 3, pick: Cola Zero]}"
    )
    (move,) = played.moves("hand_over")
    assert (move.shopper, move.to) == ("ada", "ben")
    assert played.bills() == {"ada0": {}, "ben1": {"Honey": 1, "Rice": 1, "Cola Zero": 1}}
    hands = [
        [h for h in (s.left_hand_m, s.right_hand_m) if h is not None]
        for s in (played.stance_at(name, move.at_ns) for name in ("ada", "ben"))
    ]
    assert min(math.dist(a, b) for a in hands[0] for b in hands[1]) < 0.1


def test_they_may_all_give_in_a_ring() -> None:
    played = play(
        "- {name: ada, enters_at_s: 0.5, script: [pick: Honey, meet: x, give: {to: ben}]}\n"
        "- {name: ben, enters_at_s: 3, script: [pick: Rice, meet: x, give: {to: cleo}]}\n"
        "- {name: cleo, enters_at_s: 6, script: [pick: Cola Zero, meet: x, give: {to: ada}]}"
    )
    assert played.bills() == {"ada0": {"Cola Zero": 1}, "ben1": {"Honey": 1}, "cleo2": {"Rice": 1}}


def test_who_meets_acts_at_once_and_nobody_waits_for_ever() -> None:
    played = play(
        "- {name: ada, enters_at_s: 0.5, script: [touch: g1s2.4, meet: x, pick: Cola Cherry]}\n"
        "- {name: ben, enters_at_s: 15, script: [touch: g2s2.4, meet: x, pick: Muesli bar Nut]}\n"
        "- {name: cleo, enters_at_s: 90, script: [meet: y]}\n"
        "- {name: dora, enters_at_s: 170, script: [meet: y]}"
    )
    first, second = played.moves("pick")
    assert abs(first.at_ns - second.at_ns) < 1.5 * S
    cleo = next(v for v in played.truth.visits if v.shopper == "cleo")
    assert 30 * S < cleo.left_ns - cleo.entered_ns < 60 * S


def test_a_bystander_stands_close() -> None:
    played = play(
        "- {name: ada, enters_at_s: 0.5, script: [touch: g1s2.4, dwell: 14]}\n"
        "- {name: ben, enters_at_s: 1, script: [beside: {shopper: ada, seconds: 5}]}"
    )
    ben = dict(played.stances("ben"))
    gaps = [
        math.hypot(s.x_m - ben[t].x_m, s.y_m - ben[t].y_m)
        for t, s in played.stances("ada")
        if t in ben
    ]
    assert sum(gap < 0.65 for gap in gaps) >= 45
    assert played.truth.moves == []


def test_what_leans_or_is_set_down_weighs_and_goes_away() -> None:
    for line, grams in (
        ("lean: {facing: g1s2.4, seconds: 4, grams: 2000}", 2000),
        ("set_down: {facing: g1s2.4, seconds: 4, grams: 900}", 900),
    ):
        played = ada(line)
        _, rows = played.grams("g1s2")
        total = rows.sum(axis=1) - np.median(rows[:30].sum(axis=1))
        heavy = np.abs(total - grams) < 0.3 * grams
        assert 3.0 < heavy.sum() / 60 < 7.5
        assert abs(float(np.median(total[-60:]))) < 25  # cells creep back
        assert played.truth.moves == []


def test_a_sweep_is_one_move_of_many() -> None:
    played = ada("sweep: {facing: g2s2.4, units: 8}")
    (move,) = played.moves("pick")
    assert move.units == 8
    shelf = played.truth.moves[0].facing.split(".")[0]
    lost = played.total_at(shelf, move.at_ns - 3 * S) - played.total_at(shelf, move.at_ns + 3 * S)
    product = next(p for p in STORE.products if p.gtin == move.gtin)
    assert abs(lost / (8 * product.weight_g) - 1) < 0.15


def test_what_others_take_during_a_sweep_stays_in_the_truth() -> None:
    played = play(
        "- {name: ada, enters_at_s: 1, script: [meet: now, sweep: {facing: g2s2.4, units: 50}]}\n"
        "- {name: ben, enters_at_s: 1, script: [meet: now, pick: Cola Zero, pick: Cola Zero]}\n"
        "- {name: cat, enters_at_s: 1, script: [meet: now, sweep: {facing: g1s2.4, units: 50}]}",
        seed=3,
    )
    ends = {m.shopper: m.at_ns for m in played.moves("pick") if m.units > 1}
    assert any(0 < ends["ada"] - m.at_ns < 2 * S for m in played.moves("pick") if m.units == 1)
    carried = sum(units for visit in played.truth.visits for _, units in visit.carried)
    assert sum(move.units for move in played.moves("pick")) == carried


def test_what_is_slid_leaves_from_the_other_facing() -> None:
    played = ada("slide: {product: Cola Zero, to: g1s2.7}")
    assert played.named() == [("slide", "ada", "Cola Zero", 1), ("pick", "ada", "Cola Zero", 1)]
    slide, pick = played.truth.moves
    assert (slide.facing, slide.to, pick.facing) == ("g1s2.1", "g1s2.7", "g1s2.7")
    times, rows = played.grams("g1s2")
    between = (times > slide.at_ns + 0.05 * S) & (times < pick.at_ns - 0.05 * S)
    there = rows[between, 6:9].sum(axis=1).mean() - np.median(rows[:30, 6:9].sum(axis=1))
    assert there > 200
    rest = np.median(rows[-60:] - np.median(rows[:30], axis=0), axis=0)
    assert rest[:3].sum() < -200 and abs(rest[6:9].sum()) < 25


def test_what_is_dropped_is_free_and_what_is_eaten_is_not() -> None:
    played = ada("pick: Honey", "drop: last", "pick: Rice", "eat: last")
    assert [kind for kind, *_ in played.named()] == ["pick", "drop", "pick", "eat"]
    assert played.bills() == {"ada0": {"Rice": 1}}
    assert played.truth.visits[0].carried == []


def test_staff_set_out_goods_and_owe_nothing() -> None:
    played = play(
        "- {name: sam, code: staff, enters_at_s: 1, script: [restock: {facing: g1s2.1, units: 4}]}"
    )
    (visit,) = played.truth.visits
    assert (visit.shopper, visit.kind, visit.lines) == ("staff-sam", "staff", [])
    gained = Counter(played.truth.stock["g1s2.1"])
    gained.subtract(played.truth.stock_before["g1s2.1"])
    assert set(gained.values()) == {4} and sum(m.units for m in played.moves("restock")) == 4
    grams = played.grams("g1s2")[1][:, :3].sum(axis=1)
    assert 1200 < np.median(grams[-60:]) - np.median(grams[:30]) < 1550


def test_who_leaves_and_comes_back_has_two_visits() -> None:
    played = ada("pick: Honey", "leave: 8", "pick: Rice")
    assert played.bills() == {"ada0": {"Honey": 1}, "ada1": {"Rice": 1}}
    first, second = played.truth.visits
    assert 8 * S < second.entered_ns - first.left_ns < 20 * S
    assert sum(isinstance(h, CodeShown) for h in played.happenings) == 2


def test_a_tailgater_slips_in_and_is_on_nobodys_bill() -> None:
    played = play(
        "- {name: ada, enters_at_s: 3, script: [pick: Honey]}\n"
        "- {name: tom, code: none, enters_at_s: 1, script: [pick: {product: Rice, conceal: true}]}"
    )
    host, guest = played.truth.visits
    assert 0 < guest.entered_ns - host.entered_ns < 2.5 * S
    assert (guest.kind, guest.lines, guest.carried[0][1]) == ("uninvited", [], 1)
    assert [NAMES[g] for g, _ in host.lines] == ["Honey"]
    assert [h.group_size for h in played.happenings if isinstance(h, CodeShown)] == [1]
    assert [m.concealed for m in played.truth.moves if m.shopper == "tom"] == [True]


def test_a_group_comes_in_on_one_code_and_pays_one_bill() -> None:
    played = play(
        "- {name: kid, with: dad, looks: {child: true}, script: [pick: Honey]}\n"
        "- {name: dad, enters_at_s: 1, script: [pick: Rice, dwell: 1]}\n"
        "- {name: mum, with: dad, looks: {same_as: dad}, script: [pick: Cola Zero]}\n"
        "- {name: eve, enters_at_s: 1.2, script: [pick: Cola Cherry]}"
    )
    assert [h.group_size for h in played.happenings if isinstance(h, CodeShown)] == [3, 1]
    group, other = played.truth.visits
    assert (group.shopper, sorted(group.members), other.shopper) == ("dad", ["kid", "mum"], "eve")
    assert played.bills()["dad0"] == {"Honey": 1, "Rice": 1, "Cola Zero": 1}
    gone = [played.stances(name)[-1][0] for name in ("kid", "dad", "mum")]
    assert abs(group.left_ns - max(gone)) < 2 * S
    figures = {w: f for h in played.happenings if isinstance(h, Exposure) for w, f, _ in h.people}
    assert figures["mum"].shirt == figures["dad"].shirt != figures["eve"].shirt
    assert figures["kid"].child and figures["kid"].height_m < 1.5


def test_looks_phones_and_backs() -> None:
    played = ada("touch: g1s2.4", "phone: 3", "turn_away: 2")
    phones = [s.phone for _, s in played.stances("ada")]
    assert 25 < sum(p is not None for p in phones) < 35
    towards_shelf = [math.sin(s.heading_rad) for _, s in played.stances("ada")]
    assert sum(a > 0.9 for a in towards_shelf) > 30 and sum(a < -0.8 for a in towards_shelf) > 18


PICKS = ["Honey", "Rice", "Cola Zero", "Cola Cherry"]
FACINGS = ["g1s2.1", "g1s2.4", "g4s1.1"]
LINES = st.one_of(
    st.builds(lambda p, n, c: {"pick": {"product": p, "units": n, "conceal": c}},
              st.sampled_from(PICKS), st.integers(1, 3), st.booleans()),
    st.just({"pick_together": ["Cola Zero", "Cola Cherry"]}),
    st.builds(lambda f, n: {"sweep": {"facing": f, "units": n}}, st.sampled_from(FACINGS),
              st.integers(1, 6)),
    st.builds(lambda f: {"slide": {"product": "Cola Zero", "to": f}}, st.sampled_from(FACINGS)),
    st.builds(lambda f, n: {"restock": {"facing": f, "units": n}}, st.sampled_from(FACINGS),
              st.integers(1, 3)),
    st.builds(lambda f, share: {"put_back": {"product": "Rice", "to": f, "left_share": share}},
              st.sampled_from(FACINGS), st.sampled_from([0.03, 0.5, 1.0])),
    st.sampled_from([{"drop": "last"}, {"eat": "Rice"}, {"give": {"product": "last", "to": "B"}},
                     {"leave": 2}]),
)  # fmt: skip


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(LINES, max_size=4), min_size=2, max_size=2), st.integers(1, 99))
def test_units_are_conserved_whatever_people_do(scripts: list, seed: int) -> None:
    names = ["ada", "ben"]
    shoppers = []
    for name, other, lines in zip(names, names[::-1], scripts, strict=True):
        given_to = yaml.safe_load(yaml.safe_dump(lines).replace("to: B", f"to: {other}"))
        script: list[dict[str, object]] = [{"pick": "Rice"}]
        for line in given_to:
            script.append(line)
            if "leave" in line:
                script.append({"pick": "Rice"})
        shoppers.append({"name": name, "enters_at_s": 1, "script": script})
    indented = yaml.safe_dump(shoppers)
    played = play(indented, seed)
    moved = Counter[str]()
    for move in played.truth.moves:
        moved[move.kind] += move.units
        if move.kind == "put_back" and move.left_share < 1:
            moved["used"] += move.units
    before, after = (
        sum(n for contents in stock.values() for n in contents.values())
        for stock in (played.truth.stock_before, played.truth.stock)
    )
    carried = sum(n for visit in played.truth.visits for _, n in visit.carried)
    billed = sum(n for visit in played.truth.visits for _, n in visit.lines)
    assert (
        before + moved["restock"] == after + carried + moved["drop"] + moved["eat"] + moved["used"]
    )
    assert billed == carried + moved["eat"] + moved["used"]
    assert moved["pick"] == carried + moved["put_back"] + moved["drop"] + moved["eat"]
