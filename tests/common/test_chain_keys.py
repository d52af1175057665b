"""Audit keys: a service signs its own heads, and whoever has the published set verifies them."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from libs.common.chains.chain import Head, Root
from libs.common.chains.keys import AuditKeys, ChainSigner, make_audit_key, publish_audit_keys
from libs.common.settings import ConfigurationError, StoredServiceSettings, read_settings
from tests.support.builders import NOON, PROGRAM
from tests.support.services import Keys

SERVICES = ("members", "risk")


@pytest.fixture
def key_files(tmp_path: Path) -> dict[str, Path]:
    """The keys of two services."""
    files = {service: tmp_path / f"audit_{service}.pem" for service in SERVICES}
    for file in files.values():
        make_audit_key(file)
    return files


def published(key_files: dict[str, Path]) -> AuditKeys:
    file = key_files["members"].with_name("audit_keys.json")
    publish_audit_keys(file, key_files)
    return AuditKeys.parse(file.read_bytes())


def a_head(service: str) -> Head:
    return Head(service, PROGRAM, 7, "ab" * 32, NOON)


def a_root() -> Root:
    return Root("members", PROGRAM, "ledger", "1998-03-02", 3, 7, "ef" * 32, "ab" * 32, NOON)


def signed(key_files: dict[str, Path], service: str = "members", by: str = "") -> Head:
    signer = ChainSigner(service, key_files[by or service])
    return signer.signed(a_head(service))


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_signed_is_verified(key_files: dict[str, Path], service: str) -> None:
    assert published(key_files).verifies(signed(key_files, service))


EDITS: list[tuple[str, Callable[[Head], Head]]] = [
    ("service", lambda head: replace(head, service="risk")),
    ("program", lambda head: replace(head, program_id="other_store")),
    ("position", lambda head: replace(head, position=8)),
    ("a position beyond all numbers", lambda head: replace(head, position=2**60)),
    ("chain hash", lambda head: replace(head, chain_hash="cd" * 32)),
    ("chain", lambda head: replace(head, chain="ledger")),
    ("time", lambda head: replace(head, signed_time=NOON + timedelta(milliseconds=1))),
    ("no key", lambda head: replace(head, key_id="")),
    ("an unknown key", lambda head: replace(head, key_id="members.unknown")),
    ("no signature", lambda head: replace(head, signature="")),
    ("another signature", lambda head: replace(head, signature="0" * 128)),
    ("a signature in capitals", lambda head: replace(head, signature=head.signature.upper())),
    ("a signature that is no hex", lambda head: replace(head, signature="none")),
]


@pytest.mark.parametrize("edit", [each[1] for each in EDITS], ids=[each[0] for each in EDITS])
def test_an_edited_head_is_not_verified(key_files: dict[str, Path], edit: Callable[[Head], Head]) -> None:
    assert not published(key_files).verifies(edit(signed(key_files)))


ROOT_EDITS: list[dict[str, Any]] = [
    {"program_id": "other_store"},
    {"chain": ""},
    {"date": "1998-03-01"},
    {"first_position": 2},
    {"last_position": 8},
    {"root_hash": "0" * 64},
    {"chain_hash": "0" * 64},
    {"signed_time": NOON + timedelta(milliseconds=1)},
]


@pytest.mark.parametrize("edit", ROOT_EDITS, ids=lambda edit: next(iter(edit)))
def test_an_edited_root_is_not_verified(key_files: dict[str, Path], edit: dict[str, Any]) -> None:
    keys = published(key_files)
    root = ChainSigner("members", key_files["members"]).signed(a_root())

    assert keys.verifies(root)
    assert not keys.verifies(replace(root, **edit))


def test_no_service_signs_for_another(key_files: dict[str, Path]) -> None:
    keys = published(key_files)
    under_a_false_name = signed(key_files, "members", by="risk")
    signer = ChainSigner("risk", key_files["risk"])
    signer.service = "members"
    for_another = signer.signed(a_head("members"))

    assert (for_another.service, for_another.key_id) == ("members", signed(key_files, "risk").key_id)
    assert not keys.verifies(under_a_false_name)
    assert not keys.verifies(for_another)


def test_heads_of_a_key_that_was_replaced_are_verified_still(key_files: dict[str, Path]) -> None:
    published(key_files)
    old = signed(key_files)
    key_files["members"].unlink()
    make_audit_key(key_files["members"])

    keys = published(key_files)

    assert signed(key_files).key_id != old.key_id
    assert keys.verifies(old)
    assert keys.verifies(signed(key_files))


def test_a_key_is_made_once_and_is_private(key_files: dict[str, Path]) -> None:
    before = key_files["members"].read_bytes()

    make_audit_key(key_files["members"])

    assert key_files["members"].read_bytes() == before
    assert key_files["members"].stat().st_mode & 0o777 == 0o600


def test_a_key_that_a_crash_left_half_written_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "audit_members.pem"
    file.with_suffix(".new").write_bytes(b"-----BEGIN PRI")

    make_audit_key(file)

    assert ChainSigner("members", file)


def test_the_published_set_holds_public_keys_only(key_files: dict[str, Path]) -> None:
    published(key_files)

    keys = json.loads(key_files["members"].with_name("audit_keys.json").read_text())["keys"]

    assert [each["kid"].partition(".")[0] for each in keys] == list(SERVICES)
    assert [each for each in keys if "d" in each] == []


def test_a_key_that_is_not_ed25519_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "audit_members.pem"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    with pytest.raises(
        ConfigurationError, match=r"LAUREL_AUDIT_KEY_FILE: .*audit_members\.pem is no Ed25519"
    ):
        ChainSigner("members", file)


@pytest.mark.parametrize(
    "content", [None, b"", b"-----BEGIN PRIVATE KEY-----"], ids=["missing", "empty", "half"]
)
def test_a_file_that_holds_no_key_is_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "audit_members.pem"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigurationError, match=r"LAUREL_AUDIT_KEY_FILE: .*audit_members\.pem holds no key"):
        ChainSigner("members", file)


def test_a_service_that_stores_does_not_start_without_an_audit_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = Keys.made_in(tmp_path).settings("mongodb://x", "redis://x")
    for name, value in settings.items():
        monkeypatch.setenv(f"LAUREL_{name.upper()}", str(value))
    assert read_settings(StoredServiceSettings).audit_key_file == settings["audit_key_file"]

    monkeypatch.delenv("LAUREL_AUDIT_KEY_FILE")

    with pytest.raises(ConfigurationError, match="LAUREL_AUDIT_KEY_FILE: Field required"):
        read_settings(StoredServiceSettings)
