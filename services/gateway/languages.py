"""In which language texts for people are told: as an argument says, else as the request's Accept-Language."""

import math
from collections.abc import Iterator
from contextvars import ContextVar
from functools import lru_cache
from typing import Annotated

import strawberry

from libs.common.texts import Locale as Language
from services.gateway.values import Locale

FALLBACK: Language = "en"
RANGES_MAX = 20
"""Of an Accept-Language that are looked at."""
_LANGUAGES: dict[str, Language] = {"zh": "zh", "en": "en"}

InLocale = Annotated[
    Locale | None,
    strawberry.argument(description="In which language; as the request's Accept-Language has it when null."),
]

_spoken: ContextVar[Language] = ContextVar("spoken", default=FALLBACK)


def speak(accept_language: str) -> None:
    """Tell this task's texts in the language that its request prefers."""
    _spoken.set(preferred(accept_language))


def language_of(locale: Locale | None) -> Language:
    """The language of an argument, or of the request."""
    if locale is None:
        return _spoken.get()
    return "zh" if locale is Locale.ZH else "en"


@lru_cache(maxsize=256)  # clients write few, of a header's length at most
def preferred(accept_language: str) -> Language:
    """The language of ours with the highest quality, the first of equals; English when none is wanted."""
    best, quality = FALLBACK, 0.0
    for language, given in _ranges(accept_language):
        if given > quality:
            best, quality = language, given
    return best


def _ranges(accept_language: str) -> Iterator[tuple[Language, float]]:
    """The languages of ours that are asked for, by any of their regions and scripts, with their qualities."""
    for part in accept_language.split(",", RANGES_MAX)[:RANGES_MAX]:
        name, *parameters = (each.strip().lower() for each in part.split(";"))
        language = FALLBACK if name == "*" else _LANGUAGES.get(name.partition("-")[0])
        if language is not None:
            yield language, _quality(parameters)


def _quality(parameters: list[str]) -> float:
    """From 0 to 1; what is no quality counts for nothing."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if math.isfinite(quality) and 0 <= quality <= 1 else 0.0
    return 1.0
