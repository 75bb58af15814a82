"""The plots of the scorecard's page, as SVG text. Colours are the page's CSS variables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from scipy.special import betaincinv

from simulator.scorecard_causes import CAUSES

Points = Sequence[tuple[float, float]]

WIDTH = 460
HEIGHT = 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 12, 42
_NINES = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)
_MOST_NINES = 3.4  # the scale ends a little above 0.999
_CDF_POINTS = 160


class _Axes:
    """A frame with ticks; `x` and `y` turn values into pixels."""

    def __init__(
        self, x: tuple[float, float], y: tuple[float, float], labels: tuple[str, str]
    ) -> None:
        self._x, self._y = x, y
        self.parts: list[str] = []
        middle = (_LEFT + WIDTH - _RIGHT) / 2
        self.text(middle, HEIGHT - 4, labels[0], "axis", "middle")
        turn = f'transform="rotate(-90 12 {HEIGHT / 2 - 14:.0f})"'
        self.parts.append(
            f'<text class="axis" x="12" y="{HEIGHT / 2 - 14:.0f}" text-anchor="middle" {turn}>'
            f"{escape(labels[1])}</text>"
        )

    def x(self, value: float) -> float:
        low, high = self._x
        share = (min(max(value, low), high) - low) / (high - low)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self._y
        share = (min(max(value, low), high) - low) / (high - low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM)

    def ticks(self, xs: Mapping[float, str], ys: Mapping[float, str]) -> None:
        for value, text in xs.items():
            at, foot = self.x(value), HEIGHT - _BOTTOM
            self.line([(at, _TOP), (at, foot)], "grid")
            self.text(at, foot + 15, text, "tick", "middle")
        for value, text in ys.items():
            at = self.y(value)
            self.line([(_LEFT, at), (WIDTH - _RIGHT, at)], "grid")
            self.text(_LEFT - 7, at + 4, text, "tick", "end")

    def text(self, x: float, y: float, text: str, kind: str, anchor: str = "start") -> None:
        self.parts.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
            f"{escape(text)}</text>"
        )

    def line(self, pixels: Points, kind: str) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in pixels)
        self.parts.append(f'<polyline class="{kind}" points="{path}"/>')

    def curve(self, values: Points, kind: str) -> None:
        self.line([(self.x(x), self.y(y)) for x, y in values], kind)

    def svg(self, title: str) -> str:
        return _svg(WIDTH, HEIGHT, title, self.parts)


def risk_coverage(found: Mapping[str, Any]) -> str:
    """Share of visits charged wrongly, and not exact, against the share accepted unseen."""
    curve = found["curve"]
    if not curve:
        return ""
    top = max(0.04, *(1.1 * point["inexact_risk"] for point in curve))
    step = _round_step(top)
    axes = _Axes((0, 1), (0, top), ("visits accepted without review", "of them wrong"))
    axes.ticks(
        _percent((0, 0.25, 0.5, 0.75, 1)), _percent([step * k for k in range(int(top / step) + 1)])
    )
    accepted = found["unreviewed"] / found["visits"]
    at = axes.x(accepted)
    axes.parts.append(
        f'<rect class="beyond" x="{at:.1f}" y="{_TOP}" width="{axes.x(1) - at:.1f}" '
        f'height="{HEIGHT - _BOTTOM - _TOP}"/>'
    )
    for key, kind in (("inexact_risk", "curve second"), ("wrong_charge_risk", "curve first")):
        steps: list[tuple[float, float]] = [(0.0, 0.0)]
        for point in curve:
            steps += [(steps[-1][0], point[key]), (point["coverage"], point[key])]
        axes.curve(steps[1:], kind)
    axes.line([(at, _TOP), (at, HEIGHT - _BOTTOM)], "mark")
    axes.text(at - 5, _TOP + 12, "the engine's choice", "note", "end")
    return axes.svg("Risk against coverage")


def reliability(found: Mapping[str, Any]) -> str:
    """How often lines of a probability were right, both on a scale of nines, with 95 % bars."""
    bins = [b for b in found["bins"] if b["promised"] >= _NINES[0]]
    if not bins:
        return ""
    ends = (_nines(_NINES[0]), _MOST_NINES)
    axes = _Axes(ends, ends, ("probability that the engine gave", "share that was right"))
    marks = {_nines(p): f"{p:g}" for p in _NINES}
    axes.ticks(marks, {**marks, ends[0]: f"≤ {_NINES[0]:g}"})
    low, high = axes.x(_nines(0.9)), axes.x(_nines(0.999))
    axes.parts.insert(
        0,
        f'<rect class="zone" x="{low:.1f}" y="{_TOP}" width="{high - low:.1f}" '
        f'height="{HEIGHT - _BOTTOM - _TOP}"/>',
    )
    axes.curve([(ends[0], ends[0]), (ends[1], ends[1])], "ideal")
    most = max(b["lines"] for b in bins)
    for one in bins:
        n, right = one["lines"], one["right"]
        least = float(betaincinv(right, n - right + 1, 0.025)) if right else 0.0
        best = float(betaincinv(right + 1, n - right, 0.975)) if right < n else 1.0
        x = _nines(one["promised"])
        axes.curve([(x, _nines(least)), (x, _nines(best))], "bar")
        radius = 3 + 6 * math.sqrt(n / most)
        axes.parts.append(
            f'<circle class="dot first" cx="{axes.x(x):.1f}" cy="{axes.y(_nines(right / n)):.1f}" '
            f'r="{radius:.1f}"><title>{n} lines, promised {one["promised"]:.4f}, right '
            f"{right / n:.4f}</title></circle>"
        )
    return axes.svg("Reliability of the lines' probabilities")


def latencies(samples: Mapping[str, Sequence[float]]) -> str:
    """Cumulative shares of the delays by name, over seconds on a log scale."""
    every = [s for found in samples.values() for s in found]
    if not every:
        return ""
    ends = (-1.0, max(1.0, math.ceil(2 * math.log10(max(*every, 0.2))) / 2))
    axes = _Axes(ends, (0, 1), ("seconds of store time", "decided by then"))
    marks = [m for m in (0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000) if math.log10(m) <= ends[1] + 0.03]
    axes.ticks({math.log10(m): f"{m:g}" for m in marks}, _percent((0, 0.25, 0.5, 0.75, 1)))
    for (_, found), kind in zip(samples.items(), ("first", "second", "third"), strict=False):
        ordered = sorted(found)
        picked = sorted(
            {round(k * (len(ordered) - 1) / _CDF_POINTS) for k in range(_CDF_POINTS + 1)}
        )
        points = [
            (math.log10(max(ordered[k], 0.05)), (k + 1) / len(ordered)) for k in picked if ordered
        ]
        if points:
            axes.curve([(points[0][0], 0.0), *points, (ends[1], 1.0)], f"curve {kind}")
    return axes.svg("Latencies")


def scene_scores(rows: Sequence[Mapping[str, Any]]) -> str:
    """F1 per scene: ours before verdicts, after review and unaided, and the plain rule's.

    `rows` have name, ours, after, unaided, plain, and 95 % ours_interval and plain_interval.
    """
    if not rows:
        return ""
    wide, left, step, top = 940, 250, 26, 26
    height = top + step * len(rows) + 30
    found = [(r["plain_interval"] or (r["plain"],))[0] for r in rows]
    found += [(r["ours_interval"] or (r["ours"],))[0] for r in rows]
    low: float = min(0.9, math.floor(min(found) * 10) / 10)

    def x(value: float) -> float:
        return left + (value - low) / (1 - low) * (wide - left - 30)

    parts = []
    count = round((1 - low) * 10)
    for k in range(count + 1):
        value = low + k / 10
        if count <= 5 or k % 2 == count % 2:
            parts.append(_segment(x(value), top - 8, x(value), height - 26, "grid"))
            parts.append(_label(x(value), height - 8, f"{value:.0%}", "tick", "middle"))
    for n, row in enumerate(rows):
        y = top + step * n + step / 2 - 6
        if n % 2 == 0:
            parts.append(
                f'<rect class="stripe" x="0" y="{y - step / 2:.1f}" width="{wide}" '
                f'height="{step}"/>'
            )
        parts.append(_label(10, y + 4, row["name"], "name"))
        for key, kind, shift in (("plain", "plain", 5), ("ours", "first", -4)):
            ends = row[f"{key}_interval"]
            if ends:
                parts.append(_segment(x(ends[0]), y + shift, x(ends[1]), y + shift, f"bar {kind}"))
        at = x(row["unaided"])
        parts.append(_segment(at, y - 10, at, y + 3, "unaided"))
        px, py = x(row["plain"]), y + 5
        parts.append(f'<path class="dot plain" d="M{px:.1f} {py - 5:.1f}l5 5l-5 5l-5 -5z"/>')
        parts.append(f'<circle class="ring" cx="{x(row["after"]):.1f}" cy="{y - 4:.1f}" r="6.5"/>')
        parts.append(
            f'<circle class="dot first" cx="{x(row["ours"]):.1f}" cy="{y - 4:.1f}" r="4"/>'
        )
    return _svg(wide, height, "F1 per scene", parts)


def causes(rows: Sequence[tuple[str, Mapping[str, int], int]]) -> str:
    """Wrong and missed units per 100 true ones, by cause; `rows` are (name, causes, units)."""
    rows = [row for row in rows if sum(row[1].values())]
    if not rows:
        return ""
    wide, left, step, top = 940, 250, 24, 8
    height = top + step * len(rows) + 30
    rates = [{c: 100 * n / max(1, units) for c, n in found.items()} for _, found, units in rows]
    most = max(sum(rate.values()) for rate in rates)
    unit = _round_step(most)

    def width(value: float) -> float:
        return value / most * (wide - left - 60)

    parts = []
    for k in range(int(most / unit) + 1):
        at = left + width(k * unit)
        parts.append(_segment(at, top, at, height - 28, "grid"))
        parts.append(_label(at, height - 10, f"{k * unit:g}", "tick", "middle"))
    for n, ((name, found, _), rate) in enumerate(zip(rows, rates, strict=True)):
        y, at = top + step * n, float(left)
        parts.append(_label(10, y + 16, name, "name"))
        for cause in CAUSES:
            if rate.get(cause):
                size = width(rate[cause])
                parts.append(
                    f'<rect class="cause c{CAUSES.index(cause)}" x="{at:.1f}" y="{y + 4}" '
                    f'width="{max(size - 1, 1):.1f}" height="{step - 8}" rx="2">'
                    f"<title>{cause}: {found[cause]}</title></rect>"
                )
                at += size
        parts.append(_label(at + 6, y + 16, f"{sum(found.values())}", "tick"))
    return _svg(wide, height, "Wrong and missed units by cause", parts)


def _nines(p: float) -> float:
    """−log10 of what is missing to 1: 0.9 is 1, 0.99 is 2."""
    return min(_MOST_NINES, -math.log10(max(1 - p, 10**-_MOST_NINES)))


def _percent(values: Sequence[float]) -> dict[float, str]:
    fine = max(values) < 0.04
    return {v: f"{v:.1%}" if fine and v else f"{v:.0%}" for v in values}


def _round_step(most: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that makes at most six of them."""
    power = math.pow(10.0, math.floor(math.log10(most / 6)))
    return next((power * k for k in (1.0, 2.0, 5.0) if most / (power * k) <= 6), 10 * power)


def _segment(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _label(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _svg(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )
