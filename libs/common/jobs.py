"""Work on the clock: what it fails with is logged, and does not end who does it."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import PyMongoError

from libs.common.errors import Refusal
from libs.common.telemetry import log


@contextmanager
def going_on(job: str, **about: str) -> Iterator[None]:
    """Do a piece of work, and go on behind it whatever it fails with; what is down is waited for.

    Anything else is a defect, such as what a newer replica has stored: it
    must neither end the process nor keep other pieces waiting.
    """
    try:
        yield
    except (PyMongoError, Refusal, TimeoutError) as error:
        log("jobs").warning("interrupted", job=job, **about, error=type(error).__name__)
    except Exception:
        log("jobs").exception("failed", job=job, **about)
