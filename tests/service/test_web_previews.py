"""Pictures across processes."""

from __future__ import annotations

import multiprocessing
import threading
import time
import uuid
from collections.abc import Iterator
from multiprocessing.shared_memory import SharedMemory

import pytest

from service.previews import PreviewReader, PreviewWriter

CAMERAS = ("cam1", "cam2")


@pytest.fixture
def name() -> str:
    return f"openaisle-test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def writer(name: str) -> Iterator[PreviewWriter]:
    made = PreviewWriter(name, CAMERAS, max_bytes=5000)
    yield made
    made.close()


@pytest.fixture
def reader(name: str) -> Iterator[PreviewReader]:
    made = PreviewReader(name, CAMERAS)
    yield made
    made.close()


def test_the_newest_picture_of_each_camera(writer: PreviewWriter, reader: PreviewReader) -> None:
    assert reader.get("cam1") is None
    assert writer.put("cam2", b"first")
    assert writer.put("cam2", b"second")
    assert reader.get("cam1") is None
    assert reader.get("cam2") == (2, b"second")


def test_a_picture_larger_than_a_slot_is_left_out(
    writer: PreviewWriter, reader: PreviewReader
) -> None:
    writer.put("cam1", b"fits")
    assert not writer.put("cam1", b"x" * 5001)
    assert reader.get("cam1") == (1, b"fits")


def test_a_reader_may_be_there_first(name: str, reader: PreviewReader) -> None:
    assert reader.get("cam1") is None
    writer = PreviewWriter(name, CAMERAS)
    try:
        writer.put("cam1", b"here")
        assert reader.get("cam1") == (1, b"here")
    finally:
        writer.close()


def test_closing_removes_the_segment_and_frees_readers(name: str, reader: PreviewReader) -> None:
    writer = PreviewWriter(name, CAMERAS)
    writer.put("cam1", b"here")
    assert reader.get("cam1") is not None
    writer.close()
    assert reader.get("cam1") is None
    with pytest.raises(FileNotFoundError):
        SharedMemory(name=name)
    assert not writer.put("cam1", b"late")


def test_readers_follow_to_the_writer_that_replaces_a_dead_one(
    name: str, reader: PreviewReader
) -> None:
    dead = PreviewWriter(name, CAMERAS)
    dead.put("cam1", b"old")
    assert reader.get("cam1") == (1, b"old")
    fresh = PreviewWriter(name, CAMERAS)
    try:
        fresh.put("cam1", b"new")
        assert reader.get("cam1") == (1, b"new")
    finally:
        fresh.close()


def test_a_segment_for_other_cameras_is_not_read(writer: PreviewWriter, name: str) -> None:
    writer.put("cam1", b"here")
    stranger = PreviewReader(name, ("cam1", "cam9"))
    assert stranger.get("cam1") is None


def _write(name: str, go: object, rounds: int) -> None:
    writer = PreviewWriter(name, CAMERAS, max_bytes=50_000)
    for i in range(rounds):
        writer.put("cam1", bytes([i % 256]) * (20_000 + i % 20_000))
        time.sleep(0.0002)
    go.wait(100)  # type: ignore[attr-defined]
    writer.close()


def test_a_torn_picture_is_never_returned_across_processes(
    name: str, reader: PreviewReader
) -> None:
    context = multiprocessing.get_context("spawn")
    done = context.Event()
    process = context.Process(target=_write, args=(name, done, 2000))
    process.start()
    versions = [0]
    while versions[-1] < 2000 and process.is_alive():
        picture = reader.get("cam1")
        if picture is None:
            continue
        version, jpeg = picture
        assert jpeg == jpeg[:1] * (20_000 + (version - 1) % 20_000)
        assert jpeg[0] == (version - 1) % 256
        assert version >= versions[-1]
        versions.append(version)
    done.set()
    process.join(100)
    assert process.exitcode == 0
    assert len(set(versions)) > 50


def test_a_slot_that_stays_odd_gives_nothing(
    writer: PreviewWriter, reader: PreviewReader, name: str
) -> None:
    writer.put("cam1", b"whole")
    memory = SharedMemory(name=name)
    start = 24
    assert memory.buf is not None
    memory.buf[start] |= 1
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.append(reader.get("cam1")))
    thread.start()
    thread.join(60)
    memory.close()
    assert got == [None]


def test_a_damaged_picture_is_refused(
    writer: PreviewWriter, reader: PreviewReader, name: str
) -> None:
    writer.put("cam1", b"whole")
    memory = SharedMemory(name=name)
    assert memory.buf is not None
    memory.buf[24 + 16] ^= 0xFF
    memory.close()
    assert reader.get("cam1") is None
