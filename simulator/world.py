"""The world file: what is true of a store where it deviates from what its installer believes.

Only the simulator reads it. `realise` draws one true store from the belief and the seeds; the
defaults follow what real checkout-free stores were measured to be like.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sensors.camera import CameraModel
from sensors.store import (
    Store,
    StoreFileError,
    facing_id,
    normalise_gtin,
    parse_file,
    why_unreadable,
)

Array = NDArray[np.float64]
Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Range = tuple[Amount, Amount]
Level = Annotated[float, Field(allow_inf_nan=False)]
Quality = Annotated[int, Field(ge=1, le=100)]

Hertz = Annotated[float, Field(gt=0, lt=30)]
Frequencies = tuple[Hertz, Hertz]

SECONDS_PER_DAY = 86_400.0
FEEL_LOG_SIGMA = 0.45  # of how much a plate feels its shelf shake, from plate to plate


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PlateFaults(_Part):
    """How load cells err. Noise and creep are drawn per plate, shaking per shelf."""

    noise_median_g: Amount = 0.4
    noise_log_sigma: Amount = 0.25
    noise_worst_g: Amount = 7.0
    vibration_median_g: Amount = 0.75
    vibration_log_sigma: Amount = 0.9
    vibration_hz: Frequencies = (10.0, 28.0)
    sway_median_g: Amount = 0.3
    sway_log_sigma: Amount = 0.8
    sway_hz: Frequencies = (1.0, 2.0)
    burst_log_sigma: Amount = 0.5
    quantum_g: Annotated[float, Field(gt=0, le=100)] = 0.25
    creep: Range = (0.001, 0.003)
    creep_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 20.0
    hysteresis_g: Amount = 10.0
    drift_day_sigma_g: Amount = 14.0
    poor_share: Share = 0.02
    spikes_per_reading: Share = 0.001
    crosstalk: Range = (0.01, 0.02)
    settling_s: Range = (0.1, 0.5)
    press_share: Share = 0.4
    press_g: Range = (4.0, 45.0)
    tare_g: tuple[float, float] = (-150.0, 350.0)


class Pictures(_Part):
    """What cameras do to pictures. Ranges are drawn per camera."""

    exposure: Range = (0.92, 1.1)
    gamma: Range = (0.9, 1.12)
    white_balance_sigma: Amount = 0.02
    noise: Range = (1.5, 4.0)
    shot_share: Share = 0.6
    shutter_ms: Range = (4.0, 12.0)
    jpeg_share: Share = 0.5
    jpeg_quality: tuple[Quality, Quality] = (75, 92)


class TagFaults(_Part):
    """How RFID tags are read, and how not. Strength and spells are drawn per tag."""

    antenna_reads_per_s: Amount = 115.0
    tag_reads_per_s: Amount = 20.0
    heard_s: Annotated[float, Field(gt=0)] = 2.0
    silent_s: Annotated[float, Field(gt=0)] = 1.8
    silent_log_sigma: Amount = 1.3
    silent_tag_log_sigma: Amount = 0.4
    quality_log_sigma: Amount = 0.3
    missing_share: Share = 0.05
    wrong_zone_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    stray_range_m: Amount = 3.0
    held_reads: Share = 0.4
    shadow_reads: Share = 0.2
    shadow_db: Amount = 6.0
    concealed_reads: Share = 0.005
    gate_reads_per_s: Amount = 10.0
    gate_range_m: Amount = 1.2
    ghosts_per_s: Amount = 0.1
    ghost_range_m: Amount = 4.0
    rssi_median_dbm: Level = -66.0
    rssi_tag_sigma_db: Amount = 3.5
    rssi_read_sigma_db: Amount = 2.0
    rssi_dbm: tuple[Level, Level] = (-72.0, -44.0)


class Latency(_Part):
    """From the last moment that a message speaks of to its arrival, milliseconds (least, most)."""

    shelf_ms: Range = (5.0, 40.0)
    gate_ms: Range = (5.0, 30.0)
    rfid_ms: Range = (5.0, 40.0)


class Overrides(_Part):
    """Facts that a scene needs to be just so, whatever the seed."""

    products: dict[str, str] = {}
    stock: dict[str, Annotated[int, Field(ge=0)]] = {}
    weights_g: dict[str, Annotated[float, Field(gt=0)]] = {}


class World(_Part):
    """How far, and how, truth lies from belief."""

    id: str
    seed: int = 0
    camera_angle_sigma_deg: Amount = 0.3
    camera_position_sigma_m: Amount = 0.02
    camera_k1_sigma: Amount = 0.002
    plate_gain_sigma: Amount = 0.005
    product_weight_sigma: Amount = 0.03
    unit_weight_share: Amount = 1.0
    wrong_facings: Share = 0.02
    stock_off_by_one: Share = 0.5
    clock_skew_ms: Amount = 20.0
    latency: Latency = Latency()
    plates: PlateFaults = PlateFaults()
    pictures: Pictures = Pictures()
    rfid: TagFaults = TagFaults()
    overrides: Overrides = Overrides()


@dataclass(frozen=True, slots=True, eq=False)
class TruePlates:
    """The cells of one shelf; arrays have one value per plate.

    The shelf vibrates and sways at `motion_hz` (2,); its plates feel `motion_g` (2, plates) of it.
    """

    gain: Array
    tare_g: Array
    noise_g: Array
    crosstalk: Array
    poor: NDArray[np.bool_]
    creep: Array
    motion_hz: Array
    motion_g: Array


@dataclass(frozen=True, slots=True, eq=False)
class TrueStore:
    """One store as it really is.

    `gtin_at` and `stock` are by facing, `mean_g` and `unit_sigma_g` by GTIN, `clock_offset_ns`
    (what a device's clock shows too much) by shelf, gate, camera and antenna.
    """

    world: World
    cameras: dict[str, CameraModel]
    gtin_at: dict[str, str]
    stock: dict[str, int]
    mean_g: dict[str, float]
    unit_sigma_g: dict[str, float]
    plates: dict[str, TruePlates]
    clock_offset_ns: dict[str, int]


def stream(*key: int | str) -> np.random.Generator:
    """An independent random generator for every key, the same on every machine."""
    return np.random.default_rng([zlib.crc32(str(part).encode()) for part in key])


def load_world(path: Path) -> World:
    """Read a world file. Raises StoreFileError naming the file, the key and what was expected."""
    try:
        return parse_file(World, path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise StoreFileError(f"{path}: cannot be read: {why_unreadable(error)}") from error


def changed(world: World, changes: Mapping[str, Any]) -> World:
    """The world with the keys of a partial world file laid over it, mappings key by key.

    Raises StoreFileError naming `changes.` and the key.
    """
    if "id" in changes:
        raise StoreFileError("changes.id: a scene changes its world; `world` names which")
    try:
        return World.model_validate(_merged(world.model_dump(), changes))
    except ValidationError as error:
        raise StoreFileError(
            "\n".join(
                f"changes.{'.'.join(str(part) for part in e['loc'])}: {e['msg']}"
                f"; found {e['input']!r:.60}"
                for e in error.errors()
            )
        ) from None


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for key, value in new.items():
        under = both.get(key)
        deeper = isinstance(under, Mapping) and isinstance(value, Mapping)
        both[key] = _merged(dict(under or {}), value) if deeper else value
    return both


def realise(store: Store, world: World, seed: int) -> TrueStore:
    """Draw the true store; the same (world.seed, seed) gives the same one.

    Raises StoreFileError where an override names what the store has not.
    """
    facings = {facing_id(s.id, f): f for g in store.gondolas for s in g.shelves for f in s.facings}
    names = [s.id for g in store.gondolas for s in g.shelves]
    names += [g.id for g in store.gates] + [c.id for c in store.cameras]
    names += [a.id for a in store.antennas]
    clocks = stream(world.seed, seed, "clocks").normal(0.0, world.clock_skew_ms, len(names))
    mean_g = _weights(store, world, seed)
    gtin_at = _products(world, seed, {name: f.gtin for name, f in facings.items()}, mean_g)
    stock = _stock(world, seed, {name: (f.units, f.capacity) for name, f in facings.items()})
    return TrueStore(
        world=world,
        cameras=_cameras(store, world, seed),
        gtin_at=gtin_at,
        stock=stock,
        mean_g=mean_g,
        unit_sigma_g={p.gtin: p.weight_sigma_g * world.unit_weight_share for p in store.products},
        plates=_plates(store, world, seed),
        clock_offset_ns={n: int(ms * 1e6) for n, ms in zip(names, clocks, strict=True)},
    )


def as_it_is(store: Store, true: TrueStore) -> Store:
    """The store file with the products that truly stand on its facings: what is to be drawn."""
    gondolas = []
    for gondola in store.gondolas:
        shelves = [
            shelf.model_copy(
                update={
                    "facings": [
                        f.model_copy(update={"gtin": true.gtin_at[facing_id(shelf.id, f)]})
                        for f in shelf.facings
                    ]
                }
            )
            for shelf in gondola.shelves
        ]
        gondolas.append(gondola.model_copy(update={"shelves": shelves}))
    return store.model_copy(update={"gondolas": gondolas})


def _weights(store: Store, world: World, seed: int) -> dict[str, float]:
    rng = stream(world.seed, seed, "weights")
    errors = rng.normal(0.0, world.product_weight_sigma, len(store.products))
    limit = 3 * world.product_weight_sigma
    mean_g = {
        p.gtin: p.weight_g * (1 + float(np.clip(e, -limit, limit)))
        for p, e in zip(store.products, errors, strict=True)
    }
    for text, grams in world.overrides.weights_g.items():
        mean_g[_known(world, "weights_g", normalise_gtin(text), mean_g)] = grams
    return mean_g


def _products(
    world: World, seed: int, gtin_at: dict[str, str], known: dict[str, float]
) -> dict[str, str]:
    """Swap pairs of facings: each swap makes two of them wrong and loses no product."""
    rng = stream(world.seed, seed, "facings")
    names = list(gtin_at)
    for _ in range(int(rng.binomial(len(names), world.wrong_facings / 2))):
        if len(names) < 2:
            break
        first, second = (str(n) for n in rng.choice(names, 2, replace=False))
        gtin_at[first], gtin_at[second] = gtin_at[second], gtin_at[first]
    for facing, text in world.overrides.products.items():
        _known(world, "products", facing, gtin_at)
        gtin_at[facing] = _known(world, f"products.{facing}", normalise_gtin(text), known)
    return gtin_at


def _stock(world: World, seed: int, believed: dict[str, tuple[int, int]]) -> dict[str, int]:
    rng = stream(world.seed, seed, "stock")
    stock = {}
    for name, (units, capacity) in believed.items():
        off = int(rng.choice((-1, 1))) if rng.random() < world.stock_off_by_one else 0
        stock[name] = int(np.clip(units + off, 0, max(capacity, units)))
    for facing, units in world.overrides.stock.items():
        stock[_known(world, "stock", facing, believed)] = units
    return stock


def _known(
    world: World,
    key: str,
    name: str,
    among: dict[str, float] | dict[str, str] | dict[str, tuple[int, int]],
) -> str:
    if name not in among:
        raise StoreFileError(f"world {world.id}: overrides.{key}: the store has no {name!r}")
    return name


def _cameras(store: Store, world: World, seed: int) -> dict[str, CameraModel]:
    rng, lenses = stream(world.seed, seed, "cameras"), stream(world.seed, seed, "lenses")
    cameras = {}
    for camera in store.cameras:
        model = camera.model()
        turn = rng.normal(0.0, np.radians(world.camera_angle_sigma_deg), 3)
        shift = rng.normal(0.0, world.camera_position_sigma_m, 3)
        cameras[camera.id] = CameraModel(
            model.id,
            model.width_px,
            model.height_px,
            model.fx,
            model.fy,
            model.cx,
            model.cy,
            _rotation(turn) @ model.rotation,
            model.position_m + shift,
            model.k1 + float(lenses.normal(0.0, world.camera_k1_sigma)),
            model.k2,
        )
    return cameras


def _rotation(vector: Array) -> Array:
    """The rotation by |vector| rad about it (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turned: Array = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return turned


def _plates(store: Store, world: World, seed: int) -> dict[str, TruePlates]:
    rng, faults = stream(world.seed, seed, "plates"), world.plates
    shaking, creeping = (stream(world.seed, seed, "plates", what) for what in ("motion", "creep"))
    plates = {}
    for shelf in (s for g in store.gondolas for s in g.shelves):
        n = shelf.plate_count
        noise = faults.noise_median_g * np.exp(rng.normal(0.0, faults.noise_log_sigma, n))
        motion_hz, motion_g = _motions(faults, n, shaking)
        plates[shelf.id] = TruePlates(
            gain=1 + rng.normal(0.0, world.plate_gain_sigma, n),
            tare_g=rng.uniform(*faults.tare_g, n),
            noise_g=np.minimum(noise, faults.noise_worst_g),
            crosstalk=rng.uniform(*faults.crosstalk, n),
            poor=rng.random(n) < faults.poor_share,
            creep=creeping.uniform(*faults.creep, n),
            motion_hz=motion_hz,
            motion_g=motion_g,
        )
    return plates


def _motions(faults: PlateFaults, plates: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """How one shelf vibrates and sways: hertz (2,), and grams felt by its plates (2, plates)."""
    hz, felt = [], []
    for median_g, log_sigma, between_hz in (
        (faults.vibration_median_g, faults.vibration_log_sigma, faults.vibration_hz),
        (faults.sway_median_g, faults.sway_log_sigma, faults.sway_hz),
    ):
        hz.append(np.exp(rng.uniform(*np.log(between_hz))))
        spread = rng.normal(0.0, log_sigma) + rng.normal(0.0, FEEL_LOG_SIGMA, plates)
        grams = np.minimum(median_g * np.exp(spread), faults.noise_worst_g)
        felt.append(rng.choice((-1.0, 1.0), plates) * grams)
    return np.array(hz), np.stack(felt)
