"""An engine after a restart: snapshot plus journal give the ledger, or a clear refusal."""

import os
import subprocess
import sys

import pytest

from cart.events import Alerted
from sensors.store import parse_store
from service.bus import BrokerAddress
from service.engine_process import SNAPSHOT_ENTRIES, SNAPSHOT_NS, Engine, run_engine
from service.journal import Journal
from service.lock import AlreadyRunningError, DataLock
from service.progress import MessageId
from service.records import Arrival, Entry, Snapshot
from service.restore import (
    RestoreError,
    check_meta,
    restore,
    snapshot_key,
    take_snapshot,
)

KEY = "snapshot key"


class Counting:
    """Emits an event at every third entry, and counts how much it was fed."""

    word = "third"

    def __init__(self, store, code_key) -> None:
        self.store = store.id
        self.fed: list[int] = []
        self.numbers = 0

    def feed(self, entry: Entry) -> list[Alerted]:
        self.fed.append(entry.number)
        if len(self.fed) % 3:
            return []
        self.numbers += 1
        return [alert(self.numbers, entry, self.word)]


class Changed(Counting):
    word = "other"


class Silent(Counting):
    def feed(self, entry: Entry) -> list[Alerted]:
        return []


def alert(number: int, entry: Entry, word: str) -> Alerted:
    return Alerted(
        number=number,
        at_ns=entry.received_ns,
        decided_ns=entry.received_ns,
        kind="k",
        subject=entry.topic,
        text=word,
    )


def fill(journal: Journal, count: int, period_ns: int = 1000) -> list[Entry]:
    first = journal.last_journal_number
    return journal.append(
        [
            Arrival(n * period_ns, "openaisle/corner/weight/x", b"{}", MessageId("x", "b", n))
            for n in range(first, first + count)
        ]
    )


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def restored(journal: Journal, store_text: str, factory=Counting, key: str = KEY):
    return restore(journal, store_text, "code key", factory, key)


def test_missing_events_are_appended(journal, store_text):
    fill(journal, 10)
    pipeline = restored(journal, store_text)
    assert pipeline.fed == list(range(1, 11))
    assert [number for number, _ in journal.ledger()] == [3, 6, 9]
    before = list(journal.events())
    fill(journal, 5)
    restored(journal, store_text)
    assert list(journal.events())[:3] == before
    assert [number for number, _ in journal.ledger()] == [3, 6, 9, 12, 15]


def test_a_snapshot_saves_the_replay_of_what_it_knows(journal, store_text):
    fill(journal, 10)
    take_snapshot(journal, restored(journal, store_text), KEY)
    fill(journal, 4)
    pipeline = restored(journal, store_text)
    assert pipeline.fed == list(range(1, 15))
    assert [number for number, _ in journal.ledger()] == [3, 6, 9, 12]


def test_snapshots_that_do_not_fit_are_left(journal, store_text):
    fill(journal, 6)
    reference = restored(journal, store_text).fed
    foreign = Counting(parse_store(store_text), "")
    foreign.fed = [99]
    take_snapshot(journal, foreign, "another key")
    assert restored(journal, store_text).fed == reference
    journal.save_snapshot(Snapshot(6, 2, KEY, b"no pickle"))
    assert restored(journal, store_text).fed == reference
    take_snapshot(journal, foreign, KEY)
    assert restored(journal, store_text).fed == [99]
    journal.save_snapshot(Snapshot(7, 2, KEY, b"from the future"))
    assert restored(journal, store_text).fed == [99]


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        (Changed, "entry 3 leads to Alerted 1, but the ledger holds Alerted 1 of entry 3"),
        (Silent, "holds event 1, which the journal does not lead to"),
    ],
)
def test_other_events_than_the_ledger_holds_are_refused(journal, store_text, factory, reason):
    fill(journal, 10)
    restored(journal, store_text)
    before = list(journal.ledger())
    fill(journal, 10)
    with pytest.raises(RestoreError, match=reason):
        restored(journal, store_text, factory)
    assert list(journal.ledger()) == before


def test_a_journal_belongs_to_one_store(journal, store_text):
    check_meta(journal, store_text, "key")
    check_meta(journal, store_text, "key")
    with pytest.raises(RestoreError, match="another store file"):
        check_meta(journal, store_text + "# changed\n", "key")
    with pytest.raises(RestoreError, match="another key for entry codes"):
        check_meta(journal, store_text, "other")


def test_the_snapshot_key_knows_code_and_configuration(store_text):
    keys = {
        snapshot_key(store_text, "k", Counting),
        snapshot_key(store_text + " ", "k", Counting),
        snapshot_key(store_text, "l", Counting),
        snapshot_key(store_text, "k", Changed),
    }
    assert len(keys) == 4
    assert snapshot_key(store_text, "k", Counting) in keys


def test_the_engine_tells_and_snapshots_by_count_and_by_time(journal, store_text):
    seen: list[int] = []
    told: list[int] = []
    engine = Engine(
        journal,
        restored(journal, store_text),
        KEY,
        on_entry=lambda entry: seen.append(entry.number),
        on_events=lambda events: told.extend(event.number for event in events),
    )
    engine.take(fill(journal, 7))
    assert (seen, told) == (list(range(1, 8)), [1, 2])
    assert journal.snapshots() == []
    engine.take(fill(journal, SNAPSHOT_ENTRIES - 7))
    assert [s.journal_number for s in journal.snapshots()] == [SNAPSHOT_ENTRIES]
    late = Arrival(SNAPSHOT_NS * 2, "tick", b"")
    engine.take(journal.append([late]))
    assert journal.snapshots()[0].journal_number == SNAPSHOT_ENTRIES + 1
    assert journal.snapshots()[0].event_number == journal.last_event_number


def test_two_engines_never_share_a_journal(tmp_path, store_text):
    with (
        DataLock(tmp_path / "data"),
        pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}"),
    ):
        run_engine(tmp_path / "data", store_text, "k", BrokerAddress(1), Counting)
    with DataLock(tmp_path / "data"):
        pass


def test_the_lock_goes_with_a_killed_engine(tmp_path):
    program = (
        "import sys, pathlib\n"
        "from service.lock import DataLock\n"
        "with DataLock(pathlib.Path(sys.argv[1])):\n"
        "    sys.stdout.write('held\\n')\n"
        "    sys.stdout.flush()\n"
        "    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(AlreadyRunningError, match=f"process {holder.pid}"), DataLock(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with DataLock(tmp_path):
        pass


def test_a_run_ends_cleanly_and_tells_old_events_first(tmp_path, store_text, address):
    told: list[list[int]] = []

    def run(**options) -> None:
        run_engine(
            tmp_path,
            store_text,
            "k",
            address,
            Counting,
            on_ready=lambda running: running.ingest.stop(),
            on_events=lambda events: told.append([event.number for event in events]),
            **options,
        )

    run()
    journal = Journal(tmp_path / "journal.sqlite")
    fill(journal, 7)
    journal.close()
    run()
    run(journal_url=f"sqlite:///{tmp_path / 'other.sqlite'}")
    assert told == [[], [1, 2], []]
