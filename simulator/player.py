"""Plays a scene: what its sensors say, in the order in which it arrives, on a virtual clock.

Nothing of the truth or of the world gets into a message; `ScenePlayer.truth` is for scoring.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensors.store import Store
from sensors.wire import BarrierCrossed, TagReads, WeightBatch, encode, topic
from simulator.codes import hold_code
from simulator.company import gather
from simulator.faults import cameras_out
from simulator.figure import Figure, Stance
from simulator.plates import BATCH_NS, PERIOD_NS, SAMPLES, Plates
from simulator.rfid import Bearer, Rfid
from simulator.routes import Floorplan
from simulator.scene import Scene
from simulator.shelves import Shelves
from simulator.shopping import draw_plans
from simulator.stage import Crossing, Showing, Stage
from simulator.truth import Truth
from simulator.visitor import STEP_NS
from simulator.visits import true_visits
from simulator.world import TrueStore, World, realise, stream

IssueCode = Callable[[str, int, bool], str]

_BATCH_STEPS = BATCH_NS // STEP_NS
_HOLD_NS = 3 * BATCH_NS  # a message is made at most this long after it arrives
_QUIET_NS = 4_000_000_000  # played after the last shopper has gone
_LONGEST_NS = 3_600_000_000_000  # from the last entry on; whoever is still there is stuck
_DEFAULT_FPS = 10.0
_PATH_STEPS = 500_000_000 // STEP_NS


@dataclass(frozen=True, slots=True)
class Said:
    """A device's message as it arrives at the bus."""

    received_ns: int
    topic: str
    body: bytes


@dataclass(frozen=True, slots=True, eq=False)
class CodeShown:
    """The picture of a code before a gate's reader; `at_ns` is by the gate's clock.

    `group_size` is how many persons the shopper tells the gate come in on it.
    Whoever reads it publishes `sensors.wire.CodeShown` as device `gate` with `boot` and `seq`.
    """

    at_ns: int
    received_ns: int
    gate: str
    boot: str
    seq: int
    picture: NDArray[np.uint8]
    group_size: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """What cameras see at `at_ns`, true time: people by id, and units on each facing.

    Cameras that are `out` see nothing.
    """

    at_ns: int
    people: tuple[tuple[str, Figure, Stance], ...]
    units: dict[str, int]
    out: frozenset[str] = frozenset()


Happening = Said | CodeShown | Exposure


class SceneStuck(Exception):
    """A scene does not end; the message names the shoppers who are still there."""


class ScenePlayer:
    """Plays one scene from `start_ns`; iterate once, then read `truth`.

    `issue_code(shopper, at_ns, forged)` gives the text of an entry code; staff are called
    `staff-<name>`. Happenings come ordered by `received_ns`, exposures by their `at_ns`. Iterating
    raises SceneStuck where somebody has not left an hour after the last entry.
    """

    def __init__(
        self,
        store: Store,
        world: World,
        scene: Scene,
        seed: int,
        start_ns: int,
        issue_code: IssueCode,
    ) -> None:
        self.store = store
        self.scene = scene
        self.seed = seed
        self.true: TrueStore = realise(store, world, seed)
        self._start_ns = start_ns
        self._issue_code = issue_code
        self._rng = stream(world.seed, seed, scene.name, "arrivals of messages")
        self._rfid_rng = stream(world.seed, seed, scene.name, "arrivals of tag reads")
        self._rfid = Rfid(store, self.true, seed, start_ns, scene.name)
        self._boot = f"sim{int(stream(world.seed, seed, scene.name, 'boot').integers(2**40)):010x}"
        shelves = Shelves(store, self.true, stream(world.seed, seed, "units"))
        plates = Plates(store, self.true, shelves.weights(), seed)
        self._stage = Stage(start_ns, Floorplan(store), shelves, plates)
        plans = draw_plans(store, self.true, scene, seed)
        self._actors = gather(
            plans, self._stage, start_ns, lambda name: stream(world.seed, seed, "person", name)
        )
        last_s = max(plan.enters_s + plan.outside_s for plan in plans)
        self._last_entry_ns = start_ns + int(last_s * 1e9)
        self._seq = {device: itertools.count() for device in self.true.clock_offset_ns}
        self._queue: list[tuple[int, int, Happening]] = []
        self._made = itertools.count()
        self._truth: Truth | None = None
        self._stock_before = shelves.contents()
        self._paths: dict[str, list[tuple[int, float, float]]] = {}

    @property
    def truth(self) -> Truth:
        """What truly happened. Raises RuntimeError before the scene has ended."""
        if self._truth is None:
            raise RuntimeError("the scene has not been played to its end")
        return self._truth

    def __iter__(self) -> Iterator[Happening]:
        fps = max((camera.fps for camera in self.store.cameras), default=_DEFAULT_FPS)
        exposed_every = max(1, round(1e9 / STEP_NS / fps))
        gone_ns: int | None = None
        for step in itertools.count():
            now_ns = self._start_ns + step * STEP_NS
            if step % _PATH_STEPS == 0:
                self._note_places(now_ns)
            if step % exposed_every == 0:
                self._arrive(now_ns, self._exposure(now_ns))
            if step % _BATCH_STEPS == 0 and step >= 2 * _BATCH_STEPS:
                self._weigh(now_ns - 2 * BATCH_NS)
                self._read_tags(now_ns - BATCH_NS, now_ns)
            if gone_ns is not None and now_ns > gone_ns + _QUIET_NS:
                break
            if now_ns > self._last_entry_ns + _LONGEST_NS:
                stuck = ", ".join(actor.name for actor in self._actors if not actor.done)
                raise SceneStuck(f"scene {self.scene.name}: still in the store: {stuck}")
            self._live(now_ns)
            if gone_ns is None and all(actor.done for actor in self._actors):
                gone_ns = now_ns
            while self._queue and self._queue[0][0] <= now_ns - _HOLD_NS:
                yield heapq.heappop(self._queue)[2]
        while self._queue:
            yield heapq.heappop(self._queue)[2]
        self._truth = self._conclude()

    def _live(self, now_ns: int) -> None:
        """Let everybody live from `now_ns` to the next step; gates notice."""
        stage = self._stage
        stage.now_ns = now_ns
        for actor in self._actors:
            if not actor.done:
                actor.step()
        for showing in stage.showings:
            self._show(showing)
        for crossing in stage.crossings:
            self._cross(crossing)
        stage.showings.clear()
        stage.crossings.clear()

    def _note_places(self, at_ns: int) -> None:
        for actor in self._actors:
            if actor.walker is not None:
                place = (at_ns, round(actor.walker.x, 3), round(actor.walker.y, 3))
                self._paths.setdefault(actor.name, []).append(place)

    def _exposure(self, at_ns: int) -> Exposure:
        people = tuple((a.name, a.figure, a.stance()) for a in self._actors if a.walker is not None)
        at_s = (at_ns - self._start_ns) / 1e9
        out = cameras_out(self.scene.faults, self.true.cameras, at_s)
        return Exposure(at_ns, people, self._stage.shelves.units(), out)

    def _weigh(self, begin_ns: int) -> None:
        last_ns = (SAMPLES - 1) * PERIOD_NS
        for shelf, (at_ns, grams) in self._stage.plates.batch(begin_ns).items():
            batch = WeightBatch(
                device=shelf,
                boot=self._boot,
                seq=next(self._seq[shelf]),
                at_ns=at_ns + self.true.clock_offset_ns[shelf],
                period_ns=PERIOD_NS,
                grams=grams.tolist(),
            )
            arrives_ns = at_ns + last_ns + self._latency_ns(self.true.world.latency.shelf_ms)
            self._say(arrives_ns, "weight", shelf, encode(batch))

    def _read_tags(self, begin_ns: int, end_ns: int) -> None:
        bearers = [Bearer(*a.walker.at, a.cart) for a in self._actors if a.walker is not None]
        found = self._rfid.reads(begin_ns, end_ns, self._stage.shelves, bearers)
        for antenna, reads in found.items():
            message = TagReads(
                device=antenna,
                boot=self._boot,
                seq=next(self._seq[antenna]),
                at_ns=begin_ns + self.true.clock_offset_ns[antenna],
                span_ns=end_ns - begin_ns,
                reads=reads,
            )
            latency_ms = self._rfid_rng.uniform(*self.true.world.latency.rfid_ms)
            self._say(end_ns + int(latency_ms * 1e6), "rfid", antenna, encode(message))

    def _cross(self, crossing: Crossing) -> None:
        message = BarrierCrossed(
            device=crossing.gate,
            boot=self._boot,
            seq=next(self._seq[crossing.gate]),
            at_ns=crossing.at_ns + self.true.clock_offset_ns[crossing.gate],
            direction=crossing.direction,
        )
        arrives_ns = crossing.at_ns + self._latency_ns(self.true.world.latency.gate_ms)
        self._say(arrives_ns, "gate", crossing.gate, encode(message))

    def _show(self, showing: Showing) -> None:
        text = self._issue_code(showing.shopper, showing.at_ns, showing.forged)
        arrives_ns = showing.at_ns + self._latency_ns(self.true.world.latency.gate_ms)
        shown = CodeShown(
            at_ns=showing.at_ns + self.true.clock_offset_ns[showing.gate],
            received_ns=arrives_ns,
            gate=showing.gate,
            boot=self._boot,
            seq=next(self._seq[showing.gate]),
            picture=hold_code(text, self._rng),
            group_size=showing.group_size,
        )
        self._arrive(arrives_ns, shown)

    def _say(self, received_ns: int, kind: str, device: str, body: bytes) -> None:
        self._arrive(received_ns, Said(received_ns, topic(self.store.id, kind, device), body))

    def _arrive(self, at_ns: int, happening: Happening) -> None:
        heapq.heappush(self._queue, (at_ns, next(self._made), happening))

    def _latency_ns(self, range_ms: tuple[float, float]) -> int:
        return int(self._rng.uniform(*range_ms) * 1e6)

    def _conclude(self) -> Truth:
        return Truth(
            scene=self.scene.name,
            seed=self.seed,
            visits=true_visits(self._actors),
            moves=sorted(self._stage.moves, key=lambda move: (move.at_ns, move.shopper)),
            stock=self._stage.shelves.contents(),
            stock_before=self._stock_before,
            paths=self._paths,
        )
