"""An SVG that is written part by part: text, lines, shapes, and a store's colours."""

from __future__ import annotations

from html import escape

Point = tuple[float, float]

INK, QUIET, PAPER, SURFACE = "#18211d", "#59635d", "#efeee8", "#fdfcf9"
FONT = "Inter, 'Segoe UI', system-ui, -apple-system, Roboto, 'DejaVu Sans', sans-serif"


class Canvas:
    """Collects elements from the ground up; sizes and places are pixels."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def text(self, wide: float, high: float, definitions: str) -> str:
        """The whole file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {high:.0f}"'
            f' width="{wide:.0f}" height="{high:.0f}" font-family="{FONT}" fill="{INK}">'
        )
        ground = f'<rect width="100%" height="100%" fill="{PAPER}"/>'
        return "\n".join([head, f"<defs>{definitions}</defs>", ground, *self._parts, "</svg>\n"])

    def add(self, part: str) -> None:
        """Put an element on top, as it is."""
        self._parts.append(part)

    def write(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        colour: str = INK,
        anchor: str = "start",
        weight: int = 400,
        halo: bool = False,
    ) -> None:
        """A line of text whose foot is at y."""
        around = f' stroke="{SURFACE}" stroke-width="3" paint-order="stroke"' if halo else ""
        self.add(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}"'
            f' text-anchor="{anchor}" font-weight="{weight}"{around}>{escape(text)}</text>'
        )

    def line(self, start: Point, end: Point, colour: str, wide: float, opacity: float = 1) -> None:
        """A line with round ends."""
        self.add(
            f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"'
            f' stroke="{colour}" stroke-width="{wide:g}" stroke-opacity="{opacity:g}"'
            ' stroke-linecap="round"/>'
        )

    def shape(self, points: list[Point], style: str, title: str = "") -> None:
        """A closed shape; `style` are attributes, `title` what the pointer tells."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        said = f"<title>{escape(title)}</title>" if title else ""
        self.add(f'<polygon points="{path}" {style}>{said}</polygon>')

    def rect(self, corner: Point, wide: float, high: float, style: str) -> None:
        """An upright rectangle from its upper left corner."""
        x, y = corner
        self.add(f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" {style}/>')

    def dot(self, at: Point, radius: float, style: str, title: str = "") -> None:
        """A circle."""
        said = f"<title>{escape(title)}</title>" if title else ""
        self.add(
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius:g}" {style}>{said}</circle>'
        )
