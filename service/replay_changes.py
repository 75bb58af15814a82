"""What if: a recording with devices left out, faults laid over it, or vision that looks again."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from sensors.foreign_devices import LoadCell
from sensors.store import Store, StoreFileError
from sensors.wire import ROOT
from service.progress import MessageId, identify
from service.recording import Recording, RecordingError
from service.records import Entry
from service.replay_reel import Reel
from service.replay_sight import look_again
from simulator.faults import Fault, cameras_out, check_faults, parse_fault
from simulator.faults_laid import Message, lay

KINDS = ("weight", "rfid", "vision", "gate", "health")
_LIVE_ONLY = ("broker-restart", "engine-kill")


@dataclass(frozen=True, slots=True)
class Without:
    """Devices whose messages are left out, or a camera without which vision looks again.

    `topics` are those of devices of others that are among them.
    """

    text: str
    kind: str | None = None
    devices: frozenset[str] = frozenset()
    camera: str | None = None
    topics: frozenset[str] = frozenset()

    def drops(self, topic: str) -> bool:
        """Whether a message of this topic is left out."""
        if topic in self.topics:
            return True
        kind, device = topic.split("/")[-2:] if topic.startswith(f"{ROOT}/") else ("", "")
        return kind == self.kind or (
            kind in ("weight", "rfid", "health") and device in self.devices
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """All that is asked to be otherwise."""

    without: tuple[Without, ...]
    faults: tuple[Fault, ...]
    look_again: bool

    def __bool__(self) -> bool:
        return bool(self.without or self.faults or self.look_again)

    @property
    def cameras(self) -> frozenset[str]:
        """Cameras that are left out."""
        return frozenset(one.camera for one in self.without if one.camera is not None)

    @property
    def needs_pictures(self) -> bool:
        """Whether vision must look again."""
        out = any(fault.kind == "camera-out" for fault in self.faults)
        return self.look_again or bool(self.cameras) or out


def parse_changes(
    without: Sequence[str], faults: Sequence[str], vision: str, store: Store
) -> Changes:
    """What the command line asks for. Raises StoreFileError naming the option."""
    if vision not in ("recorded", "frames"):
        raise StoreFileError(f"--vision {vision!r}: expected recorded or frames")
    parsed = tuple(parse_fault(text) for text in faults)
    for fault in parsed:
        if fault.kind in _LIVE_ONLY:
            raise StoreFileError(
                f"--fault {fault.kind}: strikes running processes; a recording has none"
            )
    wrong = check_faults(parsed, store)
    if wrong:
        raise StoreFileError(f"--fault: {wrong[0].partition('target: ')[2] or wrong[0]}")
    left_out = tuple(parse_without(text, store) for text in without)
    return Changes(left_out, parsed, vision == "frames")


def parse_without(text: str, store: Store) -> Without:
    """`rfid`, `vision`, `weight:G3`, `weight:g1s2`, `rfid:ANTENNA` or `camera:C2`, in any case.

    Raises StoreFileError.
    """
    kind, colon, name = text.strip().partition(":")
    kind = kind.lower()
    if not colon and kind in KINDS:
        return Without(text, kind=kind, topics=_topics_of_others(text, store, kind, None))
    racks = {g.id: frozenset(s.id for s in g.shelves) for g in store.gondolas}
    shelves = {shelf: frozenset({shelf}) for found in racks.values() for shelf in found}
    known: dict[str, dict[str, frozenset[str]]] = {
        "weight": racks | shelves,
        "rfid": {a.id: frozenset({a.id}) for a in store.antennas},
        "camera": {c.id: frozenset() for c in store.cameras},
    }
    if not colon or kind not in known:
        raise StoreFileError(
            f"--without {text!r}: expected {', '.join(KINDS)}, weight:SHELF, weight:GONDOLA, "
            "rfid:ANTENNA or camera:CAMERA"
        )
    found = {one.lower(): one for one in known[kind]}.get(name.lower())
    if found is None:
        what = {"weight": "shelf or gondola", "rfid": "antenna"}.get(kind, kind)
        near = difflib.get_close_matches(name, known[kind], n=3, cutoff=0.4) or list(known[kind])
        has = f"closest: {', '.join(near[:8])}" if near else "it has none"
        raise StoreFileError(f"--without {text!r}: the store has no {what} {name!r}; {has}")
    if kind == "camera":
        return Without(text, camera=found)
    left_out = known[kind][found]
    topics = _topics_of_others(text, store, kind, left_out)
    return Without(text, devices=left_out, topics=topics)


def _topics_of_others(
    text: str, store: Store, kind: str, left_out: frozenset[str] | None
) -> frozenset[str]:
    """The topics of devices of others of a kind, of those shelves or antennas where it is said."""
    topics = set()
    for device in store.devices:
        if kind != ("weight" if isinstance(device, LoadCell) else "rfid"):
            continue
        places = {*device.places}
        if left_out is None or places <= left_out:
            topics.add(device.topic)
        elif places & left_out:
            raise StoreFileError(
                f"--without {text!r}: {device.id} speaks for"
                f" {', '.join(sorted(places - left_out))} in the same messages"
            )
    return frozenset(topics)


def changed(
    recording: Recording,
    reel: Reel,
    changes: Changes,
    progress: Callable[[float], None] | None = None,
) -> Reel:
    """The reel as it would have been; `progress` is told the share of what vision looked at.

    The order is: vision looks again, devices are left out, faults are laid over the rest; a
    message that comes twice is journaled once. Raises RecordingError where pictures are needed
    and the recording has none.
    """
    messages: list[Message] = [(e.received_ns, e.topic, e.body) for e in reel.entries]
    told: list[str] = []
    if changes.needs_pictures:
        cameras = [c.id for c in reel.store.cameras if c.id not in changes.cameras]

        def working(at_ns: int) -> frozenset[str]:
            out = cameras_out(changes.faults, cameras, reel.seconds(at_ns))
            return frozenset(cameras) - out

        messages = look_again(recording, reel.store, messages, working, progress)
        told.append(_looked(changes.cameras, recording.facts.get("vision")))
    for one in changes.without:
        if one.camera is not None:
            continue
        before = len(messages)
        messages = [message for message in messages if not one.drops(message[1])]
        told.append(f"without {one.text}: {before - len(messages):,} of {before:,} messages less")
    if changes.faults:
        seed = recording.facts.get("seed")
        messages = list(
            lay(
                changes.faults,
                messages,
                reel.store,
                reel.start_ns,
                seed if isinstance(seed, int) else 1,
            )
        )
        told += [str(fault) for fault in changes.faults]
    entries = [Entry(n, *message) for n, message in enumerate(_once(messages), 1)]
    if not entries:
        raise RecordingError(f"{reel.name}: nothing is left of it")
    return replace(reel, entries=entries, changes=tuple(told))


def _looked(cameras: frozenset[str], before: object) -> str:
    besides = f" without {', '.join(sorted(cameras))}" if cameras else ""
    was = ", as recorded it was emulated" if before == "emulated" else ""
    return f"vision looked again at the videos{besides}{was}"


def _once(messages: Iterable[Message]) -> Iterable[Message]:
    """Messages as a journal takes them: one that comes again is passed over."""
    seen: set[MessageId] = set()
    for message in messages:
        identity = identify(message[1], message[2])
        if identity is None or identity not in seen:
            yield message
        if identity is not None:
            seen.add(identity)
