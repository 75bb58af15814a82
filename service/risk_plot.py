"""Draws how many visits are charged wrongly against how many are accepted unseen, as an SVG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.risk_report import percent
from service.svg_canvas import INK, QUIET, SURFACE, Canvas

WIDE, HIGH = 720, 440
_LEFT, _RIGHT, _TOP, _FOOT = 70, 30, 52, 60
_BOUND, _SHARE = "#b4552d", "#1f6f54"
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)


def draw_risk(report: Mapping[str, Any]) -> str:
    """The curve of `risk_report`: the share seen, its upper bound, and what is promised."""
    canvas = Canvas()
    alphas = [one["alpha"] for one in report["promises"]]
    curve = report["curve"]
    shares = [point["wrong_share"] for point in curve]
    top = min(1.0, max(2.5 * max(alphas, default=0.05), 1.3 * max(shares, default=0.0)))

    def at(coverage: float, share: float) -> tuple[float, float]:
        x = _LEFT + coverage * (WIDE - _LEFT - _RIGHT)
        return x, HIGH - _FOOT - min(share, top) / top * (HIGH - _FOOT - _TOP)

    corner, end = at(0, top), at(1, 0)
    canvas.rect(corner, end[0] - corner[0], end[1] - corner[1], f'fill="{SURFACE}"')
    step = next((s for s in _STEPS if top / s <= 6), 0.5)
    for n in range(int(top / step + 1e-9) + 1):
        canvas.line(at(0, n * step), at(1, n * step), QUIET, 0.5, 0.4)
        x, y = at(0, n * step)
        canvas.write(x - 8, y + 4, percent(n * step), 12, QUIET, "end")
    for n in range(5):
        x, y = at(n / 4, 0)
        canvas.write(x, y + 18, percent(n / 4), 12, QUIET, "middle")
    for one in report["promises"]:
        canvas.line(at(0, one["alpha"]), at(1, one["alpha"]), INK, 1, 0.5)
    for key, colour in (("upper", _BOUND), ("wrong_share", _SHARE)):
        before = (0.0, curve[0][key]) if curve else (0.0, 0.0)
        for point in curve:
            here = point["coverage"], point[key]
            canvas.line(at(*before), at(here[0], before[1]), colour, 2)
            canvas.line(at(here[0], before[1]), at(*here), colour, 2)
            before = here
    confidence = percent(report["confidence"])
    canvas.write(_LEFT, 24, "Wrong charges among the visits accepted unseen", 16, weight=600)
    canvas.write(_LEFT, 42, "share seen", 12, _SHARE, weight=600)
    canvas.write(_LEFT + 80, 42, f"upper bound, {confidence} confidence", 12, _BOUND, weight=600)
    canvas.write(_LEFT + 300, 42, "promises", 12, INK, weight=600)
    foot = "visits accepted, the least risky first, of all that are charged something"
    canvas.write((_LEFT + WIDE - _RIGHT) / 2, HIGH - 16, foot, 13, QUIET, "middle")
    return canvas.text(WIDE, HIGH, "")
