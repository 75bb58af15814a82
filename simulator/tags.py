"""The tags on units: what each says, and how well it can be read."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sensors.epc import encode_sgtin
from sensors.store import Store
from simulator.shelves import Unit
from simulator.world import TrueStore, stream

Array = NDArray[np.float64]


class Tags:
    """One tag on each unit of a tagged product, numbered in the order in which they are met.

    The arrays have one value per tag: `quality` multiplies its reads (0 for a tag that nobody
    can read), `silent_s` is its median silence, `rssi_dbm` its mean strength.
    """

    def __init__(self, store: Store, true: TrueStore, seed: int) -> None:
        self._key = (true.world.seed, seed, "tag")
        self._faults = true.world.rfid
        self._tagged = {p.gtin for p in store.products if p.tagged}
        self._number: dict[Unit, int] = {}
        self.epcs: list[str] = []
        self.quality = np.zeros(0)
        self.silent_s = np.zeros(0)
        self.rssi_dbm = np.zeros(0)

    def __len__(self) -> int:
        return len(self.epcs)

    def on(self, units: Iterable[Unit]) -> list[tuple[int, Unit]]:
        """The units that carry a tag, with its number; a tag never met before gets the next."""
        found = []
        for unit in units:
            if unit.gtin in self._tagged:
                number = self._number.get(unit)
                found.append((self._meet(unit) if number is None else number, unit))
        return found

    def _meet(self, unit: Unit) -> int:
        faults, number = self._faults, len(self.epcs)
        rng = stream(*self._key, number)
        missing = rng.random() < faults.missing_share
        quality, silent, rssi = rng.normal(
            0.0,
            (faults.quality_log_sigma, faults.silent_tag_log_sigma, faults.rssi_tag_sigma_db),
        )
        self._number[unit] = number
        self.epcs.append(encode_sgtin(unit.gtin, number + 1))
        self.quality = np.append(self.quality, 0.0 if missing else np.exp(quality))
        self.silent_s = np.append(self.silent_s, faults.silent_s * np.exp(silent))
        self.rssi_dbm = np.append(self.rssi_dbm, faults.rssi_median_dbm + rssi)
        return number
