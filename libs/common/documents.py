"""What documents of ours are made of: strict, frozen parts, and what is wrong with one, by path."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

# Numbers and their differences stay below 2**53, which is what canonical JSON holds exactly.
NUMBER_MAX = 10**15
# Basis points: 10,000 are the whole, or once.
WHOLE_BP = 10_000
PROBLEMS_MAX = 20
PROBLEM_LENGTH_MAX = 200
_FIRST_YEAR, _LAST_YEAR = 1970, 9000

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
StoreKey = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Count = Annotated[int, Field(ge=0, le=NUMBER_MAX)]


def _whole_second(moment: datetime) -> datetime:
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR or moment.microsecond:
        raise ValueError(f"a whole second of the years {_FIRST_YEAR} to {_LAST_YEAR} is needed")
    return moment.astimezone(UTC)


Moment = Annotated[
    AwareDatetime,
    AfterValidator(_whole_second),
    Field(description="A whole second with its offset, such as `2026-11-11T00:00:00+08:00`."),
]


class Part(BaseModel):
    """A part of a document: never changed, nothing unknown in it, no type guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Text(Part):
    """A name in both languages."""

    zh: str = Field(min_length=1, max_length=200)
    en: str = Field(min_length=1, max_length=200)


def unique(what: str, keys: Sequence[str]) -> None:
    """Refuse keys that are there twice."""
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"{what} share a key: {', '.join(twice)}")


def refuse_at(found: Sequence[tuple[tuple[int | str, ...], str]]) -> None:
    """Refuse what is wrong in places further in, if anything is; a check of a whole says where."""
    if found:
        raise ValidationError.from_exception_data(
            "document",
            [
                InitErrorDetails(
                    type=PydanticCustomError("value_error", "{text}", {"text": text}), loc=place, input=None
                )
                for place, text in found
            ],
        )


def problems(error: ValidationError) -> dict[str, str]:
    """What is wrong, by path, such as `tier_sets[0].key`; the first twenty."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    outer = {problem["loc"][:depth] for problem in errors for depth in range(len(problem["loc"]))}
    found: dict[str, str] = {}
    for problem in errors:
        location = problem["loc"]
        # A list whose items are wrong counts as too short as well; the items say it better.
        if not (location in outer and problem["type"] == "too_short"):
            path = _path(location)[:PROBLEM_LENGTH_MAX]
            text = _text(problem)[:PROBLEM_LENGTH_MAX]
            found[path] = f"{found[path]}; {text}" if path in found else text
        if len(found) == PROBLEMS_MAX:
            break
    return found


def _text(problem: ErrorDetails) -> str:
    if problem["type"] == "extra_forbidden":
        return "there is no such field here"
    return problem["msg"].removeprefix("Value error, ")


def _path(location: tuple[int | str, ...]) -> str:
    """The location without the tags of unions, which stand in angle brackets."""
    path = ""
    for element in location:
        if isinstance(element, int):
            path += f"[{element}]"
        elif not element.startswith("<"):
            path += f".{element}" if path else element
    return path or "document"
