"""How and when to say how a camera fares: as soon as a state changes, and every few seconds."""

from __future__ import annotations

import math
from collections import Counter

from sensors.wire import CameraReport, HealthReport
from vision.source import SourceStatus, State

EVERY_NS = 2_000_000_000
PATIENT_NS = 15_000_000_000


class CameraTeller:
    """Makes the messages of cameras' health under one boot.

    A camera that is still being opened is not spoken of for a while: it is no news, and no alert.
    """

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._seq: Counter[str] = Counter()
        self._told: dict[str, tuple[int, State]] = {}
        self._since_ns: dict[str, int] = {}

    def tell(
        self, now_ns: int, camera: str, state: State, reason: str, status: SourceStatus
    ) -> HealthReport | None:
        """What is to be said at `now_ns`, if anything is."""
        since_ns = self._since_ns.setdefault(camera, now_ns)
        told_ns, told_state = self._told.get(camera, (0, "opening"))
        if state == "opening" and camera not in self._told and now_ns - since_ns < PATIENT_NS:
            return None
        if state == told_state and 0 <= now_ns - told_ns < EVERY_NS:
            return None
        self._told[camera] = (now_ns, state)
        return self.report(now_ns, camera, state, reason, status)

    def report(
        self, now_ns: int, camera: str, state: State, reason: str, status: SourceStatus
    ) -> HealthReport:
        """The next message of a camera."""
        seq = self._seq[camera]
        self._seq[camera] += 1
        counts, facts = status.counts, status.facts
        age_ms = (now_ns - status.last_at_ns) / 1e6 if status.last_at_ns else 0.0
        return HealthReport(
            device=camera,
            boot=self._boot,
            seq=seq,
            at_ns=now_ns,
            up=state == "up",
            reason=(f"{_WORDS[state]}: {reason}" if reason and state in _WORDS else reason)[:500],
            camera=CameraReport(
                state=state,
                fps=round(status.fps, 2) if math.isfinite(status.fps) else 0.0,
                age_ms=round(age_ms, 1),
                width_px=facts.width_px if facts else 0,
                height_px=facts.height_px if facts else 0,
                codec=facts.codec[:32] if facts else "",
                frames=counts.frames,
                thinned=counts.thinned,
                dropped=counts.dropped,
                late=counts.late,
                broken=counts.broken,
                scaled=counts.scaled,
                refused=counts.refused,
                opened=counts.opened,
                note=status.note[:500],
            ),
        )


_WORDS: dict[State, str] = {
    "stalled": "stalled",
    "frozen": "frozen",
    "wrong_size": "wrong size",
    "moved": "moved",
    "covered": "covered",
}
