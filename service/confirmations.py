"""When to tell devices that their messages are settled: soon, but not for each message.

A device that has not been told for a while is told at once; one that keeps speaking is told every
`EVERY_S` seconds, or when `AT_MOST` of its messages wait for it, so that neither a steady sender's
patience nor a fast one's window runs out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from service.progress import Confirmation, MessageId

EVERY_S = 0.3
AT_MOST = 32
_STREAMS_KEPT = 20_000

Stream = tuple[str, str]


class Confirmations:
    """Collects settled messages and gives the confirmations that are due.

    `settled` tells the unbroken run of settled messages around one (`Journal.confirmation`).
    """

    def __init__(self, settled: Callable[[MessageId], Confirmation | None]) -> None:
        self._settled = settled
        self._waiting: dict[Stream, list[int]] = {}
        self._told_s: dict[Stream, float] = {}

    def note(self, identities: Iterable[MessageId | None]) -> None:
        """These messages are settled, perhaps for the second time; None has nobody to tell."""
        waiting = self._waiting
        for identity in identities:
            if identity is not None:
                stream = (identity.device, identity.boot)
                seqs = waiting.get(stream)
                if seqs is None:
                    waiting[stream] = [identity.seq]
                else:
                    seqs.append(identity.seq)

    def due(self, now_s: float) -> list[Confirmation]:
        """What is to be said at `now_s`, seconds of a clock that never goes back."""
        told = self._told_s
        ripe = [
            stream
            for stream, seqs in self._waiting.items()
            if len(seqs) >= AT_MOST or now_s - told.get(stream, -EVERY_S) >= EVERY_S
        ]
        found: list[Confirmation] = []
        if len(told) > _STREAMS_KEPT:
            told.clear()
        for stream in ripe:
            told[stream] = now_s
            found += self._runs(stream, self._waiting.pop(stream))
        return found

    def _runs(self, stream: Stream, seqs: list[int]) -> list[Confirmation]:
        found: list[Confirmation] = []
        seqs.sort()
        reached = -1
        for seq in seqs:
            if seq > reached:
                confirmation = self._settled(MessageId(*stream, seq))
                if confirmation is not None:
                    found.append(confirmation)
                    reached = confirmation.seq
        return found
