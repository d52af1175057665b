"""What kustomize makes of the overlays: one namespace, pinned images, and every reference leads somewhere."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import K8S, OVERLAYS, PLATFORMS, Manifest, named, pod_of, render, renderer

COMMAND = renderer()
pytestmark = pytest.mark.skipif(COMMAND is None, reason="needs kustomize or kubectl; `make k8s` brings one")


@pytest.fixture(scope="module", params=OVERLAYS)
def rendered(request: pytest.FixtureRequest) -> list[Manifest]:
    assert COMMAND is not None
    return list(yaml.safe_load_all(render(request.param, COMMAND)))


@pytest.fixture(scope="module", params=PLATFORMS)
def platform(request: pytest.FixtureRequest) -> list[Manifest]:
    assert COMMAND is not None
    return list(yaml.safe_load_all(render(request.param, COMMAND)))


def names(rendered: list[Manifest], kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in rendered if each["kind"] == kind}


def references(value: Any, key: str) -> Iterator[str]:
    """What stands under a key anywhere below a value, by name."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner if isinstance(inner, str) else inner["name"]
            yield from references(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner, key)


def test_everything_is_in_one_namespace_that_admits_restricted_pods_only(rendered: list[Manifest]) -> None:
    (namespace,) = (each for each in rendered if each["kind"] == "Namespace")
    others = {each["metadata"]["namespace"] for each in rendered if each["kind"] != "Namespace"}

    assert others == {namespace["metadata"]["name"]}
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_every_image_has_an_exact_tag(rendered: list[Manifest]) -> None:
    images = {
        container["image"]
        for pod in filter(None, map(pod_of, rendered))
        for container in pod["spec"]["containers"]
    }

    assert images
    assert [image for image in images if ":" not in image or image.endswith(":latest")] == []


def test_every_config_map_that_a_pod_names_is_there(rendered: list[Manifest]) -> None:
    # Published by whoever keeps the audit keys, and by whoever has a list of documents: docs/kubernetes.md.
    # The last one is made by Kubernetes.
    by_others = {"laurel-audit-keys", "gateway-documents", "kube-root-ca.crt"}
    pods = [pod for pod in map(pod_of, rendered) if pod is not None]
    wanted = {name for pod in pods for key in ("configMapRef", "configMap") for name in references(pod, key)}

    assert wanted - names(rendered, "ConfigMap") <= by_others


def test_a_list_of_documents_in_an_overlay_reaches_the_gateway(tmp_path: Path) -> None:
    overlay = tmp_path / "ours"
    overlay.mkdir()
    base = os.path.relpath(K8S / "overlays" / "production", overlay)
    generated = [{"name": "gateway-documents", "files": ["documents.json"]}]
    # In the namespace of what names it, or kustomize takes it for another one.
    written = {"namespace": "laurel", "resources": [base], "configMapGenerator": generated}
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(written))
    (overlay / "documents.json").write_text("{}")

    assert COMMAND is not None
    rendered = list(yaml.safe_load_all(render(str(overlay), COMMAND)))

    (name,) = (each for each in names(rendered, "ConfigMap") if named("gateway-documents", each))
    (gateway,) = (
        each for each in rendered if each["kind"] == "Deployment" and each["metadata"]["name"] == "gateway"
    )
    assert name in set(references(gateway, "configMap"))


def test_settings_that_change_start_new_pods_and_revocations_do_not(platform: list[Manifest]) -> None:
    maps = names(platform, "ConfigMap")

    assert "laurel-revocations" in maps
    for settings in ("laurel-settings", "gateway-settings"):
        assert settings not in maps
        assert any(named(settings, name) for name in maps)


def test_every_service_account_is_there(rendered: list[Manifest]) -> None:
    pods = [pod for pod in map(pod_of, rendered) if pod is not None]

    assert {pod["spec"]["serviceAccountName"] for pod in pods} <= names(rendered, "ServiceAccount")


def test_every_issuer_is_there(platform: list[Manifest]) -> None:
    certificates = [each for each in platform if each["kind"] == "Certificate"]

    assert set(references(certificates, "issuerRef")) <= names(platform, "Issuer")


def test_executors_run_the_image_of_their_driver_and_share_no_namespace_with_the_platform() -> None:
    assert COMMAND is not None
    spark = list(yaml.safe_load_all(render("spark", COMMAND)))
    production = list(yaml.safe_load_all(render("production", COMMAND)))
    drivers = [pod_of(each) for each in spark if each["kind"] == "CronJob"]

    assert len(drivers) == 2
    for driver in filter(None, drivers):
        (held,) = driver["spec"]["containers"]
        (image,) = (each["value"] for each in held["env"] if each["name"] == "EXECUTOR_IMAGE")
        assert image == held["image"] == "registry.example/laurel/spark:0.1.0"
    assert names(spark, "Namespace").isdisjoint(names(production, "Namespace"))
    assert names(spark, "Secret") == set()
