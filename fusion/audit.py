"""Which accepted visits are looked at again: a draw that nobody in the store can foresee, and that
is the same in every replay.

A keyed hash (BLAKE2b, RFC 7693) of the visit, its code and the moment of its entry, read as a
number from 0 to 1, is compared with the share. That moment is known to the nanosecond, so whoever
comes in cannot choose to be passed over.
"""

from __future__ import annotations

from hashlib import blake2b

_BYTES = 8


def drawn(store: str, visit: str, shopper: str, entered_ns: int, share: float) -> bool:
    """Whether a visit is among the `share` of visits that are audited."""
    text = f"{visit}\n{shopper}\n{entered_ns}".encode()
    number = blake2b(text, key=store.encode()[:64], digest_size=_BYTES).digest()
    return int.from_bytes(number) < share * 2.0 ** (8 * _BYTES)
