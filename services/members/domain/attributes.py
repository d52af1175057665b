"""Attributes: what members have in common with some others, by which programs are audited."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from libs.common.clock import business_date


@dataclass(frozen=True, slots=True)
class Traits:
    """Of a member what attributes are read from; nothing that is personal."""

    store_id: str
    source: str
    registered_time: datetime
    verification: str


ATTRIBUTES: Mapping[str, Callable[[Traits, str], str]] = {
    "store": lambda traits, _: traits.store_id,
    "registration_source": lambda traits, _: traits.source,
    "registration_year": lambda traits, zone: f"{business_date(traits.registered_time, zone):%Y}",
    "registration_month": lambda traits, zone: f"{business_date(traits.registered_time, zone):%Y-%m}",
    "verification": lambda traits, _: traits.verification,
}
"""The value of each attribute of a member, in a time zone; empty where there is none."""
