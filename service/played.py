"""A recorded run of the simulator, played again: the same people, without the pictures."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from sensors.store import parse_file
from service.recording import Recording, RecordingError
from service.simulate import START_NS, Staged, player_of, stage, versions
from simulator.player import ScenePlayer
from simulator.scene import Scene


def played_of(recording: Recording) -> tuple[Staged, ScenePlayer]:
    """The scene of a recording and a player of it.

    Raises RecordingError where it was not played from frames with the weights of today, for then
    it says nothing of how they see.
    """
    facts, seed = recording.facts, recording.facts.get("seed")
    if recording.scene_text is None or recording.world_text is None or not isinstance(seed, int):
        raise RecordingError(f"{recording.path}: not a run of the simulator, or its scene is gone")
    if facts.get("vision") != "frames":
        raise RecordingError(f"{recording.path}: seen with {facts.get('vision')}, expected frames")
    if facts.get("versions") != versions():
        raise RecordingError(
            f"{recording.path}: seen with other weights or by another version "
            f"({facts.get('versions')}), expected {versions()}; record it again"
        )
    staged = _staged(recording, recording.scene_text, recording.world_text)
    player, _ = player_of(staged, seed, START_NS)
    return staged, player


def _staged(recording: Recording, scene_text: str, world_text: str) -> Staged:
    named = parse_file(Scene, scene_text, f"{recording.path}: scene.yaml")
    with TemporaryDirectory(prefix="openaisle-") as folder:
        for kind, name, text in (
            ("scenes", named.name, scene_text),
            ("stores", named.store, recording.store_text),
            ("worlds", named.world, world_text),
        ):
            file = Path(folder) / kind / f"{name}.yaml"
            file.parent.mkdir()
            file.write_text(text, encoding="utf-8")
        return stage(Path(folder) / "scenes" / f"{named.name}.yaml")
