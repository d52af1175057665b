"""Ribbons from where members were to where they are: as wide as they are many."""

from collections.abc import Mapping, Sequence

from libs.cli.report_page.svg import GREEN, GREY, RED, WIDTH, chart, rect, text

NODE, LEFT, TALL, GAP = 12, 190, 220.0, 10.0
RIGHT = WIDTH - LEFT

# How many went from one place to another, by the places of tiers.
Flows = Mapping[tuple[int, int], int]


def ribbons(title: str, described: str, names: Sequence[str], flows: Flows) -> str:
    """A diagram with the highest place on top on both sides; up is green, and down is red."""
    shown = {pair: count for pair, count in flows.items() if count > 0}
    before = _stacks(names, shown, 0)
    after = _stacks(names, shown, 1)
    scale = _scale(names, shown)
    shapes = []
    # The broad ones first, so that narrow ones lie above them.
    placed = sorted(shown, key=lambda pair: (-pair[0], -pair[1]))
    starts, ends = dict(before), dict(after)
    bands = []
    for pair in placed:
        wide = shown[pair] * scale
        bands.append((wide, _band(starts[pair[0]], ends[pair[1]], wide, _colour(pair))))
        starts[pair[0]] += wide
        ends[pair[1]] += wide
    shapes += [band for _, band in sorted(bands, key=lambda each: -each[0])]
    for side, stacks, x, anchor in ((0, before, LEFT - NODE, "end"), (1, after, RIGHT, "start")):
        for place, y in stacks.items():
            count = sum(each for pair, each in shown.items() if pair[side] == place)
            tall = max(1.0, count * scale)
            shapes.append(rect(x, y, NODE, tall, GREY))
            label = f"{names[place]} {count:,}"
            shapes.append(text(x - 6 if side == 0 else x + NODE + 6, y + tall / 2 + 4, label, anchor=anchor))
    return chart(TALL + GAP * len(names) + 10, title, described, shapes)


def _scale(names: Sequence[str], flows: Flows) -> float:
    return TALL / (sum(flows.values()) or 1)


def _stacks(names: Sequence[str], flows: Flows, side: int) -> dict[int, float]:
    """Where each place that is on this side begins, from the top on."""
    scale, y, found = _scale(names, flows), 4.0, {}
    for place in range(len(names) - 1, -1, -1):
        count = sum(each for pair, each in flows.items() if pair[side] == place)
        if count:
            found[place] = y
            # Narrow ones still have room for a line of text.
            y += max(count * scale, 8.0) + GAP
    return found


def _band(y_from: float, y_to: float, wide: float, colour: str) -> str:
    middle = WIDTH / 2
    wide = max(wide, 0.75)
    return (
        f'<path d="M{LEFT} {y_from:.1f} C{middle} {y_from:.1f} {middle} {y_to:.1f} {RIGHT} {y_to:.1f} '
        f"L{RIGHT} {y_to + wide:.1f} C{middle} {y_to + wide:.1f} {middle} {y_from + wide:.1f} "
        f'{LEFT} {y_from + wide:.1f} Z" fill="{colour}" fill-opacity="0.45"/>'
    )


def _colour(pair: tuple[int, int]) -> str:
    return GREY if pair[0] == pair[1] else GREEN if pair[1] > pair[0] else RED
