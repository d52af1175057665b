"""Builds what partners install, a wheel and an npm package: `python -m libs.cli.sdk`."""

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

from google.protobuf.descriptor import ServiceDescriptor

from libs.cli.console import err, out
from libs.cli.errors import CommandError
from libs.common.policy import policy
from libs.common.rpc.client import service_config

PROTOS = Path("protos")
SDK = PROTOS / "sdk"
BUILD = Path("build/sdk")
# npm has no package with these; the Python ones come with what the wheel depends on.
NODE_PROTOS = Path("examples/partner/node/protos")


def partner_services() -> Iterable[ServiceDescriptor]:
    """The services with a method that partners may call."""
    files = [import_module(_generated(proto)) for proto in sorted(PROTOS.glob("laurel/*/v1/*.proto"))]
    services: list[ServiceDescriptor] = [
        service for file in files for service in file.DESCRIPTOR.services_by_name.values()
    ]
    for service in services:
        rules = (policy().rpcs[f"{service.full_name}/{method.name}"] for method in service.methods)
        if any("partner" in rule.grants for rule in rules):
            yield service


def _generated(proto: Path) -> str:
    """The module that is generated of a proto."""
    return ".".join(proto.relative_to(PROTOS).with_suffix("").parts) + "_pb2"


def build(version: str, into: Path) -> list[Path]:
    """Build both packages; gives their files."""
    into.mkdir(parents=True, exist_ok=True)
    config = service_config(partner_services())
    with tempfile.TemporaryDirectory() as folder:
        wheel = _wheel(Path(folder) / "python", version, config, into)
        package = _npm_package(Path(folder) / "node", version, config, into)
    return [wheel, package]


def _wheel(folder: Path, version: str, config: str, into: Path) -> Path:
    shutil.copytree(SDK / "python", folder)
    (folder / "VERSION").write_text(version)
    for package in ("laurel", "buf"):
        shutil.copytree(PROTOS / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / package / "py.typed").touch()
    (folder / "laurel" / "service_config.json").write_text(config)
    (folder / "partner.py").rename(folder / "laurel" / "partner.py")
    pip = [
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-build-isolation",
    ]
    _run([sys.executable, *pip, "--wheel-dir", str(into), str(folder)])
    return into / f"laurel_partner-{version}-py3-none-any.whl"


def _npm_package(folder: Path, version: str, config: str, into: Path) -> Path:
    shutil.copytree(SDK / "node", folder)
    package = json.loads((folder / "package.json").read_text())
    (folder / "package.json").write_text(json.dumps(package | {"version": version}, indent=2) + "\n")
    only_protos = shutil.ignore_patterns("*.py", "*.pyi", "__pycache__")
    shutil.copytree(PROTOS / "laurel", folder / "protos" / "laurel", ignore=only_protos)
    shutil.copytree(NODE_PROTOS, folder / "protos", dirs_exist_ok=True)
    (folder / "service_config.json").write_text(config)
    npm = shutil.which("npm")
    if npm is None:
        raise CommandError("There is no npm on the PATH: install Node 18.3 or newer for the npm package.")
    _run([npm, "pack", "--silent", "--pack-destination", str(into.resolve()), str(folder)])
    return into / f"laurel-protos-{version}.tgz"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise CommandError(f"{' '.join(command[:4])} …\n{done.stdout}{done.stderr}")


def main() -> None:
    """Build both packages of this version."""
    version = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    try:
        for file in build(version, BUILD):
            out.print(f"{file}  {file.stat().st_size // 1024} KiB", highlight=False)
    except CommandError as error:
        err.print(str(error), style="bold red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
