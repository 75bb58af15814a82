"""What reads of tags cost: decoding them, and telling presence from them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from sensors.epc import encode_sgtin
from sensors.tag_presence import TagPresences
from sensors.wire import TagReads, TagReport, decode, encode, topic
from service.realism_rfid import GTIN

NS = 1_000_000_000
MESSAGES_PER_S = 5
_STORE = "speed"


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time (s) for so many reads, which came in `seconds` of the store."""

    reads: int
    seconds: float
    decode_s: float
    presence_s: float

    @property
    def us_per_read(self) -> float:
        """Microseconds of processor time for each read, decoded and taken in."""
        return (self.decode_s + self.presence_s) / self.reads * 1e6

    @property
    def core_share(self) -> float:
        """Of one core, at the rate at which the reads came."""
        return (self.decode_s + self.presence_s) / self.seconds


def measure(antennas: int, tags: int, reads_per_s: int, seconds: int) -> Cost:
    """Play messages of so many antennas with so many tags each, MESSAGES_PER_S from each."""
    presences = TagPresences([f"a{n}" for n in range(antennas)])
    reads, decode_s, presence_s = 0, 0.0, 0.0
    for device, body in _messages(antennas, tags, reads_per_s, seconds):
        begun_s = time.process_time()
        message = decode(topic(_STORE, "rfid", device), body, _STORE)
        decoded_s = time.process_time()
        assert isinstance(message, TagReads)
        presences.feed(message)
        presence_s += time.process_time() - decoded_s
        decode_s += decoded_s - begun_s
        reads += len(message.reads)
    return Cost(reads, seconds, decode_s, presence_s)


def _messages(
    antennas: int, tags: int, reads_per_s: int, seconds: int
) -> Iterator[tuple[str, bytes]]:
    rng, span_ns = random.Random(1), NS // MESSAGES_PER_S
    each = reads_per_s // antennas // MESSAGES_PER_S
    epcs = [encode_sgtin(GTIN, serial + 1) for serial in range(antennas * tags)]
    for seq in range(seconds * MESSAGES_PER_S):
        for n in range(antennas):
            reports = [
                TagReport(epcs[n * tags + rng.randrange(tags)], rng.randrange(span_ns), -60.0)
                for _ in range(each)
            ]
            message = TagReads(
                device=f"a{n}",
                boot="speed",
                seq=seq,
                at_ns=seq * span_ns,
                span_ns=span_ns,
                reads=reports,
            )
            yield message.device, encode(message)
