"""The rows that are made of single readings: whole, in order, at the cells' pace, and of what was
said."""

from hypothesis import given
from hypothesis import strategies as st

from sensors.foreign import ForeignWeight
from sensors.foreign_devices import LoadCell
from sensors.held_plates import LONGEST_GAP_NS, REORDERED_NS, HeldPlates
from sensors.wire import HealthReport, WeightBatch

NS = 1_000_000_000
PLATES = 3
START_NS = 1_767_600_000 * NS


def held(every_s=0.1, silent_after_s=900.0, plates=(1, 2)):
    cells = [
        LoadCell(
            id=f"c{plate}",
            kind="esphome-number",
            topic=f"c/{plate}",
            shelf="s",
            plate=plate,
            every_s=every_s,
            silent_after_s=silent_after_s,
        )
        for plate in plates
    ]
    return HeldPlates("s", PLATES, cells)


def said(plate, grams, clock_ns=None):
    return ForeignWeight(
        device=f"c{plate}", at_ns=None, shelf="s", plate=plate, grams=grams, clock_ns=clock_ns
    )


@given(
    st.sampled_from([0.02, 0.1, 1.0, 10.0]),
    st.lists(
        st.tuples(
            st.integers(0, 40 * NS),
            st.none() | st.tuples(st.sampled_from([1, 2]), st.floats(-5000, 5000)),
        ),
        max_size=40,
    ),
)
def test_rows_are_whole_in_order_and_of_what_was_said(every_s, moments):
    shelf, now_ns, until_ns = held(every_s), START_NS, None
    last: dict[int, float] = {}
    for wait_ns, reading in moments:
        now_ns += wait_ns
        for batch in shelf.due(now_ns):
            assert isinstance(batch, WeightBatch)
            length_ns = len(batch.grams) * batch.period_ns
            assert batch.period_ns == round(every_s * NS)
            assert 1 <= len(batch.grams) <= 600
            assert length_ns <= LONGEST_GAP_NS + batch.period_ns
            assert until_ns is None or batch.at_ns >= until_ns
            assert batch.at_ns < now_ns <= batch.at_ns + length_ns
            assert all(row == [last.get(1), last.get(2), None] for row in batch.grams)
            until_ns = batch.at_ns + length_ns
        if reading is not None:
            plate, grams = reading
            assert shelf.take(said(plate, grams), now_ns) == []
            last[plate] = grams


def test_a_cell_whose_messages_only_repeat_is_silent():
    shelf = held(silent_after_s=2.0, plates=(1,))
    for second in range(4):
        shelf.due(START_NS + second * NS)
        shelf.take(said(1, 900.0, clock_ns=5), START_NS + second * NS)
    reports = [p for p in shelf.due(START_NS + 4 * NS) if isinstance(p, HealthReport)]
    assert reports == []
    assert shelf.due(START_NS + 5 * NS)[-1].grams[-1] == [None, None, None]


def test_nothing_is_laid_before_anything_is_said():
    assert held().due(START_NS) == []


def test_a_repeat_from_before_is_no_reading_and_a_clock_set_back_is():
    shelf = held(plates=(1,))

    def shown_after(grams, clock_ns, at_s):
        shelf.due(START_NS + at_s * NS)
        shelf.take(said(1, grams, clock_ns), START_NS + at_s * NS)
        (batch,) = shelf.due(START_NS + at_s * NS + NS // 10)
        return batch.grams[-1][0]

    noon_ns = 12 * 3600 * NS
    assert shown_after(900.0, noon_ns, 0) == 900.0
    assert shown_after(500.0, noon_ns + 5 * NS, 5) == 500.0
    assert shown_after(900.0, noon_ns, 6) == 500.0
    assert shown_after(400.0, noon_ns + 5 * NS, 7) == 400.0, "within the same second"
    assert shown_after(300.0, noon_ns + 5 * NS - REORDERED_NS - 1, 8) == 300.0


def test_a_silent_cell_shows_nothing_and_says_so_once():
    shelf = held(silent_after_s=2.0)
    shelf.take(said(1, 900.0), START_NS)
    shelf.take(said(2, 400.0), START_NS)
    for second in range(1, 3):
        (batch,) = shelf.due(START_NS + second * NS)
        shelf.take(said(2, 400.0), START_NS + second * NS)
        assert batch.grams[-1] == [900.0, 400.0, None]
    down, batch = shelf.due(START_NS + 3 * NS)
    assert isinstance(down, HealthReport)
    assert (down.device, down.up, down.at_ns) == ("c1", False, START_NS + 3 * NS)
    assert batch.grams[-1] == [None, 400.0, None]
    assert len(shelf.due(START_NS + 4 * NS)) == 1
    (up,) = shelf.take(said(1, 900.0), START_NS + 4 * NS)
    assert (up.device, up.up) == ("c1", True)
