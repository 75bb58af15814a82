"""The store file: what the installer believes is installed. The engine's only configuration.

One strict loader, `load_store`, whose errors name the file, the key and what was expected.
Units are in the names; money is integer minor units of the store's currency.
"""

from __future__ import annotations

import math
import reprlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from sensors.camera import CameraModel
from sensors.epc import check_digit
from sensors.foreign_devices import FAMILIES, IDENTIFIER, ForeignDevice, check_devices
from sensors.lens import reach
from sensors.policy import Policy

Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Point2 = tuple[Finite, Finite]
Point3 = tuple[Finite, Finite, Finite]
Size3 = tuple[Positive, Positive, Positive]
LEAST_SIDEWAYS_M = 0.01
Model = TypeVar("Model", bound=BaseModel)


class StoreFileError(Exception):
    """A store file cannot be used; the message names the file, the key and what was expected."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Picture(_Part):
    """How a package looks: enough to draw it."""

    base: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
    accent: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
    motif: Literal["band", "disc", "stripes", "split", "checks"] = "band"
    form: Literal["box", "can", "bottle", "bag"] = "box"


class Product(_Part):
    """One article of the catalogue."""

    gtin: str
    name: str
    brand: str = ""
    price_cents: Annotated[int, Field(ge=0)]
    tax_class: str = "standard"
    weight_g: Positive
    weight_sigma_g: Positive = 2.0
    size_m: Annotated[Size3, Field(description="width, depth, height")] = (0.08, 0.08, 0.15)
    picture: Picture = Picture(base="#888888", accent="#dddddd")
    tagged: bool = False

    @field_validator("gtin", mode="before")
    @classmethod
    def _pad(cls, value: object) -> str:
        return normalise_gtin(value)

    @model_validator(mode="after")
    def _fits_a_tag(self) -> Self:
        if self.tagged and self.gtin[13] != check_digit(self.gtin):
            raise ValueError(
                f"product {self.gtin}: tagged, but its check digit would have to be"
                f" {check_digit(self.gtin)}: no tag can carry it"
            )
        return self


class Facing(_Part):
    """Neighbouring plates of a shelf that hold one product."""

    gtin: str
    plates: Annotated[list[int], Field(min_length=1)]
    units: Annotated[int, Field(ge=0)] = 0
    capacity: Annotated[int, Field(ge=0)] = 0

    @field_validator("gtin", mode="before")
    @classmethod
    def _pad(cls, value: object) -> str:
        return normalise_gtin(value)


class Shelf(_Part):
    """One board of a gondola with its load-cell plates, numbered 1… from the left."""

    id: Identifier
    z_m: Finite
    depth_m: Positive = 0.4
    plate_count: Annotated[int, Field(ge=1, le=64)]
    plate_width_m: Positive = 0.1
    facings: list[Facing] = []

    @model_validator(mode="after")
    def _plates_exist_once(self) -> Self:
        seen: set[int] = set()
        for facing in self.facings:
            for plate in facing.plates:
                if not 1 <= plate <= self.plate_count:
                    raise ValueError(f"shelf {self.id} has no plate {plate}")
                if plate in seen:
                    raise ValueError(f"shelf {self.id}: plate {plate} is in two facings")
                seen.add(plate)
        return self


class Gondola(_Part):
    """A rack. `x_m, y_m` is the front-left corner as a shopper faces it; `yaw_deg` turns the
    direction of its front edge (left to right) from the floor's x axis; it extends `depth_m` to
    the left of that direction, away from the shopper."""

    id: Identifier
    x_m: Finite
    y_m: Finite
    yaw_deg: Finite = 0.0
    width_m: Positive
    depth_m: Positive
    height_m: Positive
    shelves: list[Shelf]

    def to_floor(self, along_m: float, into_m: float) -> Point2:
        """Floor point of a place `along_m` from the left end and `into_m` behind the front."""
        c, s = math.cos(math.radians(self.yaw_deg)), math.sin(math.radians(self.yaw_deg))
        return self.x_m + c * along_m - s * into_m, self.y_m + s * along_m + c * into_m

    def to_local(self, x_m: float, y_m: float) -> Point2:
        """The inverse of `to_floor`: (along, into) in metres; `into` < 0 is in front of it."""
        c, s = math.cos(math.radians(self.yaw_deg)), math.sin(math.radians(self.yaw_deg))
        dx, dy = x_m - self.x_m, y_m - self.y_m
        return c * dx + s * dy, -s * dx + c * dy


class Camera(_Part):
    """A camera's intrinsics and pose as calibrated."""

    id: Identifier
    width_px: Annotated[int, Field(ge=16, le=8192)]
    height_px: Annotated[int, Field(ge=16, le=8192)]
    fps: Positive = 10.0
    fx: Positive
    fy: Positive
    cx: Finite
    cy: Finite
    k1: Finite = 0.0
    k2: Finite = 0.0
    position_m: Point3
    look_at_m: Point3
    roll_deg: Annotated[float, Field(ge=-180, le=180)] = 0.0

    @model_validator(mode="after")
    def _looks_sideways(self) -> Self:
        (x, y, _), (to_x, to_y, _) = self.position_m, self.look_at_m
        if not math.hypot(to_x - x, to_y - y) >= LEAST_SIDEWAYS_M:
            raise ValueError(
                f"camera {self.id}: look_at_m must lie {LEAST_SIDEWAYS_M} m or more to the side of"
                " position_m: seen straight down, no side of the picture is up"
            )
        return self

    @model_validator(mode="after")
    def _lens_does_not_fold(self) -> Self:
        edge = float(reach(np.array([self.k1, self.k2])))
        if math.isfinite(edge):
            x = max(self.cx, self.width_px - 1 - self.cx) / self.fx
            y = max(self.cy, self.height_px - 1 - self.cy) / self.fy
            if math.hypot(x, y) > edge * (1 + self.k1 * edge**2 + self.k2 * edge**4):
                raise ValueError(
                    f"camera {self.id}: k1 and k2 fold the picture before its corners:"
                    " they must be nearer to 0"
                )
        return self

    def model(self) -> CameraModel:
        """The camera's projection."""
        return CameraModel.looking_at(
            self.id,
            (self.width_px, self.height_px),
            (self.fx, self.fy),
            (self.cx, self.cy),
            self.position_m,
            self.look_at_m,
            (self.k1, self.k2),
            math.radians(self.roll_deg),
        )


class Gate(_Part):
    """A gate across the segment a–b; its device reads codes and has a light barrier."""

    id: Identifier
    kind: Literal["entry", "exit", "both"]
    a_m: Point2
    b_m: Point2

    @property
    def centre_m(self) -> Point2:
        return (self.a_m[0] + self.b_m[0]) / 2, (self.a_m[1] + self.b_m[1]) / 2


class Antenna(_Part):
    """An RFID antenna that covers shelves, or the way through a gate."""

    id: Identifier
    kind: Literal["shelf", "gate"]
    covers: list[Identifier] = []
    gate: Identifier | None = None

    @model_validator(mode="after")
    def _knows_its_place(self) -> Self:
        if self.kind == "shelf" and (not self.covers or self.gate is not None):
            raise ValueError(f"antenna {self.id}: kind shelf needs covers (shelf ids) and no gate")
        if self.kind == "gate" and (self.covers or self.gate is None):
            raise ValueError(f"antenna {self.id}: kind gate needs gate (its id) and no covers")
        return self


class Floor(_Part):
    """The extent of the sales floor."""

    x_min_m: Finite
    y_min_m: Finite
    x_max_m: Finite
    y_max_m: Finite

    @model_validator(mode="after")
    def _has_an_extent(self) -> Self:
        for axis, least, most in (
            ("x", self.x_min_m, self.x_max_m),
            ("y", self.y_min_m, self.y_max_m),
        ):
            if least >= most:
                raise ValueError(f"{axis}_min_m must be less than {axis}_max_m")
        return self


class Store(_Part):
    """A whole store as the installer believes it to be."""

    id: Identifier
    name: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    tax_percent: dict[str, Annotated[float, Field(ge=0, le=100)]] = {"standard": 0.0}
    floor: Floor
    gondolas: Annotated[list[Gondola], Field(min_length=1)]
    cameras: list[Camera] = []
    gates: Annotated[list[Gate], Field(min_length=1)]
    antennas: list[Antenna] = []
    devices: list[ForeignDevice] = []
    products: Annotated[list[Product], Field(min_length=1)]
    policy: Policy = Policy()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        gtins = [p.gtin for p in self.products]
        _unique("products: gtin", gtins)
        shelves = [s for g in self.gondolas for s in g.shelves]
        names = [s.id for s in shelves] + [c.id for c in self.cameras] + [g.id for g in self.gates]
        names += [a.id for a in self.antennas] + [d.id for d in self.devices]
        _unique("gondolas", [g.id for g in self.gondolas])
        _unique("shelves, cameras, gates, antennas and devices: id", names)
        known = set(gtins)
        for shelf in shelves:
            for facing in shelf.facings:
                if facing.gtin not in known:
                    raise ValueError(f"shelf {shelf.id}: GTIN {facing.gtin} is not in products")
        for product in self.products:
            if product.tax_class not in self.tax_percent:
                raise ValueError(
                    f"product {product.gtin}: tax class {product.tax_class!r} is not in tax_percent"
                )
        self._antennas_lead_somewhere({s.id for s in shelves})
        antennas = {a.id for a in self.antennas}
        check_devices(self.devices, {s.id: s.plate_count for s in shelves}, antennas)
        for device in self.policy.close_entry.devices:
            if device not in names:
                raise ValueError(f"policy: close_entry: devices: there is no device {device!r}")
        return self

    def _antennas_lead_somewhere(self, shelves: set[str]) -> None:
        for antenna in self.antennas:
            for shelf in antenna.covers:
                if shelf not in shelves:
                    raise ValueError(f"antenna {antenna.id}: covers: there is no shelf {shelf!r}")
            _unique(f"antenna {antenna.id}: covers", antenna.covers)
            if antenna.gate is not None and antenna.gate not in {g.id for g in self.gates}:
                raise ValueError(f"antenna {antenna.id}: there is no gate {antenna.gate!r}")


def normalise_gtin(value: object) -> str:
    """Pad a GTIN-8/12/13 to 14 digits. Raises ValueError where it is not the text of one."""
    if isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is a number; write it in quotes, or leading zeros are lost")
    text = str(value).strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 14:
        raise ValueError(f"{text!r} is not a GTIN (up to 14 digits)")
    return text.zfill(14)


def facing_id(shelf: str, facing: Facing) -> str:
    """The name of a facing: its shelf and its first plate."""
    return f"{shelf}.{min(facing.plates)}"


def facing_centre(gondola: Gondola, shelf: Shelf, plates: list[int]) -> NDArray[np.float64]:
    """The middle of the plates at half a hand above the board, floor frame, metres (3,)."""
    along = (float(np.mean(plates)) - 0.5) * shelf.plate_width_m
    x, y = gondola.to_floor(along, shelf.depth_m / 2)
    return np.array([x, y, shelf.z_m + 0.08])


def load_store(path: Path) -> Store:
    """Read and check a store file.

    Raises StoreFileError with one line per fault: key, what was wrong, what was expected.
    """
    try:
        return parse_store(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise StoreFileError(f"{path}: cannot be read: {why_unreadable(error)}") from error


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Why a file of text cannot be read, in words."""
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error.strerror)


def parse_store(text: str, name: str = "store.yaml") -> Store:
    """Check the text of a store file; `name` is how errors call it."""
    return parse_file(Store, text, name)


def parse_file(model: type[Model], text: str, name: str) -> Model:
    """Check YAML `text` against `model`; StoreFileError names `name` and every faulty key."""
    try:
        content = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise StoreFileError(f"{name}: not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise StoreFileError(f"{name}: expected a mapping of keys at the top, found nothing usable")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise StoreFileError(
            "\n".join(_explain(name, content, e) for e in error.errors())
        ) from None


def _explain(name: str, content: Any, error: Any) -> str:
    where: list[str] = []
    node = content
    for key in error["loc"]:
        if key in FAMILIES and isinstance(node, dict) and key not in node:
            continue  # which of the models of a device it is, and no key of the file
        where.append(f"[{key}]" if isinstance(key, int) else f".{key}" if where else str(key))
        try:
            node = node[key]
        except (KeyError, IndexError, TypeError):
            node = None
            continue
        if isinstance(node, dict) and "id" in node:
            where.append(f"({node['id']})")
    found = f"; found {reprlib.repr(error['input']):.60}"
    given = "" if error["type"] in ("missing", "value_error") else found
    message = error["msg"].removeprefix("Value error, ")
    return f"{name}: {''.join(where) or 'top level'}: {message}{given}"


def _unique(what: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{what}: {value!r} stands there twice")
