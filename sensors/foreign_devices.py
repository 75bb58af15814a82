"""The `devices:` section of a store file: devices of others, which speak on topics of their own."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from sensors.foreign_kinds import CELLS, READERS
from sensors.wire import ROOT

IDENTIFIER = r"^[A-Za-z0-9_-]{1,64}$"
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Port = Annotated[int, Field(ge=0, le=255)]
FAMILIES = ("reader", "cell")
_LONGEST_TOPIC = 200  # bytes
_KEPT_BACK = ("tick", "truth", "frames")


class Device(BaseModel):
    """What all of them share: `kind` chooses the adapter that understands the device."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Identifier
    kind: str
    topic: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _topic_is_one(self) -> Self:
        fault = _fault_of(self.topic)
        if fault:
            raise ValueError(f"device {self.id}: topic {self.topic[:80]!r} {fault}")
        return self


class TagReader(Device):
    """A reader of RFID tags: `antennas` says which antenna of the store file each port feeds.

    What comes from a port of null is passed over; what comes from one that is not named is refused.
    """

    antennas: Annotated[dict[Port, Identifier | None], Field(min_length=1)]

    @field_validator("antennas", mode="before")
    @classmethod
    def _ports_stand_once(cls, value: object) -> object:
        if isinstance(value, dict) and len({str(port) for port in value}) < len(value):
            raise ValueError("a port stands there twice")
        return value

    @property
    def places(self) -> list[str]:
        """The antennas of the store file that it speaks for."""
        return [antenna for antenna in self.antennas.values() if antenna is not None]


class LoadCell(Device):
    """One load cell below one plate.

    `every_s` is the longest time from one reading to the next, and so how late a change may be
    stamped; after `silent_after_s` without any the cell counts as down.
    """

    shelf: Identifier
    plate: Annotated[int, Field(ge=1)]
    grams_per_unit: Annotated[float, Field(gt=0, le=1e6)] | None = None
    every_s: Annotated[float, Field(ge=0.02, le=10)] = 1.0
    silent_after_s: Annotated[float, Field(gt=0, le=86_400)] = 900.0

    @property
    def places(self) -> list[str]:
        """The shelf of the store file that it speaks for."""
        return [self.shelf]


def _family(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    if not isinstance(kind, str):
        return None
    return FAMILIES[0] if kind in READERS else FAMILIES[1] if kind in CELLS else None


ForeignDevice = Annotated[
    Annotated[TagReader, Tag(FAMILIES[0])] | Annotated[LoadCell, Tag(FAMILIES[1])],
    Discriminator(
        _family,
        custom_error_type="kind",
        custom_error_message=f"kind: expected one of {', '.join([*READERS, *CELLS])}",
    ),
]


def check_devices(
    devices: list[TagReader | LoadCell], plates: dict[str, int], antennas: set[str]
) -> None:
    """Refuse what is not in the store: `plates` by shelf, `antennas` by id. Raises ValueError."""
    topics: dict[str, str] = {}
    places: dict[str, str] = {}
    pace: dict[str, LoadCell] = {}
    for device in devices:
        _take(topics, device.topic, device.id, f"topic {device.topic!r}")
        if isinstance(device, TagReader):
            for port, antenna in device.antennas.items():
                if antenna is None:
                    continue
                if antenna not in antennas:
                    raise ValueError(
                        f"device {device.id}: antennas: {port}: there is no antenna {antenna!r}"
                    )
                _take(places, antenna, device.id, f"antenna {antenna!r}")
            continue
        if device.shelf not in plates:
            raise ValueError(f"device {device.id}: there is no shelf {device.shelf!r}")
        if device.plate > plates[device.shelf]:
            raise ValueError(
                f"device {device.id}: shelf {device.shelf} has no plate {device.plate}"
            )
        plate = f"plate {device.plate} of shelf {device.shelf}"
        _take(places, plate, device.id, plate)
        other = pace.setdefault(device.shelf, device)
        if other.every_s != device.every_s:
            raise ValueError(
                f"device {device.id}: every_s is {device.every_s:g}, that of {other.id} on the same"
                f" shelf {other.every_s:g}: the cells of a shelf keep one pace"
            )


def _take(taken: dict[str, str], key: str, device: str, what: str) -> None:
    if key in taken:
        raise ValueError(f"device {device}: {what} is that of device {taken[key]} already")
    taken[key] = device


def _fault_of(topic: str) -> str:
    """What is wrong with a device's topic; empty where nothing is."""
    if any(sign in topic for sign in "+#"):
        return "has a wildcard: each device needs a topic of its own"
    if not topic.isprintable() or topic != topic.strip():
        return "has characters that cannot be seen"
    if topic.startswith(("$", "/")):
        return "begins with $ or /"
    if topic.partition("/")[0] == ROOT:
        return f"is one of ours: what speaks below {ROOT}/ needs no entry in devices"
    if topic.partition("/")[0] in _KEPT_BACK:
        return "is a name that recordings use for something else"
    if len(topic.encode()) > _LONGEST_TOPIC:
        return f"is longer than {_LONGEST_TOPIC} bytes"
    return ""
