"""Says in one sentence why a line stands on a bill: a pure function of what the sensors said.

The likeliest hypothesis is told with what the plates measured and with whose hand was near; of the
other sensors, the one that speaks most for it against the second likeliest, and the one that speaks
most against it. Terms are log-likelihoods, so a difference of `TELLS` nats makes one hypothesis
e times as likely as the other. Where the likeliest stays below `SURE_FROM`, the sentence says in
place of the latter what else it may have been, and what speaks for that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cart.events import Evidence

SURE_FROM = 0.9
TELLS = 1.0  # nats
TELLS_CLEARLY = 3.0
POSSIBLE_FROM = 0.02  # of a rival: less is no doubt worth a word
_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

FOR = {
    "weight": "it weighs so",
    "place": "it came from where {what} stands",
    "spot": "it came from the very spot where it had been put down",
    "astray": "it had been put down there before",
    "content": "what was taken from there before says so too",
    "cut": "together with the change just before it weighs so",
    "sight": "a camera saw it in {whose} hand",
    "stock": "the shelf still held enough of it",
    "history": "{subject} had bought it before",
    "popular": "it is bought more often in this store",
    "tags": "the tags read at the exit agree",
    "pace": "other hands were busy at another place just then",
    "cart": "goods were being brought to the shelf",
    "prior": "it is what belongs on that shelf",
    "number": "so many are more usual",
    "who": "people seldom come in without a code",
}
AGAINST = {
    "weight": "{rival} would fit the weight better",
    "place": "it came from beside where {what} stands",
    "spot": "it came from a spot where something else had been put down",
    "astray": "{rival} had its place there",
    "content": "what was taken from there before speaks for {rival}",
    "cut": "the change just before it may have been something else",
    "sight": "what a camera saw looked more like {rival}",
    "stock": "the shelf should have held fewer",
    "history": "earlier purchases speak for {rival}",
    "popular": "{rival} is bought more often in this store",
    "tags": "the tags read at the exit speak for {rival}",
    "pace": "{whose} hands were busy at another place just then",
    "cart": "{rival} would need no delivery",
    "prior": "{rival} would be more usual",
    "who": "somebody whom the store does not know may have been there",
}
RIVAL_FOR = {
    "weight": "fits the weight better",
    "place": "stands nearer to that place",
    "spot": "had been put down at that very spot",
    "astray": "has its place there",
    "content": "fits what was taken from there before better",
    "cut": "fits this change and the one just before it together",
    "sight": "looks more like what a camera saw",
    "stock": "was there in the right number",
    "history": "fits earlier purchases better",
    "popular": "is bought more often in this store",
    "tags": "fits the tags read at the exit better",
    "pace": "leaves time to get from one place to the other",
    "cart": "needs no delivery",
    "prior": "is more usual",
    "who": "fits who was inside better",
    "hand": "fits the hands that were near better",
}


def explanation(
    evidence: Sequence[Evidence], names: Mapping[str, str], reader: str | None = None
) -> str:
    """Why a change of a shelf's weight is what it was told to be, in one sentence.

    `evidence` are an event's hypotheses, likeliest first; `names` those of products by GTIN;
    `reader` the visit to whom "you" is said. Empty where nothing is known.
    """
    if not evidence:
        return ""
    best = evidence[0]
    rivals = [one for one in evidence[1:] if _said(one) != _said(best)]
    rival = rivals[0] if rivals else None
    clauses = [_changed(best, names)]
    if best.units:
        clauses.append(_hand(best, rivals, reader))
    if rival is not None:
        doubt = best.posterior < SURE_FROM and rival.posterior >= POSSIBLE_FROM
        clauses += _reasons(best, rival, names, reader, against=not doubt)
        if doubt:
            clauses.append(_doubt(best, rival, names, reader))
    return f"{'; '.join(clauses)}."


def _changed(best: Evidence, names: Mapping[str, str]) -> str:
    """What the plates measured, and what that is."""
    grams = best.delta_g
    if not best.units:
        if grams is None:
            return "The shelf's weight moved, and nothing was taken"
        return f"The shelf's weight moved by {abs(grams):.0f} g, and nothing was taken"
    what = counted(best.units, best.gtin, names)
    back = " put back" if best.units < 0 else ""
    if grams is None:
        return f"The shelf's weight changed by {what}{back}"
    word = "lighter" if grams < 0 else "heavier"
    return f"The shelf became {abs(grams):.0f} g {word}, which is {what}{back}"


def _hand(best: Evidence, rivals: Sequence[Evidence], reader: str | None) -> str:
    """Whose hand was near, beside that of the likeliest other shopper."""
    if best.visit is None:
        return "nobody whom the store knows was near"
    mine = best.visit == reader
    a = "one" if reader is None else "another"
    whose, subject = ("your", "you were") if mine else (f"{a} shopper's", f"{a} shopper was")
    others = [one for one in rivals if one.units and one.visit not in (None, best.visit)]
    if not others:
        seen = best.terms.get("hand", 0.0) > 0
        return f"{whose} hand was the only one near" if seen else f"{subject} the only one near"
    ahead = best.terms.get("hand", 0.0) - max(one.terms.get("hand", 0.0) for one in others)
    if ahead >= TELLS_CLEARLY:
        return f"{whose} hand was much nearer than any other"
    if ahead >= TELLS:
        return f"{whose} hand was nearer than any other"
    than = "yours" if mine else "theirs"
    if ahead > -TELLS:
        return f"another hand was as near as {than}"
    return f"another hand was nearer than {than}"


def _reasons(
    best: Evidence,
    rival: Evidence,
    names: Mapping[str, str],
    reader: str | None,
    *,
    against: bool,
) -> list[str]:
    """What else speaks most for the likeliest against its rival, and what most against it."""
    ahead = _ahead(best, rival)
    words = {
        "what": names.get(best.gtin or "", "it"),
        "rival": _short(rival, names),
        "whose": "your" if best.visit == reader else "a shopper's",
        "subject": "you" if best.visit == reader else "that shopper",
    }
    found = []
    strongest = max(ahead, key=lambda term: ahead[term], default="")
    if best.units and strongest in FOR and ahead[strongest] >= TELLS:
        number = strongest == "prior" and rival.gtin == best.gtin
        found.append(FOR["number" if number else strongest].format(**words))
    weakest = min(ahead, key=lambda term: ahead[term], default="")
    if against and weakest in AGAINST and ahead[weakest] <= -TELLS:
        found.append(f"yet {AGAINST[weakest].format(**words)}")
    return found


def _doubt(best: Evidence, rival: Evidence, names: Mapping[str, str], reader: str | None) -> str:
    """What else it may have been, and what speaks for that."""
    if rival.units and rival.visit != best.visit and rival.gtin == best.gtin:
        other = "you" if rival.visit == reader and rival.visit is not None else "somebody else"
        said = f"it may have been {other}"
    elif not rival.units:
        return "it is not certain, for perhaps nothing was taken"
    else:
        said = f"it may have been {counted(rival.units, rival.gtin, names)}"
    ahead = _ahead(best, rival, hands=True)
    term = min(ahead, key=lambda name: ahead[name], default="")
    if term not in RIVAL_FOR or ahead[term] > -TELLS:
        return f"it is not certain, for {said}"
    return f"it is not certain, for {said}, which {RIVAL_FOR[term]}"


def _ahead(best: Evidence, rival: Evidence, *, hands: bool = False) -> dict[str, float]:
    """By how much each sensor favours the likeliest, nats, in the order of their names; a term that
    one of them lacks says nothing of it."""
    return {
        name: best.terms.get(name, 0.0) - rival.terms.get(name, 0.0)
        for name in sorted({*best.terms, *rival.terms})
        if hands or name != "hand"
    }


def _short(one: Evidence, names: Mapping[str, str]) -> str:
    if not one.units:
        return "a shelf that moved by itself"
    return counted(one.units, one.gtin, names)


def counted(units: int, gtin: str | None, names: Mapping[str, str]) -> str:
    """So many units of a product in words, whichever way they went: "two of Cola Classic"."""
    n = abs(units)
    word = _COUNTS[n] if n < len(_COUNTS) else str(n)
    if gtin is None:
        return "something that the store does not sell"
    return f"{word} {names.get(gtin, gtin)}" if n == 1 else f"{word} of {names.get(gtin, gtin)}"


def _said(one: Evidence) -> tuple[str | None, str | None, int]:
    return one.visit, one.gtin, one.units
