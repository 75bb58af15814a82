"""Plays a scene on a virtual clock: the same seed gives the same bytes, every time.

The encoded messages of the scene go to the decoder, step detection and engine of a live store,
without a socket between (`transport: direct`).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from cart.events import Event
from sensors.codes import CodeIssuer
from sensors.observations import Observation
from sensors.store import Store, StoreFileError, parse_file, parse_store, why_unreadable
from sensors.wire import CodeShown, encode, topic
from service.broker_run import bill_over_broker
from service.eyes import MODEL, WORKER, EmulatedEyes, FrameEyes, Painter
from service.models_registry import digest
from service.pipeline import Pipeline, silence_after
from service.progress import Progress, identify
from service.recording import write_recording
from service.records import TICK, Entry
from service.video_film import Film
from simulator.faults_laid import lay
from simulator.player import CodeShown as CodePicture
from simulator.player import Exposure, Said, ScenePlayer
from simulator.scene import Scene, load_scene
from simulator.scene_script import STAFF_PREFIX
from simulator.score import score
from simulator.truth import Truth
from simulator.world import World, changed, load_world
from vision.codes import read_code

START_NS = 1_767_600_000_000_000_000  # a Monday morning: virtual stores open at 08:00 UTC
VISION_LATENCY_NS = 150_000_000
DATASETS = Path(__file__).resolve().parent.parent / "datasets"
MODELS = Path(__file__).resolve().parent.parent / "models"

Vision = Literal["frames", "emulated"]
Transport = Literal["direct", "broker"]
STRIKES_A_BROKER = ("broker-restart", "engine-kill")


@dataclass(frozen=True, slots=True)
class Staged:
    """A scene with the store and world that it plays in."""

    scene: Scene
    store: Store
    store_text: str
    world: World
    scene_text: str
    world_text: str


@dataclass(frozen=True, slots=True)
class Run:
    """A played scene: what arrived, what came of it, what was true, and how it scored.

    `seconds` is its store time.
    """

    entries: list[Entry]
    events: list[Event]
    truth: Truth
    code_key: str
    score: dict[str, Any]
    seconds: float
    billing_cpu_s: float


def stage(path: Path) -> Staged:
    """Load a scene file and what it names, from beside it or from our datasets.

    Raises StoreFileError naming the file and key at fault.
    """
    scene_text = read_store_text(path)
    named = parse_file(Scene, scene_text, str(path))
    store_path = _find(path, "stores", named.store)
    text = read_store_text(store_path)
    store = parse_store(text, str(store_path))
    if store.devices:
        text = without_devices(text)
        store = parse_store(text, str(store_path))
    world_path = _find(path, "worlds", named.world)
    world = load_world(world_path)
    scene = load_scene(path, store)
    world = changed(world, scene.changes)
    return Staged(scene, store, text, world, scene_text, read_store_text(world_path))


def read_store_text(path: Path) -> str:
    """The text of a store file or scene. Raises StoreFileError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreFileError(f"{path}: cannot be read: {why_unreadable(error)}") from error


def without_devices(text: str) -> str:
    """A store file without its devices of others: a virtual store's shelves speak our own words."""
    content = yaml.safe_load(text)
    gone = {device["id"] for device in content.pop("devices")}
    closing = content.get("policy", {}).get("close_entry", {})
    if "devices" in closing:
        closing["devices"] = [device for device in closing["devices"] if device not in gone]
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


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
        issuer = forger if forged else honest
        staff = shopper.startswith(STAFF_PREFIX)
        return issuer.issue(shopper, at_ns, nonce=f"{seed}-{issued}", staff=staff)

    player = ScenePlayer(staged.store, staged.world, staged.scene, seed, start_ns, issue)
    return player, honest


def read_picture(store: str, shown: CodePicture) -> bytes | None:
    """What the gate's reader makes of a picture: a message, or None where it reads nothing."""
    text = read_code(shown.picture)
    if text is None:
        return None
    return encode(
        CodeShown(
            device=shown.gate,
            boot=shown.boot,
            seq=shown.seq,
            at_ns=shown.at_ns,
            code=text,
            group_size=shown.group_size,
        )
    )


def simulate(
    staged: Staged,
    seed: int,
    vision: Vision = "emulated",
    progress: Callable[[float], None] | None = None,
    *,
    record: Path | None = None,
    video: bool = False,
    listen: Callable[[Observation], None] | None = None,
    transport: Transport = "direct",
    weights: Path = MODEL,
) -> Run:
    """Play a scene and bill it. `progress` is told the seconds of store time played.

    `listen` hears every observation before the engine has it. With `transport` "broker" the
    messages cross a broker to an engine process; so they do in any case where the scene has
    the engine killed or the broker restarted. Frames are seen with `weights`.

    Writes a recording to `record`, with `video` one of every camera beside it: the same scene,
    seed and vision give the same bytes. Raises RecordingError or VideoError where it cannot.
    """
    began_s = time.perf_counter()
    player, issuer = player_of(staged, seed, START_NS)
    film = Film(staged.store, record, video) if record is not None else None
    try:
        arrivals = _play(staged, seed, vision, player, film, progress, weights)
    finally:
        if film is not None:
            film.close()
    arrivals.sort(key=lambda arrival: arrival[0])
    if staged.scene.faults:
        arrivals = list(lay(staged.scene.faults, arrivals, staged.store, START_NS, seed))
    end_ns = arrivals[-1][0] if arrivals else START_NS
    entries = journaled(chain(arrivals, silence_after(end_ns, staged.store)))
    billed_s = time.process_time()
    events = bill(staged.store, issuer.public_pem, entries, listen)
    billing_cpu_s = time.process_time() - billed_s
    if transport == "broker" or any(f.kind in STRIKES_A_BROKER for f in staged.scene.faults):
        transport = "broker"
        events = bill_over_broker(
            staged.store.id, staged.store_text, issuer.public_pem, entries, staged.scene.faults
        )
    seconds = time.perf_counter() - began_s
    played_s = (end_ns - START_NS) / 1e9
    if record is not None and film is not None:
        write_recording(
            record,
            entries,
            staged.store_text,
            issuer.public_pem,
            facts_of(staged, seed, vision, weights),
            truth_bytes(player.truth),
            notes=film.notes,
            scene_text=staged.scene_text,
            world_text=staged.world_text,
        )
    result = score(
        events,
        player.truth,
        staged.store,
        vision=vision,
        transport=transport,
        realtime_factor=played_s / seconds,
    )
    return Run(entries, events, player.truth, issuer.public_pem, result, played_s, billing_cpu_s)


def _play(
    staged: Staged,
    seed: int,
    vision: Vision,
    player: ScenePlayer,
    film: Film | None,
    progress: Callable[[float], None] | None,
    weights: Path,
) -> list[tuple[int, str, bytes]]:
    """What arrives while a scene is played, unsorted: when, on which topic, the message."""
    boot, store = f"run{seed}", staged.store.id
    arrivals: list[tuple[int, str, bytes]] = []
    eyes: FrameEyes | EmulatedEyes
    painter: Painter | None = None
    if vision == "frames":
        eyes = FrameEyes(staged.store, player.true, seed, boot, weights)
    else:
        eyes = EmulatedEyes(staged.store, player.true, seed, boot)
        if film is not None and film.filming:
            painter = Painter(staged.store, player.true, seed)
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
                if film is not None:
                    _film(film, happening, eyes, painter)
                if progress is not None:
                    progress((happening.at_ns - START_NS) / 1e9)
    return arrivals


def _film(
    film: Film, exposure: Exposure, eyes: FrameEyes | EmulatedEyes, painter: Painter | None
) -> None:
    if isinstance(eyes, FrameEyes) and eyes.sight is not None:
        film.take(eyes.painter, eyes.sight)
    elif painter is not None:
        film.take(painter, painter.paint(exposure))
    else:
        film.without_pictures(exposure)


def facts_of(staged: Staged, seed: int, vision: Vision, weights: Path = MODEL) -> dict[str, Any]:
    """What a recording of a run says of it; nothing that differs from one run to the next."""
    others = {"weights": f"{weights.name} {digest(weights)[:16]}"} if weights != MODEL else {}
    return {
        **others,
        "scene": staged.scene.name,
        "seed": seed,
        "vision": vision,
        "transport": "direct",
        "versions": versions(),
    }


@cache
def versions() -> dict[str, str]:
    """The version of this package, and a digest of the weights that it sees with."""
    digest = hashlib.sha256()
    for path in sorted(MODELS.glob("*.onnx")):
        digest.update(path.name.encode() + path.read_bytes())
    return {"openaisle": version("openaisle"), "models": digest.hexdigest()[:16]}


def journaled(arrivals: Iterable[tuple[int, str, bytes]]) -> list[Entry]:
    """What a journal makes of arrivals in their order: numbered, each message once."""
    progress: dict[tuple[str, str], Progress] = {}
    entries: list[Entry] = []
    for received_ns, message_topic, body in arrivals:
        identity = identify(message_topic, body) if message_topic != TICK else None
        if identity is not None:
            settled = progress.setdefault((identity.device, identity.boot), Progress())
            if identity.seq in settled:
                continue
            settled.add(identity.seq)
        entries.append(Entry(len(entries) + 1, received_ns, message_topic, body))
    return entries


def bill(
    store: Store,
    code_key: str,
    entries: Iterable[Entry],
    listen: Callable[[Observation], None] | None = None,
) -> list[Event]:
    """The events that the entries lead to; `listen` hears every observation on the way."""
    pipeline = Pipeline(store, code_key)
    pipeline.listen(listen)
    return [event for entry in entries for event in pipeline.feed(entry)]


def truth_bytes(truth: Truth) -> bytes:
    """The truth as a recording carries it."""
    return msgspec.json.encode(truth, order="deterministic")
