"""The journal: every message once, numbered without gaps, still there when opened again."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cart.events import Alerted, Event
from service.device_statistics import (
    DeviceStatistics,
    encode_statistics,
    read_device_statistics,
)
from service.journal import Journal, JournalError
from service.progress import MessageId, Progress, identify
from service.records import TICK, Arrival, DeadLetter, Snapshot
from service.tables import DEAD_LETTER_BYTES

messages = st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0, 12))


def arrival(device: str, boot: str, seq: int, received_ns: int = 0) -> Arrival:
    identity = MessageId(device, boot, seq)
    return Arrival(received_ns, f"openaisle/s/weight/{device}", repr(identity).encode(), identity)


def alert(number: int) -> Event:
    return Alerted(number=number, at_ns=1, decided_ns=2, kind="k", subject="s", text=str(number))


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL of our own; root runs it as the user `postgres`."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    if shutil.which("initdb") is None:
        pytest.skip("no PostgreSQL on this machine")
    user = "postgres" if os.getuid() == 0 else None
    with TemporaryDirectory() as directory:
        if user is not None:
            shutil.chown(directory, user)
        cluster, log = f"{directory}/cluster", f"{directory}/log"
        options = f"-c listen_addresses='' -k {directory}"
        make = ["initdb", "--no-sync", "-U", "t", "-A", "trust", cluster]
        start = ["pg_ctl", "-D", cluster, "-o", options, "-l", log, "-w", "start"]
        stop = ["pg_ctl", "-D", cluster, "-m", "immediate", "stop"]
        for command in (make, start):
            subprocess.run(command, check=True, user=user, stdout=subprocess.DEVNULL, cwd="/")
        yield f"postgresql+psycopg://t@/postgres?host={directory}"
        subprocess.run(stop, check=True, user=user, stdout=subprocess.DEVNULL, cwd="/")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'journal.sqlite'}"
    return request.getfixturevalue("postgres")


@given(st.lists(st.lists(st.tuples(messages, st.integers(0, 100)), max_size=8), max_size=8))
@settings(max_examples=25, deadline=None)
def test_each_message_is_journaled_once(batches):
    with TemporaryDirectory() as directory:
        path = Path(directory) / "journal.sqlite"
        journal = Journal(path)
        returned = []
        for batch in batches:
            returned += journal.append([arrival(*name, received_ns) for name, received_ns in batch])
        told = [name for batch in batches for name, _ in batch]
        assert [entry.number for entry in returned] == list(range(1, len(set(told)) + 1))
        bodies = [repr(MessageId(*name)).encode() for name in dict.fromkeys(told)]
        assert [entry.body for entry in returned] == bodies
        times = [entry.received_ns for entry in returned]
        assert times == sorted(times)
        assert journal.duplicates == len(told) - len(set(told))
        journal.close()

        again = Journal(path)
        assert list(again.entries()) == returned
        assert again.last_journal_number == len(returned)
        assert again.append([arrival(*name) for name in told]) == []
        for name in told:
            expected = max(s for d, b, s in told if (d, b) == name[:2] and is_run(told, name, s))
            assert again.confirmation(MessageId(*name)).seq == expected
        again.close()


def is_run(told: list[tuple[str, str, int]], name: tuple[str, str, int], last: int) -> bool:
    return all((*name[:2], seq) in told for seq in range(name[2], last + 1))


@given(st.lists(st.integers(0, 30)))
def test_progress_is_a_set_kept_as_runs(seqs):
    progress = Progress()
    for seq in seqs:
        progress.add(seq)
    for seq in range(32):
        assert (seq in progress) == (seq in seqs)
        run = progress.run_of(seq)
        if run is not None:
            assert set(range(run[0], run[1] + 1)) <= set(seqs)
            assert run[0] - 1 not in seqs and run[1] + 1 not in seqs


def test_a_body_names_its_message_only_on_its_own_topic():
    body = b'{"seq":3,"boot":"b","device":"d","grams":[[NaN]]}'
    assert identify("openaisle/s/weight/d", body) is None
    body = body.replace(b"NaN", b'"?"')
    assert identify("openaisle/s/weight/d", body) == MessageId("d", "b", 3)
    assert identify("openaisle/s/weight/e", body) is None
    assert identify("openaisle/s/weight/d", body.replace(b"3", str(2**63).encode())) is None


def test_all_tables_survive_reopening(url):
    journal = Journal(url)
    tick = Arrival(5, TICK, b"")
    first, second, silence = journal.append([arrival("d", "b", 0, 9), arrival("d", "b", 2), tick])
    assert (second.received_ns, silence.topic) == (9, TICK)
    refused = DeadLetter(7, "openaisle/s/weight/d\0", b"x" * 9000, "bad\0", MessageId("d", "b", 1))
    assert journal.append([], [refused, refused]) == []
    assert journal.confirmation(MessageId("d", "b", 0)).seq == 2
    journal.append_events([(1, alert(1)), (1, alert(2)), (3, alert(3))])
    for number in (1, 2, 3):
        journal.save_snapshot(Snapshot(number, number, "key", bytes([number])))
    journal.set_meta(store_text="a")
    journal.set_meta(store_text="b", version="1")
    journal.close()

    again = Journal(url)
    assert list(again.entries(after=1)) == [second, silence]
    assert [event.number for event in again.events(after=1)] == [2, 3]
    assert [number for number, _ in again.ledger()] == [1, 1, 3]
    assert again.last_event_number == 3
    assert [snapshot.body for snapshot in again.snapshots()] == [b"\3", b"\2"]
    assert again.meta() == {"store_text": "b", "version": "1"}
    (letter,) = again.dead_letters()
    assert len(letter.body) == DEAD_LETTER_BYTES
    assert letter.identity == MessageId("d", "b", 1)
    assert again.confirmation(MessageId("d", "b", 2)).first == 0
    assert again.append([arrival("d", "b", 1)]) == []
    assert again.append([tick])[0].number == first.number + 3
    again.close()


def test_a_gap_in_the_events_is_refused(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    with pytest.raises(JournalError, match="event 2 cannot be appended as 1"):
        journal.append_events([(1, alert(2))])
    assert journal.last_event_number == 0


def test_a_batch_that_cannot_be_written_leaves_nothing(tmp_path):
    writer, intruder = Journal(tmp_path / "j.sqlite"), Journal(tmp_path / "j.sqlite")
    intruder.append([arrival("d", "b", 0)])
    with pytest.raises(JournalError, match="cannot be written"):
        writer.append([arrival("d", "b", 1)])
    assert writer.last_journal_number == 0
    assert not writer.is_settled(MessageId("d", "b", 1))
    assert len(list(intruder.entries())) == 1


def test_what_is_no_database_is_named(tmp_path):
    (tmp_path / "j.sqlite").write_bytes(b"no database at all" * 99)
    with pytest.raises(JournalError, match=r"j\.sqlite: cannot be opened as a journal"):
        Journal(tmp_path / "j.sqlite")


def test_a_damaged_snapshot_is_left_out(tmp_path):
    journal = Journal(tmp_path / "j.sqlite")
    journal.save_snapshot(Snapshot(1, 1, "key", b"whole"))
    with journal._engine.begin() as connection:
        connection.exec_driver_sql("update snapshots set body = x'00'")
    assert journal.snapshots() == []


def test_what_is_known_of_devices_is_kept_in_the_place_of_what_was(url):
    def known(device: str, messages: int) -> tuple[str, bytes]:
        return device, encode_statistics(DeviceStatistics(device=device, messages=messages))

    journal = Journal(url)
    before = journal.last_journal_number
    journal.append([], devices=[known(f"d{n}", 1) for n in range(1200)])
    journal.append([], devices=[known("d7", 2), known("new", 1)])
    found = {one.device: one.messages for one in read_device_statistics(url)}
    assert (len(found), found["d7"], found["d8"], found["new"]) == (1201, 2, 1, 1)
    journal.close()
    again = Journal(url)
    assert len(again.devices()) == 1201
    assert again.last_journal_number == before
    again.close()


def test_gaps_of_a_boot_are_counted(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    journal.append([arrival("d", "b", seq) for seq in (3, 4, 8, 6, 20)])
    journal.append([], [DeadLetter(1, "t", b"", "bad", MessageId("d", "b", 7))])
    assert journal.missing("d", "b") == 1 + 11
    assert journal.missing("d", "other") == 0
    journal.close()
    again = Journal(tmp_path / "journal.sqlite")
    assert again.missing("d", "b") == 12
    again.close()
