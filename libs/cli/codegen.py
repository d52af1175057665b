"""Generates the Python code of the protos, and the image that buf lints: `python -m libs.cli.codegen`."""

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from google.protobuf import descriptor_pb2

PROTOS = Path("protos")
SITE_PACKAGES = Path(sysconfig.get_paths()["purelib"])


def validate_descriptors(into: Path) -> None:
    """Write buf/validate/validate.proto and what it imports as a descriptor set.

    No package ships the proto itself; protovalidate carries its descriptor.
    """
    from protovalidate._gen.buf.validate import validate_pb  # noqa: PLC0415 - only when generating

    files = descriptor_pb2.FileDescriptorSet()
    seen: set[str] = set()

    def add(file: object) -> None:
        proto = descriptor_pb2.FileDescriptorProto.FromString(file.proto.to_binary())  # type: ignore[attr-defined]
        if proto.name in seen:
            return
        seen.add(proto.name)
        for dependency in file.dependencies:  # type: ignore[attr-defined]
            add(dependency)
        files.file.append(proto)

    add(validate_pb.desc())
    into.write_bytes(files.SerializeToString())


def protoc(*arguments: str) -> None:
    """Run the protoc of grpcio-tools, and stop with its message when it refuses."""
    plugins = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [sys.executable, "-m", "grpc_tools.protoc", *arguments]
    finished = subprocess.run(command, check=False, env=plugins)  # noqa: S603
    if finished.returncode:
        sys.exit(finished.returncode)


def generate(out: Path, image: Path | None) -> None:
    """Write the generated code below `out`, and the image if a path is given."""
    protos = sorted(PROTOS.glob("laurel/*/v1/*.proto"))
    sources = [str(path.relative_to(PROTOS)) for path in protos]
    services = [str(path.relative_to(PROTOS)) for path in protos if "\nservice " in path.read_text()]
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        validate = Path(folder) / "validate.binpb"
        validate_descriptors(validate)
        include = [f"-I{PROTOS}", f"-I{SITE_PACKAGES}", f"--descriptor_set_in={validate}"]
        python = [f"--python_out={out}", f"--mypy_out=quiet:{out}"]
        protoc(*include, *python, *sources)
        protoc(*include, f"--grpc_python_out={out}", f"--mypy_grpc_out=quiet:{out}", *services)
        protoc(f"--descriptor_set_in={validate}", *python, "buf/validate/validate.proto")
        if image is not None:
            image.parent.mkdir(parents=True, exist_ok=True)
            protoc(*include, "--include_imports", "--include_source_info", f"-o{image}", *sources)


def stale(out: Path) -> list[str]:
    """Name the committed files that differ from what the protos give now."""
    fresh = {path.relative_to(out): path.read_bytes() for path in out.rglob("*.py*")}
    kept = (path for ending in ("py", "pyi") for path in PROTOS.rglob(f"*_pb2*.{ending}"))
    committed = {path.relative_to(PROTOS): path.read_bytes() for path in kept}
    return sorted(
        str(path) for path in fresh.keys() | committed.keys() if fresh.get(path) != committed.get(path)
    )


def main() -> None:
    """Write the code, or with --check compare it with what is committed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail when the committed code is stale"
    )
    parser.add_argument("--image", type=Path, help="also write the descriptor image that buf reads")
    chosen = parser.parse_args()
    if not chosen.check:
        generate(PROTOS, chosen.image)
        return
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), chosen.image)
        old = stale(Path(folder))
    if old:
        sys.exit("generated code is stale, run `make protos`:\n  " + "\n  ".join(old))


if __name__ == "__main__":
    main()
