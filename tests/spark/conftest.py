"""One Spark for all tests: two threads of this machine."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    job = pytest.importorskip("services.scoring.spark", reason="pip install 'laurel[spark]'")
    settings = [
        "spark.ui.enabled=false",
        "spark.driver.bindAddress=127.0.0.1",
        "spark.driver.host=127.0.0.1",
        "spark.sql.execution.arrow.maxRecordsPerBatch=700",
    ]
    with job.session("local[2]", settings) as session:
        session.sparkContext.setLogLevel("ERROR")
        yield session
