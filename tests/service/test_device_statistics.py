"""What is kept of each device: counted as it comes, read while the engine runs, never forgotten."""

import pytest

from sensors.wire import HealthReport, TagReads, WeightBatch, encode, topic
from service import device_tally, ingest
from service.bus import BrokerAddress
from service.device_statistics import read_device_statistics
from service.ingest import Ingest
from service.journal import Journal, JournalError
from service.session import Delivery

S = 1_000_000_000
MS = 1_000_000
T0 = 1_767_600_000 * S


class Desk:
    """An ingest without a broker, on a clock of the test's own."""

    def __init__(self, store, folder, monkeypatch) -> None:
        self.store = store
        self.folder = folder
        self.now_ns = T0
        self.journal = Journal(folder / "journal.sqlite")
        monkeypatch.setattr(ingest, "STATISTICS_S", 0.0)
        self.ingest = Ingest(
            store, self.journal, BrokerAddress(1), lambda _: None, clock_ns=lambda: self.now_ns
        )

    def hear(self, *said: tuple[str, bytes], at_ns: int) -> None:
        self.now_ns = at_ns
        deliveries = [
            Delivery(at_ns, where, body, 1, n + 1, 1) for n, (where, body) in enumerate(said)
        ]
        self.ingest._handle(deliveries)

    def weight(self, seq: int, at_ns: int, boot: str = "b") -> tuple[str, bytes]:
        batch = WeightBatch(
            device="g1s1",
            boot=boot,
            seq=seq,
            at_ns=at_ns,
            period_ns=20 * MS,
            grams=[[1.5] * 12] * 10,
        )
        return topic(self.store.id, "weight", "g1s1"), encode(batch)

    def health(self, seq: int, up: bool, device: str = "g1s1") -> tuple[str, bytes]:
        report = HealthReport(
            device=device,
            boot="h",
            seq=seq,
            at_ns=self.now_ns,
            up=up,
            reason="" if up else "no power",
        )
        return topic(self.store.id, "health", device), encode(report)

    def read(self):
        """What a reader finds; what was just heard is written with the next batch."""
        self.ingest._handle([])
        return {one.device: one for one in read_device_statistics(self.folder)}


@pytest.fixture
def desk(store, tmp_path, monkeypatch):
    desk = Desk(store, tmp_path, monkeypatch)
    yield desk
    desk.journal.close()


def test_rate_lag_skew_gaps_and_repeats(desk):
    """Five batches a second for 40 s, 30 ms on the way, from a clock 250 ms ahead."""
    for n in range(200):
        sent_ns = T0 + n * 200 * MS
        said = [desk.weight(n, sent_ns - 200 * MS + 250 * MS)] if n not in (50, 51, 120) else []
        said += [desk.weight(n - 1, sent_ns)] if n in (10, 60) else []
        desk.hear(*said, at_ns=sent_ns + 30 * MS)
    shelf = desk.read()["g1s1"]
    assert (shelf.kind, shelf.boot, shelf.messages) == ("weight", "b", 197)
    assert shelf.rate_hz == pytest.approx(5.0, abs=0.3)
    assert shelf.lag_ms == pytest.approx(30 - 250, abs=1)
    assert abs(shelf.skew_ms - 250) < 35
    assert abs(shelf.skew_ms - 220) <= 3 * shelf.skew_sigma_ms
    assert (shelf.repeats, shelf.missing) == (2, 3)
    assert shelf.last_seen_ns == T0 + 199 * 200 * MS + 30 * MS
    assert (shelf.dead_letters, shelf.up) == (0, None)


def test_refusals_and_health_are_told_with_their_reason(desk):
    where, body = desk.weight(0, T0)
    desk.hear((where, body), at_ns=T0)
    desk.hear((where, body[:-4]), (where, b"[]"), desk.health(0, False), at_ns=T0 + S)
    found = desk.read()
    shelf = found["g1s1"]
    assert (shelf.kind, shelf.messages, shelf.dead_letters) == ("weight", 2, 2)
    assert "expected `object`" in shelf.last_reason.lower()
    assert (shelf.up, shelf.down_reason, shelf.last_refused_ns) == (False, "no power", T0 + S)
    desk.hear(desk.health(1, True), desk.health(0, True, "cam1"), at_ns=T0 + 2 * S)
    found = desk.read()
    assert (found["g1s1"].up, found["g1s1"].down_reason) == (True, "")
    assert (found["cam1"].kind, found["cam1"].up) == ("health", True)
    desk.hear((topic(desk.store.id, "weight", "ghost"), body), at_ns=T0 + 3 * S)
    ghost = desk.read()["ghost"]
    assert (ghost.kind, ghost.messages, ghost.dead_letters) == ("", 0, 1)


def test_a_last_will_has_no_time_and_no_boot_of_its_device(desk):
    desk.hear(desk.weight(0, T0), desk.weight(3, T0), at_ns=T0 + S)
    will = HealthReport(device="g1s1", boot="b.1", seq=0, at_ns=0, up=False, reason="lost")
    desk.hear((topic(desk.store.id, "health", "g1s1"), encode(will)), at_ns=T0 + 2 * S)
    shelf = desk.read()["g1s1"]
    assert (shelf.boot, shelf.missing, shelf.up, shelf.down_reason) == ("b", 2, False, "lost")
    assert (shelf.lag_ms, shelf.last_seen_ns) == (800.0, T0 + 2 * S)


def test_a_restarted_engine_counts_on(desk, monkeypatch):
    desk.hear(desk.weight(0, T0), desk.weight(0, T0), desk.weight(1, T0), at_ns=T0)
    before = desk.read()["g1s1"]
    desk.journal.close()
    again = Desk(desk.store, desk.folder, monkeypatch)
    assert again.read()["g1s1"] == before
    again.hear(again.weight(1, T0), again.weight(4, T0 + S, "other"), at_ns=T0 + S)
    again.hear(again.weight(6, T0 + S, "other"), at_ns=T0 + S)
    after = again.read()["g1s1"]
    assert (after.messages, after.repeats, after.missing) == (4, 2, 1)
    assert (after.boot, after.first_seen_ns) == ("other", T0)
    again.journal.close()


def test_invented_names_fill_no_memory(desk, monkeypatch):
    monkeypatch.setattr(device_tally, "MOST_DEVICES", 3)
    for n in range(10):
        desk.hear((topic(desk.store.id, "weight", f"x{n}"), b"?"), at_ns=T0 + n)
    found = desk.read()
    assert set(found) == {"x0", "x1", "x2", device_tally.OTHERS}
    assert found[device_tally.OTHERS].dead_letters == 7


def test_an_antenna_is_heard_at_the_end_of_its_span(desk):
    antenna = next(iter(desk.store.antennas), None)
    if antenna is None:
        pytest.skip("the store has no antenna")
    reads = TagReads(device=antenna.id, boot="b", seq=0, at_ns=T0, span_ns=S)
    desk.hear((topic(desk.store.id, "rfid", antenna.id), encode(reads)), at_ns=T0 + S + 20 * MS)
    found = desk.read()[antenna.id]
    assert (found.kind, found.lag_ms) == ("rfid", 20.0)


def test_reading_needs_a_journal_and_writes_nothing(tmp_path):
    with pytest.raises(JournalError, match="there is no journal"):
        read_device_statistics(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "journal.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(JournalError, match="cannot be read"):
        read_device_statistics(tmp_path)
    journal = Journal(tmp_path / "other.sqlite")
    assert read_device_statistics(tmp_path / "other.sqlite") == []
    assert read_device_statistics(journal.url) == []
    journal.close()
