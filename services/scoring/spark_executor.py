"""Starts Spark's executor in a pod, by what the driver put into its environment.

Spark's own images have a script for it; its Python package has none.
"""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

BACKEND = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
OPTION = "SPARK_JAVA_OPT_"
# Of the backend: its arguments, and the variables that Spark gives them in.
ARGUMENTS = {
    "--driver-url": "SPARK_DRIVER_URL",
    "--executor-id": "SPARK_EXECUTOR_ID",
    "--cores": "SPARK_EXECUTOR_CORES",
    "--app-id": "SPARK_APPLICATION_ID",
    "--hostname": "SPARK_EXECUTOR_POD_IP",
    "--resourceProfileId": "SPARK_RESOURCE_PROFILE_ID",
    "--podName": "SPARK_EXECUTOR_POD_NAME",
}


def command(environment: Mapping[str, str], spark: Path) -> list[str]:
    """The executor of a Spark in this folder. KeyError names a variable that is not there."""
    options = sorted(
        (name for name in environment if name.startswith(OPTION)),
        key=lambda name: int(name.removeprefix(OPTION)),
    )
    memory = environment["SPARK_EXECUTOR_MEMORY"]
    arguments = [part for name, variable in ARGUMENTS.items() for part in (name, environment[variable])]
    return [
        "java",
        *(environment[name] for name in options),
        f"-Xms{memory}",
        f"-Xmx{memory}",
        "-cp",
        f"{spark}/jars/*",
        BACKEND,
        *arguments,
    ]


def main() -> None:
    """Become the executor."""
    found = find_spec("pyspark")
    assert found is not None, "the image has it"
    assert found.origin is not None, "it is a package"
    words = command(os.environ, Path(found.origin).parent)
    os.execvp(words[0], words)  # noqa: S606 - the driver is who asks for it


if __name__ == "__main__":
    main()
