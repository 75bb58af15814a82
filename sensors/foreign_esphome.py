"""ESPHome: the state of a sensor, a bare number without a time."""

from __future__ import annotations

import re

from sensors.foreign import Weighed
from sensors.wire import WireError

_NUMBER = re.compile(rb"[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?")


def read_number(body: bytes) -> Weighed:
    """The number. Raises WireError, also for the `nan` of a sensor that gives none."""
    text = body.strip()
    if text.lower() in (b"nan", b"-nan"):
        raise WireError("the sensor gives no value: nan")
    if not _NUMBER.fullmatch(text):
        raise WireError(f"{text[:40]!r} is not a bare number such as 412.5")
    return Weighed(value=float(text))
