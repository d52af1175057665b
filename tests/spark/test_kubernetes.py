"""Executors' pods as Spark makes them from our settings and template; it asks no cluster for that."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.scoring.spark_executor import BACKEND, command
from tests.deploy.images import image, lay_out
from tests.deploy.manifests import K8S, pod_of

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]
COMPONENT = K8S / "components" / "spark"


def settings() -> dict[str, str]:
    lines = (COMPONENT / "spark-defaults.conf").read_text().splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line and not line.startswith("#"))


def template(file: str) -> Any:
    """The pod of a driver."""
    pod = pod_of(yaml.safe_load((COMPONENT / file).read_text()))
    assert pod is not None
    return pod


def given(file: str) -> list[str]:
    """The settings that a driver is given beside those of the file."""
    arguments = template(file)["spec"]["containers"][0]["args"]
    return [each.split("=")[1] for each in arguments if each.startswith("--conf=")]


@pytest.fixture(scope="module")
def pod(spark: Any) -> Any:
    """The pod of the first executor, as it is sent to the API server."""
    jvm = spark.sparkContext._jvm
    kubernetes = jvm.org.apache.spark.deploy.k8s
    conf = jvm.org.apache.spark.SparkConf(False)
    told = settings() | {
        "spark.app.name": "laurel",
        "spark.app.id": "spark-1",
        "spark.driver.host": "10.1.2.3",
        "spark.executor.id": "1",
        "spark.kubernetes.namespace": "laurel-spark",
        "spark.kubernetes.container.image": "laurel/spark:1",
        "spark.kubernetes.executor.podTemplateFile": str(COMPONENT / "executor.yaml"),
        "spark.local.dir": "/scratch",  # of the driver's SPARK_LOCAL_DIRS
    }
    for name, value in told.items():
        conf.set(name, value)
    none = jvm.scala.Option.empty()
    executor = kubernetes.KubernetesConf.createExecutorConf(conf, "1", "spark-1", none, 0)
    client = jvm.io.fabric8.kubernetes.client.KubernetesClientBuilder().build()
    profiles = getattr(getattr(jvm.org.apache.spark.resource, "ResourceProfile$"), "MODULE$")
    profiles.reInitDefaultProfile(conf)
    profile = profiles.getOrCreateDefaultProfile(conf)
    entries = getattr(getattr(jvm.org.apache.spark.internal.config, "package$"), "MODULE$")
    security = jvm.org.apache.spark.SecurityManager(conf, none, entries.AUTH_SECRET_FILE())
    security.initializeAuth()
    builder = jvm.org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBuilder()
    made = builder.buildFromFeatures(executor, security, client, profile).pod()
    written = jvm.io.fabric8.kubernetes.client.utils.Serialization.asYaml
    whole, container = yaml.safe_load(written(made.pod())), yaml.safe_load(written(made.container()))
    whole["spec"]["containers"] = [container]
    profiles.reInitDefaultProfile(spark.sparkContext._jsc.sc().conf())
    return whole


def test_an_executor_is_as_restricted_as_every_pod_of_ours(pod: Any) -> None:
    driver = template("train.yaml")["spec"]
    (made,), (ours,) = pod["spec"]["containers"], driver["containers"]

    assert made["securityContext"] == ours["securityContext"]
    assert pod["spec"]["securityContext"] == driver["securityContext"]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["serviceAccountName"] == "spark-executor"
    assert made["image"] == "laurel/spark:1"
    assert made["resources"]["limits"] == {"memory": "8192Mi"}
    assert made["resources"]["requests"] == {"cpu": "2", "memory": "8192Mi"}


def test_an_executor_writes_only_where_it_may_and_reads_what_its_driver_reads(pod: Any) -> None:
    (made,) = pod["spec"]["containers"]
    (ours,) = template("train.yaml")["spec"]["containers"]
    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    mounts = {each["mountPath"]: volumes[each["name"]] for each in made["volumeMounts"]}

    assert {"/data", "/tmp", "/scratch", made["workingDir"]} == mounts.keys()
    assert all("emptyDir" in volume for path, volume in mounts.items() if path != "/data")
    assert mounts["/data"]["persistentVolumeClaim"]["claimName"] == "spark-data"
    assert "/data" in {each["mountPath"] for each in ours["volumeMounts"]}


def test_an_executor_is_started_by_what_spark_tells_it(pod: Any) -> None:
    (made,) = pod["spec"]["containers"]
    told = {each["name"]: each.get("value", "from the field") for each in made["env"]}
    words = command(told, Path("/spark"))

    assert made["command"] == ["python", "-m", "services.scoring.spark_executor"]
    assert words[:1] == ["java"]
    assert {"-Dspark.authenticate=true", "-Dspark.blockManager.port=7079", "-Xmx2048m"} <= set(words)
    assert words[words.index("-cp") + 2] == BACKEND
    assert words[words.index("--driver-url") + 1] == "spark://CoarseGrainedScheduler@10.1.2.3:7078"
    assert "_SPARK_AUTH_SECRET" in told


def test_every_setting_is_one_that_spark_knows(spark: Any) -> None:
    entries = spark.sparkContext._jvm.org.apache.spark.internal.config.ConfigEntry
    # What Spark has read these by is registered once its classes are loaded.
    jvm = spark.sparkContext._jvm
    assert getattr(getattr(jvm.org.apache.spark.deploy.k8s, "Config$"), "MODULE$") is not None
    told = [*settings(), *given("score.yaml"), *given("train.yaml")]

    unknown = [name for name in told if entries.findEntry(name) is None and name != "spark.master"]
    assert unknown == []
    assert entries.findEntry("spark.kubernetes.executor.podTemplateFiles") is None


def test_the_network_lets_through_the_ports_of_the_settings() -> None:
    (driver,) = (
        each
        for each in yaml.safe_load_all((COMPONENT / "network.yaml").read_text())
        if each["metadata"]["name"] == "spark-driver"
    )
    (rule,) = driver["spec"]["ingress"]

    found = {str(each["port"]) for each in rule["ports"]}
    assert found == {settings()["spark.driver.port"], settings()["spark.blockManager.port"]}


@pytest.mark.parametrize("job", ["score.yaml", "train.yaml"])
def test_the_image_has_all_that_a_job_needs(job: str, tmp_path: Path) -> None:
    """Of the repository what the Dockerfile copies, of packages what the lock pins."""
    environment = lay_out(image("spark"), tmp_path / "spark") | {"PATH": os.environ["PATH"]}
    environment.pop("JAVA_HOME")
    module = template(job)["spec"]["containers"][0]["args"][0]
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"

    done = subprocess.run(
        [python, "-S", *image("spark").entry[1:], module, "--help"],
        env=environment,
        cwd=tmp_path / "spark" / "app",
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "--facts" in done.stdout
