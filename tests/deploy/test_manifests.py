"""Each service has all that it needs on Kubernetes, and what is written twice agrees."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.common.migration import MIGRATED_SECONDS
from libs.common.observing import FLUSH_SECONDS
from libs.common.rpc.probes import LIVENESS, READINESS
from libs.common.settings import DatabaseSettings
from tests.contracts.code import ROOT
from tests.deploy.manifests import K8S, SERVICES, STORING, STREAMING, Manifest, base, everything, pod_of
from tests.deploy.settings import SETTINGS, addresses, read, unknown

GRPC = tuple(name for name in SERVICES if name != "gateway")
PODS = [(file, each) for file, each in everything() if pod_of(each) is not None]
SECRETS = {"LAUREL_MONGODB_URI": "mongodb://db/", "LAUREL_REDIS_URL": "rediss://valkey/"}
GRPC_PORT, PROBE_PORT, METRICS_PORT, HTTP_PORT = 50051, 50052, 9090, 8080


def container(manifest: Manifest) -> Manifest:
    pod = pod_of(manifest)
    assert pod is not None
    (only,) = pod["spec"]["containers"]
    found: Manifest = only
    return found


def settings_map(name: str) -> dict[str, str]:
    """A ConfigMap that kustomize generates."""
    kustomization = yaml.safe_load((K8S / "base/kustomization.yaml").read_text())
    (literals,) = (each["literals"] for each in kustomization["configMapGenerator"] if each["name"] == name)
    return dict(literal.split("=", 1) for literal in literals)


def environment(manifest: Manifest) -> dict[str, str]:
    """What the process of a manifest finds in its environment."""
    held = container(manifest)
    variables = {each["name"]: each["value"] for each in held.get("env", [])}
    for source in held.get("envFrom", []):
        variables = settings_map(source["configMapRef"]["name"]) | variables
    return variables


def mounted(manifest: Manifest) -> dict[str, Manifest]:
    """The volumes of a pod by where they are mounted."""
    pod = pod_of(manifest)
    assert pod is not None
    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    volumes |= {each["metadata"]["name"]: each for each in manifest["spec"].get("volumeClaimTemplates", [])}
    return {each["mountPath"]: volumes[each["name"]] for each in container(manifest)["volumeMounts"]}


def secrets_of(manifest: Manifest) -> set[tuple[str, str]]:
    """The names and keys of the Secrets that a pod is given."""
    found: set[tuple[str, str]] = set()
    for volume in mounted(manifest).values():
        sources = [
            each["secret"] for each in volume.get("projected", {}).get("sources", []) if "secret" in each
        ]
        if "secret" in volume:
            sources.append({**volume["secret"], "name": volume["secret"]["secretName"]})
        for source in sources:
            found |= {(source["name"], item["key"]) for item in source.get("items", [])}
            if "items" not in source:
                found.add((source["name"], ""))
    return found


def of_name(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_with_the_settings_that_it_is_given(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = environment(base(name, "Deployment"))

    settings: Any = read(SETTINGS[name], variables, SECRETS if name in STORING else {}, tmp_path, monkeypatch)

    assert unknown(variables, SETTINGS[name]) == set()
    assert settings.has_tls
    assert not settings.development
    assert not getattr(settings, "migrate_at_start", False)


@pytest.mark.parametrize("name", STORING)
def test_a_migration_runs_with_the_settings_that_it_is_given(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = base(name, "Job")
    secrets = {"LAUREL_MONGODB_URI": "mongodb://db/"}

    settings: Any = read(DatabaseSettings, environment(job), secrets, tmp_path, monkeypatch)

    assert settings.mongodb_uri == "mongodb://db/"
    assert container(job)["args"] == ["--migrate"]
    assert container(job)["image"] == container(base(name, "Deployment"))["image"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_file_that_a_setting_names_is_mounted(name: str) -> None:
    deployment = base(name, "Deployment")
    files = {value for variable, value in environment(deployment).items() if variable.endswith("_FILE")}
    folders = mounted(deployment)
    made_by_cert_manager = {"tls.crt", "tls.key", "ca.crt"}

    for file in map(Path, files):
        volume = folders[str(file.parent)]
        items = volume.get("secret", {}).get("items")
        expected = {item["path"] for item in items} if items else {*made_by_cert_manager, "revocations.json"}
        assert file.name in expected


@pytest.mark.parametrize("name", SERVICES)
def test_ports_agree(name: str) -> None:
    deployment, service = base(name, "Deployment"), base(name, "Service")
    variables = environment(deployment)
    ports = {each["name"]: each["containerPort"] for each in container(deployment)["ports"]}

    assert int(variables["LAUREL_METRICS_PORT"]) == ports["metrics"] == METRICS_PORT
    if name == "gateway":
        assert int(variables["LAUREL_PORT"]) == ports["http"] == HTTP_PORT
    else:
        assert int(variables["LAUREL_PORT"]) == ports["grpc"] == GRPC_PORT
        assert int(variables["LAUREL_PROBE_PORT"]) == ports["probes"] == PROBE_PORT
    assert {each["targetPort"] for each in service["spec"]["ports"]} <= ports.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_every_address_is_that_of_a_service(name: str) -> None:
    variables = environment(base(name, "Deployment"))

    for callee in addresses(SETTINGS[name]):
        (port,) = (
            each["port"] for each in base(callee, "Service")["spec"]["ports"] if each["name"] == "grpc"
        )
        assert variables[f"LAUREL_{callee.upper()}_ADDRESS"] == f"dns:///{callee}:{port}"


@pytest.mark.parametrize("name", GRPC)
def test_clients_see_every_replica(name: str) -> None:
    assert base(name, "Service")["spec"]["clusterIP"] == "None"
    assert int(environment(base(name, "Deployment"))["LAUREL_CONNECTION_SECONDS_MAX"]) <= 300


@pytest.mark.parametrize("name", GRPC)
def test_probes_ask_the_process_and_no_database(name: str) -> None:
    held = container(base(name, "Deployment"))

    for kind, asked in (("startup", LIVENESS), ("liveness", LIVENESS), ("readiness", READINESS)):
        assert held[f"{kind}Probe"]["grpc"] == {"port": PROBE_PORT, "service": asked}


def test_the_gateway_is_probed_by_http() -> None:
    held = container(base("gateway", "Deployment"))

    for kind in ("startup", "liveness", "readiness"):
        assert held[f"{kind}Probe"]["httpGet"] == {"path": "/healthz", "port": "http"}


@pytest.mark.parametrize("name", STREAMING)
def test_a_replica_may_wait_for_its_migration(name: str) -> None:
    probe = container(base(name, "Deployment"))["startupProbe"]

    assert probe["periodSeconds"] * probe["failureThreshold"] > MIGRATED_SECONDS
    assert base(name, "Deployment")["spec"]["progressDeadlineSeconds"] > MIGRATED_SECONDS


@pytest.mark.parametrize("name", SERVICES)
def test_there_is_time_to_drain(name: str) -> None:
    deployment = base(name, "Deployment")
    pod = pod_of(deployment)
    assert pod is not None
    before = container(deployment)["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = SETTINGS[name].model_fields["drain_seconds"].default

    assert pod["spec"]["terminationGracePeriodSeconds"] > before + drain + FLUSH_SECONDS


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    "kind", ["Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"]
)
def test_what_belongs_to_a_service_selects_its_pods(name: str, kind: str) -> None:
    spec = base(name, kind)["spec"]
    selector = spec.get("selector") or spec["podSelector"]

    assert selector.get("matchLabels", selector) == of_name(name)


@pytest.mark.parametrize("name", SERVICES)
def test_replicas_are_kept_scaled_and_spread(name: str) -> None:
    deployment, scaler = base(name, "Deployment"), base(name, "HorizontalPodAutoscaler")
    pod = pod_of(deployment)
    assert pod is not None

    assert "replicas" not in deployment["spec"]  # or each apply would undo what the scaler did
    assert scaler["spec"]["scaleTargetRef"]["name"] == name
    assert scaler["spec"]["minReplicas"] >= 2
    assert base(name, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert {each["topologyKey"] for each in pod["spec"]["topologySpreadConstraints"]} == {
        "topology.kubernetes.io/zone",
        "kubernetes.io/hostname",
    }


@pytest.mark.parametrize("name", SERVICES)
def test_a_certificate_says_which_service_it_is(name: str) -> None:
    spec = base(name, "Certificate")["spec"]

    assert spec["uris"] == [f"spiffe://laurel/service/{name}"]
    assert spec["dnsNames"] == [name]
    assert {"server auth", "client auth"} <= set(spec["usages"])
    assert spec["privateKey"]["rotationPolicy"] == "Always"
    assert (spec["secretName"], "") in secrets_of(base(name, "Deployment"))


@pytest.mark.parametrize(("file", "manifest"), PODS, ids=lambda each: getattr(each, "stem", None))
def test_every_pod_is_restricted(file: Path, manifest: Manifest) -> None:
    pod, held = pod_of(manifest), container(manifest)
    assert pod is not None

    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert held["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert held["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in held["resources"]["limits"]
    assert all("emptyDir" in volume for path, volume in mounted(manifest).items() if path == "/tmp")


def peers(policy: Manifest, way: str, side: str) -> set[str]:
    """The names of the pods of ours that a policy lets in, or lets be called."""
    found = (
        peer["podSelector"]["matchLabels"].get("app.kubernetes.io/name")
        for rule in policy["spec"].get(way) or []
        for peer in rule[side]
        if "podSelector" in peer and "namespaceSelector" not in peer
    )
    return {name for name in found if name}


@pytest.mark.parametrize("name", SERVICES)
def test_the_network_lets_through_what_a_service_calls_and_nothing_else(name: str) -> None:
    callees = addresses(SETTINGS[name])

    assert peers(base(name, "NetworkPolicy"), "egress", "to") == callees
    for other in GRPC:
        callers = peers(base(other, "NetworkPolicy"), "ingress", "from")
        assert (name in callers) is (other in callees)


@pytest.mark.parametrize("name", SERVICES)
def test_a_pod_reaches_what_its_settings_name_and_nothing_else(name: str) -> None:
    pod = pod_of(base(name, "Deployment"))
    assert pod is not None
    expected = {"reaches-collector", "reaches-identity-provider"}
    expected |= {"reaches-mongodb"} if name in STORING else set()
    expected |= {"reaches-valkey"} if name in STREAMING else set()
    expected |= {"reaches-webhooks"} if "webhook_key_file" in SETTINGS[name].model_fields else set()

    assert {label for label in pod["metadata"]["labels"] if label.startswith("reaches-")} == expected


def test_what_no_policy_lists_is_denied() -> None:
    policies = {
        each["metadata"]["name"]: each["spec"] for _, each in everything() if each["kind"] == "NetworkPolicy"
    }
    reached = {f"to-{what}" for what in ("mongodb", "valkey", "collector", "identity-provider", "webhooks")}

    assert policies["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert reached <= policies.keys()
    for name, spec in policies.items():
        for rule in [*(spec.get("ingress") or []), *(spec.get("egress") or [])]:
            assert rule.get("ports"), f"{name} opens every port"
            assert rule.get("from") or rule.get("to"), f"{name} opens to everybody"


def test_no_secret_is_in_the_repository() -> None:
    assert [each["metadata"]["name"] for _, each in everything() if each["kind"] == "Secret"] == []


def test_every_secret_that_somebody_has_to_make_is_on_the_page() -> None:
    page = (ROOT / "docs/kubernetes.md").read_text()
    issued = {each["spec"]["secretName"] for _, each in everything() if each["kind"] == "Certificate"}
    needed = {secret for _, manifest in PODS for secret in secrets_of(manifest)}

    for name, key in sorted(needed):
        if name not in issued:
            assert f"`{name}`" in page
            assert not key or f"`{key}`" in page


def test_databases_are_releases_without_known_leaks() -> None:
    (mongodb,) = (each for _, each in everything() if each["kind"] == "MongoDBCommunity")
    (valkey,) = (each for _, each in everything() if each["kind"] == "StatefulSet")

    assert version(mongodb["spec"]["version"]) >= (8, 0, 17)  # CVE-2025-14847
    assert version(container(valkey)["image"].partition(":")[2]) >= (9, 0, 2)  # CVE-2026-21863


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))
