"""Settings of identity: what must be set together, and what a process says that cannot run so."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from libs.common.chains.keys import make_audit_key
from libs.common.rpc.client import channel
from libs.common.settings import (
    ConfigurationError,
    DatabaseSettings,
    Identity,
    ServiceSettings,
    is_loopback,
    read_settings,
)
from tests.common.rpc_world import RISK
from tests.support.services import NO_DATABASE

TLS = {
    "LAUREL_TLS_CERTIFICATE_FILE": "it.pem",
    "LAUREL_TLS_KEY_FILE": "it.key",
    "LAUREL_TLS_CA_FILE": "ca.pem",
}
SERVICE = {"LAUREL_KEY_SET_FILE": "keys.json", "LAUREL_PORT": "50051", "LAUREL_METRICS_PORT": "51051"}
DEVELOPMENT = {"LAUREL_DEVELOPMENT": "true"}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Any:
    def set_to(**variables: str) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_to


GOOD: dict[str, dict[str, str]] = {
    "TLS": TLS,
    "TLS on every address": {**TLS, "LAUREL_HOST": "0.0.0.0"},
    "development on loopback": DEVELOPMENT,
    "development on IPv6 loopback": {**DEVELOPMENT, "LAUREL_HOST": "::1"},
    "development with TLS": {**DEVELOPMENT, **TLS, "LAUREL_HOST": "0.0.0.0"},
    "a key set that is empty": {**TLS, "LAUREL_KEY_SET_URL": ""},
}


@pytest.mark.parametrize("variables", GOOD.values(), ids=list(GOOD))
def test_a_service_runs_with_tls_or_in_development_on_loopback(
    environment: Any, variables: dict[str, str]
) -> None:
    environment(**SERVICE, **variables)

    assert read_settings(ServiceSettings).has_tls is ("LAUREL_TLS_KEY_FILE" in variables)


BAD: dict[str, tuple[dict[str, str], str]] = {
    "neither": ({}, "LAUREL_TLS_CERTIFICATE_FILE, LAUREL_TLS_KEY_FILE and LAUREL_TLS_CA_FILE"),
    "development on every address": ({**DEVELOPMENT, "LAUREL_HOST": "0.0.0.0"}, "LAUREL_HOST=127.0.0.1"),
    "development on a name": ({**DEVELOPMENT, "LAUREL_HOST": "members"}, "LAUREL_HOST=127.0.0.1"),
    "part of TLS": ({**TLS, "LAUREL_TLS_CA_FILE": ""}, "together, or none"),
    "part of TLS in development": ({**DEVELOPMENT, "LAUREL_TLS_KEY_FILE": "it.key"}, "together, or none"),
    "two key sets": ({**TLS, "LAUREL_KEY_SET_URL": "https://id.example/keys"}, "one of LAUREL_KEY_SET_FILE"),
    "no key set": ({**TLS, "LAUREL_KEY_SET_FILE": ""}, "one of LAUREL_KEY_SET_FILE"),
    "keys by http": (
        {**TLS, "LAUREL_KEY_SET_FILE": "", "LAUREL_KEY_SET_URL": "http://id.example/keys"},
        "LAUREL_KEY_SET_URL: URL scheme should be 'https'",
    ),
    "keys by file": (
        {**TLS, "LAUREL_KEY_SET_FILE": "", "LAUREL_KEY_SET_URL": "file:///etc/keys"},
        "LAUREL_KEY_SET_URL: URL scheme should be 'https'",
    ),
    "tokens of no time": ({**TLS, "LAUREL_TOKEN_TTL_MAX": "PT0S"}, "LAUREL_TOKEN_TTL_MAX"),
    "no trust domain": ({**TLS, "LAUREL_TRUST_DOMAIN": "a/b"}, "LAUREL_TRUST_DOMAIN"),
    "no port": ({**TLS, "LAUREL_PORT": "high"}, "LAUREL_PORT"),
}


@pytest.mark.parametrize(("variables", "told"), BAD.values(), ids=list(BAD))
def test_what_cannot_run_is_told_what_to_set(environment: Any, variables: dict[str, str], told: str) -> None:
    environment(**{**SERVICE, **variables})

    with pytest.raises(ConfigurationError) as error:
        read_settings(ServiceSettings)

    assert told in str(error.value)


def test_what_is_told_holds_no_value(environment: Any) -> None:
    environment(**{**SERVICE, **TLS, "LAUREL_PORT": "a-secret-in-the-wrong-place"})

    with pytest.raises(ConfigurationError) as error:
        read_settings(ServiceSettings)

    assert "a-secret" not in str(error.value)


def test_who_only_verifies_needs_no_port(environment: Any) -> None:
    environment(LAUREL_KEY_SET_URL="https://id.example/keys", **TLS)

    assert str(read_settings(Identity).key_set_url) == "https://id.example/keys"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1", "[::1]"])
def test_loopback_is_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "10.0.0.1", "members", "localhost.example", "[::]"])
def test_everything_else_may_be_another_machine(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("target", ["members:50051", "10.0.0.1:50051", "dns:///members:50051", "50051"])
async def test_another_machine_is_never_called_without_tls(target: str) -> None:
    with pytest.raises(ConfigurationError, match="LAUREL_TLS_CERTIFICATE_FILE"):
        channel(target, RISK, token=str)


def test_a_process_that_cannot_run_says_so_in_one_line(tmp_path: Path) -> None:
    make_audit_key(tmp_path / "audit.pem")

    ended = subprocess.run(
        [sys.executable, "-m", "services.scoring"],
        env={
            "PATH": "",
            **SERVICE,
            **DEVELOPMENT,
            "LAUREL_METRICS_PORT": "0",
            "LAUREL_MONGODB_URI": NO_DATABASE,
            "LAUREL_AUDIT_KEY_FILE": str(tmp_path / "audit.pem"),
            "LAUREL_KEY_SET_FILE": str(tmp_path / "keys.json"),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("scoring cannot start: ")
    assert "keys.json" in line


def test_secrets_are_read_from_files_named_like_their_variables(environment: Any, tmp_path: Path) -> None:
    (tmp_path / "LAUREL_MONGODB_URI").write_text("mongodb://members:secret@db/\n")
    environment(LAUREL_SECRETS_DIR=str(tmp_path))

    assert read_settings(DatabaseSettings).mongodb_uri == "mongodb://members:secret@db/"


def test_the_environment_goes_before_a_file(environment: Any, tmp_path: Path) -> None:
    (tmp_path / "LAUREL_MONGODB_URI").write_text("mongodb://file/")
    environment(LAUREL_SECRETS_DIR=str(tmp_path), LAUREL_MONGODB_URI="mongodb://environment/")

    assert read_settings(DatabaseSettings).mongodb_uri == "mongodb://environment/"


def test_secrets_that_are_not_mounted_are_told(environment: Any, tmp_path: Path) -> None:
    environment(LAUREL_SECRETS_DIR=str(tmp_path / "nowhere"))

    with pytest.raises(ConfigurationError, match=r"LAUREL_SECRETS_DIR: .*nowhere is no folder"):
        read_settings(DatabaseSettings)
