"""The newest annotated picture of each camera, passed between processes in shared memory.

The vision process writes, the web process reads; pictures touch neither the broker nor a disk.
One slot per camera holds `sequence, size, checksum, JPEG`. The sequence is odd while the slot is
being written (a seqlock), and the checksum rejects what a processor that reorders stores could
still let through. A writer that starts anew retires the segment of its predecessor, and readers
move over to the new one by themselves.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Sequence
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from typing import Protocol

_HEAD = struct.Struct("<8sIIII")  # magic, retired, cameras, checksum of their names, bytes a slot
_SLOT = struct.Struct("<QII")  # sequence, size, checksum
_MAGIC = b"OAISLEP1"
_RETIRED = struct.Struct("<I")
_RETIRED_AT = 8
_SEQUENCE = struct.Struct("<Q")
_ATTEMPTS = 8


class Pictures(Protocol):
    """Where a page's pictures come from: the newest of each camera, with a version."""

    @property
    def cameras(self) -> tuple[str, ...]: ...

    def get(self, camera_id: str) -> tuple[int, bytes] | None: ...


class PreviewWriter:
    """Owns the segment `name`; `cameras` fixes the order of the slots."""

    def __init__(self, name: str, cameras: Sequence[str], max_bytes: int = 200_000) -> None:
        self._slots = {camera: i for i, camera in enumerate(cameras)}
        self._max_bytes = max_bytes
        self._sequences = [0] * len(cameras)
        _retire(name)
        size = _HEAD.size + len(cameras) * (_SLOT.size + max_bytes)
        self._memory: SharedMemory | None = SharedMemory(name=name, create=True, size=size)
        head = (0, len(cameras), _names_checksum(cameras), max_bytes)
        _HEAD.pack_into(_buffer(self._memory), 0, _MAGIC, *head)

    def put(self, camera_id: str, jpeg: bytes) -> bool:
        """Show a new picture; False where it is larger than a slot and was left out."""
        if self._memory is None or len(jpeg) > self._max_bytes:
            return False
        slot = self._slots[camera_id]
        buffer = _buffer(self._memory)
        start = _HEAD.size + slot * (_SLOT.size + self._max_bytes)
        sequence = self._sequences[slot] + 2
        _SEQUENCE.pack_into(buffer, start, sequence - 1)
        body = start + _SLOT.size
        buffer[body : body + len(jpeg)] = jpeg
        _SLOT.pack_into(buffer, start, sequence - 1, len(jpeg), zlib.crc32(jpeg))
        _SEQUENCE.pack_into(buffer, start, sequence)
        self._sequences[slot] = sequence
        return True

    def close(self) -> None:
        """Tell readers to let go, and remove the segment."""
        if self._memory is not None:
            _RETIRED.pack_into(_buffer(self._memory), _RETIRED_AT, 1)
            self._memory.close()
            self._memory.unlink()
            self._memory = None


class PreviewReader:
    """Reads the segment `name` once a writer with the same cameras has made it."""

    def __init__(self, name: str, cameras: Sequence[str]) -> None:
        self._cameras = tuple(cameras)
        self._slots = {camera: i for i, camera in enumerate(cameras)}
        self._name = name
        self._memory: SharedMemory | None = None
        self._max_bytes = 0

    @property
    def cameras(self) -> tuple[str, ...]:
        """Whose pictures it may have."""
        return self._cameras

    def get(self, camera_id: str) -> tuple[int, bytes] | None:
        """The newest whole picture and its version; None where there is none yet."""
        slot = self._slots[camera_id]
        memory = self._attached()
        if memory is None:
            return None
        buffer = _buffer(memory)
        start = _HEAD.size + slot * (_SLOT.size + self._max_bytes)
        for _ in range(_ATTEMPTS):
            sequence, size, checksum = _SLOT.unpack_from(buffer, start)
            if sequence == 0:
                return None
            if sequence % 2 or size > self._max_bytes:
                continue
            jpeg = bytes(buffer[start + _SLOT.size : start + _SLOT.size + size])
            after = _SEQUENCE.unpack_from(buffer, start)[0]
            if after == sequence and zlib.crc32(jpeg) == checksum:
                return sequence // 2, jpeg
        return None

    def close(self) -> None:
        """Let go of the segment; it stays the writer's."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _attached(self) -> SharedMemory | None:
        if self._memory is not None:
            if _RETIRED.unpack_from(_buffer(self._memory), _RETIRED_AT)[0] == 0:
                return self._memory
            self.close()
        memory = _attach(self._name)
        if memory is None:
            return None
        magic, retired, count, names, max_bytes = _HEAD.unpack_from(_buffer(memory), 0)
        expected = (_MAGIC, 0, len(self._cameras), _names_checksum(self._cameras))
        if (magic, retired, count, names) != expected:
            memory.close()
            return None
        self._memory, self._max_bytes = memory, max_bytes
        return memory


def _attach(name: str) -> SharedMemory | None:
    """Open a segment that another process owns, without taking part in its removal."""
    try:
        if sys.version_info >= (3, 13):
            memory = SharedMemory(name=name, track=False)
        else:
            memory = _attach_untracked(name)
    except (FileNotFoundError, ValueError):  # not there, or made but not yet given its size
        return None
    if memory.size < _HEAD.size:
        memory.close()
        return None
    return memory


def _attach_untracked(name: str) -> SharedMemory:
    """What `track=False` does, for Python before 3.13."""
    register = resource_tracker.register
    resource_tracker.register = lambda name, rtype: None
    try:
        return SharedMemory(name=name)
    finally:
        resource_tracker.register = register


def _retire(name: str) -> None:
    """Remove what a writer left behind that ended without `close`."""
    try:
        memory = SharedMemory(name=name)
    except (FileNotFoundError, ValueError):
        return
    if memory.size >= _HEAD.size:
        _RETIRED.pack_into(_buffer(memory), _RETIRED_AT, 1)
    memory.close()
    memory.unlink()


def _buffer(memory: SharedMemory) -> memoryview:
    buffer = memory.buf
    assert buffer is not None
    return buffer


def _names_checksum(cameras: Sequence[str]) -> int:
    return zlib.crc32("\n".join(cameras).encode())
