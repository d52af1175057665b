"""Rotation and revocation on one machine: whatever is interrupted, tokens that are signed are verified."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from libs.cli import revoking, rotation
from libs.cli.data_folder import DataFolder, write_whole
from libs.cli.errors import CommandError
from libs.common.clock import now
from libs.common.errors import Unauthenticated
from libs.common.keys import parse_key_set, public_jwk, read_private
from libs.common.revocations import RevokedSubject, RevokedToken, parse_revocations
from libs.common.settings import Identity
from libs.common.tokens import TokenSigner, TokenVerifier


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path)
    folder.prepare()
    return folder


def a_token(folder: DataFolder) -> str:
    signer = TokenSigner(folder.signing_key_file)
    return signer.token("ann", "staff", now=now(), ttl=timedelta(minutes=5), program_id="music_store")


async def is_verified(folder: DataFolder, token: str) -> bool:
    verifier = TokenVerifier(Identity(development=True, key_set_file=folder.key_set_file))
    await verifier.load()
    try:
        return verifier.principal(token).subject == "ann"
    except Unauthenticated:
        return False


def signing_key_id(folder: DataFolder) -> str:
    return str(public_jwk(read_private(folder.signing_key_file))["kid"])


def published(folder: DataFolder) -> list[str]:
    return list(parse_key_set(folder.key_set_file.read_bytes()))


async def test_after_a_rotation_the_new_key_comes_first_and_the_last_one_still_verifies(
    folder: DataFolder,
) -> None:
    before, old = signing_key_id(folder), a_token(folder)

    fresh = rotation.rotate(folder, wait=lambda _: None)

    assert fresh == signing_key_id(folder) != before
    assert published(folder) == [fresh, before]
    assert await is_verified(folder, old)
    assert await is_verified(folder, a_token(folder))
    assert folder.signing_key_file.stat().st_mode & 0o777 == 0o600


async def test_after_two_rotations_the_first_key_is_gone(folder: DataFolder) -> None:
    old = a_token(folder)

    for _ in range(2):
        rotation.rotate(folder, wait=lambda _: None)

    assert len(published(folder)) == 2
    assert not await is_verified(folder, old)


async def test_the_new_key_is_published_before_it_signs(folder: DataFolder) -> None:
    before = signing_key_id(folder)
    seen: list[tuple[str, int]] = []

    rotation.rotate(folder, wait=lambda _: seen.append((signing_key_id(folder), len(published(folder)))))

    assert seen == [(before, 2)]


async def test_a_rotation_that_was_killed_leaves_what_works_and_can_be_made_again(folder: DataFolder) -> None:
    def killed(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotation.rotate(folder, wait=killed)
    between = await is_verified(folder, a_token(folder))
    rotation.rotate(folder, wait=lambda _: None)

    assert between
    assert await is_verified(folder, a_token(folder))


def test_without_a_platform_there_is_nothing_to_rotate_or_revoke(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no platform"):
        rotation.rotate(DataFolder(tmp_path), wait=lambda _: None)
    with pytest.raises(CommandError, match="no platform"):
        revoking.revoke(DataFolder(tmp_path), RevokedToken(jti="tok_1"))


async def test_a_key_that_the_set_names_otherwise_is_published_again(folder: DataFolder) -> None:
    document = json.loads(folder.key_set_file.read_text())
    document["keys"][0]["kid"] = "as it was named before"
    folder.key_set_file.write_text(json.dumps(document))

    folder.prepare()

    assert await is_verified(folder, a_token(folder))


def test_revocations_add_up(folder: DataFolder) -> None:
    issued = now()
    subject = RevokedSubject(subject="ann", kind="staff", issued_before=issued + timedelta(seconds=1))

    revoking.revoke(folder, RevokedToken(jti="tok_1"))
    revoking.revoke(folder, subject)

    revocations = parse_revocations(folder.revocations_file.read_bytes())
    assert revocations.cover("member", "bob", None, issued=issued, jti="tok_1")
    assert revocations.cover("staff", "ann", "music_store", issued=issued)


def test_of_revocations_at_once_none_is_lost(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(file: Path, content: str) -> None:
        time.sleep(0.02)
        write_whole(file, content)

    monkeypatch.setattr(revoking, "write_whole", slowly)
    revoked = [RevokedToken(jti=f"tok_{number}") for number in range(8)]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda each: revoking.revoke(folder, each), revoked))

    kept = json.loads(folder.revocations_file.read_text())["revoked"]
    assert sorted(each["jti"] for each in kept) == [each.jti for each in revoked]


def test_preparing_a_folder_again_keeps_its_revocations(folder: DataFolder) -> None:
    revoking.revoke(folder, RevokedToken(jti="tok_1"))

    folder.prepare()

    assert len(json.loads(folder.revocations_file.read_text())["revoked"]) == 1
