"""Program documents, parsed once for each version."""

from functools import lru_cache

from libs.common.program import Program

PROGRAMS_KEPT = 64


@lru_cache(maxsize=PROGRAMS_KEPT)
def parsed(document: bytes) -> Program:
    """The program of a document. Versions never change, so what was parsed once stays right."""
    return Program.parse(document)


def score_facts(document: bytes) -> tuple[str, ...]:
    """Names of the facts that the program's scores read; none when it scores nothing."""
    return parsed(document).score_facts
