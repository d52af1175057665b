"""The contract as released: what would break partners is refused by `make check`, what is added is not."""

import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from tests.contracts.code import ROOT

RELEASED = ROOT / "protos" / "released.binpb"
MEMBERS = "laurel/members/v1/members.proto"


def refused(folder: Path, change: Callable[[FileDescriptorProto], object]) -> str:
    """What buf says of the contract after a change to the protos of members; nothing where none is broken."""
    contract = FileDescriptorSet.FromString(RELEASED.read_bytes())
    (members,) = (file for file in contract.file if file.name == MEMBERS)
    change(members)
    changed = folder / "changed.binpb"
    changed.write_bytes(contract.SerializeToString())
    buf = Path(sysconfig.get_paths()["scripts"]) / "buf"
    told = subprocess.run(
        [buf, "breaking", changed, "--against", RELEASED],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (told.returncode == 0) is (told.stdout == ""), told.stderr
    return told.stdout


def _first_field_removed(members: FileDescriptorProto) -> None:
    del members.message_type[0].field[0]


def _first_field_renumbered(members: FileDescriptorProto) -> None:
    members.message_type[0].field[0].number = 500


def _first_method_removed(members: FileDescriptorProto) -> None:
    del members.service[0].method[0]


def _field_added(members: FileDescriptorProto) -> None:
    field = members.message_type[0].field.add()
    field.CopyFrom(members.message_type[0].field[0])
    field.name, field.json_name, field.number = "more", "more", 500


@pytest.mark.parametrize("change", [_first_field_removed, _first_field_renumbered, _first_method_removed])
def test_what_would_break_partners_is_refused(
    change: Callable[[FileDescriptorProto], object], tmp_path: Path
) -> None:
    assert MEMBERS in refused(tmp_path, change)


def test_what_is_added_breaks_nobody(tmp_path: Path) -> None:
    assert refused(tmp_path, _field_added) == ""
