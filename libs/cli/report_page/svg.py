"""Charts as SVG, which stands in a page by itself: no scripts, no fonts, nothing that is fetched."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import count

WIDTH, ROW, LABEL, VALUE = 720, 26, 180, 110
# So many fit beside each other, that few are not broad.
MONTHS_MIN = 12
# Each at least 4.5 to 1 against white, and apart from its neighbours in grey as well.
BLUE, GREEN, RED, GREY, AMBER, PURPLE, TEAL = (
    "#1d4ed8",
    "#15803d",
    "#b91c1c",
    "#6b7280",
    "#b45309",
    "#7e22ce",
    "#0f766e",
)
COLOURS = (BLUE, GREEN, AMBER, PURPLE, TEAL, RED, GREY)
_LABEL_SIGNS_MAX = 26
# Marks of axes from here on have none.
DECIMALS_BELOW = 1000

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a chart: parts of one length, each of a colour, and what is written behind them."""

    label: str
    parts: Sequence[tuple[float, str]]
    text: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """A row of a chart of shares from 0 to 1: a mark, and the interval around it."""

    label: str
    low: float
    mark: float
    high: float
    colour: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, from left to right, and what it is called."""

    label: str
    colour: str
    points: Sequence[tuple[float, float]]


def chart(height: float, title: str, described: str, shapes: Iterable[str]) -> str:
    """A chart with what it is called, and what is read out to those who do not see it."""
    number = next(_numbers)
    names = f'id="t{number}"', f'id="d{number}"'
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-labelledby="t{number} d{number}" '
        f'xmlns="http://www.w3.org/2000/svg"><title {names[0]}>{escape(title)}</title>'
        f"<desc {names[1]}>{escape(described)}</desc>{''.join(shapes)}</svg>"
    )


def bars(title: str, described: str, rows: Sequence[Bar]) -> str:
    """Horizontal bars, the longest over the whole width."""
    longest = max((sum(size for size, _ in row.parts) for row in rows), default=0) or 1
    scale = (WIDTH - LABEL - VALUE) / longest
    shapes: list[str] = []
    for place, row in enumerate(rows):
        y, x = place * ROW, float(LABEL)
        shapes.append(text(LABEL - 8, y + 17, row.label, anchor="end"))
        for size, colour in row.parts:
            if size > 0:
                shapes.append(rect(x, y + 4, size * scale, ROW - 8, colour))
                x += size * scale
        shapes.append(text(x + 6, y + 17, row.text))
    return chart(len(rows) * ROW + 4, title, described, shapes)


def columns(
    title: str, described: str, sizes: Sequence[float], colours: Sequence[str], marks: Sequence[str]
) -> str:
    """Vertical bars side by side, with a mark below those that have one."""
    height, foot = 120, 20
    tallest, wide = max(sizes, default=0) or 1, WIDTH / max(1, len(sizes))
    shapes = [f'<line x1="0" y1="{height}" x2="{WIDTH}" y2="{height}" stroke="{GREY}"/>']
    for place, (size, colour) in enumerate(zip(sizes, colours, strict=True)):
        tall = (height - 4) * size / tallest
        shapes.append(rect(place * wide + 2, height - tall, wide - 4, tall, colour))
    for place, mark in enumerate(marks):
        shapes.append(text(place * wide, height + 15, mark, anchor="middle" if place else "start"))
    return chart(height + foot, title, described, shapes)


def up_and_down(title: str, described: str, rows: Sequence[tuple[str, int, int]]) -> str:
    """For each of several times what went up, above a line, and what went down, below it."""
    half, foot = 80.0, 20
    tallest = max((max(up, down) for _, up, down in rows), default=0) or 1
    low = half * (1 + max((down for _, _, down in rows), default=0) / tallest)
    wide = WIDTH / max(MONTHS_MIN, len(rows))
    shapes = []
    for place, (label, up, down) in enumerate(rows):
        x = place * wide + 3
        shapes.append(rect(x, half * (1 - up / tallest), wide - 6, half * up / tallest, GREEN))
        shapes.append(rect(x, half, wide - 6, half * down / tallest, RED))
        every = -(-len(rows) // 12)
        if place % every == 0:
            shapes.append(text(x + wide / 2 - 3, low + 15, label, anchor="middle"))
    shapes.append(f'<line x1="0" y1="{half}" x2="{WIDTH}" y2="{half}" stroke="{GREY}"/>')
    return chart(low + foot, title, described, shapes)


def lines(title: str, described: str, series: Sequence[Line], across: str) -> str:
    """Lines over the same axes, from nothing to the most that any of them has; names stand above them.

    `across` is what the axis below counts.
    """
    top, height, foot, left = ROW, 240, 20, 60
    wide = max((x for line in series for x, _ in line.points), default=0) or 1
    tall = max((y for line in series for _, y in line.points), default=0) or 1

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (WIDTH - left - 8) * x / wide, top + (height - top) * (1 - y / tall)

    shapes = [
        f'<line x1="{left}" y1="{height}" x2="{WIDTH}" y2="{height}" stroke="{GREY}"/>',
        f'<line x1="{left}" y1="{top}" x2="{left}" y2="{height}" stroke="{GREY}"/>',
        text(left - 6, top + 8, rounded(tall), anchor="end"),
        text(left - 6, height, "0", anchor="end"),
        text(left, height + 15, "0"),
        text((left + WIDTH) / 2, height + 15, across, anchor="middle"),
        text(WIDTH - 8, height + 15, rounded(wide), anchor="end"),
    ]
    for number, line in enumerate(series):
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*each) for each in line.points))
        shapes += [
            f'<polyline points="{points}" fill="none" stroke="{line.colour}" stroke-width="2"/>',
            rect(left + 8 + number * LABEL, 4, 12, 12, line.colour),
            text(left + 26 + number * LABEL, 15, line.label),
        ]
    return chart(height + foot, title, described, shapes)


def spans(title: str, described: str, rows: Sequence[Span]) -> str:
    """Shares with their intervals, one below the other on the scale from nothing to the largest."""
    most = min(1.0, max((row.high for row in rows), default=0) * 1.05) or 1
    scale = (WIDTH - LABEL - VALUE) / most
    shapes: list[str] = []
    for place, row in enumerate(rows):
        y = place * ROW + ROW / 2
        low, mark, high = (LABEL + each * scale for each in (row.low, row.mark, row.high))
        shapes += [
            text(LABEL - 8, y + 4, row.label, anchor="end"),
            rect(low, y - 1.5, high - low, 3, row.colour),
            f'<circle cx="{mark:.1f}" cy="{y}" r="5" fill="{row.colour}"/>',
            text(high + 8, y + 4, row.text),
        ]
    return chart(len(rows) * ROW + 4, title, described, shapes)


def rounded(value: float) -> str:
    """A mark of an axis in four digits, never with an exponent.

    >>> rounded(71_218.9), rounded(1882), rounded(0.25), rounded(0)
    ('71,220', '1,882', '0.25', '0')
    """
    short = float(f"{value:.4g}")
    return f"{short:,.0f}" if abs(short) >= DECIMALS_BELOW else f"{short:g}"


def rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    """A filled rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0, width):.1f}" height="{max(0, height):.1f}" '
        f'fill="{colour}"/>'
    )


def text(x: float, y: float, content: str, *, anchor: str = "start") -> str:
    """Some words, cut where they are too long; tables have them whole."""
    shown = content if len(content) <= _LABEL_SIGNS_MAX else content[: _LABEL_SIGNS_MAX - 1] + "…"
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(shown)}</text>'
