"""The ring of a camera's newest frames: whole or not at all, whatever the writer does."""

import os
import struct
import threading

import numpy as np

from service.frame_ring import SLOTS, FrameRing
from vision.source import Frame, SourceStatus, StreamFacts


def frame(number: int, value: int | None = None, size=(48, 64)) -> Frame:
    rgb = np.full((*size, 3), number % 251 if value is None else value, dtype=np.uint8)
    return Frame("cam1", number, 1000 + number, 2000 + number, rgb)


def pair(max_bytes: int = 48 * 64 * 3) -> tuple[FrameRing, FrameRing]:
    writer = FrameRing(max_bytes)
    return writer, FrameRing(max_bytes, os.dup(writer.fd))


def test_the_newest_frames_are_there_oldest_first():
    writer, reader = pair()
    assert reader.heads() == []
    for number in range(SLOTS + 3):
        assert writer.put(frame(number))
    heads = reader.heads()
    assert [h.number for h in heads] == list(range(3, SLOTS + 3))
    assert (heads[0].at_ns, heads[0].received_ns) == (1003, 2003)
    picture = reader.take(heads[-1])
    assert picture is not None
    assert picture.shape == (48, 64, 3)
    assert set(np.unique(picture)) == {SLOTS + 2}


def test_sizes_may_change_and_what_is_too_large_is_left_out():
    writer, reader = pair()
    assert writer.put(frame(0, 7, (20, 30)))
    assert not writer.put(frame(1, 8, (96, 128)))
    (head,) = reader.heads()
    picture = reader.take(head)
    assert picture is not None
    assert picture.shape == (20, 30, 3)


def test_a_frame_that_was_overwritten_meanwhile_is_none():
    writer, reader = pair()
    writer.put(frame(0))
    (head,) = reader.heads()
    writer.put(frame(SLOTS))
    assert reader.take(head) is None


def test_a_writer_that_died_while_writing_leaves_a_slot_that_is_skipped():
    writer, reader = pair()
    for number in range(3):
        writer.put(frame(number))
    at = writer._slots_at + 1 * writer._step
    struct.pack_into("<Q", writer._memory, at, struct.unpack_from("<Q", writer._memory, at)[0] | 1)
    assert [h.number for h in reader.heads()] == [0, 2]
    writer.put(frame(SLOTS + 1))  # the next writer begins there
    assert [h.number for h in reader.heads()] == [0, 2, SLOTS + 1]


def test_the_status_passes_too_and_a_torn_one_is_none():
    writer, reader = pair()
    assert reader.status() is None
    status = SourceStatus("frozen", "why", "note", facts=StreamFacts("h264", 64, 48, 25.0), fps=9.5)
    status.counts.broken = 4
    writer.put_status(status)
    assert reader.status() == status
    writer._memory[20] ^= 0xFF
    assert reader.status() is None
    writer.forget()
    assert reader.heads() == []


def test_a_reader_never_sees_half_a_frame():
    writer, reader = pair(240 * 320 * 3)
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            writer.put(frame(number, number % 251, (240, 320)))
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    seen = 0
    try:
        while seen < 200:
            for head in reader.heads():
                picture = reader.take(head)
                if picture is not None:
                    assert picture.min() == picture.max() == head.number % 251
                    seen += 1
    finally:
        over.set()
        thread.join()
