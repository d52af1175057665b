"""How much a value may hold, in a variable or written into the document: no type of the schema says it."""

from collections.abc import Iterable
from typing import Any

from graphql import FloatValueNode, IntValueNode, ListValueNode, ObjectValueNode, StringValueNode, ValueNode

from services.gateway.admission.limits import InputTooLarge, Limits

DIGITS_MAX = 40


def check_variables(variables: Any, limits: Limits) -> None:
    """Refuse lists, objects and texts that are too long, however deep they are."""
    values = [variables]
    while values:
        match values.pop():
            case str() as text:
                _check_text(text, limits)
            case list() as items:
                _check_count(items, limits)
                values += items
            case dict() as fields:
                _check_count(fields, limits)
                values += fields.values()


def check_literals(nodes: Iterable[ValueNode], limits: Limits) -> None:
    """The same for values that are written into the document."""
    values = list(nodes)
    while values:
        match values.pop():
            case StringValueNode(value=text):
                _check_text(text, limits)
            case ListValueNode(values=items):
                _check_count(items, limits)
                values += items
            case IntValueNode(value=number) | FloatValueNode(value=number):
                _check_number(number)
            case ObjectValueNode(fields=fields):
                _check_count(fields, limits)
                values += [field.value for field in fields]


def _check_text(text: str, limits: Limits) -> None:
    if len(text) > limits.text_length_max:
        raise InputTooLarge(f"a text is longer than {limits.text_length_max} characters")


def _check_number(number: str) -> None:
    """Python refuses to read very long numbers, in words of its own; JSON has none."""
    if len(number) > DIGITS_MAX:
        raise InputTooLarge(f"a number is longer than {DIGITS_MAX} digits")


def _check_count(items: Any, limits: Limits) -> None:
    if len(items) > limits.list_items_max:
        raise InputTooLarge(f"a list or object has more than {limits.list_items_max} items")
