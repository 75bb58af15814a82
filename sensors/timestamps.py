"""Times as devices of others write them, RFC 3339 and its looser relatives, in nanoseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_NS = 1_000_000_000
_LATEST_NS = 2**62  # as in our own messages: the year 2116
_STAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:(Z)|([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_ns(text: str) -> int:
    """Nanoseconds since 1970-01-01 UTC of a date, time and zone. Raises ValueError.

    >>> instant_ns("2021-02-02T22:18:35.658476625Z")
    1612304315658476625
    >>> instant_ns("2026-08-13T09:14:28.651+0000") == instant_ns("2026-08-13T11:14:28.651+02:00")
    True
    """
    found = _STAMP.fullmatch(text)
    if found is None or (found[8] is None and found[9] is None):
        raise ValueError(f"{text[:40]!r} is no date and time with a zone, such as {_EXAMPLE}")
    return _nanoseconds(found, text)


def local_ns(text: str) -> int:
    """The same of a time without a zone, read as if it were UTC: good for comparing only.

    Raises ValueError.
    """
    found = _STAMP.fullmatch(text)
    if found is None or found[8] is not None or found[9] is not None:
        raise ValueError(f"{text[:40]!r} is no date and time such as {_EXAMPLE[:-1]}")
    return _nanoseconds(found, text)


_EXAMPLE = "2026-08-13T09:14:28Z"


def _nanoseconds(found: re.Match[str], text: str) -> int:
    offset = timedelta(hours=int(found[10] or 0), minutes=int(found[11] or 0))
    try:
        zone = timezone(-offset if found[9] == "-" else offset)
        moment = datetime(*(int(part) for part in found.groups()[:6]), tzinfo=zone)  # type: ignore[misc,arg-type]
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: {error}") from error
    since = moment - _EPOCH
    total = (since.days * 86_400 + since.seconds) * _NS + int((found[7] or "").ljust(9, "0"))
    if not 0 <= total <= _LATEST_NS:
        raise ValueError(f"{text!r} is not within 1970 to 2116")
    return total
