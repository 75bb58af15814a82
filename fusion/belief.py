"""All beams of a store: which visits and facings are weighed together, and what each may hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from fusion.beam import Beam, joined, parted
from fusion.states import Holdings, State, Told


class Belief:
    """Every open visit and every facing with units astray belongs to one beam."""

    def __init__(self) -> None:
        self._of_visit: dict[str, Beam] = {}
        self._of_facing: dict[str, Beam] = {}
        self._of_deed: dict[int, Beam] = {}
        self.dropped = 0.0
        self.most_states = 0

    def begin(self, visit: str) -> None:
        """A visit opens, with nothing in its cart."""
        self._of_visit[visit] = Beam({visit}, set(), [State(0.0, {visit: ()}, {}, {})])

    def end(self, visit: str) -> None:
        """A visit is over; what it left astray is still weighed."""
        beam = self._of_visit.pop(visit)
        for deed in beam.deeds:
            self._of_deed.pop(deed, None)
        beam.forget(visit)
        self._put(beam)

    def carts(self, visit: str) -> list[tuple[float, Holdings]]:
        """What an open visit may hold, with probabilities, likeliest first."""
        return self._of_visit[visit].carts(visit)

    def weights_g(self, in_carts: bool) -> set[float]:
        """What units weighed that are likeliest in carts now, or astray on shelves."""
        beams = self._of_visit.values() if in_carts else self._of_facing.values()
        return {
            one.mark.weight_g
            for beam in {id(beam): beam for beam in beams}.values()
            for held in (beam.states[0].carts if in_carts else beam.states[0].astray).values()
            for one in held
            if one.mark is not None
        }

    def told(self, deed: int) -> list[tuple[float, Told]]:
        """What an open decision may have been, with probabilities, likeliest first."""
        return self._of_deed[deed].told(deed)

    def is_open(self, deed: int) -> bool:
        """Whether a decision may still turn out otherwise."""
        return deed in self._of_deed

    def about(self, visits: Collection[str]) -> set[int]:
        """The open decisions that are weighed together with these visits."""
        return {d for v in visits if v in self._of_visit for d in self._of_visit[v].deeds}

    def states_of(self, visits: Iterable[str], facing: str | None = None) -> Beam:
        """The beam of these visits and of a facing, joined if they had several."""
        beams: list[Beam] = []
        for beam in (*(self._of_visit[v] for v in visits), self._of_facing.get(facing or "")):
            if beam is not None and not any(beam is other for other in beams):
                beams.append(beam)
        one = joined(beams)
        if facing is not None:
            one.facings.add(facing)
        self._index(one)
        return one

    def decide(self, beam: Beam, deed: int, states: Sequence[State]) -> None:
        """Replace the states of a beam by what a decision makes of them."""
        beam.deeds.add(deed)
        beam.replace(states)
        self.most_states = max(self.most_states, len(beam.states))
        self._index(beam)

    def reweigh(self, deed_or_visit: int | str, ratio: Callable[[State], float]) -> set[int]:
        """Multiply each state's weight by exp(`ratio`); the decisions that this may change."""
        beam = (
            self._of_deed[deed_or_visit]
            if isinstance(deed_or_visit, int)
            else self._of_visit[deed_or_visit]
        )

        beam.replace([replace(one, log_weight=one.log_weight + ratio(one)) for one in beam.states])
        return set(beam.deeds)

    def settle(self, deeds: Iterable[int]) -> set[int]:
        """Let beams fall apart where they may; the decisions that nothing can change any more."""
        done: set[int] = set()
        for beam in {id(b): b for d in deeds if (b := self._of_deed.get(d))}.values():
            done |= beam.settled()
            self._put(beam)
        for deed in done:
            self._of_deed.pop(deed, None)
        return done

    def _put(self, beam: Beam) -> None:
        """Index a beam anew, in parts."""
        for facing in beam.facings:
            self._of_facing.pop(facing, None)
        for deed in beam.deeds:
            self._of_deed.pop(deed, None)
        self.dropped = max(self.dropped, beam.dropped)
        for part in parted(beam):
            self._index(part)

    def _index(self, beam: Beam) -> None:
        self._of_visit.update(dict.fromkeys(beam.visits, beam))
        self._of_facing.update(dict.fromkeys(beam.facings, beam))
        self._of_deed.update(dict.fromkeys(beam.deeds, beam))
