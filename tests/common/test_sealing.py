"""Sealed secrets open for what they were sealed for, by any key of the file, and by nothing else."""

import base64
import stat
from pathlib import Path

import pytest

from libs.common.sealing import SealBroken, Sealing, make_sealing_key
from libs.common.settings import ConfigurationError

OLD, NEW = b"o" * 32, b"n" * 32


def test_what_is_sealed_opens_for_what_it_is_about() -> None:
    sealing = Sealing([NEW])

    sealed = sealing.seal(b"secret", "one")

    assert sealing.open(sealed, "one") == b"secret"
    assert b"secret" not in sealed
    assert sealing.seal(b"secret", "one") != sealed


def test_what_was_sealed_for_something_else_does_not_open() -> None:
    sealing = Sealing([NEW])

    with pytest.raises(SealBroken, match="not what was sealed for this"):
        sealing.open(sealing.seal(b"secret", "one"), "other")


@pytest.mark.parametrize("place", [0, 5, 12, 25, -1])
def test_what_was_changed_does_not_open(place: int) -> None:
    sealing = Sealing([NEW])
    sealed = bytearray(sealing.seal(b"secret", "one"))
    sealed[place] ^= 1

    with pytest.raises(SealBroken):
        sealing.open(bytes(sealed), "one")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" * 20, b"secret"])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        Sealing([NEW]).open(sealed, "one")


def test_the_first_key_seals_and_every_key_opens() -> None:
    before = Sealing([OLD]).seal(b"secret", "one")
    both = Sealing([NEW, OLD])

    assert both.open(before, "one") == b"secret"
    assert (both.by_newest(before), both.by_newest(both.seal(b"", "one"))) == (False, True)
    with pytest.raises(SealBroken, match="which the key file does not hold"):
        Sealing([OLD]).open(both.seal(b"secret", "one"), "one")


def test_a_key_file_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "webhooks.key"

    make_sealing_key(file)
    first = file.read_bytes()
    make_sealing_key(file)

    assert file.read_bytes() == first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    sealed = Sealing.of_file(file).seal(b"secret", "one")
    assert Sealing.of_file(file).open(sealed, "one") == b"secret"


def test_a_file_holds_the_newest_key_first(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_bytes(b"\n".join(base64.b64encode(key) for key in (NEW, OLD)))

    assert Sealing.of_file(file).by_newest(Sealing([NEW]).seal(b"", ""))


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"short",
        b"not base64!",
        base64.b64encode(b"x" * 31),
        b"\xff\xfe",
        b"\n".join([b"eA=="] * 3),
    ],
    ids=["no file", "empty", "short", "not base64", "31 bytes", "not ASCII", "one byte each"],
)
def test_a_file_without_good_keys_stops_the_start_and_shows_no_key(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigurationError, match="keys") as error:
        Sealing.of_file(file)

    assert "eA==" not in str(error.value)
