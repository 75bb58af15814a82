"""Whether the entry is open: closed by rule while too much is down to know what is taken."""

from __future__ import annotations

import math
from collections.abc import Iterable

from sensors.store import Store

_NAMED = 4  # devices in a reason


class Entrance:
    """The store's `policy.close_entry`, judged by which devices are down."""

    def __init__(self, store: Store) -> None:
        rule = store.policy.close_entry
        shelves = [shelf.id for gondola in store.gondolas for shelf in gondola.shelves]
        exits = [gate.id for gate in store.gates if gate.kind != "entry"]
        kinds = (
            ("shelves", shelves, rule.shelves),
            ("cameras", [camera.id for camera in store.cameras], rule.cameras),
            ("antennas", [antenna.id for antenna in store.antennas], rule.antennas),
            ("exits", exits, rule.exits),
        )
        self._critical = rule.devices
        self._kinds = [
            (kind, devices, _count(enough, len(devices)))
            for kind, devices, enough in kinds
            if devices and enough is not None
        ]
        self._speakers: dict[str, list[str]] = {}
        for device in store.devices:
            for name in dict.fromkeys(device.places):
                self._speakers.setdefault(name, []).append(device.id)

    def why_closed(self, down: Iterable[str]) -> str:
        """Why nobody new is let in while these devices are down; empty while the entry is open.

        A shelf or antenna for which devices of other makers speak is down when all of them are.
        """
        silent = set(down)
        if not silent:
            return ""
        silent |= {name for name, all_of in self._speakers.items() if silent.issuperset(all_of)}
        critical = [device for device in self._critical if device in silent]
        if critical:
            return f"{_list(critical)} {'is' if len(critical) == 1 else 'are'} down"
        for kind, devices, count in self._kinds:
            gone = [device for device in devices if device in silent]
            if len(gone) >= count:
                return f"{len(gone)} of {len(devices)} {kind} are down: {_list(gone)}"
        return ""


def _count(enough: int | str, installed: int) -> int:
    """How many devices of a kind are too many to miss."""
    if isinstance(enough, int):
        return enough
    return max(1, math.ceil(installed * int(enough.removesuffix("%")) / 100))


def _list(devices: list[str]) -> str:
    more = len(devices) - _NAMED
    return ", ".join(devices[:_NAMED]) + (f" and {more} more" if more > 0 else "")
