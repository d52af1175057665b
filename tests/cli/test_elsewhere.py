"""The command on a platform that others run: where it is, who we are there, and what cannot be done."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from libs.cli.clients import signer, staff_token
from libs.cli.data_folder import DataFolder
from libs.cli.errors import CommandError
from libs.cli.main import app
from libs.common.tls import Certificates, TlsFiles

ADDRESSES = {name: f"dns:///{name}:50051" for name in ("members", "scoring", "benefits", "risk")}
GOOD: dict[str, Any] = {
    "addresses": ADDRESSES,
    "gateway_url": "http://gateway:8080",
    "token_file": "token/token",
}


def a_folder(path: Path, **changed: Any) -> DataFolder:
    (path / "token").mkdir()
    (path / "token/token").write_text("ey.token.of-staff\n")
    (path / "platform.json").write_text(json.dumps(GOOD | changed))
    return DataFolder(path)


def test_its_services_are_found_without_anything_running_here(tmp_path: Path) -> None:
    run = a_folder(tmp_path).running()

    assert [run.address(name) for name in ADDRESSES] == list(ADDRESSES.values())
    assert not (tmp_path / "lock").exists()  # the folder may be read-only


def test_we_are_whom_its_identity_provider_says(tmp_path: Path) -> None:
    run = a_folder(tmp_path).running()

    assert staff_token(run, "music_store") == "ey.token.of-staff"


def test_nobody_is_somebody_else_there(tmp_path: Path) -> None:
    run = a_folder(tmp_path).running()

    with pytest.raises(CommandError, match="leave --as sue out"):
        staff_token(run, "music_store", subject="sue")


def test_a_token_that_was_renewed_is_taken_up(tmp_path: Path) -> None:
    run = a_folder(tmp_path).running()
    (tmp_path / "token/token").write_text("ey.renewed")

    assert staff_token(run, "music_store") == "ey.renewed"


def test_no_token_is_signed_here(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="identity provider"):
        signer(a_folder(tmp_path).running())


def test_a_token_that_is_not_there_is_told(tmp_path: Path) -> None:
    run = a_folder(tmp_path, token_file="nowhere").running()

    with pytest.raises(CommandError, match="nowhere holds no token"):
        staff_token(run, "music_store")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"addresses": {"members": "members:50051"}}, "lacks benefits, risk, scoring"),
        ({"token_fil": "x"}, "token_fil"),
        ({"gateway_url": None}, "gateway_url"),
    ],
    ids=["a service missing", "an unknown field", "no gateway"],
)
def test_a_file_that_does_not_say_where_is_refused(tmp_path: Path, changed: Any, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        a_folder(tmp_path, **changed).running()


def test_no_platform_is_started_in_its_folder(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="elsewhere"), a_folder(tmp_path).locked():
        pass


def test_a_folder_of_keys_is_made_for_what_others_run_and_stays_as_it_is(tmp_path: Path) -> None:
    command = ["init", "folder", "--data-dir", str(tmp_path)]

    first = CliRunner().invoke(app, command)
    held = {file: file.read_bytes() for file in tmp_path.rglob("*.*") if file.is_file()}
    again = CliRunner().invoke(app, command)

    assert (first.exit_code, again.exit_code) == (0, 0)
    assert {file: file.read_bytes() for file in held} == held
    for name in (*ADDRESSES, "gateway", "operator"):
        Certificates(
            TlsFiles(tmp_path / f"tls/{name}.pem", tmp_path / f"tls/{name}.key", tmp_path / "tls/ca.pem")
        )
    run = DataFolder(tmp_path).running()
    assert run.address("risk") == "dns:///risk:50051"
    assert staff_token(run, "music_store").count(".") == 2  # signed by the folder's own key
