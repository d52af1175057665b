"""`python -m libs.models.features_page` writes docs/features.md, the list of features for people."""

from pathlib import Path

from libs.models.features import FACTS, FEATURES, VERSION

PAGE = Path(__file__).parents[2] / "docs" / "features.md"
INTRODUCTION = f"""# Features

What models read of a member: `{VERSION}`, {len(FEATURES)} numbers that follow from {len(FACTS)} facts.
Generated from `libs/models/features.py` by `make features`. The list never changes: another one is another
version, and every model names its own.

A quotient with nothing to divide by is 0. Days since what never happened are unknown, and what follows from
them; a model takes for it the most that anybody had when it was trained. Before it learns, it drops a feature
that is the same for 99.5 % of members, and one whose logarithm moves with that of an earlier one in this
list (correlation above 0.95).

| feature | 中文 | meaning | unit | formula |
|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return INTRODUCTION + "".join(
        f"| `{each.name}` | {each.zh} | {each.en} | {each.unit} | {each.formula.told()} |\n"
        for each in FEATURES.values()
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
