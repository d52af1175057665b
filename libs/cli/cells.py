"""Cells of CSV files that people open with spreadsheets: no text of ours becomes a formula there."""

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
QUOTED = frozenset(',"\n\r')


def cell(text: str) -> str:
    """A text as a cell: what could begin a formula begins with an apostrophe, and is quoted."""
    if text.startswith(FORMULAS):
        return _quoted("'" + text)
    return _quoted(text) if QUOTED.intersection(text) else text


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
