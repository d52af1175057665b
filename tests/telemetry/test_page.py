"""The page for those who run Laurel names every metric that there is, with its labels, and no other."""

import re
from importlib import import_module
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

PAGE = Path(__file__).parents[2] / "docs" / "telemetry.md"


def defined() -> dict[str, tuple[str, ...]]:
    """Every metric of ours, with its labels, whichever service has it."""
    for service in ("members", "scoring", "benefits", "risk", "gateway"):
        import_module(f"services.{service}.server")
    return {
        each._name + ("_total" if each._type == "counter" else ""): tuple(each._labelnames)
        for each in set(REGISTRY._collector_to_names)
        if isinstance(each, MetricWrapperBase) and each._name.startswith("laurel_")
    }


def told() -> dict[str, tuple[str, ...]]:
    """Every metric of the page, with its labels."""
    rows = re.findall(r"^\| `(laurel_[a-z_]+)` \|([^|]*)\|", PAGE.read_text(), re.MULTILINE)
    return {name: tuple(re.findall(r"[a-z]+", labels.partition("(")[0])) for name, labels in rows}


def test_the_page_names_every_metric_with_its_labels() -> None:
    assert told() == defined()
