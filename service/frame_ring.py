"""The newest frames of one camera, passed from its reading process to the worker in memory.

The memory is a file without a name that both processes map: it vanishes with the last of them,
however they end. A slot's sequence number is odd while the slot is being written (a seqlock), so
neither side ever waits for the other: a writer that dies half-way leaves a slot that is skipped,
a reader that is slow finds newer frames. The source's status lies beside them, with a checksum.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import zlib
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from vision.frame import Picture
from vision.source import Frame, SourceStatus

SLOTS = 6
_STATUS = struct.Struct("<QII")  # sequence, size, checksum
_STATUS_BYTES = 4096
_SLOT = struct.Struct("<QqqqII")  # sequence, number, at_ns, received_ns, width, height
_SEQUENCE = struct.Struct("<Q")
_ATTEMPTS = 4
_DECODER = msgspec.json.Decoder(SourceStatus)


@dataclass(frozen=True, slots=True)
class Head:
    """A frame that lies in the ring."""

    slot: int
    sequence: int
    number: int
    at_ns: int
    received_ns: int
    width_px: int
    height_px: int


class FrameRing:
    """One camera's ring; `fd` is what another process needs to map it too."""

    def __init__(self, max_bytes: int, fd: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._step = _SLOT.size + max_bytes
        self._slots_at = _STATUS.size + _STATUS_BYTES
        size = self._slots_at + SLOTS * self._step
        self.fd = _nameless_file(size) if fd is None else fd
        self._memory = mmap.mmap(self.fd, size)
        self._status_sequence = 0

    def put(self, frame: Frame) -> bool:
        """Write a frame over the oldest; False where it is larger than a slot."""
        pixels = np.ascontiguousarray(frame.rgb)
        if pixels.nbytes > self._max_bytes:
            return False
        at = self._slots_at + frame.number % SLOTS * self._step
        sequence = _SEQUENCE.unpack_from(self._memory, at)[0] | 1
        _SEQUENCE.pack_into(self._memory, at, sequence)
        self._pixels(at, pixels.nbytes)[:] = pixels.reshape(-1)
        height, width = pixels.shape[:2]
        _SLOT.pack_into(
            self._memory,
            at,
            sequence,
            frame.number,
            frame.at_ns,
            frame.received_ns,
            width,
            height,
        )
        _SEQUENCE.pack_into(self._memory, at, sequence + 1)
        return True

    def heads(self) -> list[Head]:
        """The frames that lie here whole, oldest first."""
        found = []
        for slot in range(SLOTS):
            at = self._slots_at + slot * self._step
            sequence, number, at_ns, received_ns, width, height = _SLOT.unpack_from(
                self._memory, at
            )
            if sequence and sequence % 2 == 0 and 0 < width * height * 3 <= self._max_bytes:
                found.append(Head(slot, sequence, number, at_ns, received_ns, width, height))
        return sorted(found, key=lambda head: head.at_ns)

    def take(self, head: Head) -> Picture | None:
        """A copy of a frame (H, W, 3); None where it has been overwritten meanwhile."""
        at = self._slots_at + head.slot * self._step
        count = head.width_px * head.height_px * 3
        picture = self._pixels(at, count).reshape(head.height_px, head.width_px, 3).copy()
        same = _SEQUENCE.unpack_from(self._memory, at)[0] == head.sequence
        return picture if same else None

    def put_status(self, status: SourceStatus) -> None:
        """Show how the source fares; long texts are cut."""
        body = msgspec.json.encode(status)
        if len(body) > _STATUS_BYTES:
            raise ValueError(f"a status of {len(body)} bytes")
        sequence = _SEQUENCE.unpack_from(self._memory, 0)[0] | 1
        _SEQUENCE.pack_into(self._memory, 0, sequence)
        self._memory[_STATUS.size : _STATUS.size + len(body)] = body
        _STATUS.pack_into(self._memory, 0, sequence, len(body), zlib.crc32(body))
        _SEQUENCE.pack_into(self._memory, 0, sequence + 1)

    def status(self) -> SourceStatus | None:
        """How the source said last that it fares; None where it has not said so yet."""
        for _ in range(_ATTEMPTS):
            sequence, size, checksum = _STATUS.unpack_from(self._memory, 0)
            if sequence == 0:
                return None
            if sequence % 2 or size > _STATUS_BYTES:
                continue
            body = self._memory[_STATUS.size : _STATUS.size + size]
            if zlib.crc32(body) == checksum:
                return _DECODER.decode(body)
        return None

    def forget(self) -> None:
        """Empty the ring, before another process begins to write to it."""
        for slot in range(SLOTS):
            _SEQUENCE.pack_into(self._memory, self._slots_at + slot * self._step, 0)
        _SEQUENCE.pack_into(self._memory, 0, 0)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()
        os.close(self.fd)

    def _pixels(self, at: int, count: int) -> NDArray[np.uint8]:
        buffer: Any = self._memory
        return np.frombuffer(buffer, np.uint8, count, at + _SLOT.size)


def _nameless_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("openaisle-frames")
    else:  # macOS: a file that is gone from its folder at once
        with tempfile.TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.ftruncate(fd, size)
    return fd
