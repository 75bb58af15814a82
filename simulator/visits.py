"""The true visits of a played scene: who was inside, what left with them, and who owes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from simulator.carrier import Carrier
from simulator.guest import Outing
from simulator.truth import TrueVisit


def true_visits(people: Iterable[Carrier]) -> list[TrueVisit]:
    """One visit per outing; a group's is that of whose code it came in on, and ends with its last.

    Ordered by when they began.
    """
    visits = []
    for person in people:
        if person.leader is not None:
            continue
        outings = [[outing] for outing in person.outings]
        if outings:
            outings[0] += [o for m in person.party if isinstance(m, Carrier) for o in m.outings]
        visits += [_visit(person, together) for together in outings]
    return sorted(visits, key=lambda visit: (visit.entered_ns, visit.shopper))


def _visit(person: Carrier, outings: Sequence[Outing]) -> TrueVisit:
    carried = Counter(gtin for outing in outings for gtin in outing.carried)
    used_up = Counter(gtin for outing in outings for gtin in outing.used_up)
    kind: Literal["shopper", "staff", "uninvited"] = "shopper"
    if person.plan.code == "staff":
        kind = "staff"
    elif person.plan.code in ("none", "forged"):
        kind = "uninvited"
    return TrueVisit(
        shopper=person.name,
        entered_ns=min(outing.entered_ns for outing in outings),
        left_ns=max(outing.left_ns for outing in outings),
        lines=sorted((carried + used_up).items()) if kind == "shopper" else [],
        kind=kind,
        members=[member.name for member in person.party],
        carried=sorted(carried.items()),
    )
