"""The people of a scene, made from their plans: their looks, and who comes in with whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from simulator.actor import Actor
from simulator.figure import Figure
from simulator.shopping import Plan
from simulator.stage import Stage


def gather(
    plans: Sequence[Plan],
    stage: Stage,
    start_ns: int,
    generator: Callable[[str], np.random.Generator],
) -> list[Actor]:
    """Everybody, in the order of their plans, on the stage; `generator` gives each their own."""
    by_name = {plan.name: plan for plan in plans}
    generators = {plan.name: generator(plan.name) for plan in plans}
    figures: dict[str, Figure] = {}

    def figure(name: str) -> Figure:
        if name not in figures:
            looks = by_name[name].looks
            like = looks.same_as if looks.same_as in by_name else None
            figures[name] = Figure.looking(
                generators[name],
                height_m=looks.height_m,
                girth=looks.girth,
                child=looks.child,
                clothes_of=None if like is None else figure(like),
                backpack=looks.backpack,
                bag=looks.bag,
                coat=looks.coat,
            )
        return figures[name]

    for plan in plans:
        figure(plan.name)
    actors = [Actor(p, figures[p.name], stage, start_ns, generators[p.name]) for p in plans]
    stage.cast.update((actor.plan.name, actor) for actor in actors)
    stage.people.extend(actors)
    for actor in actors:
        if actor.plan.leader is not None:
            actor.leader = stage.cast[actor.plan.leader]
            actor.leader.party.append(actor)
        if actor.plan.looks.phone:
            actor.phone = "left" if actor.right_handed else "right"
    return actors
