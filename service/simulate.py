"""Plays a scene on a virtual clock: the same seed gives the same bytes, every time.

The encoded messages of the scene go to the decoder, step detection and engine of a live store,
without a socket between (`transport: direct`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from cart.events import Event
from sensors.codes import CodeIssuer
from sensors.store import Store, StoreFileError, parse_file, parse_store
from sensors.wire import CodeShown, encode, topic
from service.eyes import WORKER, EmulatedEyes, Eyes, FrameEyes
from service.pipeline import Pipeline, silence_after
from service.records import Entry
from simulator.player import CodeShown as CodePicture
from simulator.player import Exposure, Said, ScenePlayer
from simulator.scene import Scene, load_scene
from simulator.score import score
from simulator.truth import Truth
from simulator.world import World, load_world
from vision.codes import read_code

START_NS = 1_767_600_000_000_000_000  # a Monday morning: virtual stores open at 08:00 UTC
VISION_LATENCY_NS = 150_000_000
DATASETS = Path(__file__).resolve().parent.parent / "datasets"

Vision = Literal["frames", "emulated"]


@dataclass(frozen=True, slots=True)
class Staged:
    """A scene with the store and world that it plays in."""

    scene: Scene
    store: Store
    store_text: str
    world: World


@dataclass(frozen=True, slots=True)
class Run:
    """A played scene: what arrived, what came of it, what was true, and how it scored."""

    entries: list[Entry]
    events: list[Event]
    truth: Truth
    code_key: str
    score: dict[str, Any]


def stage(path: Path) -> Staged:
    """Load a scene file and what it names, from beside it or from our datasets.

    Raises StoreFileError naming the file and key at fault.
    """
    names = _names(path)
    store_path = _find(path, "stores", names[0])
    text = read_store_text(store_path)
    store = parse_store(text, str(store_path))
    world = load_world(_find(path, "worlds", names[1]))
    return Staged(load_scene(path, store), store, text, world)


def read_store_text(path: Path) -> str:
    """The text of a store file or scene. Raises StoreFileError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreFileError(f"{path}: cannot be read: {error}") from error


def _names(path: Path) -> tuple[str, str]:
    scene = parse_file(Scene, read_store_text(path), str(path))
    return scene.store, scene.world


def _find(scene: Path, kind: str, name: str) -> Path:
    places = [scene.parent.parent / kind, scene.parent, DATASETS / kind]
    for place in places:
        if (place / f"{name}.yaml").is_file():
            return place / f"{name}.yaml"
    raise StoreFileError(
        f"{scene}: {kind[:-1]}: no {name}.yaml in {', '.join(str(p) for p in places)}"
    )


def issuers(store: str, seed: int) -> tuple[CodeIssuer, CodeIssuer]:
    """The store's code issuer of a virtual run, and a forger's."""
    seeds = [
        hashlib.sha256(f"{who} {store} {seed}".encode()).digest() for who in ("store", "forger")
    ]
    return CodeIssuer.from_seed(seeds[0], store), CodeIssuer.from_seed(seeds[1], store)


def player_of(staged: Staged, seed: int, start_ns: int) -> tuple[ScenePlayer, CodeIssuer]:
    """A player of the scene whose shoppers hold codes of the returned issuer, or forged ones."""
    honest, forger = issuers(staged.store.id, seed)
    issued = 0

    def issue(shopper: str, at_ns: int, forged: bool) -> str:
        nonlocal issued
        issued += 1
        return (forger if forged else honest).issue(shopper, at_ns, nonce=f"{seed}-{issued}")

    player = ScenePlayer(staged.store, staged.world, staged.scene, seed, start_ns, issue)
    return player, honest


def read_picture(store: str, shown: CodePicture) -> bytes | None:
    """What the gate's reader makes of a picture: a message, or None where it reads nothing."""
    text = read_code(shown.picture)
    if text is None:
        return None
    return encode(
        CodeShown(device=shown.gate, boot=shown.boot, seq=shown.seq, at_ns=shown.at_ns, code=text)
    )


def simulate(
    staged: Staged,
    seed: int,
    vision: Vision = "emulated",
    progress: Callable[[float], None] | None = None,
) -> Run:
    """Play a scene and bill it. `progress` is told the seconds of store time played."""
    began_s = time.perf_counter()
    player, issuer = player_of(staged, seed, START_NS)
    boot = f"run{seed}"
    eyes: Eyes = (
        FrameEyes(staged.store, player.true, seed, boot)
        if vision == "frames"
        else EmulatedEyes(staged.store, seed, boot)
    )
    arrivals: list[tuple[int, str, bytes]] = []
    store = staged.store.id
    for happening in player:
        match happening:
            case Said():
                arrivals.append((happening.received_ns, happening.topic, happening.body))
            case CodePicture():
                body = read_picture(store, happening)
                if body is not None:
                    arrivals.append(
                        (happening.received_ns, topic(store, "gate", happening.gate), body)
                    )
            case Exposure():
                body = encode(eyes.see(happening))
                received_ns = happening.at_ns + VISION_LATENCY_NS
                arrivals.append((received_ns, topic(store, "vision", WORKER), body))
                if progress is not None:
                    progress((happening.at_ns - START_NS) / 1e9)
    arrivals.sort(key=lambda arrival: arrival[0])
    end_ns = arrivals[-1][0]
    arrivals += silence_after(end_ns, staged.store)
    entries = [Entry(n, *arrival) for n, arrival in enumerate(arrivals, 1)]
    events = bill(staged.store, issuer.public_pem, entries)
    seconds = time.perf_counter() - began_s
    result = score(
        events,
        player.truth,
        staged.store,
        vision=vision,
        transport="direct",
        realtime_factor=(end_ns - START_NS) / 1e9 / seconds,
    )
    return Run(entries, events, player.truth, issuer.public_pem, result)


def bill(store: Store, code_key: str, entries: list[Entry]) -> list[Event]:
    """The events that the entries lead to."""
    pipeline = Pipeline(store, code_key)
    return [event for entry in entries for event in pipeline.feed(entry)]


def truth_bytes(truth: Truth) -> bytes:
    """The truth as a recording carries it."""
    return msgspec.json.encode(truth, order="deterministic")
