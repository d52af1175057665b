"""Conditions in CEL: checked against the names that they may use, compiled once, bounded in what they cost.

Without macros nothing is repeated, so that evaluating touches each part of an
expression at most once: its length bounds what it costs. Functions that are
not listed are not there, as some of them cost more than they show.
"""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, Literal

import yaml
from cel_expr_python import cel

LENGTH_MAX = 500
KEPT_MAX = 1_000
PROBLEM_LENGTH_MAX = 150
FUNCTIONS = (
    *("_&&_", "_||_", "!_", "_?_:_"),
    *("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_", "@in"),
    *("_+_", "_-_", "_%_", "_[_]"),
    *("size", "startsWith", "endsWith", "contains"),
)

NameType = Literal["string", "int", "bool", "texts"]
_TYPES: Mapping[NameType, Any] = {
    "string": cel.Type.STRING,
    "int": cel.Type.INT,
    "bool": cel.Type.BOOL,
    "texts": cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
}


class ConditionFailed(Exception):
    """A condition gives no answer for these values. Example: it asks for an attribute that is not there."""


class Language:
    """What conditions of one kind are written in: names with their types, and a few functions."""

    def __init__(self, names: Mapping[str, NameType]) -> None:
        self.names = names
        self._compiled = lru_cache(maxsize=KEPT_MAX)(self._compile)

    def check(self, condition: str) -> None:
        """Refuse what is no condition in this language, with what is wrong about it."""
        if len(condition) > LENGTH_MAX:
            raise ValueError(f"a condition has more than {LENGTH_MAX} characters")
        self._compiled(condition)

    def values(self, values: Mapping[str, object]) -> "Values":
        """The values of one moment, by name."""
        return Values(self, values)

    def holds(self, condition: str, activation: Any) -> bool:
        """Whether a condition holds; ConditionFailed where that cannot be said."""
        result = self._compiled(condition).eval(activation)
        if result.type() != cel.Type.BOOL:
            raise ConditionFailed(_first_line(str(result.value())))
        return bool(result.value())

    def activation(self, values: Mapping[str, object]) -> Any:
        """The values as the runtime takes them."""
        return self._environment.Activation(dict(values))

    @cached_property
    def _environment(self) -> Any:
        """Made when the first condition is met: it takes 30 ms, and most programs have none."""
        functions = [{"name": name} for name in FUNCTIONS]
        config = {"name": "laurel", "stdlib": {"disable_macros": True, "include_functions": functions}}
        return cel.NewEnv(
            config=cel.NewEnvConfigFromYaml(yaml.safe_dump(config)),
            variables={name: _TYPES[kind] for name, kind in self.names.items()},
        )

    def _compile(self, condition: str) -> Any:
        try:
            compiled = self._environment.compile(condition)
        except (RuntimeError, TypeError) as error:
            raise ValueError(_problem(error)) from None
        if compiled.return_type() != cel.Type.BOOL:
            raise ValueError(f"gives {compiled.return_type().name().lower()}, not true or false")
        return compiled


class Values:
    """What conditions read at one moment, handed to the runtime when the first one asks."""

    def __init__(self, language: Language, values: Mapping[str, object]) -> None:
        self._language, self._values = language, values

    def holds(self, condition: str) -> bool:
        """Whether a condition holds; ConditionFailed where that cannot be said."""
        return self._language.holds(condition, self._activation)

    @cached_property
    def _activation(self) -> Any:
        return self._language.activation(self._values)


def _problem(error: Exception) -> str:
    """What the compiler says, without what it says for machines: place and problem."""
    text = str(error)
    if isinstance(error, TypeError):
        return "is no text in UTF-8"
    if "recursion" in text:
        return "is nested too deeply"
    return _first_line(text.removeprefix("INVALID_ARGUMENT: ").removeprefix("ERROR: <input>:"))


def _first_line(text: str) -> str:
    return text.partition("\n")[0].removesuffix(" (in container '')")[:PROBLEM_LENGTH_MAX]
