"""Regions in a program document: stores whose members reach and keep tiers by other rules."""

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from libs.common.conditions import Condition
from libs.common.documents import Key, Part, StoreKey, Text


class LocalTerms(Part):
    """What a tier asks for in some stores; what is not said is as everywhere."""

    entry: Condition | None = None
    keep: Condition | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.entry is None and self.keep is None:
            raise ValueError("entry or keep is needed")
        return self

    def said(self) -> Iterator[tuple[str, Condition]]:
        """What it says, by the name of the rule that it stands for."""
        for name, condition in (("entry", self.entry), ("keep", self.keep)):
            if condition is not None:
                yield name, condition


class Variant(Part):
    """A region: stores whose members reach and keep some tiers by other rules."""

    key: Key
    name: Text
    stores: tuple[StoreKey, ...] = Field(min_length=1, max_length=1_000)
    tiers: dict[Key, LocalTerms] = Field(min_length=1, max_length=100)
