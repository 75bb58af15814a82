"""Imports a recording of the 2020 AutoCheckout competition's store (AiFi NanoStore).

Reads `plate_data.json` (shelf plates, batches of 12 samples at 60 Hz), `full_targets.json` (body
joints, inches), `planogram.json` and `products.json`. The set has no gates: for each target an
entry and an exit gate are made where its body was first and last seen, with codes signed by a key
made for the purpose; their devices are called `made-…`. Stock is not in the set and taken as
`ASSUMED_UNITS` per facing. Official receipts, where the folder has any, are never read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from sensors.codes import CodeIssuer
from sensors.store import Store, StoreFileError, normalise_gtin, parse_store
from sensors.wire import (
    BarrierCrossed,
    CodeShown,
    HandReport,
    Payload,
    TrackReport,
    VisionReport,
    WeightBatch,
    encode,
    topic,
)
from service.pipeline import silence_after
from service.records import Entry

INCH_M = 0.0254
ASSUMED_UNITS = 12
STORE_ID = "autocheckout"
BOOT = "import"
WORKER = "joints"
TORSO_SIGMA_M = 0.10
WRIST_SIGMA_M = 0.08

Json = dict[str, Any]


class ImportFailedError(Exception):
    """The folder is not such a recording; the message names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A recording's parts: the store, the messages in order of arrival, and notes on gaps."""

    store: Store
    store_text: str
    code_key: str
    entries: list[Entry]
    notes: list[str]


def import_autocheckout(folder: Path) -> Imported:
    """Read a folder of the competition. Raises ImportFailedError."""
    planogram, products = _rows(folder / "planogram.json"), _rows(folder / "products.json")
    plates, targets = _rows(folder / "plate_data.json"), _rows(folder / "full_targets.json")
    try:
        bodies = _bodies(targets)
        document, notes = _store(planogram, products, bodies)
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        store = parse_store(text, f"store made of {folder}")
        issuer = CodeIssuer.from_seed(hashlib.sha256(b"made entry codes").digest(), STORE_ID)
        arrivals = [
            *_plate_messages(plates, store),
            *_body_messages(bodies),
            *_gate_messages(bodies, issuer),
        ]
    except (KeyError, TypeError, ValueError, binascii.Error, StoreFileError) as error:
        raise ImportFailedError(
            f"{folder}: not as expected: {type(error).__name__}: {error}"
        ) from error
    arrivals.sort(key=lambda arrival: arrival[0])
    messages = [(received_ns, where, encode(payload)) for received_ns, where, payload in arrivals]
    messages += silence_after(messages[-1][0], store)
    entries = [Entry(number, *message) for number, message in enumerate(messages, 1)]
    return Imported(store, text, issuer.public_pem, entries, notes)


def _rows(path: Path) -> list[Json]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ImportFailedError(f"{path}: cannot be read: {error.strerror}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except json.JSONDecodeError as error:
                raise ImportFailedError(f"{path}, line {number}: not JSON: {error}") from error
    return rows


# -- the store ---------------------------------------------------------------------------------


def _store(
    planogram: list[Json], products: list[Json], bodies: dict[str, list[_Body]]
) -> tuple[Json, list[str]]:
    notes = [f"stock is not in the set: {ASSUMED_UNITS} units per facing are assumed"]
    catalogue = {}
    for row in products:
        meta = row["metadata"]
        gtin = row["product_id"].get("id")
        if gtin is None or not gtin.isdigit() or "weight" not in meta:
            continue
        catalogue[normalise_gtin(gtin)] = {
            "gtin": gtin,
            "name": meta["name"],
            "price_cents": round(100 * meta.get("price", 0)),
            "weight_g": round(meta["weight"], 2),
            "weight_sigma_g": round(max(1.0, 0.01 * meta["weight"]), 2),
        }
    gondolas: dict[int, Json] = {}
    for row in planogram:
        name = row["planogram_product_id"].get("id")
        if name is None:
            continue
        if normalise_gtin(name) not in catalogue:
            notes.append(f"product {name} has no weight: its facing is left out")
            continue
        _add_facing(gondolas, row, name)
    for gondola in gondolas.values():
        shelves = sorted(gondola["shelves"].values(), key=lambda s: s["id"])
        gondola["shelves"] = shelves
        gondola["height_m"] = max(s["z_m"] for s in shelves) + 0.4
        gondola["depth_m"] = max(s["depth_m"] for s in shelves)
        gondola["width_m"] = max(s["plate_count"] * s["plate_width_m"] for s in shelves)
    gates = [
        {
            "id": gate,
            "kind": kind,
            "a_m": [round(x - 0.5, 3), round(y, 3)],
            "b_m": [round(x + 0.5, 3), round(y, 3)],
        }
        for gate, kind, x, y in _gate_places(bodies)
    ]
    xs = [b.x_m for track in bodies.values() for b in track] + [g["x_m"] for g in gondolas.values()]
    ys = [b.y_m for track in bodies.values() for b in track] + [g["y_m"] for g in gondolas.values()]
    if not gates:
        raise ValueError("full_targets.json: no body was seen, so nobody can have entered")
    document = {
        "id": STORE_ID,
        "name": "AutoCheckout recording",
        "currency": "USD",
        "floor": {
            "x_min_m": round(min(xs) - 1.0, 2),
            "y_min_m": round(min(ys) - 1.0, 2),
            "x_max_m": round(max(xs) + 2.0, 2),
            "y_max_m": round(max(ys) + 1.0, 2),
        },
        "gates": gates,
        "gondolas": [gondolas[g] for g in sorted(gondolas)],
        "products": list(catalogue.values()),
    }
    return document, notes


def _add_facing(gondolas: dict[int, Json], row: Json, gtin: str) -> None:
    plates = [plate["plate_index"] for plate in row["plate_ids"]]
    where = row["plate_ids"][0]["shelf_id"]
    number, index = where["gondola_id"]["id"], where["shelf_index"]
    place = row["global_coordinates"]
    at, yaw = place["transform"]["translation"], place["transform"]["rotation"].get("z", 0.0)
    width = place["dim_x"] / len(plates)
    along = (min(plates) - 1) * width
    gondola = gondolas.setdefault(
        number,
        {
            "id": f"g{number}",
            "x_m": round(at.get("x", 0.0) - along * math.cos(yaw), 4),
            "y_m": round(at.get("y", 0.0) - along * math.sin(yaw), 4),
            "yaw_deg": round(math.degrees(yaw), 3),
            "shelves": {},
        },
    )
    shelf = gondola["shelves"].setdefault(
        index,
        {
            "id": f"g{number}s{index}",
            "z_m": round(at.get("z", 0.0), 4),
            "depth_m": round(place["dim_y"], 4),
            "plate_count": 0,
            "plate_width_m": round(width, 4),
            "facings": [],
        },
    )
    shelf["plate_count"] = max(shelf["plate_count"], *plates)
    shelf["facings"].append(
        {"gtin": gtin, "plates": plates, "units": ASSUMED_UNITS, "capacity": ASSUMED_UNITS}
    )


# -- the messages ------------------------------------------------------------------------------

Arrival = tuple[int, str, Payload]


def _plate_messages(rows: list[Json], store: Store) -> Iterator[Arrival]:
    known = {s.id: s.plate_count for g in store.gondolas for s in g.shelves}
    seq: dict[str, int] = defaultdict(int)
    for row in rows:
        document = row["document"]
        values = document["plate_data"]["values"]
        gondola = document["plate_data"]["plate_id"]["shelf_id"]["gondola_id"]["id"]
        samples = np.frombuffer(base64.b64decode(values["data"], validate=True), dtype="<f4")
        batch: NDArray[np.float32] = samples.reshape([int(n) for n in values["shape"]])
        at_ns = _time_ns(document["header"]["t_origin"])
        received_ns = _time_ns(document["header"]["t_issue"])
        period_ns = round(1e9 / document["plate_data"]["freq_samp"])
        for index in range(1, batch.shape[1]):
            shelf = f"g{gondola}s{index}"
            if shelf not in known:
                continue
            grams = batch[:, index, 1 : known[shelf] + 1].astype(float)
            yield (
                received_ns,
                topic(STORE_ID, "weight", shelf),
                WeightBatch(
                    device=shelf,
                    boot=BOOT,
                    seq=seq[shelf],
                    at_ns=at_ns,
                    period_ns=period_ns,
                    grams=[
                        [round(v, 2) if math.isfinite(v) else None for v in sample]
                        for sample in grams.tolist()
                    ],
                ),
            )
            seq[shelf] += 1


@dataclass(frozen=True, slots=True)
class _Body:
    """One person at one instant; wrists by side."""

    at_ns: int
    x_m: float
    y_m: float
    wrists: dict[str, tuple[float, float, float]]


def _bodies(rows: list[Json]) -> dict[str, list[_Body]]:
    found: dict[str, list[_Body]] = defaultdict(list)
    for row in rows:
        document = row["document"]
        at_ns = _time_ns(document["header"]["t_origin"])
        for target in document["targets"].get("targets", []):
            torso = [p for p in (_point(target.get(j)) for j in ("neck", "head")) if p]
            if torso:
                wrists = {
                    side: point
                    for side, joint in (("left", "l_wrist"), ("right", "r_wrist"))
                    if (point := _point(target.get(joint)))
                }
                found[target["target_id"]["id"]].append(
                    _Body(at_ns, torso[0][0], torso[0][1], wrists)
                )
    for track in found.values():
        track.sort(key=lambda body: body.at_ns)
    return dict(found)


def _point(joint: Json | None) -> tuple[float, float, float] | None:
    """A joint in metres; None where the set has none or its marker for none, the origin."""
    point = (joint or {}).get("point") or {}
    x, y, z = (float(point.get(axis, 0.0)) * INCH_M for axis in "xyz")
    return None if x == y == z == 0.0 else (x, y, z)


def _body_messages(bodies: dict[str, list[_Body]]) -> Iterator[Arrival]:
    instants: dict[int, list[tuple[str, _Body]]] = defaultdict(list)
    for target, track in bodies.items():
        for body in track:
            instants[body.at_ns].append((target, body))
    for seq, at_ns in enumerate(sorted(instants)):
        variance = TORSO_SIGMA_M**2
        yield (
            at_ns,
            topic(STORE_ID, "vision", WORKER),
            VisionReport(
                device=WORKER,
                boot=BOOT,
                seq=seq,
                at_ns=at_ns,
                tracks=[
                    TrackReport(
                        tracklet=target,
                        x_m=round(body.x_m, 4),
                        y_m=round(body.y_m, 4),
                        covariance=(variance, 0.0, variance),
                    )
                    for target, body in instants[at_ns]
                ],
                hands=[
                    HandReport(
                        tracklet=target,
                        side="left" if side == "left" else "right",
                        x_m=round(x, 4),
                        y_m=round(y, 4),
                        z_m=round(z, 4),
                        sigma_m=WRIST_SIGMA_M,
                        views=2,
                    )
                    for target, body in instants[at_ns]
                    for side, (x, y, z) in body.wrists.items()
                ],
            ),
        )


def _gate_places(bodies: dict[str, list[_Body]]) -> Iterator[tuple[str, str, float, float]]:
    for number, target in enumerate(sorted(bodies), 1):
        first, last = bodies[target][0], bodies[target][-1]
        yield f"made-in-{number}", "entry", first.x_m, first.y_m
        yield f"made-out-{number}", "exit", last.x_m, last.y_m


def _gate_messages(bodies: dict[str, list[_Body]], issuer: CodeIssuer) -> Iterator[Arrival]:
    for number, target in enumerate(sorted(bodies), 1):
        first_ns, last_ns = bodies[target][0].at_ns, bodies[target][-1].at_ns
        entry, leave = f"made-in-{number}", f"made-out-{number}"
        code = issuer.issue(target, first_ns, nonce=f"made-{number}")
        shown = CodeShown(device=entry, boot=BOOT, seq=0, at_ns=first_ns, code=code)
        passed = BarrierCrossed(device=entry, boot=BOOT, seq=1, at_ns=first_ns + 1, direction="in")
        left = BarrierCrossed(device=leave, boot=BOOT, seq=0, at_ns=last_ns, direction="out")
        for payload in (shown, passed, left):
            yield payload.at_ns, topic(STORE_ID, "gate", payload.device), payload


def _time_ns(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp()) * 1_000_000_000 + (
        round((moment.timestamp() - round(moment.timestamp())) * 1e6) * 1000
    )
