"""How long to wait before the next try at something that failed."""

from __future__ import annotations

import random

_FIRST_S = 0.5
_LONGEST_S = 30.0
_JITTER = 0.3
_GOOD_AFTER_S = 10.0


class Backoff:
    """Doubles the wait with each failure, up to `longest_s`, and begins anew after success.

    Each wait is drawn within ±30 % of its length, so that cameras that were lost together do not
    all come back in one moment. Something counts as a success that held for `good_after_s`.
    """

    def __init__(
        self,
        random_source: random.Random,
        *,
        first_s: float = _FIRST_S,
        longest_s: float = _LONGEST_S,
        good_after_s: float = _GOOD_AFTER_S,
    ) -> None:
        self._random = random_source
        self._first_s, self._longest_s = first_s, longest_s
        self._good_after_s = good_after_s
        self._failures = 0

    def wait_s(self, held_s: float = 0.0) -> float:
        """Seconds to wait after a try that held for `held_s`."""
        if held_s >= self._good_after_s:
            self._failures = 0
        whole = min(self._longest_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return whole * self._random.uniform(1.0 - _JITTER, 1.0 + _JITTER)
