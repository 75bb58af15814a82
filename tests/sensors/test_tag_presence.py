"""Tags are there, gone, elsewhere or only hidden, as far as reads and silences can tell."""

import pickle
import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.epc import encode_sgtin
from sensors.observations import TagPresence
from sensors.tag_field import MOST_TAGS
from sensors.tag_presence import FORGET_NS, PresenceModel, TagPresences
from sensors.wire import TagReads, TagReport

NS = 1_000_000_000
SPAN_NS = NS // 5
GTIN = "04000000010371"
EPCS = [encode_sgtin(GTIN, serial) for serial in range(40)]


def message(antenna: str, at_ns: int, epcs: Iterable[str], span_ns: int = SPAN_NS) -> TagReads:
    reports = [TagReport(epc, span_ns // 2, -60.0) for epc in epcs]
    return TagReads(device=antenna, boot="b", seq=0, at_ns=at_ns, span_ns=span_ns, reads=reports)


class Hall:
    """Antennas that report every 0.2 s; `read` says which tags each of them reads then."""

    def __init__(self, *antennas: str, model: PresenceModel | None = None) -> None:
        self.presences = TagPresences(antennas, model)
        self.antennas = antennas
        self.now_ns = 1_000 * NS
        self.told: list[TagPresence] = []

    def listen(self, seconds: float, read: Callable[[str], Iterable[str]]) -> list[TagPresence]:
        """So many seconds more; what was told meanwhile."""
        told: list[TagPresence] = []
        for _ in range(round(seconds * NS / SPAN_NS)):
            for antenna in self.antennas:
                said = message(antenna, self.now_ns, read(antenna))
                told += self.presences.feed(said)
            self.now_ns += SPAN_NS
        self.told += told
        return told


def at_times(rng: random.Random, epcs: Iterable[str], share: float = 0.4) -> list[str]:
    """Each tag with this probability."""
    return [epc for epc in epcs if rng.random() < share]


def test_a_tag_that_is_read_is_there_and_one_that_is_taken_is_gone_after_some_silence():
    hall, rng = Hall("a"), random.Random(1)
    came = hall.listen(60, lambda _: at_times(rng, EPCS[:20]))
    assert sorted(one.epc for one in came) == sorted(EPCS[:20])
    assert all(one.present and one.gtin == GTIN and one.probability >= 0.95 for one in came)
    assert all(one.since_ns <= one.at_ns - SPAN_NS for one in came)
    taken_ns = hall.now_ns
    (gone,) = hall.listen(60, lambda _: at_times(rng, EPCS[1:20]))
    assert (gone.epc, gone.present, gone.antenna) == (EPCS[0], False, "a")
    assert gone.probability <= 0.05
    assert gone.absence_log_ratio > 3
    assert taken_ns - 5 * NS < gone.since_ns < taken_ns < gone.at_ns < taken_ns + 30 * NS
    (back,) = hall.listen(5, lambda _: at_times(rng, EPCS[:20]))
    assert (back.epc, back.present) == (EPCS[0], True)
    assert back.since_ns > gone.at_ns


def test_an_antenna_learns_how_long_its_tags_are_silent():
    """What is a departure before an antenna that reads at once is none before a slow one."""

    def delay_s(share: float) -> float:
        hall, rng = Hall("a"), random.Random(2)
        hall.listen(300, lambda _: at_times(rng, EPCS, share))
        taken_ns = hall.now_ns
        told = hall.listen(300, lambda _: at_times(rng, EPCS[1:], share))
        gone = next(one for one in told if one.epc == EPCS[0] and not one.present)
        return (gone.at_ns - taken_ns) / NS

    assert delay_s(0.5) < 0.5 * delay_s(0.05)


def test_of_tags_that_are_seldom_read_a_longer_silence_is_needed():
    hall, rng = Hall("a"), random.Random(3)
    slow = EPCS[:2]

    def read(_: str) -> list[str]:
        return at_times(rng, EPCS[2:], 0.5) + at_times(rng, slow, 0.02)

    hall.listen(600, read)
    quick, seldom = EPCS[5], slow[0]
    silent = {quick, seldom}
    hall.listen(6, lambda antenna: [epc for epc in read(antenna) if epc not in silent])
    there = hall.presences.probabilities("a")
    assert there[quick] < there[seldom]


def test_silence_together_with_all_company_is_hardly_evidence():
    """A body before the antenna, or a beam that turned away, is no theft of the whole shelf."""
    hall, rng = Hall("a"), random.Random(4)
    shelves = EPCS[:20], EPCS[20:]

    def all_of_it(_: str) -> list[str]:  # the beam swings from one shelf to the other
        return at_times(rng, shelves[hall.now_ns // (4 * NS) % 2])

    hall.listen(240, all_of_it)
    alone = pickle.loads(pickle.dumps(hall.presences))
    hall.listen(12, lambda _: at_times(rng, EPCS[20:]))
    shadowed = hall.presences.probabilities("a")[EPCS[0]]
    hall.presences, hall.now_ns = alone, hall.now_ns - 12 * NS
    hall.listen(12, lambda _: at_times(rng, EPCS[1:]))
    bared = hall.presences.probabilities("a")[EPCS[0]]
    assert bared < 0.5
    assert shadowed > 0.8


def test_while_an_antenna_says_nothing_its_tags_do_not_leave():
    hall, rng = Hall("a"), random.Random(5)
    hall.listen(60, lambda _: at_times(rng, EPCS))
    before = hall.presences.probabilities("a")
    hall.now_ns += 3600 * NS
    assert hall.listen(0.6, lambda _: at_times(rng, EPCS)) == []
    after = hall.presences.probabilities("a")
    assert all(after[epc] > before[epc] - 0.1 for epc in before)


def test_a_message_twice_is_no_more_silence_than_once():
    twice, once = TagPresences(["a"]), TagPresences(["a"])
    for n in range(300):
        said = message("a", n * SPAN_NS, EPCS[:3] if n < 100 else EPCS[1:3])
        once.feed(said)
        twice.feed(said)
        twice.feed(said)
    assert twice.probabilities("a") == once.probabilities("a")


def test_old_news_of_a_tag_is_no_sign_of_it_now():
    hall = Hall("a")
    old = message("a", hall.now_ns, EPCS[:3])
    hall.listen(20, lambda _: EPCS[:3])
    hall.listen(20, lambda _: EPCS[1:3])
    before = hall.presences.probabilities("a")[EPCS[0]]
    hall.presences.feed(old)
    hall.listen(1, lambda _: EPCS[1:3])
    assert hall.presences.probabilities("a")[EPCS[0]] <= before < 0.5


def test_an_antenna_whose_clock_was_set_back_is_heard_again():
    hall = Hall("a")
    hall.listen(20, lambda _: EPCS[:2])
    hall.now_ns -= 900 * NS
    told = hall.listen(20, lambda _: EPCS[:3])
    assert [(one.epc, one.present) for one in told] == [(EPCS[2], True)]


def test_of_a_reader_that_says_nothing_of_silence_short_lulls_are_listened_through():
    def after(lull_ns: int) -> float:
        presences = TagPresences(["a"])
        for n in range(400):  # single reads, 0.3 s apart; the first tag only at the beginning
            epc = EPCS[n % 5] if n < 200 else EPCS[1 + n % 4]
            presences.feed(message("a", n * 3 * NS // 10, [epc], span_ns=1), 0, lull_ns)
        return presences.probabilities("a").get(EPCS[0], 1.0)

    assert after(0) == 1.0  # nothing was listened to at all
    assert after(2 * NS) < 0.1


def test_stray_reads_hardly_ever_move_a_tag():
    hall, rng = Hall("home", "near"), random.Random(6)

    def read(antenna: str) -> list[str]:
        return at_times(rng, EPCS, 0.4 if antenna == "home" else 0.02)

    hall.listen(30, read)
    told = hall.listen(300, read)
    moved = [one for one in told if one.antenna == "near" and one.present]
    assert len(moved) <= 4  # of 1,200 such reads
    home, near = (hall.presences.probabilities(antenna) for antenna in hall.antennas)
    assert sum(home[epc] > 0.5 for epc in EPCS) >= 38
    assert all(home[epc] + near.get(epc, 0.0) <= 1 + 1e-9 for epc in EPCS)


def test_a_tag_that_moves_is_told_at_both_antennas():
    hall, rng = Hall("a", "b"), random.Random(7)
    hall.listen(60, lambda antenna: at_times(rng, EPCS[:20] if antenna == "a" else EPCS[20:]))
    moved, rest = EPCS[0], EPCS[1:20]
    told = hall.listen(
        60, lambda antenna: at_times(rng, rest if antenna == "a" else [moved, *EPCS[20:]])
    )
    assert {(one.antenna, one.epc, one.present) for one in told} == {
        ("a", moved, False),
        ("b", moved, True),
    }
    assert hall.presences.probabilities("a")[moved] < 0.05


def test_what_was_told_does_not_depend_on_a_snapshot():
    def played(kept: bool) -> list[TagPresence]:
        hall, rng = Hall("a", "b"), random.Random(8)
        for n in range(40):
            some = EPCS[n % 7 : 20 + n]
            hall.listen(2, lambda _, some=some: at_times(rng, some))
            if kept:
                hall.presences = pickle.loads(pickle.dumps(hall.presences))
        return hall.told

    assert played(kept=True) == played(kept=False) != []


def test_codes_that_are_no_products_are_told_without_one():
    hall = Hall("a")
    told = hall.listen(2, lambda _: ["E28011606000020A6681F23F"])
    assert [(one.epc, one.gtin) for one in told] == [("E28011606000020A6681F23F", None)]


def test_messages_of_other_antennas_are_ignored():
    presences = TagPresences(["a"])
    assert presences.feed(message("gate", 0, EPCS)) == []
    assert len(presences) == 0


def test_tags_unread_for_long_are_forgotten():
    hall, rng = Hall("a", "b"), random.Random(9)
    hall.listen(20, lambda _: at_times(rng, EPCS))
    hall.listen(FORGET_NS / NS + 60, lambda antenna: at_times(rng, EPCS[:5]))
    assert set(hall.presences.probabilities("a")) == set(EPCS[:5])
    assert len(hall.presences) == 5


def test_no_flood_of_codes_fills_the_memory():
    presences = TagPresences(["a"])
    for n in range(200):
        flood = [f"{n * 1000 + i:024X}" for i in range(1000)]
        presences.feed(message("a", n * NS // 2, [*flood, EPCS[0]], span_ns=NS // 2))
    assert len(presences) <= MOST_TAGS + 64 * 1000
    assert presences.probabilities("a")[EPCS[0]] > 0.99


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.integers(0, 10**11),
            st.integers(1, 10**10),
            st.lists(st.integers(0, 5), max_size=8),
        ),
        max_size=60,
    )
)
def test_whatever_is_said_probabilities_stay_probabilities(said):
    presences = TagPresences(["a", "b"])
    for antenna, at_ns, span_ns, tags in said:
        for one in presences.feed(message(antenna, at_ns, (EPCS[t] for t in tags), span_ns)):
            assert 0 <= one.probability <= 1
            assert one.absence_log_ratio >= 0
    for epc in EPCS[:6]:
        here = [presences.probabilities(antenna).get(epc, 0.0) for antenna in "ab"]
        assert all(p >= 0 for p in here)
        assert sum(here) <= 1 + 1e-6


@pytest.mark.parametrize("leaves_per_s", [1 / 60, 1 / 6000])
def test_where_tags_leave_more_often_less_silence_is_needed(leaves_per_s):
    rng = random.Random(10)
    hall = Hall("a", model=PresenceModel(leaves_per_s=leaves_per_s))
    usual = Hall("a")
    for one in (hall, usual):
        rng.seed(10)
        one.listen(60, lambda _: at_times(rng, EPCS))
        one.listen(4, lambda _: at_times(rng, EPCS[1:]))
    here, there = (one.presences.probabilities("a")[EPCS[0]] for one in (hall, usual))
    assert (here < there) == (leaves_per_s > 1 / 600)
