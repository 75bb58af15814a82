"""Which messages of a device are settled, and what a message on the bus is called.

A message is known for ever by device, boot and sequence number. `Progress` keeps the settled
numbers of one boot as unbroken runs, so that a device's life takes a few words of memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

import msgspec

HIGHEST_SEQ = 2**62

Run = tuple[int, int]


class MessageId(msgspec.Struct, frozen=True):
    """The name of one message, as it stands in its body."""

    device: str
    boot: str
    seq: int


_IDENTITY = msgspec.json.Decoder(MessageId)


def identify(topic: str, body: bytes) -> MessageId | None:
    """The name in a body that need not be valid otherwise; None where there is none to trust."""
    try:
        identity = _IDENTITY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    names_fit = 0 < len(identity.boot) <= 64 and "\0" not in identity.boot + identity.device
    if not names_fit or not 0 <= identity.seq <= HIGHEST_SEQ:
        return None
    return identity if topic.rpartition("/")[2] == identity.device else None


class Confirmation(msgspec.Struct, frozen=True):
    """All messages of this boot from `first` to `seq` are settled: journaled, or refused."""

    device: str
    boot: str
    seq: int
    first: int = 0


_CONFIRMATION = msgspec.json.Decoder(Confirmation)
_ENCODER = msgspec.json.Encoder()


def encode_confirmation(confirmation: Confirmation) -> bytes:
    """The body of a confirmation."""
    return _ENCODER.encode(confirmation)


def decode_confirmation(body: bytes) -> Confirmation:
    """Read a confirmation. Raises msgspec.DecodeError."""
    try:
        return _CONFIRMATION.decode(body)
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error


class Progress:
    """The settled sequence numbers of one device's boot, as sorted runs (first, last)."""

    def __init__(self, runs: Sequence[Run] = ()) -> None:
        self._runs: list[Run] = []
        for first, last in sorted(runs):
            if self._runs and first <= self._runs[-1][1] + 1:
                self._runs[-1] = (self._runs[-1][0], max(last, self._runs[-1][1]))
            else:
                self._runs.append((first, last))

    def run_of(self, seq: int) -> Run | None:
        """The unbroken run of settled numbers that holds this one; None where it is not settled."""
        if not self._runs or seq > self._runs[-1][1]:
            return None
        i = bisect_right(self._runs, (seq, HIGHEST_SEQ)) - 1
        return self._runs[i] if i >= 0 and seq <= self._runs[i][1] else None

    @property
    def missing(self) -> int:
        """How many numbers between the first and the last are not settled."""
        runs = self._runs
        return sum([after[0] - before[1] - 1 for before, after in pairwise(runs)])

    def __contains__(self, seq: int) -> bool:
        return self.run_of(seq) is not None

    def add(self, seq: int) -> None:
        """Settle one number, a second time without effect."""
        runs = self._runs
        if runs and runs[-1][1] == seq - 1:  # nearly always the next one
            runs[-1] = (runs[-1][0], seq)
            return
        i = bisect_right(self._runs, (seq, HIGHEST_SEQ))
        if i and seq <= self._runs[i - 1][1]:
            return
        joins_left = i > 0 and self._runs[i - 1][1] == seq - 1
        joins_right = i < len(self._runs) and self._runs[i][0] == seq + 1
        first = self._runs[i - 1][0] if joins_left else seq
        last = self._runs[i][1] if joins_right else seq
        self._runs[i - joins_left : i + joins_right] = [(first, last)]
