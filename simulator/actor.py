"""A simulated shopper: somebody who lives through a shopping plan, as a person would."""

from __future__ import annotations

from collections.abc import Iterator

from simulator import own_deeds, placing, social_deeds, taking
from simulator.carrier import Carrier
from simulator.tasks import (
    Beside,
    Browse,
    Drop,
    Dwell,
    Eat,
    Give,
    Hold,
    Lean,
    Leave,
    Meet,
    Phone,
    Pick,
    PickTogether,
    PutBack,
    Restock,
    SetDown,
    Slide,
    Sweep,
    Task,
    Touch,
    TurnAway,
    Walk,
)


class Actor(Carrier):
    """A shopper on the stage; `done` when they have gone for good."""

    _life: Iterator[None] | None = None

    def step(self) -> None:
        """Live through STEP_S."""
        if self._life is None:
            self._life = self._live()
        before = self.walker.at if self.walker is not None else None
        try:
            next(self._life)
        except StopIteration:
            self.done = True
        if self.walker is not None:
            self.hands.stow()
            if before is not None:
                self.cross_gates(before)
        if self.done:
            self.end_outing()

    def _live(self) -> Iterator[None]:
        while self.stage.now_ns < self._enters_ns:
            yield
        if not (yield from self.come_in()):
            return
        for task in self.plan.tasks:
            while self.offers:
                yield from social_deeds.accept(self, self.offers[0])
            if isinstance(task, Leave):
                yield from self.go_out()
                self.end_outing()
                yield from self.wait(task.for_s)
                yield from self.come_in()
            else:
                yield from self._do(task)
        yield from social_deeds.await_gifts(self)
        yield from self.go_out()

    def _do(self, task: Task) -> Iterator[None]:
        match task:
            case Walk():
                return own_deeds.go(self, task)
            case Dwell():
                return social_deeds.wait_about(self, task.seconds)
            case Pick():
                return taking.pick(self, task)
            case PickTogether():
                return taking.pick_together(self, task)
            case Sweep():
                return taking.sweep(self, task)
            case Slide():
                return taking.slide(self, task)
            case PutBack():
                return placing.put_back(self, task)
            case Restock():
                return placing.restock(self, task)
            case Touch():
                return placing.touch(self, task)
            case Browse():
                return placing.browse(self, task)
            case Hold():
                return placing.hold(self, task)
            case Lean():
                return placing.lean(self, task)
            case SetDown():
                return placing.set_down(self, task)
            case Give():
                return social_deeds.give(self, task)
            case Meet():
                return social_deeds.meet(self, task)
            case Beside():
                return social_deeds.stand_beside(self, task)
            case Drop():
                return own_deeds.drop(self, task)
            case Eat():
                return own_deeds.eat(self, task)
            case Phone():
                return own_deeds.look_at_phone(self, task)
            case TurnAway():
                return own_deeds.turn_away(self, task)
            case Leave():
                raise AssertionError("leaving is for _live")
