"""Bytes from the bus to payloads of devices that the store file knows."""

from __future__ import annotations

from sensors.store import Store
from sensors.wire import Payload, WeightBatch, WireError, decode


class Decoder:
    """Decodes the messages of one store; refuses devices that are not installed in it."""

    def __init__(self, store: Store) -> None:
        self._store = store.id
        self._plates = {s.id: s.plate_count for g in store.gondolas for s in g.shelves}
        self._gates = {gate.id for gate in store.gates}
        self._antennas = {antenna.id for antenna in store.antennas}

    def decode(self, topic: str, body: bytes) -> Payload:
        """Read one message. Raises WireError naming the device and the field at fault."""
        payload = decode(topic, body, self._store)
        kind, device = topic.split("/")[2:4]
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
        return payload
