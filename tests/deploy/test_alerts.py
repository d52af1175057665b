"""The alerts: about metrics that there are, with a way out, and each tried both ways."""

import re
from typing import Any

import pytest
import yaml

from tests.contracts.code import ROOT
from tests.deploy.manifests import K8S

MONITORING = K8S / "components" / "monitoring"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((MONITORING / "alerts.yaml").read_text())["spec"]["groups"]
    for rule in group["rules"]
]
TESTS = {each["name"]: each for each in yaml.safe_load((MONITORING / "tests.yaml").read_text())["tests"]}
# Told by Kubernetes, cert-manager and Prometheus itself.
OTHERS = ("kube_", "certmanager_", "up")


def declared() -> set[str]:
    """The metrics that our code has."""
    texts = (file.read_text() for folder in ("libs", "services") for file in (ROOT / folder).rglob("*.py"))
    found = set().union(
        *(re.findall(r'(?:Gauge|Counter|Histogram)\(\s*"(laurel_\w+)"', text) for text in texts)
    )
    return found | {f"{name}{suffix}" for name in found for suffix in ("_count", "_bucket", "_sum")}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_about_metrics_that_there_are(rule: dict[str, Any]) -> None:
    metrics = set(re.findall(r"\blaurel_[a-z_]+(?=[{\[\s)]|$)", rule["expr"]))

    assert metrics <= declared()
    assert metrics or re.search(rf"\b({'|'.join(OTHERS)})", rule["expr"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_is_wrong_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "runbook"}
    assert all(rule["annotations"].values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_tried_silent_and_firing(rule: dict[str, Any]) -> None:
    silent, firing = TESTS[rule["alert"]]["promql_expr_test"]

    assert f'alertname="{rule["alert"]}"' in silent["expr"]
    assert silent["expr"] == firing["expr"]
    assert silent["exp_samples"] == []
    assert [each["value"] for each in firing["exp_samples"]] != []


def test_no_test_is_left_of_an_alert_that_is_gone() -> None:
    assert TESTS.keys() == {rule["alert"] for rule in RULES}


def test_whatever_the_page_says_to_alarm_on_has_its_alert() -> None:
    rows = re.findall(
        r"^\| `(laurel_\w+)` \|.*\| ([^|]*) \|$", (ROOT / "docs/telemetry.md").read_text(), re.MULTILINE
    )
    expressions = " ".join(rule["expr"] for rule in RULES)

    assert len(rows) > 10
    assert [metric for metric, alarm in rows if alarm.strip() and metric not in expressions] == []
