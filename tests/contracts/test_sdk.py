"""What partners install stands alone: the contract, typed, and which calls may be made again."""

import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from libs.cli import sdk
from libs.common.policy import policy

# Of this environment only what the wheel depends on: no path file leads to the repository.
SALE = """
import json, sys
sys.path[:0] = sys.argv[1:]
from laurel.benefits.v1 import benefits_pb2_grpc, notices_pb2_grpc
from laurel.members.v1 import members_pb2, members_pb2_grpc
from laurel.risk.v1 import risk_pb2_grpc
from laurel.partner import SERVICE_CONFIG

print(json.dumps([members_pb2.__file__, members_pb2.Member(member_id="mem_1").member_id, SERVICE_CONFIG]))
"""
NODE = """
import { readFileSync } from "node:fs";
import { PROTOS, SERVICE_CONFIG } from "./index.js";
JSON.parse(SERVICE_CONFIG);
console.log(readFileSync(`${PROTOS}/laurel/members/v1/members.proto`, "utf8").length);
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheel and the npm package."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine")
    return sdk.build("1.2.3", tmp_path_factory.mktemp("sdk"))


def test_the_wheel_works_from_where_it_is_installed(packages: list[Path], tmp_path: Path) -> None:
    with ZipFile(packages[0]) as wheel:
        wheel.extractall(tmp_path)

    sale = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SALE, str(tmp_path), sysconfig.get_paths()["purelib"]],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    file, member, config = json.loads(sale.stdout)
    assert Path(file).is_relative_to(tmp_path)
    assert member == "mem_1"
    assert json.loads(config)["loadBalancingConfig"] == [{"round_robin": {}}]


def test_the_wheel_holds_the_contract_and_nothing_of_ours(packages: list[Path]) -> None:
    with ZipFile(packages[0]) as wheel:
        names = wheel.namelist()

    protos = {str(path.relative_to("protos")) for path in Path("protos/laurel").rglob("*.proto")}
    assert protos <= set(names)
    assert {"laurel/py.typed", "buf/py.typed", "laurel/members/v1/members_pb2.pyi"} <= set(names)
    assert {name.split("/")[0] for name in names} == {"laurel", "buf", "laurel_partner-1.2.3.dist-info"}


def test_the_npm_package_finds_its_protos(packages: list[Path], tmp_path: Path) -> None:
    with tarfile.open(packages[1]) as package:
        package.extractall(tmp_path, filter="data")

    told = subprocess.run(
        ["node", "--input-type=module", "-e", NODE],
        cwd=tmp_path / "package",
        check=True,
        capture_output=True,
        text=True,
    )

    assert int(told.stdout) == len(Path("protos/laurel/members/v1/members.proto").read_text())
    manifest = json.loads((tmp_path / "package/package.json").read_text())
    assert (manifest["name"], manifest["version"]) == ("laurel-protos", "1.2.3")
    assert not list((tmp_path / "package").rglob("*.py"))


def test_every_service_that_a_partner_may_call_is_in_the_service_config() -> None:
    named = {service.full_name for service in sdk.partner_services()}

    allowed = {method.split("/")[0] for method, rule in policy().rpcs.items() if "partner" in rule.grants}
    assert named == allowed
