"""What devices say on the bus: one strict msgspec struct per topic kind, JSON on the wire.

Topics are `<root>/<store>/<kind>/<device>`. Every payload carries `(device, boot, seq)`, unique
for ever: `boot` is drawn anew when the device starts, `seq` counts from 0. Documented for
devices of others in docs/mqtt.md.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from sensors.observations import CameraState
from sensors.wire_bounds import (
    GREATEST_SIGMA_M,
    LARGEST_BODY,
    LONGEST_BATCH_NS,
    Actor,
    Counted,
    Covariance,
    Decibels,
    Epc,
    Grams,
    Gtin,
    LogRatio,
    Metres,
    MetresPerSecond,
    Name,
    Nanoseconds,
    Note,
    Probability,
    Sequence,
    Units,
    Variance,
)
from sensors.wire_checks import check_batch, check_reads, check_vision

ROOT = "openaisle"


_LONGEST_NAME = 64
_LONGEST_REASON = 400


class WireError(Exception):
    """A message cannot be used; the message names the device or topic and the field."""


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What all messages share: who says it, which one it is, and the device's time of it."""

    device: Name
    boot: Name
    seq: Sequence
    at_ns: Nanoseconds


class WeightBatch(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Consecutive samples of all plates of one shelf; row i was taken at `at_ns + i·period_ns`.

    `grams[i][p]` is plate p + 1; null where the plate gave no sample.
    """

    period_ns: Annotated[int, msgspec.Meta(gt=0, le=60_000_000_000)]
    grams: Annotated[
        list[Annotated[list[Grams | None], msgspec.Meta(min_length=1, max_length=64)]],
        msgspec.Meta(min_length=1, max_length=600),
    ]


class CodeShown(Message, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="code"):
    """A gate read an entry code; `code` is its text, not yet verified.

    `group_size` is how many persons the gate was told come in on it.
    """

    code: Annotated[str, msgspec.Meta(max_length=2048)]
    group_size: Annotated[int, msgspec.Meta(ge=1, le=12)] = 1


class BarrierCrossed(Message, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="crossed"):
    """Somebody passed the light barrier of a gate."""

    direction: Literal["in", "out"]


class TrackReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One tracklet on the floor; covariance (xx, xy, yy) in m²."""

    tracklet: Name
    x_m: Metres
    y_m: Metres
    covariance: tuple[Variance, Covariance, Variance]
    vx_m_s: MetresPerSecond = 0.0
    vy_m_s: MetresPerSecond = 0.0


class HandReport(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """One hand of a tracklet in the store's frame; `sigma_m` is for each axis, `covariance` (xx,
    xy, xz, yy, yz, zz) in m² says more where it is known.

    No camera sees an `occluded` hand: its place is a guess from the rest of the body, and no
    evidence of where it was.
    """

    tracklet: Name
    side: Literal["left", "right"]
    x_m: Metres
    y_m: Metres
    z_m: Metres
    sigma_m: Annotated[float, msgspec.Meta(gt=0, extra_json_schema={"maximum": GREATEST_SIGMA_M})]
    views: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    occluded: bool = False
    covariance: tuple[Variance, Covariance, Covariance, Variance, Covariance, Variance] | None = (
        None
    )


class LinkReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The log-likelihood ratio that tracklet `later` is the person of tracklet `earlier`."""

    earlier: Name
    later: Name
    log_likelihood_ratio: LogRatio


class SightingReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a hand held before or after it was in a rack, pooled over `crops` of pictures taken
    from `began_ns` to `ended_ns`, by the clock of the message's `at_ns`.

    `scores` are (GTIN, probability) of the likeliest products, each once; `unknown` that of
    anything else, an empty hand too. The rest of 1 belongs to products that are not listed.
    """

    tracklet: Name
    side: Literal["left", "right"]
    moment: Literal["before", "after"]
    scores: Annotated[list[tuple[Gtin, Probability]], msgspec.Meta(max_length=16)]
    unknown: Probability
    crops: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    began_ns: Nanoseconds
    ended_ns: Nanoseconds


class VisionReport(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a vision worker saw at one instant, over all of its cameras."""

    tracks: Annotated[list[TrackReport], msgspec.Meta(max_length=500)] = []
    hands: Annotated[list[HandReport], msgspec.Meta(max_length=1000)] = []
    links: Annotated[list[LinkReport], msgspec.Meta(max_length=500)] = []
    sightings: Annotated[list[SightingReport], msgspec.Meta(max_length=100)] = []


class TagReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One read of a tag, `offset_ns` after its message's `at_ns`; `epc` in upper-case hex."""

    epc: Epc
    offset_ns: Nanoseconds
    rssi_dbm: Decibels


class TagReads(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one antenna read from `at_ns` for `span_ns`; none, where it read nothing."""

    span_ns: Annotated[int, msgspec.Meta(gt=0, extra_json_schema={"maximum": LONGEST_BATCH_NS})]
    reads: Annotated[list[TagReport], msgspec.Meta(max_length=5000)] = []


class CameraReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a camera fares; counts are since its worker started.

    `age_ms` is how old its newest picture is; sizes are what it sends, 0 before the first picture.
    `dropped` were overtaken by newer ones, `late` too old, `broken` not to be decoded, `thinned`
    not wanted, `scaled` of another size and `refused` of another shape than it is calibrated for.
    """

    state: CameraState
    fps: Annotated[float, msgspec.Meta(ge=0, le=1e4)] = 0.0
    age_ms: Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)] = 0.0
    width_px: Counted = 0
    height_px: Counted = 0
    codec: Annotated[str, msgspec.Meta(max_length=32)] = ""
    frames: Counted = 0
    thinned: Counted = 0
    dropped: Counted = 0
    late: Counted = 0
    broken: Counted = 0
    scaled: Counted = 0
    refused: Counted = 0
    opened: Counted = 0
    note: Note = ""


class HealthReport(Message, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A device's own word on whether it works; `camera` where it is one.

    `at_ns` 0 says that it is not known, as in a last will, which is written before the device
    ends and sent after: the time of arrival is taken then.
    """

    up: bool
    reason: Note = ""
    camera: CameraReport | msgspec.UnsetType = msgspec.UNSET


class Verdict(Message, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="verdict"):
    """A labeler's answer to a review case; `lines` null where it could not be told."""

    review: Name
    lines: (
        Annotated[
            list[tuple[Gtin, Annotated[int, msgspec.Meta(ge=1, le=1000)]]],
            msgspec.Meta(max_length=1000),
        ]
        | None
    )
    actor: Actor


class Count(Message, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="count"):
    """A person counted a facing."""

    facing: Name
    units: Units
    actor: Actor


class Planogram(Message, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="planogram"):
    """A person put another product on a facing."""

    facing: Name
    gtin: Gtin
    units: Units
    actor: Actor


class Calibration(
    Message, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="calibration"
):
    """A person read a plate empty, and with a known weight on it.

    Readings are what the plate says by itself, before any calibration by the engine.
    """

    shelf: Name
    plate: Annotated[int, msgspec.Meta(ge=1, le=64)]
    empty_g: Grams
    loaded_g: Grams
    weight_g: Annotated[float, msgspec.Meta(gt=0, lt=1e7)]
    actor: Actor


Payload = (
    WeightBatch
    | CodeShown
    | BarrierCrossed
    | VisionReport
    | TagReads
    | HealthReport
    | Verdict
    | Count
    | Planogram
    | Calibration
)

_DECODERS: dict[str, msgspec.json.Decoder[Payload]] = {
    "weight": msgspec.json.Decoder(WeightBatch),
    "gate": msgspec.json.Decoder(CodeShown | BarrierCrossed),
    "vision": msgspec.json.Decoder(VisionReport),
    "rfid": msgspec.json.Decoder(TagReads),
    "health": msgspec.json.Decoder(HealthReport),
    "control": msgspec.json.Decoder(Verdict | Count | Planogram | Calibration),
}
KINDS = tuple(_DECODERS)
_ENCODER = msgspec.json.Encoder()


@lru_cache(maxsize=1024)
def topic(store: str, kind: str, device: str) -> str:
    """The topic on which `device` of `kind` speaks in `store`."""
    return f"{ROOT}/{store}/{kind}/{device}"


def encode(payload: Payload) -> bytes:
    """The bytes of a message; never NaN or infinity (ValueError)."""
    return _ENCODER.encode(payload)


def in_short(error: Exception) -> str:
    """What an error says, not longer than a log can bear: it may quote all of a message."""
    text = str(error)
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def check_size(body: bytes) -> None:
    """Refuse a body that no device has reason to send, before it is read. Raises WireError."""
    if len(body) > LARGEST_BODY:
        raise WireError(f"{len(body)} bytes; a message has {LARGEST_BODY} at most")


def decode(message_topic: str, body: bytes, store: str) -> Payload:
    """Read one message strictly.

    Raises WireError where the topic is not one of the store's, the bytes are not the JSON that
    the topic's kind demands, or the device speaks under another one's topic.
    """
    parts = message_topic.split("/")
    if len(parts) != 4 or parts[0] != ROOT or parts[1] != store:
        raise WireError(f"{message_topic[:120]!r}: not a topic of store {store!r}")
    kind, device = parts[2], parts[3]
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise WireError(
            f"{message_topic[:120]!r}: unknown kind {kind[:40]!r}; expected one of {KINDS}"
        )
    if len(device) > _LONGEST_NAME:
        raise WireError(f"{message_topic[:120]!r}: a device has {_LONGEST_NAME} characters at most")
    try:
        check_size(body)
        payload = decoder.decode(body)
    except (WireError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"{kind}/{device}: {in_short(error)}") from error
    if payload.device != device:
        raise WireError(f"{kind}/{device}: field `device` says {payload.device!r}")
    try:
        if isinstance(payload, WeightBatch):
            check_batch(payload, f"{kind}/{device}")
        elif isinstance(payload, VisionReport):
            check_vision(payload, f"{kind}/{device}")
        elif isinstance(payload, TagReads):
            check_reads(payload, f"{kind}/{device}")
    except ValueError as error:
        raise WireError(str(error)) from error
    return payload
