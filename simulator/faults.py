"""The vocabulary of faults: what breaks in a scene or over a recording, where, by how much, when.

In a scene file a fault is a mapping of these keys, on the command line
`kind:target[:value][@from-to]`. `simulator.faults_laid` lays those of messages and plates over
what devices say; `cameras_out` and `moments` are for those who own cameras and processes.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sensors.store import Store, StoreFileError

ALL = "*"
DEVICE_KINDS = ("weight", "gate", "rfid", "vision", "health")  # kinds of topics of devices

Kind = Literal[
    "plate-dead",
    "plate-stuck",
    "plate-drift",
    "plate-spike",
    "shelf-silent",
    "camera-out",
    "clock-offset",
    "clock-drift",
    "message-duplicate",
    "message-delay",
    "message-reorder",
    "message-loss",
    "rfid-silent",
    "tags-unreadable",
    "ghost-reads",
    "broker-restart",
    "engine-kill",
]
Targets = Literal["plate", "shelf", "camera", "device", "antenna", "gate antenna", "nothing"]


@dataclass(frozen=True, slots=True)
class Range:
    """What a kind's `value` may be, and what it is."""

    least: float
    most: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Rule:
    """What a kind of fault strikes; `momentary` where it strikes once, at `from_s`."""

    strikes: Targets
    value: Range | None = None
    momentary: bool = False


_SHARE = Range(0.0, 1.0, "a share")

RULES: dict[str, Rule] = {
    "plate-dead": Rule("plate"),
    "plate-stuck": Rule("plate"),
    "plate-drift": Rule("plate", Range(-10_000.0, 10_000.0, "grams per hour")),
    "plate-spike": Rule("plate", Range(-100_000.0, 100_000.0, "grams"), momentary=True),
    "shelf-silent": Rule("shelf"),
    "camera-out": Rule("camera"),
    "clock-offset": Rule("device", Range(-86_400.0, 86_400.0, "seconds")),
    "clock-drift": Rule("device", Range(-10_000.0, 10_000.0, "parts per million")),
    "message-duplicate": Rule("device", _SHARE),
    "message-delay": Rule("device", Range(0.0, 600.0, "seconds")),
    "message-reorder": Rule("device", _SHARE),
    "message-loss": Rule("device", _SHARE),
    "rfid-silent": Rule("antenna"),
    "tags-unreadable": Rule("nothing", _SHARE),
    "ghost-reads": Rule("gate antenna", Range(0.0, 1000.0, "reads per second")),
    "broker-restart": Rule("nothing", momentary=True),
    "engine-kill": Rule("nothing", momentary=True),
}

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Fault(BaseModel):
    """One thing that is broken from `from_s` until before `to_s`, seconds since the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    target: str = ALL
    value: Annotated[float, Field(allow_inf_nan=False)] | None = None
    from_s: Seconds = 0.0
    to_s: Seconds | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        rule = RULES[self.kind]
        if rule.strikes == "nothing" and self.target != ALL:
            raise ValueError(f"{self.kind}: takes no target; found {self.target!r}")
        if rule.value is None and self.value is not None:
            raise ValueError(f"{self.kind}: takes no value; found {self.value:g}")
        if rule.value is not None:
            least, most = rule.value.least, rule.value.most
            if self.value is None or not least <= self.value <= most:
                found = "none" if self.value is None else f"{self.value:g}"
                raise ValueError(
                    f"{self.kind}: value: expected {rule.value.meaning} from {least:g} to {most:g};"
                    f" found {found}"
                )
        if rule.momentary and ("from_s" not in self.model_fields_set or self.to_s is not None):
            raise ValueError(f"{self.kind}: strikes once: expected from_s and no to_s")
        if self.to_s is not None and self.to_s <= self.from_s:
            raise ValueError(f"{self.kind}: to_s: expected more than from_s, {self.from_s:g}")
        return self

    def covers(self, at_s: float) -> bool:
        """Whether the fault is there at a moment."""
        return self.from_s <= at_s and (self.to_s is None or at_s < self.to_s)

    def __str__(self) -> str:
        """The form of the command line."""
        rule = RULES[self.kind]
        parts = [self.kind, *([] if rule.strikes == "nothing" else [self.target])]
        parts += [] if self.value is None else [f"{self.value:g}"]
        window = f"@{self.from_s:g}" if self.from_s or rule.momentary or self.to_s else ""
        return ":".join(parts) + window + ("" if self.to_s is None else f"-{self.to_s:g}")


_FORM = re.compile(
    r"(?P<words>[^@]+)(?:@(?P<begin>[0-9]+(?:\.[0-9]+)?)(?:-(?P<end>[0-9]+(?:\.[0-9]+)?)?)?)?"
)


def parse_fault(text: str) -> Fault:
    """Read `kind:target[:value][@from-to]`; kinds without a target leave it out, or write `*`.

    `@10` means from 10 s on, and for what strikes once, at 10 s. Raises StoreFileError.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise StoreFileError(f"--fault {text!r}: expected kind:target[:value][@from-to]")
    kind, *rest = match["words"].split(":")
    rule = RULES.get(kind)
    if rule is None:
        near = difflib.get_close_matches(kind, RULES, n=1, cutoff=0.5) or list(RULES)
        raise StoreFileError(f"--fault {text!r}: no fault {kind!r}; known: {', '.join(near)}")
    fields: dict[str, object] = {"kind": kind}
    if rule.strikes != "nothing":
        if not rest or not rest[0]:
            raise StoreFileError(f"--fault {text!r}: {kind} needs a target: a {rule.strikes}")
        fields["target"] = rest.pop(0)
    elif rest and rest[0] == ALL:
        rest.pop(0)
    if rest:
        fields["value"] = rest.pop(0)
    if rest:
        raise StoreFileError(f"--fault {text!r}: {':'.join(rest)!r} after the value")
    fields |= {k: v for k, v in (("from_s", match["begin"]), ("to_s", match["end"])) if v}
    try:
        return Fault.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{key}: " for key in first["loc"])
        raise StoreFileError(f"--fault {text!r}: {where}{_plain(first['msg'])}") from None


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")


def check_faults(faults: Sequence[Fault], store: Store) -> list[str]:
    """One line per fault whose target the store has not, naming what it has."""
    return [
        f"faults[{i}]({fault.kind}): target: {wrong}"
        for i, fault in enumerate(faults)
        for wrong in _wrong_target(fault, store)
    ]


def cameras_out(faults: Iterable[Fault], cameras: Iterable[str], at_s: float) -> frozenset[str]:
    """Those of the cameras that give no frames at a moment."""
    struck = {f.target for f in faults if f.kind == "camera-out" and f.covers(at_s)}
    return frozenset(c for c in cameras if c in struck or ALL in struck)


def moments(faults: Iterable[Fault], kind: Kind) -> list[float]:
    """When faults of a kind strike, seconds since the start, in order."""
    return sorted(fault.from_s for fault in faults if fault.kind == kind)


def struck_devices(fault: Fault, store: Store) -> frozenset[str]:
    """Shelves of a gondola, or the one device that the target names."""
    for gondola in store.gondolas:
        if gondola.id == fault.target:
            return frozenset(shelf.id for shelf in gondola.shelves)
    return frozenset({fault.target})


def _wrong_target(fault: Fault, store: Store) -> Iterator[str]:
    strikes = RULES[fault.kind].strikes
    plates = {s.id: s.plate_count for g in store.gondolas for s in g.shelves}
    racks = [g.id for g in store.gondolas]
    if strikes == "nothing":
        return
    if strikes == "plate":
        shelf, dot, number = fault.target.rpartition(".")
        if not dot or not (number.isascii() and number.isdigit()):
            yield f"expected shelf.plate, as {next(iter(plates))}.1; found {fault.target!r}"
        elif shelf not in plates:
            yield from _unknown("shelf", shelf, list(plates))
        elif not 1 <= int(number) <= plates[shelf]:
            yield f"shelf {shelf} has plates 1 to {plates[shelf]}; found {number}"
    elif strikes == "shelf":
        yield from _unknown("shelf or gondola", fault.target, [*racks, *plates])
    elif strikes == "camera":
        yield from _unknown("camera", fault.target, [ALL, *(c.id for c in store.cameras)])
    elif strikes == "device":
        devices = [*plates, *(g.id for g in store.gates), *(a.id for a in store.antennas)]
        yield from _unknown("device", fault.target, [ALL, *DEVICE_KINDS, *racks, *devices])
    elif strikes == "antenna":
        yield from _unknown("antenna", fault.target, [ALL, *(a.id for a in store.antennas)])
    elif strikes == "gate antenna":
        of_gates = [a.id for a in store.antennas if a.kind == "gate"]
        yield from _unknown("antenna of a gate", fault.target, of_gates)


def _unknown(what: str, name: str, known: list[str]) -> Iterator[str]:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:8]
        yield f"the store has no {what} {name!r}; closest: {', '.join(near) or 'none'}"
