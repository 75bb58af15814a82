"""Variants of a real recording: other things taken from a real store's shelves, over its own noise.

The AutoCheckout recording has one shopper who takes one bottle. A variant lets the same body and
hands reach for another facing of the same gondola, and gives its plates the waveform of the real
lift, scaled to the weight and moved to the plate. All other readings are the real noise of the half
of the recording that no constant was tuned on, played to and fro. A put-back is the lift backwards
in time, hands and waveform alike. Nothing of the recording is kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensors.store import Facing, Gondola, Shelf, Store
from sensors.wire import BarrierCrossed, HandReport, TrackReport, VisionReport, WeightBatch, encode
from service.autocheckout import Imported, ImportFailedError, import_autocheckout
from service.pipeline import silence_after
from service.realism import RealDataError
from service.realism_plates import recorded_shelves
from service.records import Entry
from service.steps_noise import RATE_HZ, RECORDING, play, shelf_noise
from simulator.world import World, stream

Array = NDArray[np.float64]
Message = tuple[int, str, bytes]  # received_ns, topic, body
Seen = TypeVar("Seen", TrackReport, HandReport)
Kind = Literal[
    "as it was", "another product", "another plate", "two units", "put back", "same weights beside"
]
KINDS: tuple[Kind, ...] = (
    "as it was",
    "another product",
    "another plate",
    "two units",
    "put back",
    "same weights beside",
)

NS = 1_000_000_000
BATCH = 12  # samples, as the real plates send them
BEFORE_S, AFTER_S = 0.8, 1.4  # of the lift's waveform around the moment that it began
PLATES_BEFORE, PLATES_AFTER = 3, 1  # neighbours whose cross-talk belongs to it
AWAY_S = 1.8  # after the lift they turn round to put it back
GO_ON_NS = 3 * NS  # plates do not fall silent when a shopper leaves
MOVED_S = (6.0, 1.5)  # before the reach they begin to go elsewhere, and are there


@dataclass(frozen=True, slots=True, eq=False)
class Tape:
    """What variants are made of: the imported recording with its one lift found in it.

    `wave` is (samples, plates) of the lift in shares of its whole weight, from `BEFORE_S` before
    the moment `at_ns`; its main plate is column `PLATES_BEFORE`. `noise` is (samples, plates) by
    shelf. `hand` is the side that reached.
    """

    imported: Imported
    gondola: Gondola
    shelf: Shelf
    plate: int
    at_ns: int
    wave: Array
    noise: Mapping[str, Array]
    reports: Sequence[VisionReport]
    hand: str


@dataclass(frozen=True, slots=True)
class Variant:
    """What one variant's shopper does: `units` from `plate` of a facing, and perhaps back."""

    kind: Kind
    shelf: Shelf
    facing: Facing
    plate: int
    units: int
    back: bool
    weight_g: float


def read_tape(real_data: Path) -> Tape:
    """Read the recording below `real_data`. Raises RealDataError."""
    folder = real_data / RECORDING
    try:
        imported = import_autocheckout(folder)
    except ImportFailedError as error:
        raise RealDataError(str(error)) from error
    name, plate, began, wave = _lift(recorded_shelves(folder))
    first_ns = _first_ns(imported, name)
    at_ns = first_ns + began * NS // RATE_HZ
    gondola, shelf = next(
        (g, s) for g in imported.store.gondolas for s in g.shelves if s.id == name
    )
    decoder = msgspec.json.Decoder(VisionReport)
    reports = [decoder.decode(e.body) for e in imported.entries if "/vision/" in e.topic]
    noise = shelf_noise(real_data, "second")
    return Tape(
        imported,
        gondola,
        shelf,
        plate,
        at_ns,
        wave,
        {s.id: noise[s.id] for s in gondola.shelves},
        reports,
        _reaching(reports, at_ns, gondola.to_floor(*_spot(shelf, plate))),
    )


def _lift(shelves: Mapping[str, Array]) -> tuple[str, int, int, Array]:
    """Shelf, plate (from 1), sample at which it began, and waveform of the greatest change."""
    window = RATE_HZ // 2
    found: tuple[float, str, int, int] | None = None
    for name, grams in shelves.items():
        count = len(grams) // window
        medians = np.median(grams[: count * window].reshape(count, window, -1), axis=1)
        moved = medians[:-2] - medians[2:]
        at, plate = divmod(int(moved.argmax()), moved.shape[1])
        if found is None or moved[at, plate] > found[0]:
            found = float(moved[at, plate]), name, at, plate
    if found is None:
        raise RealDataError(f"{RECORDING}: no plates in it")
    fell_g, name, at, plate = found
    column = shelves[name][:, plate]
    level = float(np.median(column[at * window : (at + 1) * window]))
    low = np.flatnonzero(column[at * window :] < level - fell_g / 2)
    began = at * window + int(low[0])
    first, last = began - round(BEFORE_S * RATE_HZ), began + round(AFTER_S * RATE_HZ)
    grams = shelves[name][first:last, plate - PLATES_BEFORE : plate + PLATES_AFTER + 1]
    if len(grams) < last - first or grams.shape[1] < PLATES_BEFORE + PLATES_AFTER + 1:
        raise RealDataError(f"{RECORDING}: the lift on {name} is too near to an end")
    rest = RATE_HZ // 4
    wave = grams - np.median(grams[:rest], axis=0)
    whole = float(np.median(wave[-rest:], axis=0).sum())
    return name, plate + 1, began, wave / -whole


def _first_ns(imported: Imported, shelf: str) -> int:
    decoder = msgspec.json.Decoder(WeightBatch)
    return next(
        decoder.decode(e.body).at_ns for e in imported.entries if e.topic.endswith(f"/{shelf}")
    )


def _reaching(reports: Sequence[VisionReport], at_ns: int, spot_m: tuple[float, float]) -> str:
    """The side whose hand is nearest to the spot when the lift begins."""
    near = min(reports, key=lambda report: abs(report.at_ns - at_ns))
    return min(near.hands, key=lambda hand: math.dist((hand.x_m, hand.y_m), spot_m)).side


def _spot(shelf: Shelf, plate: int) -> tuple[float, float]:
    """Along and into the gondola, metres."""
    return (plate - 0.5) * shelf.plate_width_m, 0.1


def draw(tape: Tape, number: int, seed: int) -> Variant:
    """The `number`-th variant: kinds in turn, facings and true weights drawn."""
    rng = stream("variants", seed, number)
    kind = KINDS[number % len(KINDS)]
    facing = next(f for f in tape.shelf.facings if tape.plate in f.plates)
    shelf, plate = tape.shelf, tape.plate
    if kind == "another plate":
        plate = int(rng.choice([p for p in facing.plates if p != plate] or [plate]))
    elif kind != "as it was":
        spots = [(s, f) for s in tape.gondola.shelves for f in s.facings]
        shelf, facing = spots[int(rng.integers(len(spots)))]
        plate = int(rng.choice(facing.plates))
    product = next(p for p in tape.imported.store.products if p.gtin == facing.gtin)
    off = rng.normal(0.0, World(id="variants").product_weight_sigma)
    units = 2 if kind == "two units" else 1
    return Variant(
        kind, shelf, facing, plate, units, kind == "put back", product.weight_g * (1 + off) * units
    )


def store_of(tape: Tape, variant: Variant) -> Store:
    """The store as its file says; the products beside may weigh the same."""
    store = tape.imported.store
    if variant.kind != "same weights beside":
        return store
    row = sorted(variant.shelf.facings, key=lambda facing: min(facing.plates))
    place = row.index(variant.facing)
    beside = {facing.gtin for facing in row[max(0, place - 1) : place + 2]}
    weight_g = next(p.weight_g for p in store.products if p.gtin == variant.facing.gtin)
    products = [
        p.model_copy(update={"weight_g": weight_g}) if p.gtin in beside else p
        for p in store.products
    ]
    return store.model_copy(update={"products": products})


def entries_of(tape: Tape, variant: Variant, seed: int) -> list[Entry]:
    """The messages of a variant in the order of their arrival."""
    longer_ns = round(2 * AWAY_S * NS) if variant.back else 0
    messages = [*_gates(tape, longer_ns), *_weights(tape, variant, seed, longer_ns)]
    messages += _reports(tape, variant)
    messages.sort(key=lambda message: message[0])
    messages += silence_after(messages[-1][0], tape.imported.store)
    return [Entry(number, *message) for number, message in enumerate(messages, 1)]


def _gates(tape: Tape, longer_ns: int) -> Iterator[Message]:
    decoder = msgspec.json.Decoder(BarrierCrossed)
    for entry in tape.imported.entries:
        if "/gate/made-in" in entry.topic:
            yield entry.received_ns, entry.topic, entry.body
        elif "/gate/" in entry.topic:
            left = decoder.decode(entry.body)
            later = msgspec.structs.replace(left, at_ns=left.at_ns + longer_ns)
            yield later.at_ns, entry.topic, encode(later)


def _reports(tape: Tape, variant: Variant) -> Iterator[Message]:
    topic = next(e.topic for e in tape.imported.entries if "/vision/" in e.topic)
    for seq, (at_ns, report) in enumerate(_timed(tape, variant.back)):
        moved = msgspec.structs.replace(
            report,
            at_ns=at_ns,
            seq=seq,
            tracks=[_moved(tape, variant, report.at_ns, one) for one in report.tracks],
            hands=[_moved(tape, variant, report.at_ns, one) for one in report.hands],
        )
        yield at_ns, topic, encode(moved)


def _timed(tape: Tape, back: bool) -> Iterator[tuple[int, VisionReport]]:
    """Reports with their new times: with a put-back they go on, turn round, and go again."""
    turn_ns = tape.at_ns + round(AWAY_S * NS)
    if not back:
        yield from ((report.at_ns, report) for report in tape.reports)
        return
    away = [one for one in tape.reports if tape.at_ns < one.at_ns <= turn_ns]
    yield from ((one.at_ns, one) for one in tape.reports if one.at_ns <= turn_ns)
    yield from ((2 * turn_ns - one.at_ns, one) for one in reversed(away) if one.at_ns < turn_ns)
    again_ns = 2 * (turn_ns - tape.at_ns)
    yield from ((one.at_ns + again_ns, one) for one in tape.reports if one.at_ns > tape.at_ns)


def _moved(tape: Tape, variant: Variant, at_ns: int, one: Seen) -> Seen:
    """A body or hand as it would be if the same reach went to the variant's plate."""
    share = _elsewhere(tape, at_ns)
    along = share * (_spot(variant.shelf, variant.plate)[0] - _spot(tape.shelf, tape.plate)[0])
    at, into = tape.gondola.to_local(one.x_m, one.y_m)
    x_m, y_m = tape.gondola.to_floor(at + along, into)
    if isinstance(one, TrackReport) or one.side != tape.hand:
        return msgspec.structs.replace(one, x_m=x_m, y_m=y_m)
    z_m = max(0.1, one.z_m + share * (variant.shelf.z_m - tape.shelf.z_m))
    return msgspec.structs.replace(one, x_m=x_m, y_m=y_m, z_m=z_m)


def _elsewhere(tape: Tape, at_ns: int) -> float:
    """How far they are from the way that was really walked: 0 at the gates, 1 at the shelf."""
    since_s, end_s = (at_ns - tape.at_ns) / NS, (tape.reports[-1].at_ns - tape.at_ns) / NS
    begin_s, there_s = (-one for one in MOVED_S)
    return float(np.interp(since_s, (begin_s, there_s, AWAY_S, end_s), (0.0, 1.0, 1.0, 0.0)))


def _weights(tape: Tape, variant: Variant, seed: int, longer_ns: int) -> Iterator[Message]:
    decoder = msgspec.json.Decoder(WeightBatch)
    for shelf in tape.gondola.shelves:
        sent = [e for e in tape.imported.entries if e.topic.endswith(f"/weight/{shelf.id}")]
        first = decoder.decode(sent[0].body)
        late_ns = sent[0].received_ns - first.at_ns
        batches = len(sent) + (longer_ns + GO_ON_NS) // (BATCH * first.period_ns)
        rng = stream("variants noise", seed, shelf.id)
        grams = play(tape.noise[shelf.id], batches * BATCH, rng)
        if shelf.id == variant.shelf.id:
            began = (tape.at_ns - first.at_ns) // first.period_ns
            _lay(grams, variant, tape.wave, began)
            if variant.back:
                again = began + 2 * round(AWAY_S * RATE_HZ)
                returned = tape.wave[::-1] - _settled(tape.wave)
                _lay(grams, variant, returned, again - _ahead(tape.wave))
        for n in range(batches):
            at_ns = first.at_ns + n * BATCH * first.period_ns
            rows = grams[n * BATCH : (n + 1) * BATCH].round(2).tolist()
            batch = msgspec.structs.replace(first, seq=n, at_ns=at_ns, grams=rows)
            yield at_ns + late_ns, sent[0].topic, encode(batch)


def _ahead(wave: Array) -> int:
    """By how many samples the moment lies nearer to the end of a waveform that runs backwards."""
    return len(wave) - 2 * round(BEFORE_S * RATE_HZ)


def _lay(grams: Array, variant: Variant, wave: Array, began: int) -> None:
    """Add the waveform to readings (samples, plates), its main plate where the variant has it."""
    first = began - round(BEFORE_S * RATE_HZ)
    last = min(first + len(wave), len(grams))
    settled = _settled(wave)
    for column in range(wave.shape[1]):
        plate = variant.plate - 1 + column - PLATES_BEFORE
        if 0 <= plate < grams.shape[1]:
            grams[first:last, plate] += variant.weight_g * wave[: last - first, column]
            grams[last:, plate] += variant.weight_g * settled[column]


def _settled(wave: Array) -> Array:
    """What each plate says when it has come to rest."""
    level: Array = np.median(wave[-RATE_HZ // 4 :], axis=0)
    return level
