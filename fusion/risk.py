"""Risk control: which visits may go unreviewed so that few of them are charged wrongly.

A visit has a risk, the probability that some unit of its bill is not owed (`charging.Bill.risk`);
those up to a threshold λ are accepted unseen. On verified visits, each threshold of a fixed grid is
tested against the hypothesis that more than α of the visits that it accepts are charged wrongly: of
n accepted, k wrong, p = P(Binomial(n, α) ≤ k), the exact tail behind the Clopper–Pearson bound. The
grid is tested from its strictest threshold on until one fails (fixed-sequence testing), so all that
pass hold together with a confidence of 1 − δ, whatever the scores are worth: Learn then Test
(Angelopoulos, Bates, Candès, Jordan & Lei, 2021), risk control (Bates et al., 2021).

What it assumes: verified visits are drawn like those to come, independently of one another, and
verdicts are right.

`Promise` watches what audits find later. It bets against the promise: the likelihood ratio against
α, averaged over wrong shares from α to `WORST` times α, is 1 at most on average while the promise
holds, after each visit, so it ever exceeds 1/δ with a probability of at most δ (Ville, 1939;
Robbins, 1970): a binomial test that may be looked at after each visit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy.special import betainc, betaincinv, betaln

CONFIDENCE = 0.95
WORST = 10.0  # a promise that is broken much is found out soonest
GRID = (0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Verified:
    """A visit that was charged something: its risk, and whether some unit was not owed."""

    risk: float
    wrong: bool


@dataclass(frozen=True, slots=True)
class Test:
    """What the verified visits say of one threshold; `upper` bounds the wrong share of those that
    it accepts, by itself."""

    threshold: float
    visits: int
    wrong: int
    p_value: float
    upper: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """The laxest threshold that is certified, None for none; `tests` one per threshold of the
    grid, of which those after the first failed one do not count."""

    alpha: float
    confidence: float
    threshold: float | None
    tests: tuple[Test, ...]

    @property
    def chosen(self) -> Test | None:
        """The test of the threshold."""
        return next((t for t in self.tests if t.threshold == self.threshold), None)


def choose_threshold(
    visits: Iterable[Verified],
    alpha: float,
    confidence: float = CONFIDENCE,
    grid: Sequence[float] = GRID,
) -> Choice:
    """Test the grid, strictest first, against a wrong share of `alpha`."""
    found = list(visits)
    tests: list[Test] = []
    going = True
    for threshold in sorted(grid):
        accepted = [one for one in found if one.risk <= threshold]
        n, k = len(accepted), sum(one.wrong for one in accepted)
        p_value = tail(k, n, alpha)
        going = going and p_value <= 1 - confidence
        tests.append(Test(threshold, n, k, p_value, upper_bound(k, n, confidence), going))
    passed = [test.threshold for test in tests if test.passed]
    return Choice(alpha, confidence, max(passed, default=None), tuple(tests))


def tail(failures: int, trials: int, share: float) -> float:
    """P(Binomial(`trials`, `share`) ≤ `failures`)."""
    if failures >= trials:
        return 1.0
    return float(betainc(trials - failures, failures + 1, 1 - share))


def upper_bound(failures: int, trials: int, confidence: float = CONFIDENCE) -> float:
    """The Clopper–Pearson upper bound of a share; 1 without trials."""
    if failures >= trials:
        return 1.0
    return float(betaincinv(failures + 1, trials - failures, confidence))


def interval(
    failures: int, trials: int, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """The Clopper–Pearson interval of a share; None without trials."""
    if not trials:
        return None
    side = (1 + confidence) / 2
    return 1 - upper_bound(trials - failures, trials, side), upper_bound(failures, trials, side)


def visits_needed(failures: int, alpha: float, confidence: float = CONFIDENCE) -> int:
    """The fewest visits of which so many may be wrong and `alpha` be certified yet."""
    low, high = failures, failures + 1
    while tail(failures, high, alpha) > 1 - confidence:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if tail(failures, middle, alpha) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


class Promise:
    """What verdicts on visits that nobody had reviewed say of the promise that at most `alpha` of
    them are charged wrongly; nothing is promised where it is None."""

    def __init__(self, alpha: float | None, confidence: float = CONFIDENCE) -> None:
        self.alpha = alpha
        self.verified = 0
        self.wrong = 0
        self.void = False
        self._log_limit = -math.log(1 - confidence)

    def note(self, wrong: bool) -> bool:
        """One more verdict; whether the promise is void by it. A void promise stays void."""
        self.verified += 1
        self.wrong += wrong
        before = self.void
        if self.alpha is not None:
            evidence = log_evidence(self.wrong, self.verified, self.alpha)
            self.void = before or evidence >= self._log_limit
        return self.void and not before


def log_evidence(failures: int, trials: int, alpha: float) -> float:
    """log of the mean of L(q) / L(α), q uniform from α to `WORST` · α and L the likelihood of so
    many failures in so many trials."""
    right, worst = trials - failures, min(1.0, WORST * alpha)
    low, high = betainc(failures + 1, right + 1, (alpha, worst))
    if high <= low:
        return -math.inf
    mean = float(betaln(failures + 1, right + 1)) + math.log((high - low) / (worst - alpha))
    return mean - failures * math.log(alpha) - right * math.log1p(-alpha)
