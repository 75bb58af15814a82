"""What history and trust change: recordings billed with them and without, and compared by visit.

Shoppers are remembered from one recording to the next, as a store remembers them from day to day;
nobody is named, only by a pseudonym of the store's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Literal

from cart.events import Entered, Event, Exited, ProfileUsed, ReviewClosed, ReviewRequested
from cart.profile import Profiles
from sensors.observations import ReviewDecided
from sensors.store import Store, parse_store
from service.cli_common import truth_of
from service.pipeline import Pipeline
from service.recording import Recording
from service.records import Entry
from simulator.truth import Truth

WITHOUT = {"use_history": False, "use_trust": False, "conceal_prior": False}
VARIANTS = {
    "history": {"use_history": True},
    "trust": {"use_trust": True},
    "concealment": {"use_trust": True, "conceal_prior": True},
}
LABELER = "labeler"
Lines = tuple[tuple[str, int], ...]
Verdict = Literal["better", "worse", "same", "unknown"]


@dataclass(frozen=True, slots=True)
class Day:
    """One recording, opened: what arrived, and what was true, if it says so."""

    name: str
    store: Store
    code_key: str
    entries: list[Entry]
    truth: Truth | None

    @classmethod
    def open(cls, path: Path) -> Day:
        """Raises RecordingError and StoreFileError."""
        found = Recording.open(path)
        store = parse_store(found.store_text, f"{path}: store")
        return cls(path.name, store, found.code_key, list(found.entries()), truth_of(found))


@dataclass(slots=True)
class Outcome:
    """What became of a visit: its final bill, whether it was held for a look, and what was used of
    its shopper's profile. `true` is what it owes, None where nobody says."""

    shopper: str
    true: Lines | None = None
    lines: Lines = ()
    held: bool = False
    used: list[ProfileUsed] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Change:
    """A visit whose outcome is another: by how much more is billed, and whether that is right."""

    recording: str
    visit: str
    shopper: str
    before: Lines
    after: Lines
    held_before: bool
    held_after: bool
    more_cents: int
    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """What one variant changed over `visits`; `uses` counts what it logged."""

    variant: str
    visits: int
    uses: int
    changes: tuple[Change, ...]


def audit(days: Sequence[Day], *, labeler: bool = False) -> list[Effect]:
    """Bill the recordings in their order without history and trust, then with each variant.

    With `labeler`, each review of a recording that holds the truth is answered by it at once.
    """
    plain = _billed(days, WITHOUT, labeler)
    effects = []
    for variant, policy in VARIANTS.items():
        found = _billed(days, {**WITHOUT, **policy}, labeler)
        changes = [
            _change(day, visit, before, after)
            for day, was, now in zip(days, plain, found, strict=True)
            for visit, (before, after) in _both(was, now).items()
            if (before.lines, before.held) != (after.lines, after.held)
        ]
        uses = sum(len(one.used) for outcomes in found for one in outcomes.values())
        visits = sum(len(outcomes) for outcomes in found)
        effects.append(Effect(variant, visits, uses, tuple(changes)))
    return effects


def pseudonym(store: str, shopper: str) -> str:
    """A name that tells a shopper from others of one store, and does not say who it is."""
    return blake2b(shopper.encode(), key=store.encode()[:64], digest_size=4).hexdigest()


def _billed(
    days: Sequence[Day], policy: Mapping[str, bool], labeler: bool
) -> list[dict[str, Outcome]]:
    profiles = Profiles()
    found = []
    for day in days:
        profiles.begin_day()
        decided = day.store.policy.model_copy(update=dict(policy))
        store = day.store.model_copy(update={"policy": decided})
        pipeline = Pipeline(store, day.code_key, profiles)
        watch = _Watch(day.truth)
        for entry in day.entries:
            for verdict in watch.see(pipeline.feed(entry)):
                if labeler:
                    watch.see(pipeline.engine.step(verdict))
        found.append(watch.outcomes)
    return found


class _Watch:
    """Follows the visits of one day. The n-th visit of a shopper is the n-th that is true."""

    def __init__(self, truth: Truth | None) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._truth: dict[str, list[Lines]] = defaultdict(list)
        for visit in truth.visits if truth is not None else ():
            self._truth[visit.shopper].append(tuple(sorted(visit.lines)))

    def see(self, events: Iterable[Event]) -> list[ReviewDecided]:
        """Take events into account; the verdicts that the truth gives on what they ask."""
        verdicts = []
        for event in events:
            match event:
                case Entered():
                    waiting = self._truth[event.shopper]
                    true = waiting.pop(0) if waiting else None
                    self.outcomes[event.visit] = Outcome(event.shopper, true)
                case ProfileUsed():
                    self.outcomes[event.visit].used.append(event)
                case ReviewRequested():
                    true = self.outcomes[event.visit].true
                    if true is not None:
                        verdicts.append(
                            ReviewDecided(
                                at_ns=event.decided_ns,
                                review=event.review,
                                lines=true,
                                actor=LABELER,
                            )
                        )
                case Exited():
                    self.outcomes[event.visit].lines = tuple(sorted(event.lines))
                    self.outcomes[event.visit].held = event.review is not None
                case ReviewClosed():
                    self.outcomes[event.visit].lines = tuple(sorted(event.lines))
                case _:
                    pass
        return verdicts


def _both(
    was: Mapping[str, Outcome], now: Mapping[str, Outcome]
) -> dict[str, tuple[Outcome, Outcome]]:
    return {visit: (was[visit], now[visit]) for visit in was if visit in now}


def _change(day: Day, visit: str, before: Outcome, after: Outcome) -> Change:
    prices = {product.gtin: product.price_cents for product in day.store.products}
    more = [sum(prices[g] * n for g, n in one.lines) for one in (before, after)]
    return Change(
        recording=day.name,
        visit=visit,
        shopper=pseudonym(day.store.id, after.shopper),
        before=before.lines,
        after=after.lines,
        held_before=before.held,
        held_after=after.held,
        more_cents=more[1] - more[0],
        verdict=_verdict(before, after, prices),
        reasons=tuple(dict.fromkeys(one.reason for one in after.used)),
    )


def _verdict(before: Outcome, after: Outcome, prices: Mapping[str, int]) -> Verdict:
    """Whether a bill came nearer to the truth, in money charged too much or too little."""
    if after.true is None:
        return "unknown"
    was, now = (_wrong_cents(one.lines, after.true, prices) for one in (before, after))
    return "better" if now < was else "worse" if now > was else "same"


def _wrong_cents(lines: Lines, true: Lines, prices: Mapping[str, int]) -> int:
    billed, owed = Counter(dict(lines)), Counter(dict(true))
    wrong = (billed - owed) + (owed - billed)
    return sum(prices.get(gtin, 0) * n for gtin, n in wrong.items())
