"""The bounds of what is said on the bus: the types of single fields, and the numbers behind them.

A bound that msgspec checks itself stands in `Meta`. One that `sensors.wire` checks after decoding,
because its error is to name the person or the read that it is about, stands in the type for the
published contract alone (`extra_json_schema`).
"""

from __future__ import annotations

from typing import Annotated

import msgspec

LARGEST_BODY = 2 * 1024 * 1024  # bytes; the fullest batch of weights has 0.8 million
FURTHEST_M = 1e4
FASTEST_M_S = 100.0
GREATEST_VARIANCE_M2 = 1e4
GREATEST_SIGMA_M = 100.0
GREATEST_LOG_RATIO = 1e3
LONGEST_BATCH_NS = 10_000_000_000
LONGEST_SIGHTING_NS = 30_000_000_000
SHARES_SLACK = 0.001  # probabilities that were rounded may sum to a little more than 1
WEAKEST_DBM = -150.0
STRONGEST_DBM = 30.0


def _within(least: float, most: float) -> msgspec.Meta:
    return msgspec.Meta(extra_json_schema={"minimum": least, "maximum": most})


def _like(pattern: str) -> msgspec.Meta:
    """The whole of a text; `$` instead of `\\Z` would let a line break follow."""
    return msgspec.Meta(pattern=rf"^{pattern}\Z")


Name = Annotated[str, _like(r"[A-Za-z0-9_.:-]{1,64}")]
Actor = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Note = Annotated[str, msgspec.Meta(max_length=500)]
Gtin = Annotated[str, _like(r"[0-9]{14}")]
Epc = Annotated[str, _like(r"([0-9A-F]{4}){1,31}")]  # whole 16-bit words
Sequence = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Nanoseconds = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Counted = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Units = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Grams = Annotated[float, msgspec.Meta(gt=-1e7, lt=1e7)]
Metres = Annotated[float, _within(-FURTHEST_M, FURTHEST_M)]
MetresPerSecond = Annotated[float, _within(-FASTEST_M_S, FASTEST_M_S)]
Covariance = Annotated[float, _within(-GREATEST_VARIANCE_M2, GREATEST_VARIANCE_M2)]
Variance = Annotated[
    float, msgspec.Meta(extra_json_schema={"exclusiveMinimum": 0, "maximum": GREATEST_VARIANCE_M2})
]
LogRatio = Annotated[float, _within(-GREATEST_LOG_RATIO, GREATEST_LOG_RATIO)]
Probability = Annotated[float, _within(0, 1)]
Decibels = Annotated[float, _within(WEAKEST_DBM, STRONGEST_DBM)]
