"""What differs between two documents of a program, in words, and what that means for members."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter

from libs.common.boxes import Budget, Reading, Unsettled, implies
from libs.common.conditions import Condition
from libs.common.documents import WHOLE_BP
from libs.common.program import Program
from libs.common.program_words import Words
from libs.common.texts import LOCALES, Locale, shown_amount

Meaning = Literal["harder", "easier", "benefits", "money", "texts", "other"]
MEANINGS: tuple[Meaning, ...] = ("harder", "easier", "benefits", "money", "texts", "other")
Shown = Mapping[Locale, str]

_CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
_BP_OF_PERCENT = 100
_STRICTNESS = {"never": 0, "step_down": 1, "period_end": 2, "keep": 0, "apply": 1}
_MONEY = re.compile(r"^(points|contracts|coupons|rewards|mix|referral)\b|_minor$|(discount|multiplier)_bp$")
_PLAIN: Mapping[object, Shown] = {
    None: {"zh": "无", "en": "none"},
    True: {"zh": "是", "en": "yes"},
    False: {"zh": "否", "en": "no"},
}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: where, what it means for members, and both values; None for what is missing."""

    path: str
    meaning: Meaning
    before: Shown | None
    after: Shown | None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two documents, and the window of the tier set that is being compared."""

    program: Program
    window: str = "lifetime"

    def condition(self, value: Any) -> Condition:
        """A condition of the document."""
        return _CONDITION.validate_json(json.dumps(value))

    def words(self, value: Any, path: str) -> Shown | None:
        """A value in words; None where there is none."""
        return None if value is _MISSING else {locale: self._in(value, path, locale) for locale in LOCALES}

    def _in(self, value: Any, path: str, locale: Locale) -> str:
        if _is_condition(path, value):
            return Words.of(self.program, self.window, locale).condition(self.condition(value))
        if isinstance(value, dict):
            return self._of_part(value, path, locale)
        if isinstance(value, list):
            return ", ".join(self._in(each, path, locale) for each in value) or _PLAIN[None][locale]
        if value is None or isinstance(value, bool):
            return _PLAIN[value][locale]
        return self._scalar(value, path, locale)

    def _of_part(self, value: dict[str, Any], path: str, locale: Locale) -> str:
        if _is_text(value):
            return str(value[locale])
        if value.get("name"):
            return str(value["name"][locale])
        if "key" in value:
            return str(value["key"])
        return ", ".join(f"{name} {self._in(each, f'{path}.{name}', locale)}" for name, each in value.items())

    def _scalar(self, value: object, path: str, locale: Locale) -> str:
        if isinstance(value, int) and path.endswith("_minor"):
            return shown_amount(str(value), self.program.currency, locale)
        if isinstance(value, int) and path.endswith("_bp"):
            return f"{value / _BP_OF_PERCENT:g} %"
        return shown_amount(str(value), "", locale) if isinstance(value, int) else str(value)


class _Missing:
    """What is not in one of the documents."""


_MISSING = _Missing()


def changes(before: Program, after: Program) -> list[Change]:
    """What differs, in the order of what it means for members and then of the document."""
    old, new = before.document(), after.document()
    del old["version"], new["version"]
    found = list(_between(Side(before), Side(after), old, new, ""))
    return sorted(found, key=lambda each: MEANINGS.index(each.meaning))


def _between(one: Side, other: Side, old: Any, new: Any, path: str) -> Iterator[Change]:
    if old == new:
        return
    if _is_condition(path, old) or _is_condition(path, new) or _is_text(old) or _is_text(new):
        yield _change(one, other, old, new, path)
    elif isinstance(old, dict) and isinstance(new, dict):
        one, other = _windowed(one, old), _windowed(other, new)
        for name in dict.fromkeys([*old, *new]):
            further = f"{path}.{name}" if path else name
            yield from _between(one, other, old.get(name, _MISSING), new.get(name, _MISSING), further)
    elif _keyed(old) is not None and _keyed(new) is not None and (old or new):
        yield from _between_keyed(one, other, _keyed(old) or {}, _keyed(new) or {}, path)
    else:
        yield _change(one, other, old, new, path)


def _between_keyed(
    one: Side, other: Side, old: Mapping[str, Any], new: Mapping[str, Any], path: str
) -> Iterator[Change]:
    order, now = [key for key in old if key in new], [key for key in new if key in old]
    if order != now:
        yield Change(path, "other", one.words(order, path), other.words(now, path))
    for key in dict.fromkeys([*old, *new]):
        yield from _between(one, other, old.get(key, _MISSING), new.get(key, _MISSING), f"{path}[{key}]")


def _change(one: Side, other: Side, old: Any, new: Any, path: str) -> Change:
    return Change(path, _meaning(one, other, old, new, path), one.words(old, path), other.words(new, path))


def _meaning(one: Side, other: Side, old: Any, new: Any, path: str) -> Meaning:
    if _is_text(old) or _is_text(new) or path.startswith("labels."):
        return "texts"
    if ".benefits" in path or path.endswith((".inherits", ".reward_points")):
        return "benefits"
    if _is_condition(path, old) and _is_condition(path, new):
        return _asked_for(one, other, old, new)
    if _is_condition(path, old) or _is_condition(path, new):
        # A keep rule is a second way to keep a tier, beside its entry; a region falls back on that of all.
        return "other" if ".variants[" in path else "harder" if new is None else "easier"
    if ".movement." in path or ".seasons[" in path:
        return _moved(old, new, path)
    return "money" if _MONEY.search(path) else "other"


def _asked_for(one: Side, other: Side, old: Any, new: Any) -> Meaning:
    """Whether a condition became harder or easier; other where some gain by it and some lose."""
    formula = Reading(one.window, one.program.score_policies).formula(one.condition(old))
    changed = Reading(other.window, other.program.score_policies).formula(other.condition(new))
    budget = Budget()
    try:
        narrower, wider = implies(changed, formula, budget), implies(formula, changed, budget)
    except Unsettled:
        return "other"
    if narrower == wider:
        return "other"
    return "harder" if narrower else "easier"


def _moved(old: Any, new: Any, path: str) -> Meaning:
    """Whether a change of movement, or a season, is to the good of members."""
    if path.endswith("]"):
        season, gone = (old, True) if isinstance(old, dict) else (new, False)
        return "harder" if (season["factor_bp"] > WHOLE_BP) != gone else "easier"
    if path.endswith((".downgrade", ".new_version")):
        return "harder" if _STRICTNESS[old] < _STRICTNESS[new] else "easier"
    if path.endswith(".review_gate"):
        return "harder" if old is None else "easier"
    if isinstance(old, int) and isinstance(new, int):
        if path.endswith((".factor_bp", ".max_step_down", ".integrity_below")):
            return "harder" if old < new else "easier"
        if path.endswith(".grace_days"):
            return "easier" if old < new else "harder"
    return "other"


def _windowed(side: Side, value: Mapping[str, Any]) -> Side:
    return Side(side.program, value["window"]) if "tiers" in value and "window" in value else side


def _keyed(value: Any) -> dict[str, Any] | None:
    """The parts of a list by their keys, None where it is no list of such parts."""
    if not isinstance(value, list):
        return None
    keyed = {_key(each): each for each in value}
    return None if "" in keyed else keyed


def _key(part: Any) -> str:
    names = ("key", "benefit", "metric")
    return next((str(part[name]) for name in names if name in part), "") if isinstance(part, dict) else ""


def _is_text(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"zh", "en"}


def _is_condition(path: str, value: Any) -> bool:
    return isinstance(value, dict) and path.endswith((".entry", ".keep"))
