"""Scenes played once and decided many times: the observations of a run, kept for many engines.

Playing a scene costs many times what deciding it does, so a measurement that tries one engine
after the other records what the first one heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog

from cart.events import Event
from cart.profile import Profiles
from fusion.engine import Engine
from fusion.switches import EVERYTHING, Switches
from sensors.observations import Observation
from sensors.store import Store
from service.jobs import one_thread_each
from service.simulate import STRIKES_A_BROKER, Staged, simulate
from service.worker_pool import worker_pool
from simulator.truth import Truth

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Heard:
    """One run of a scene: what the engine heard, in its order, and what was true."""

    store: Store
    truth: Truth
    observations: list[Observation]


def hear(staged: Staged, seed: int) -> Heard:
    """Play a scene with emulated vision and keep what its engine heard.

    Faults that strike the broker or the engine are left out: they change no observation.
    """
    faults = [one for one in staged.scene.faults if one.kind not in STRIKES_A_BROKER]
    scene = staged.scene.model_copy(update={"faults": faults})
    observations: list[Observation] = []
    run = simulate(replace(staged, scene=scene), seed, listen=observations.append)
    return Heard(staged.store, run.truth, observations)


def decide(
    heard: Heard, used: Switches = EVERYTHING, profiles: Profiles | None = None
) -> list[Event]:
    """The events of a fresh engine that hears the run; codes that a gate refused are not told."""
    engine = Engine(heard.store, profiles, used)
    return [event for one in heard.observations for event in engine.step(one)]


def over_processes(
    answer: Callable[[Asked], Answer], asked: Sequence[Asked], workers: int
) -> Iterator[Answer]:
    """`answer` of each, in their order, on `workers` processes; one worker is this process."""
    if workers == 1 or len(asked) < 2:
        yield from map(answer, asked)
        return
    with one_thread_each(), worker_pool(min(workers, len(asked)), _quiet) as pool:
        yield from pool.map(answer, asked)


def _quiet() -> None:
    """Warnings of many runs at once would only garble the progress."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
