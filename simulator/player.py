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
from sensors.wire import BarrierCrossed, WeightBatch, encode, topic
from simulator.actor import Actor
from simulator.codes import hold_code
from simulator.figure import Figure, Stance
from simulator.plates import BATCH_NS, PERIOD_NS, SAMPLES, Plates
from simulator.routes import Floorplan
from simulator.scene import Scene
from simulator.shelves import Shelves
from simulator.shopping import draw_plans
from simulator.stage import Crossing, Showing, Stage
from simulator.truth import TrueVisit, Truth
from simulator.visitor import STEP_NS
from simulator.world import TrueStore, World, realise, stream

IssueCode = Callable[[str, int, bool], str]

_BATCH_STEPS = BATCH_NS // STEP_NS
_HOLD_NS = 3 * BATCH_NS  # a message is made at most this long after it arrives
_QUIET_NS = 4_000_000_000  # played after the last shopper has gone
_LONGEST_NS = 3_600_000_000_000  # from the last entry on; whoever is still there is stuck
_DEFAULT_FPS = 10.0


@dataclass(frozen=True, slots=True)
class Said:
    """A device's message as it arrives at the bus."""

    received_ns: int
    topic: str
    body: bytes


@dataclass(frozen=True, slots=True, eq=False)
class CodeShown:
    """The picture of a code before a gate's reader; `at_ns` is by the gate's clock.

    Whoever reads it publishes `sensors.wire.CodeShown` as device `gate` with `boot` and `seq`.
    """

    at_ns: int
    received_ns: int
    gate: str
    boot: str
    seq: int
    picture: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """What cameras see at `at_ns`, true time: people by id, and units on each facing."""

    at_ns: int
    people: tuple[tuple[str, Figure, Stance], ...]
    units: dict[str, int]


Happening = Said | CodeShown | Exposure


class SceneStuck(Exception):
    """A scene does not end; the message names the shoppers who are still there."""


class ScenePlayer:
    """Plays one scene from `start_ns`; iterate once, then read `truth`.

    `issue_code(shopper, at_ns, forged)` gives the text of an entry code. Happenings come ordered
    by `received_ns`, exposures by their `at_ns`. Iterating raises SceneStuck where somebody has
    not left an hour after the last entry.
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
        self._boot = f"sim{int(stream(world.seed, seed, scene.name, 'boot').integers(2**40)):010x}"
        shelves = Shelves(store, self.true, stream(world.seed, seed, "units"))
        plates = Plates(store, self.true, shelves.weights(), seed)
        self._stage = Stage(start_ns, Floorplan(store), shelves, plates)
        plans = draw_plans(store, self.true, scene, seed)
        self._actors = [
            Actor(plan, self._stage, start_ns, stream(world.seed, seed, "person", plan.name))
            for plan in plans
        ]
        self._last_entry_ns = start_ns + max(int(plan.enters_s * 1e9) for plan in plans)
        self._stage.people.extend(self._actors)
        self._seq = {device: itertools.count() for device in self.true.clock_offset_ns}
        self._queue: list[tuple[int, int, Happening]] = []
        self._made = itertools.count()
        self._truth: Truth | None = None

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
            if step % exposed_every == 0:
                self._arrive(now_ns, self._exposure(now_ns))
            if step % _BATCH_STEPS == 0 and step >= 2 * _BATCH_STEPS:
                self._weigh(now_ns - 2 * BATCH_NS)
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

    def _exposure(self, at_ns: int) -> Exposure:
        people = tuple((a.name, a.figure, a.stance()) for a in self._actors if a.walker is not None)
        return Exposure(at_ns, people, self._stage.shelves.units())

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
        )
        self._arrive(arrives_ns, shown)

    def _say(self, received_ns: int, kind: str, device: str, body: bytes) -> None:
        self._arrive(received_ns, Said(received_ns, topic(self.store.id, kind, device), body))

    def _arrive(self, at_ns: int, happening: Happening) -> None:
        heapq.heappush(self._queue, (at_ns, next(self._made), happening))

    def _latency_ns(self, range_ms: tuple[float, float]) -> int:
        return int(self._rng.uniform(*range_ms) * 1e6)

    def _conclude(self) -> Truth:
        visits = []
        for actor in self._actors:
            if actor.entered_ns is None or actor.left_ns is None:
                continue
            lines: dict[str, int] = {}
            for unit in actor.cart:
                lines[unit.gtin] = lines.get(unit.gtin, 0) + 1
            visits.append(
                TrueVisit(
                    shopper=actor.name,
                    entered_ns=actor.entered_ns,
                    left_ns=actor.left_ns,
                    lines=sorted(lines.items()),
                )
            )
        return Truth(
            scene=self.scene.name,
            seed=self.seed,
            visits=sorted(visits, key=lambda visit: (visit.entered_ns, visit.shopper)),
            moves=sorted(self._stage.moves, key=lambda move: (move.at_ns, move.shopper)),
            stock=self._stage.shelves.contents(),
        )
