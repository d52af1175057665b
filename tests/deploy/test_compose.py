"""The compose file: every process gets settings that it can run with, and what it waits for is there."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contracts.code import ROOT
from tests.deploy.images import IMAGES
from tests.deploy.settings import SETTINGS, addresses, read, unknown
from tests.deploy.test_manifests import version

DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
PROCESSES: dict[str, Any] = DOCUMENT["services"]


@pytest.mark.parametrize("name", SETTINGS)
def test_a_service_runs_with_the_settings_that_it_is_given(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = PROCESSES[name]["environment"]

    settings: Any = read(SETTINGS[name], variables, {}, tmp_path, monkeypatch)

    assert unknown(variables, SETTINGS[name]) == set()
    assert settings.has_tls
    for callee in addresses(SETTINGS[name]):
        port = PROCESSES[callee]["environment"]["LAUREL_PORT"]
        assert variables[f"LAUREL_{callee.upper()}_ADDRESS"] == f"{callee}:{port}"


@pytest.mark.parametrize("name", [*SETTINGS, "setup"])
def test_a_process_is_built_from_its_own_dockerfile(name: str) -> None:
    image = IMAGES["cli" if name == "setup" else name]

    assert ROOT / PROCESSES[name]["build"]["dockerfile"] == image


@pytest.mark.parametrize("name", [*SETTINGS, "setup", "laurel"])
def test_our_processes_have_no_more_rights_than_they_need(name: str) -> None:
    process = PROCESSES[name]

    assert process["user"] == "10001:10001"
    assert process["read_only"] is True
    assert process["cap_drop"] == ["ALL"]
    assert process["security_opt"] == ["no-new-privileges:true"]


def test_what_is_waited_for_is_there_and_says_when_it_is_ready() -> None:
    for process in PROCESSES.values():
        for other, how in process.get("depends_on", {}).items():
            assert how["condition"] != "service_healthy" or "healthcheck" in PROCESSES[other]
            assert how["condition"] in {"service_healthy", "service_completed_successfully"}


def test_only_the_gateway_is_open_and_only_to_this_machine() -> None:
    assert {name: process["ports"] for name, process in PROCESSES.items() if "ports" in process} == {
        "gateway": ["127.0.0.1:8080:8080"]
    }


def test_every_volume_is_declared() -> None:
    mounted = {mount.split(":")[0] for process in PROCESSES.values() for mount in process.get("volumes", [])}

    assert {name for name in mounted if not name.startswith(".")} == DOCUMENT["volumes"].keys()


def test_databases_are_releases_without_known_leaks() -> None:
    assert version(PROCESSES["mongodb"]["image"].partition(":")[2]) >= (8, 0, 17)
    assert version(PROCESSES["valkey"]["image"].partition(":")[2]) >= (9, 0, 2)
