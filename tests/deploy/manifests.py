"""The manifests: read from the base as they are, or rendered with an overlay by kustomize."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.contracts.code import ROOT

K8S = ROOT / "deploy" / "k8s"
BUILD = ROOT / "build" / "k8s"
# From PyPI, brought by `make k8s` to machines that have neither it nor kustomize.
KUBECTL = BUILD / "kubectl"
PLATFORMS = ("dev", "production")
OVERLAYS = (*PLATFORMS, "spark")
SERVICES = ("members", "scoring", "benefits", "risk", "gateway")
STORING = ("members", "benefits", "risk", "scoring")
STREAMING = ("members", "benefits", "risk")

Manifest = dict[str, Any]


@cache
def documents(file: Path) -> list[Manifest]:
    """The manifests in a file."""
    return [each for each in yaml.safe_load_all(file.read_text()) if each]


def base(name: str, kind: str) -> Manifest:
    """The one manifest of a kind in the file of a service."""
    (found,) = (each for each in documents(K8S / "base" / f"{name}.yaml") if each["kind"] == kind)
    return found


def everything() -> Iterator[tuple[Path, Manifest]]:
    """Every manifest that is kept in a file, with its file."""
    for file in sorted(K8S.rglob("*.yaml")):
        if file.name not in {"kustomization.yaml", "tests.yaml", "checkov.yaml"}:
            for each in documents(file):
                yield file, each


def pod_of(manifest: Manifest) -> Manifest | None:
    """The pods that a manifest makes, where it makes some."""
    spec = manifest.get("spec", {})
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template: Manifest | None = spec.get("template")
    return template


def renderer() -> list[str] | None:
    """The command that renders a folder: kustomize itself, or kubectl, which has it."""
    for name, command in (("kustomize", ["build"]), ("kubectl", ["kustomize"])):
        if (program := shutil.which(name)) is not None:
            return [program, *command]
    return [str(KUBECTL), "kustomize"] if KUBECTL.exists() else None


def render(overlay: str, command: list[str]) -> str:
    """The manifests of an overlay as they are applied."""
    folder = K8S / "overlays" / overlay
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def named(reference: str, generated: str) -> bool:
    """Whether a name is the generated one, which ends in a hash of its content."""
    return re.fullmatch(rf"{re.escape(reference)}(-[a-z0-9]{{10}})?", generated) is not None
