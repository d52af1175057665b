"""The command of an executor on Kubernetes: what the driver put into its environment, in Spark's order."""

from pathlib import Path

import pytest

from services.scoring.spark_executor import ARGUMENTS, BACKEND, command

TOLD = {variable: f"of {name}" for name, variable in ARGUMENTS.items()} | {"SPARK_EXECUTOR_MEMORY": "2048m"}


def test_it_is_the_backend_with_its_options_in_order() -> None:
    options = {f"SPARK_JAVA_OPT_{number}": f"-Da={number}" for number in (10, 2, 0)}

    words = command(TOLD | options | {"PATH": "/bin"}, Path("/spark"))

    assert words[:4] == ["java", "-Da=0", "-Da=2", "-Da=10"]
    assert words[4:9] == ["-Xms2048m", "-Xmx2048m", "-cp", "/spark/jars/*", BACKEND]
    assert words[9:] == [part for name in ARGUMENTS for part in (name, f"of {name}")]


@pytest.mark.parametrize("variable", [*ARGUMENTS.values(), "SPARK_EXECUTOR_MEMORY"])
def test_outside_of_a_pod_of_spark_it_names_what_is_not_there(variable: str) -> None:
    with pytest.raises(KeyError, match=variable):
        command({name: value for name, value in TOLD.items() if name != variable}, Path("/spark"))
