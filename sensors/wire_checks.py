"""What the types of messages cannot say: rectangular batches, numbers of this world, covariances.

Each check takes what a message says and the name that its errors begin with, and raises
ValueError, which `sensors.wire.decode` makes a WireError.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sensors.wire_bounds import (
    FASTEST_M_S,
    FURTHEST_M,
    GREATEST_LOG_RATIO,
    GREATEST_SIGMA_M,
    GREATEST_VARIANCE_M2,
    LONGEST_BATCH_NS,
    LONGEST_SIGHTING_NS,
    SHARES_SLACK,
    STRONGEST_DBM,
    WEAKEST_DBM,
)

if TYPE_CHECKING:
    from sensors.wire import (
        HandReport,
        SightingReport,
        TagReads,
        TrackReport,
        VisionReport,
        WeightBatch,
    )


def check_batch(batch: WeightBatch, name: str) -> None:
    """All rows of one length, and no longer than a batch may be."""
    length_ns = len(batch.grams) * batch.period_ns
    if length_ns > LONGEST_BATCH_NS:
        raise ValueError(
            f"{name}: period_ns: {len(batch.grams)} rows of {batch.period_ns} ns are"
            f" {length_ns / 1e9:.1f} s; a batch is {LONGEST_BATCH_NS // 10**9} s at most"
        )
    width = len(batch.grams[0])
    for i, row in enumerate(batch.grams):
        if len(row) != width:
            raise ValueError(f"{name}: grams[{i}] has {len(row)} plates, grams[0] has {width}")


def check_vision(report: VisionReport, name: str) -> None:
    """Places, speeds and odds of this world, and covariances that are some."""
    for i, track in enumerate(report.tracks):
        _check_track(track, f"{name}: tracks[{i}] ({track.tracklet})")
    for i, hand in enumerate(report.hands):
        _check_hand(hand, f"{name}: hands[{i}] ({hand.tracklet})")
    for i, link in enumerate(report.links):
        where = f"{name}: links[{i}] ({link.earlier} to {link.later}).log_likelihood_ratio"
        _within(where, link.log_likelihood_ratio, GREATEST_LOG_RATIO)
    for i, sighting in enumerate(report.sightings):
        _check_sighting(sighting, report.at_ns, f"{name}: sightings[{i}] ({sighting.tracklet})")


def check_reads(reads: TagReads, name: str) -> None:
    """Reads within the span of their message, and of a strength that there is."""
    if reads.span_ns > LONGEST_BATCH_NS:
        raise ValueError(
            f"{name}: span_ns: {reads.span_ns / 1e9:.1f} s; reads of"
            f" {LONGEST_BATCH_NS // 10**9} s at most make a message"
        )
    for i, read in enumerate(reads.reads):
        if read.offset_ns > reads.span_ns:
            raise ValueError(f"{name}: reads[{i}].offset_ns: {read.offset_ns} is beyond span_ns")
        if not WEAKEST_DBM <= read.rssi_dbm <= STRONGEST_DBM:
            raise ValueError(
                f"{name}: reads[{i}].rssi_dbm: {read.rssi_dbm} is not within"
                f" {WEAKEST_DBM:g} to {STRONGEST_DBM:g}"
            )


def _check_hand(hand: HandReport, where: str) -> None:
    for field in ("x_m", "y_m", "z_m"):
        _within(f"{where}.{field}", getattr(hand, field), FURTHEST_M)
    _positive(f"{where}.sigma_m", hand.sigma_m, GREATEST_SIGMA_M)
    if hand.covariance is None:
        return
    for n, value in enumerate(hand.covariance):
        check = _positive if n in (0, 3, 5) else _within
        check(f"{where}.covariance[{n}]", value, GREATEST_VARIANCE_M2)
    xx, xy, xz, yy, yz, zz = hand.covariance
    flat = xx * yy - xy * xy
    whole = xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
    if flat <= 0 or whole <= 0:
        raise ValueError(f"{where}.covariance: not positive definite")


def _check_track(track: TrackReport, where: str) -> None:
    _within(f"{where}.x_m", track.x_m, FURTHEST_M)
    _within(f"{where}.y_m", track.y_m, FURTHEST_M)
    _within(f"{where}.vx_m_s", track.vx_m_s, FASTEST_M_S)
    _within(f"{where}.vy_m_s", track.vy_m_s, FASTEST_M_S)
    xx, xy, yy = track.covariance
    _positive(f"{where}.covariance[0]", xx, GREATEST_VARIANCE_M2)
    _within(f"{where}.covariance[1]", xy, GREATEST_VARIANCE_M2)
    _positive(f"{where}.covariance[2]", yy, GREATEST_VARIANCE_M2)
    if xx * yy <= xy * xy:
        raise ValueError(f"{where}.covariance: not positive definite")


def _check_sighting(sighting: SightingReport, at_ns: int, where: str) -> None:
    shares = {f"scores[{i}]": p for i, (_, p) in enumerate(sighting.scores)}
    for field, share in {**shares, "unknown": sighting.unknown}.items():
        if not 0 <= share <= 1:
            raise ValueError(f"{where}.{field}: {share} is not within 0 to 1")
    total = math.fsum([*shares.values(), sighting.unknown])
    if total > 1 + SHARES_SLACK:
        raise ValueError(f"{where}.scores: with `unknown` they sum to {total:.4f}, above 1")
    gtins = [gtin for gtin, _ in sighting.scores]
    if len(set(gtins)) < len(gtins):
        raise ValueError(f"{where}.scores: a product is listed twice")
    began_ns, ended_ns = sighting.began_ns, sighting.ended_ns
    if not at_ns - LONGEST_SIGHTING_NS <= began_ns <= ended_ns <= at_ns:
        raise ValueError(
            f"{where}.began_ns: {began_ns} to {ended_ns} is not a span that ends by at_ns, within"
            f" {LONGEST_SIGHTING_NS // 10**9} s"
        )


def _within(field: str, value: float, most: float) -> None:
    """Refuse what is not a number of at most `most` either way, NaN and infinity included."""
    if not abs(value) <= most:
        raise ValueError(f"{field}: {value} is not within ±{most:g}")


def _positive(field: str, value: float, most: float) -> None:
    if not 0 < value <= most:
        raise ValueError(f"{field}: {value} is not above 0 and at most {most:g}")
