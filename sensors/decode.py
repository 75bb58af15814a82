"""Bytes from the bus to payloads of devices that the store file knows, ours and those of others."""

from __future__ import annotations

from sensors.foreign import Foreign, ForeignTags, ForeignWeight, grams_of
from sensors.foreign_devices import LoadCell, TagReader
from sensors.foreign_kinds import CELLS, READERS
from sensors.plate_gain import PlateGain
from sensors.store import Store
from sensors.wire import ROOT, Calibration, Payload, WeightBatch, WireError, check_size, decode


class Decoder:
    """Decodes the messages of one store; refuses devices that are not installed in it.

    It keeps no state: the same bytes on the same topic always mean the same.
    """

    def __init__(self, store: Store) -> None:
        self._store = store.id
        self._plates = {s.id: s.plate_count for g in store.gondolas for s in g.shelves}
        self._gates = {gate.id for gate in store.gates}
        self._antennas = {antenna.id for antenna in store.antennas}
        self._foreign = {device.topic: device for device in store.devices}
        self._served: dict[str, str] = {}  # shelves and antennas of devices of others
        for device in store.devices:
            self._served.update(dict.fromkeys(device.places, device.id))

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The MQTT topic filters of everything that it decodes."""
        return (f"{ROOT}/{self._store}/#", *self._foreign)

    def is_foreign(self, topic: str) -> bool:
        """Whether a device of others speaks there: its messages have no name of their own."""
        return topic in self._foreign

    def decode(self, topic: str, body: bytes) -> Payload | Foreign:
        """Read one message. Raises WireError naming the device and the field at fault."""
        device = self._foreign.get(topic)
        if device is None:
            return self.decode_ours(topic, body)
        try:
            check_size(body)
            if isinstance(device, TagReader):
                return _tags(device, body)
            return _weight(device, body)
        except WireError as error:
            raise WireError(f"{device.id} ({device.kind}): {error}") from error

    def decode_ours(self, topic: str, body: bytes) -> Payload:
        """Read one message of our own protocol. Raises WireError."""
        payload = decode(topic, body, self._store)
        kind, device = topic.split("/")[2:4]
        if kind in ("weight", "rfid") and device in self._served:
            raise WireError(
                f"{kind}/{device}: the store file has device {self._served[device]!r} of another"
                " make speak for it"
            )
        if kind == "weight":
            plates = self._plates.get(device)
            if plates is None:
                raise WireError(f"weight/{device}: no shelf of the store file has this id")
            if isinstance(payload, WeightBatch) and len(payload.grams[0]) != plates:
                raise WireError(
                    f"weight/{device}: {len(payload.grams[0])} plates, the store file has {plates}"
                )
        elif kind == "gate" and device not in self._gates:
            raise WireError(f"gate/{device}: no gate of the store file has this id")
        elif kind == "rfid" and device not in self._antennas:
            raise WireError(f"rfid/{device}: no antenna of the store file has this id")
        elif isinstance(payload, Calibration):
            self._check(payload)
        return payload

    def _check(self, calibration: Calibration) -> None:
        where = f"control/{calibration.device}: calibration of {calibration.shelf}"
        plates = self._plates.get(calibration.shelf)
        if plates is None:
            raise WireError(f"{where}: no shelf of the store file has this id")
        if calibration.plate > plates:
            raise WireError(f"{where}: plate {calibration.plate}, the store file has {plates}")
        try:
            gain_of(calibration)
        except ValueError as error:
            raise WireError(f"{where}.{calibration.plate}: {error}") from error


def gain_of(calibration: Calibration) -> PlateGain:
    """What a calibration makes of its plate. Raises ValueError where no cell is like that."""
    return PlateGain().calibrated(calibration.empty_g, calibration.loaded_g, calibration.weight_g)


def _tags(reader: TagReader, body: bytes) -> ForeignTags:
    tags = []
    for tag in READERS[reader.kind](body):
        if tag.port not in reader.antennas:
            raise WireError(
                f"antenna port {tag.port} is not in the store file, which has"
                f" {', '.join(str(port) for port in sorted(reader.antennas))}"
            )
        antenna = reader.antennas[tag.port]
        if antenna is not None:
            tags.append((antenna, tag))
    at_ns = max((tag.at_ns for _, tag in tags), default=None)
    return ForeignTags(device=reader.id, at_ns=at_ns, tags=tuple(tags))


def _weight(cell: LoadCell, body: bytes) -> ForeignWeight:
    kind = CELLS[cell.kind]
    weighed = kind.read(body)
    per_unit = kind.grams_per_unit if cell.grams_per_unit is None else cell.grams_per_unit
    return ForeignWeight(
        device=cell.id,
        at_ns=None,
        shelf=cell.shelf,
        plate=cell.plate,
        grams=grams_of(weighed, per_unit),
        clock_ns=weighed.clock_ns,
    )
